package files

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"syscall"
	"time"

	"stemma/entity"
)

// Info is what a store knows of content.
type Info struct {
	CID      entity.CID
	Size     int64     // bytes
	Modified time.Time // of the last Put, give or take half an hour; zero for content that is only spooled
}

// Store keeps content by CID. A CID that is not of raw bytes is KindInvalid.
// Besides the kinds named below every method may answer KindUnavailable when
// the service cannot be reached and KindCanceled or KindTimeout when ctx ends.
type Store interface {
	// Put keeps the spooled content. Where it is kept already nothing is stored
	// again, and only Info.Modified moves, if it is not young anyway. KindFull when there is no space.
	Put(ctx context.Context, s *Spooled) error
	// Get reads length bytes from offset on, fewer where the content ends before;
	// a negative length reads to the end. KindNotFound.
	Get(ctx context.Context, c entity.CID, offset, length int64) (io.ReadCloser, error)
	// Stat tells what there is without reading it. KindNotFound.
	Stat(ctx context.Context, c entity.CID) (Info, error)
	// Delete removes content that was last put before the moment and tells
	// whether it did. What is not there is not deleted, which is no error.
	Delete(ctx context.Context, c entity.CID, before time.Time) (bool, error)
	// List yields everything, in no order. What is put or deleted meanwhile may
	// be there or not.
	List(ctx context.Context) iter.Seq2[Info, error]
}

// checkRange refuses what no read can mean.
func checkRange(op string, c entity.CID, offset int64) error {
	if err := checkRaw(op, c); err != nil {
		return err
	}
	if offset < 0 {
		return entity.Invalid(op, "the offset is %d; content begins at 0", offset)
	}
	return nil
}

func notFound(op string, c entity.CID) error {
	return entity.NotFound(op, "no content %s is kept here", c)
}

// fromOS translates an error of the file system; one that is translated already
// stays.
func fromOS(op string, err error) error {
	var known *entity.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return &entity.Error{Kind: entity.KindFull, Op: op, Message: "there is no space left for file content; nothing was stored", Err: err}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Err: err}
	}
	return entity.Internal(op, err)
}

// ended is the error of a context that is over, nil while it is not.
func ended(op string, ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Message: "the time for it ran out", Err: err}
	default:
		return &entity.Error{Kind: entity.KindCanceled, Op: op, Message: "it was given up", Err: err}
	}
}
