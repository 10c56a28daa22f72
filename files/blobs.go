package files

import (
	"context"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"stemma/entity"
)

// Blobs is a store with the spool that content enters it through.
type Blobs struct {
	Store
	spool *spool
}

// Open opens the store that a location names: a directory, as a path or as
// file:///path, or a bucket,
//
//	s3://KEY:SECRET@host:port/bucket?prefix=blobs/&region=eu-1&secure=false
//
// with the key left out where the environment has it (AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY, a profile, or the machine's role). name is a part of
// the location: networks that share one are kept apart by it. spoolDir is where
// content for a bucket waits; a directory has a place of its own.
func Open(ctx context.Context, location, name, spoolDir string) (*Blobs, error) {
	const op = "files.Open"
	scheme, rest, ok := strings.Cut(location, "://")
	switch {
	case !ok:
		return OpenDir(filepath.Join(location, name))
	case scheme == "file":
		path, err := url.PathUnescape(rest)
		if err != nil || !filepath.IsAbs(path) {
			return nil, entity.Invalid(op, "%q is no directory; write file:///absolute/path, or a path alone", location)
		}
		return OpenDir(filepath.Join(path, name))
	case scheme == "s3":
		bucket, err := parseS3(location)
		if err != nil {
			return nil, err
		}
		if name != "" {
			bucket.prefix += name + "/"
		}
		store, err := openS3(ctx, bucket)
		if err != nil {
			return nil, err
		}
		sp, err := openSpool(spoolDir)
		if err != nil {
			return nil, err
		}
		return &Blobs{Store: store, spool: sp}, nil
	}
	return nil, entity.Invalid(op, "file content cannot be kept at %s://…; use a directory or s3://host/bucket", scheme)
}

// OpenDir opens a directory, which is made if need be. A temporary file of
// content lies in it too, so that a rename puts it into place.
func OpenDir(path string) (*Blobs, error) {
	d, err := openDir(path)
	if err != nil {
		return nil, err
	}
	sp, err := openSpool(filepath.Join(path, tmpDir))
	if err != nil {
		return nil, err
	}
	return &Blobs{Store: d, spool: sp}, nil
}

// Spool takes content in without putting it: whoever expects a CID can compare
// first. size is what was declared, or [Unknown]. KindInvalid when the content
// is shorter or longer than that, KindTooLarge past limit, KindFull; an error
// of r that is an *entity.Error is handed on.
func (b *Blobs) Spool(ctx context.Context, r io.Reader, limit, size int64) (*Spooled, error) {
	return b.spool.take(ctx, r, limit, size)
}

// Ingest is Spool and Put: when it returns the content is kept, or nothing is.
func (b *Blobs) Ingest(ctx context.Context, r io.Reader, limit, size int64) (Info, error) {
	s, err := b.Spool(ctx, r, limit, size)
	if err != nil {
		return Info{}, err
	}
	defer s.Discard()
	return s.Info, b.Put(ctx, s)
}
