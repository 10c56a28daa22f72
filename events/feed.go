package events

import (
	"context"

	"stemma/entity"
)

// Limits of a request.
const (
	MaxLimit       = 1000    // events on a page: arke.txt, GET /events
	DefaultMaxScan = 100_000 // changes examined for a page
)

// Source is what the feed reads. [entity.Store] is one. A change without an
// entity is one that the source does not show, and no event.
type Source interface {
	View(ctx context.Context, fn func(entity.Reader) error) error
	Wait(ctx context.Context, after entity.Seq) error
}

// Feed reads the events of one network.
type Feed struct {
	Source  Source
	MaxScan int // changes that one request examines at most; 0 means [DefaultMaxScan]
}

// Page is one answer of the feed.
type Page struct {
	Events []Event // the caller's
	// HasMore tells that there are more, or may be: it is exact unless the page
	// ended at [Feed.MaxScan].
	HasMore bool
	// Cursor is where to go on in the same direction. Of [Feed.Since] it is the
	// last change examined, so that what a filter passed over is not examined
	// again. Of [Feed.Before] it is the oldest event on the page, as arke.txt
	// has it; of a page that ended at MaxScan, or has none, the oldest change
	// examined.
	Cursor entity.Seq
	// Latest is the last change of the state that was read: after a page from
	// the newest end, Since(Latest) gives what came later.
	Latest entity.Seq
	// Withheld is the number of changes that were examined for this page and that
	// the source does not show: with them the numbers from the cursor asked for to
	// [Page.Cursor] are complete.
	Withheld int
}

// Since gives at most limit (1 to [MaxLimit]) events after a cursor, ascending;
// 0 is before the first. KindInvalid when the limit is out of bounds, or when
// the cursor is past the newest change and so of another store: answering it
// with an empty page would hide everything up to it.
func (f Feed) Since(ctx context.Context, after entity.Seq, limit int, filter Filter) (Page, error) {
	const op = "events.Since"
	if err := checkLimit(op, limit); err != nil {
		return Page{}, err
	}
	match := filter.matcher()
	var p Page
	err := f.Source.View(ctx, func(r entity.Reader) error {
		p = Page{Cursor: after, Latest: r.Seq()}
		if after > p.Latest {
			return entity.Invalid(op, "cursor %d is past the newest event, %d; it comes from another network or another store: begin again without it", after, p.Latest)
		}
		p.Events = make([]Event, 0, min(uint64(limit), uint64(p.Latest-after)))
		left := f.maxScan()
		for rec, err := range r.Log(after) {
			if err != nil {
				return err
			}
			for i := range rec.Changes {
				id := rec.Seq + entity.Seq(i)
				switch {
				case id <= after: // the cursor lies inside this record
					continue
				case left == 0:
					p.HasMore = true
					return nil
				}
				if rec.Changes[i].ID == "" {
					p.Withheld++
				} else if match.passes(&rec.Changes[i]) {
					if len(p.Events) == limit {
						p.HasMore = true
						return nil
					}
					p.Events = append(p.Events, eventAt(rec, i))
				}
				p.Cursor = id
				left--
			}
		}
		return nil
	})
	return p, err
}

// Before gives at most limit (1 to [MaxLimit]) events before a cursor,
// descending; 0 is after the newest. KindInvalid when the limit is out of
// bounds.
func (f Feed) Before(ctx context.Context, cursor entity.Seq, limit int, filter Filter) (Page, error) {
	if err := checkLimit("events.Before", limit); err != nil {
		return Page{}, err
	}
	match := filter.matcher()
	var p Page
	err := f.Source.View(ctx, func(r entity.Reader) error {
		p = Page{Cursor: cursor, Latest: r.Seq()}
		if cursor == 0 || cursor > p.Latest {
			p.Cursor = p.Latest + 1
		}
		before := p.Cursor
		p.Events = make([]Event, 0, min(uint64(limit), uint64(before-1)))
		left := f.maxScan()
		for rec, err := range r.LogBefore(before) {
			if err != nil {
				return err
			}
			for i := len(rec.Changes) - 1; i >= 0; i-- {
				id := rec.Seq + entity.Seq(i)
				switch {
				case id >= before: // the cursor lies inside this record
					continue
				case left == 0:
					p.HasMore = true
					return nil
				}
				if rec.Changes[i].ID == "" {
					p.Withheld++
				} else if match.passes(&rec.Changes[i]) {
					if len(p.Events) == limit {
						p.HasMore = true
						p.Cursor = p.Events[limit-1].ID
						return nil
					}
					p.Events = append(p.Events, eventAt(rec, i))
				}
				p.Cursor = id
				left--
			}
		}
		if n := len(p.Events); n > 0 {
			p.Cursor = p.Events[n-1].ID
		}
		return nil
	})
	return p, err
}

func (f Feed) maxScan() int {
	if f.MaxScan <= 0 {
		return DefaultMaxScan
	}
	return f.MaxScan
}

func checkLimit(op string, limit int) error {
	if limit < 1 || limit > MaxLimit {
		return entity.Invalid(op, "limit %d is out of bounds; use 1 to %d", limit, MaxLimit)
	}
	return nil
}
