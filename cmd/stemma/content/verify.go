package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"stemma/entity"
)

// Source gives content by CID: KindNotFound when there is none.
type Source interface {
	Get(ctx context.Context, c entity.CID, offset, length int64) (io.ReadCloser, error)
}

// Verified is what [Verify] has read.
type Verified struct {
	Blobs int
	Bytes int64
}

// maxFindings is how many differences an error lists.
const maxFindings = 20

// Verify reads all content that the log refers to and compares it with its name.
// The error lists the first differences, of KindInternal; nil when there are
// none.
func Verify(ctx context.Context, r entity.Reader, source Source, progress Progress) (v Verified, err error) {
	refs, err := References(ctx, r, progress)
	if err != nil {
		return v, err
	}
	var findings []string
	for i, d := range sorted(refs) {
		tell(progress, "content", i, len(refs))
		n, wrong, err := check(ctx, source, d, refs[d])
		if err != nil {
			return v, err
		}
		v.Blobs++
		v.Bytes += n
		if wrong != "" {
			findings = append(findings, wrong)
		}
	}
	if len(findings) == 0 {
		return v, nil
	}
	text := fmt.Sprintf("%d of %d blobs differ", len(findings), v.Blobs)
	for _, f := range findings[:min(len(findings), maxFindings)] {
		text += "\n  " + f
	}
	return v, &entity.Error{Kind: entity.KindInternal, Op: "content.Verify", Message: text}
}

// check reads one blob. wrong says what is the matter with it; an error is one
// that says nothing of the blob.
func check(ctx context.Context, source Source, d entity.Digest, size int64) (n int64, wrong string, err error) {
	c := CID(d)
	in, err := source.Get(ctx, c, 0, -1)
	if err != nil && entity.KindOf(err) == entity.KindNotFound {
		return 0, fmt.Sprintf("content %s is missing", c), nil
	}
	if err != nil {
		return 0, "", err
	}
	defer in.Close()
	sum := sha256.New()
	n, err = io.CopyBuffer(sum, reading{ctx, in}, make([]byte, 256<<10))
	switch {
	case ctx.Err() != nil:
		return n, "", ended("content.Verify", ctx)
	case err != nil:
		return n, fmt.Sprintf("content %s cannot be read: %v", c, err), nil
	case !bytes.Equal(sum.Sum(nil), d[:]):
		return n, fmt.Sprintf("content %s holds other bytes, those of %s", c, CID(entity.Digest(sum.Sum(nil)))), nil
	case n != size:
		return n, fmt.Sprintf("content %s has %d bytes, a file says %d", c, n, size), nil
	}
	return n, "", nil
}

// reading stops when its context does.
type reading struct {
	ctx context.Context
	in  io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}

// CID is the CID of raw bytes with the digest.
func CID(d entity.Digest) entity.CID {
	mh, err := multihash.Encode(d[:], multihash.SHA2_256)
	if err != nil {
		panic(err) // the length is right
	}
	return cid.NewCidV1(cid.Raw, mh)
}

// sorted gives the references in an order that does not change.
func sorted(refs map[entity.Digest]int64) []entity.Digest {
	all := make([]entity.Digest, 0, len(refs))
	for d := range refs {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b entity.Digest) int { return bytes.Compare(a[:], b[:]) })
	return all
}
