package syncclient

import (
	"context"
	"errors"
	"io"
	"iter"
	"strconv"
	"time"

	"stemma/entity"
)

// MaxPage is how many events the server gives at once.
const MaxPage = 1000

// maxPageBytes bounds the answer that is read: an event takes some 400 bytes.
const maxPageBytes = 64 << 20

// FollowOptions say what to follow.
type FollowOptions struct {
	Filter Filter
	// Live goes on when one is up to date, and waits for what comes. Without it
	// the sequence ends there.
	Live bool
	Wait time.Duration // for which one question waits for an event; 0: 30 s, at most 60 s
	Page int           // events in a batch; 0: MaxPage
}

// Follow yields what comes after the cursor, in order. The first batch comes
// even when it is empty, and tells what the server has; a later one without
// events, that the cursor moved past what the filter refused.
//
// The last pair has an error when it was not the end: [ErrGap],
// [ErrForeignCursor], [ErrAnswer], what the server refused, or KindCanceled or
// KindTimeout when ctx ended, as is usual with Live.
func (c *Client) Follow(ctx context.Context, from Cursor, o FollowOptions) iter.Seq2[Batch, error] {
	if o.Page <= 0 || o.Page > MaxPage {
		o.Page = MaxPage
	}
	if o.Wait <= 0 {
		o.Wait = 30 * time.Second
	}
	o.Wait = min(max(o.Wait.Truncate(time.Second), time.Second), time.Minute)
	return func(yield func(Batch, error) bool) {
		f := follower{c: c, o: o, at: from, dense: o.Filter.all(), doubt: true}
		for first := true; ; first = false {
			before := f.at.Seq
			b, err := f.next(ctx, o.Live && f.idle)
			if err != nil {
				yield(Batch{Cursor: f.at}, err)
				return
			}
			f.at, f.idle = b.Cursor, !b.More
			if (first || b.Cursor.Seq > before) && !yield(b, nil) {
				return
			}
			if f.idle && !o.Live {
				return
			}
		}
	}
}

// follower is one run of Follow.
type follower struct {
	c     *Client
	o     FollowOptions
	at    Cursor
	dense bool
	doubt bool // whether this is still the log that the cursor is of
	idle  bool // up to date
}

// next is the next page, whatever it takes.
func (f *follower) next(ctx context.Context, wait bool) (b Batch, err error) {
	err = f.c.persist(ctx, "syncclient.Follow", func() error {
		if f.doubt {
			if err := f.identify(ctx); err != nil {
				return err
			}
		}
		f.doubt = true
		if b, err = f.page(ctx, wait); err == nil {
			f.doubt = false
		}
		return err
	})
	if err != nil && entity.KindOf(err) == entity.KindInvalid && !errors.Is(err, ErrGap) {
		if foreign := f.identify(ctx); errors.Is(foreign, ErrForeignCursor) {
			err = foreign // this is why it was refused
		}
	}
	return b, err
}

// identify asks the server for the last event that the cursor has seen.
func (f *follower) identify(ctx context.Context) error {
	const op = "syncclient.Follow"
	if f.at == (Cursor{}) {
		return nil
	}
	q := Filter{}.query()
	q.Set("limit", "1")
	if f.at.Last > 0 {
		q.Set("cursor", strconv.FormatUint(uint64(f.at.Last)+1, 10))
	}
	b, err := f.c.events(ctx, op, request{query: q})
	if err != nil {
		return err
	}
	switch {
	case b.Latest < f.at.Seq:
		return untrue(op, ErrForeignCursor, "the cursor stands at event %d, and the newest event of the server is %d: it was reset, restored from an older backup or replaced; begin again with an empty cursor", f.at.Seq, b.Latest)
	case f.at.Last == 0:
		return nil
	case b.Withheld > 0 && (len(b.Events) == 0 || b.Events[0].ID != f.at.Last):
		return nil // it was shown once and may not be viewed any more
	case len(b.Events) != 1 || b.Events[0].ID != f.at.Last:
		return untrue(op, ErrGap, "the server does not show event %d, which it has given before", f.at.Last)
	case b.Events[0].CID != f.at.CID:
		return untrue(op, ErrForeignCursor, "event %d was %s and is %s now: the server was reset or replaced, or its history was rewritten; begin again with an empty cursor", f.at.Last, f.at.CID, b.Events[0].CID)
	}
	return nil
}

// page asks once for what comes after the cursor.
func (f *follower) page(ctx context.Context, wait bool) (Batch, error) {
	const op = "syncclient.Follow"
	r := request{query: f.o.Filter.query()}
	r.query.Set("limit", strconv.Itoa(f.o.Page))
	r.query.Set("since", strconv.FormatUint(uint64(f.at.Seq), 10))
	if wait {
		r.wait = f.o.Wait
		r.query.Set("wait", strconv.Itoa(int(f.o.Wait/time.Second)))
	}
	b, err := f.c.events(ctx, op, r)
	if err != nil {
		return b, err
	}
	if wait && len(b.Events) == 0 && b.Latest == 0 && b.Cursor.Seq == f.at.Seq {
		b.Latest = f.at.Seq // the wait was cut short before anything was read
	}
	if err := f.check(&b); err != nil {
		return b, err
	}
	b.Cursor.Last, b.Cursor.CID = f.at.Last, f.at.CID
	if n := len(b.Events); n > 0 {
		b.Cursor.Last, b.Cursor.CID = b.Events[n-1].ID, b.Events[n-1].CID
	}
	return b, nil
}

// check decides whether a page can follow the cursor.
func (f *follower) check(b *Batch) error {
	const op = "syncclient.Follow"
	last := f.at.Seq
	for i := range b.Events {
		switch id := b.Events[i].ID; {
		case id <= last:
			return untrue(op, ErrGap, "event %d comes after event %d: the feed repeats itself or is out of order", id, last)
		case f.dense && b.Withheld == 0 && id != last+1:
			return untrue(op, ErrGap, "event %d comes after event %d: %d left out", id, last, id-last-1)
		}
		last = b.Events[i].ID
	}
	end := b.Cursor.Seq
	missing := int64(end) - int64(f.at.Seq) - int64(len(b.Events)) - int64(b.Withheld)
	switch {
	case end < last || end > b.Latest:
		return untrue(op, ErrGap, "a page from event %d to %d of %d gives the cursor %d", f.at.Seq+1, last, b.Latest, end)
	case f.dense && b.Withheld == 0 && end != last:
		return untrue(op, ErrGap, "events %d to %d are passed over by the cursor and were not given", last+1, end)
	case f.dense && missing != 0:
		return untrue(op, ErrGap, "of the events after %d and up to %d %d were given and %d withheld: that is not all of them", f.at.Seq, end, len(b.Events), b.Withheld)
	case f.dense && !b.More && end != b.Latest:
		return untrue(op, ErrGap, "the server has %d events, and says after event %d that there are no more", b.Latest, end)
	case b.More && end == f.at.Seq:
		return untrue(op, ErrGap, "the server says that there is more after event %d, and gives nothing", end)
	}
	return nil
}

// events asks GET /events once.
func (c *Client) events(ctx context.Context, op string, r request) (Batch, error) {
	r.op, r.method, r.path, r.accept = op, "GET", "events", "application/json"
	resp, err := c.send(ctx, r)
	if err != nil {
		return Batch{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxPageBytes+1))
	if err != nil {
		return Batch{}, err
	}
	if len(text) > maxPageBytes {
		return Batch{}, untrue(op, ErrAnswer, "a page of events is longer than %d bytes", maxPageBytes)
	}
	return readPage(op, text)
}
