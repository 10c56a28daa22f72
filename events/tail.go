package events

import (
	"context"

	"stemma/entity"
)

// Poll is [Feed.Since] that waits for an event while there is none. When ctx
// ends first, which is no error, the page is empty and its cursor has moved
// past what the filter refused meanwhile; so it is when the page ended at
// [Feed.MaxScan], with HasMore set.
func (f Feed) Poll(ctx context.Context, after entity.Seq, limit int, filter Filter) (Page, error) {
	last := Page{Cursor: after}
	for {
		p, err := f.Since(ctx, last.Cursor, limit, filter)
		switch {
		case ended(ctx, err):
			return last, nil
		case err != nil:
			return Page{}, err
		}
		p.Withheld += last.Withheld // the page is of all since the caller's cursor
		if len(p.Events) > 0 || p.HasMore {
			return p, nil
		}
		last = p
		err = f.Source.Wait(ctx, p.Cursor)
		switch {
		case ended(ctx, err):
			return last, nil
		case err != nil:
			return Page{}, err
		}
	}
}

// Tail gives every event after a cursor that passes the filter, in order, to
// emit, in pages of at most [MaxLimit], and goes on as more are committed. It
// returns nil once ctx has ended, or emit's own error. A page without events
// tells that the cursor moved past what the filter refused; who keeps that
// cursor need not have it examined again.
//
// emit may take its time: no state of the store is held open for it.
func (f Feed) Tail(ctx context.Context, after entity.Seq, filter Filter, emit func(Page) error) error {
	for ctx.Err() == nil {
		p, err := f.Since(ctx, after, MaxLimit, filter)
		if err != nil {
			return unlessEnded(ctx, err)
		}
		if p.Cursor > after {
			if err := emit(p); err != nil {
				return err
			}
			after = p.Cursor
		}
		if err := f.Source.Wait(ctx, after); err != nil {
			return unlessEnded(ctx, err)
		}
	}
	return nil
}

// ended tells whether err is there because ctx ended.
func ended(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() == nil {
		return false
	}
	kind := entity.KindOf(err)
	return kind == entity.KindCanceled || kind == entity.KindTimeout
}

func unlessEnded(ctx context.Context, err error) error {
	if ended(ctx, err) {
		return nil
	}
	return err
}
