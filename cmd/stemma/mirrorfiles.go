package main

import (
	"context"
	"io"
	"math"

	"stemma/entity"
	"stemma/files"
	fileindex "stemma/files/index"
)

// mirrorFiles is where a mirror puts the contents of files.
type mirrorFiles struct{ blobs *files.Blobs }

// Of names the content of a version of a file.
func (mirrorFiles) Of(m *entity.Manifest) []entity.CID {
	if m.Type != entity.TypeFile {
		return nil
	}
	c, uploaded := fileindex.Of(m.Properties)
	if !uploaded {
		return nil
	}
	return []entity.CID{c.CID}
}

// Has tells whether a content is there.
func (f mirrorFiles) Has(ctx context.Context, c entity.CID) (bool, error) {
	_, err := f.blobs.Stat(ctx, c)
	if err != nil && entity.KindOf(err) == entity.KindNotFound {
		return false, nil
	}
	return err == nil, err
}

// Put stores a content.
func (f mirrorFiles) Put(ctx context.Context, c entity.CID, in io.Reader) error {
	s, err := f.blobs.Spool(ctx, in, math.MaxInt64, files.Unknown)
	if err != nil {
		return err
	}
	defer s.Discard()
	if s.CID != c {
		return entity.Invalid("stemma.mirror", "the content is %s instead of %s", s.CID, c)
	}
	return f.blobs.Put(ctx, s)
}
