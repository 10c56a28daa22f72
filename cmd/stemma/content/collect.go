package content

import (
	"context"
	"iter"
	"time"

	"stemma/entity"
	"stemma/files"
)

// Store is where garbage is collected: see [files.Store].
type Store interface {
	List(ctx context.Context) iter.Seq2[files.Info, error]
	Delete(ctx context.Context, c entity.CID, before time.Time) (bool, error)
}

// Collected says what [Collect] found and did.
type Collected struct {
	Referenced, Young, Deleted Amount
}

// Amount is a number of blobs and their bytes.
type Amount struct {
	Blobs int
	Bytes int64
}

func (a *Amount) add(i files.Info) {
	a.Blobs++
	a.Bytes += i.Size
}

// Mode says whether garbage is deleted or only counted.
type Mode bool

// The modes.
const (
	DryRun Mode = false
	Delete Mode = true
)

// Collect deletes the content that no version refers to and that was last put
// before the moment. each is told of what is deleted, or would be; progress of
// the rest; both may be nil.
func Collect(ctx context.Context, r entity.Reader, store Store, before time.Time, mode Mode, each func(files.Info), progress Progress) (c Collected, err error) {
	refs, err := References(ctx, r, progress)
	if err != nil {
		return c, err
	}
	seen := 0
	for info, err := range store.List(ctx) {
		if err != nil {
			return c, err
		}
		if seen++; seen%256 == 0 {
			tell(progress, "content", seen, 0)
		}
		d, ok := entity.DigestOf(info.CID)
		if !ok {
			continue // a name that is none of ours is left alone
		}
		_, referenced := refs[d]
		switch {
		case referenced:
			c.Referenced.add(info)
			continue
		case info.Modified.IsZero() || !info.Modified.Before(before):
			c.Young.add(info)
			continue
		}
		if mode == Delete {
			gone, err := store.Delete(ctx, info.CID, before)
			if err != nil {
				return c, err
			}
			if !gone { // it was put again since it was listed
				c.Young.add(info)
				continue
			}
		}
		c.Deleted.add(info)
		if each != nil {
			each(info)
		}
	}
	return c, nil
}
