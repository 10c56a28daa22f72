package content

import (
	"context"
	"errors"

	"stemma/entity"
	"stemma/files/index"
)

// Progress is told, now and then, what is being done and how far it is; total 0
// is unknown.
type Progress func(stage string, done, total int)

// References finds all content that the log refers to, with the size that a
// manifest gives. progress may be nil.
func References(ctx context.Context, r entity.Reader, progress Progress) (map[entity.Digest]int64, error) {
	refs := make(map[entity.Digest]int64)
	for rec, err := range r.Log(0) {
		if err != nil {
			return nil, err
		}
		if rec.Seq%1024 < entity.Seq(len(rec.Changes)) {
			if err := ended("content.References", ctx); err != nil {
				return nil, err
			}
			tell(progress, "references", int(rec.Seq), int(r.Seq()))
		}
		for _, c := range rec.Changes {
			if c.Type != entity.TypeFile || c.Kind == entity.Appended {
				continue
			}
			m, err := r.Manifest(c.CID())
			if err != nil {
				return nil, err
			}
			if named, ok := index.Of(m.Properties); ok {
				d, _ := entity.DigestOf(named.CID)
				refs[d] = named.Size
			}
		}
	}
	return refs, nil
}

func tell(p Progress, stage string, done, total int) {
	if p != nil {
		p(stage, done, total)
	}
}

func ended(op string, ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Message: "the deadline passed", Err: err}
	default:
		return &entity.Error{Kind: entity.KindCanceled, Op: op, Message: "it was stopped", Err: err}
	}
}
