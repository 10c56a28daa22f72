package events_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"stemma/entity"
	"stemma/entity/storetest"
	"stemma/events"
)

// Since, followed from its cursors, gives each event that passes the filter
// once, ascending, whatever the size of a page and of a scan.
func TestSinceMissesNothing(t *testing.T) {
	s := open(t)
	ids := fill(t, s)
	for name, c := range filters(ids) {
		t.Run(name, func(t *testing.T) {
			want := naive(t, s, c.keep)
			for _, limit := range []int{1, 2, 3, 7, events.MaxLimit} {
				for _, most := range []int{0, 1, 2, 5} {
					got := follow(t, events.Feed{Source: s, MaxScan: most}, limit, c.filter)
					wantEvents(t, "pages", got, want)
				}
			}
		})
	}
}

// follow reads pages upwards until there is no more.
func follow(t *testing.T, f events.Feed, limit int, filter events.Filter) (all []events.Event) {
	t.Helper()
	var after entity.Seq
	for {
		p, err := f.Since(t.Context(), after, limit, filter)
		if err != nil {
			t.Fatalf("Since: %v", err)
		}
		all = append(all, p.Events...)
		switch {
		case len(p.Events) > limit:
			t.Fatalf("%d events on a page of %d", len(p.Events), limit)
		case f.MaxScan > 0 && p.Cursor-after > entity.Seq(f.MaxScan):
			t.Fatalf("went from %d to %d in one request of at most %d", after, p.Cursor, f.MaxScan)
		case !p.HasMore && p.Cursor != p.Latest:
			t.Fatalf("the last page ends at %d of %d", p.Cursor, p.Latest)
		case !p.HasMore:
			return all
		case f.MaxScan == 0 && len(p.Events) < limit:
			t.Fatalf("a page of %d with %d events says there is more", limit, len(p.Events))
		case p.Cursor <= after:
			t.Fatalf("the cursor stays at %d", after)
		}
		after = p.Cursor
	}
}

// Before, followed from its cursors, gives the same downwards; its cursor is
// the oldest event on the page, as long as the page was not cut short.
func TestBeforeMissesNothing(t *testing.T) {
	s := open(t)
	ids := fill(t, s)
	for name, c := range filters(ids) {
		t.Run(name, func(t *testing.T) {
			want := naive(t, s, c.keep)
			slices.Reverse(want)
			for _, limit := range []int{1, 2, 3, 7, events.MaxLimit} {
				for _, most := range []int{0, 1, 2, 5} {
					wantEvents(t, "pages", descend(t, events.Feed{Source: s, MaxScan: most}, limit, c.filter), want)
				}
			}
		})
	}
}

// descend reads pages downwards until there is no more.
func descend(t *testing.T, f events.Feed, limit int, filter events.Filter) (all []events.Event) {
	t.Helper()
	var cursor entity.Seq
	for {
		p, err := f.Before(t.Context(), cursor, limit, filter)
		if err != nil {
			t.Fatalf("Before: %v", err)
		}
		all = append(all, p.Events...)
		n := len(p.Events)
		switch {
		case n > limit:
			t.Fatalf("%d events on a page of %d", n, limit)
		case cursor > 0 && p.Cursor >= cursor:
			t.Fatalf("the cursor goes from %d to %d", cursor, p.Cursor)
		case n > 0 && (f.MaxScan == 0 || !p.HasMore) && p.Cursor != p.Events[n-1].ID:
			t.Fatalf("cursor %d of a page that ends with %d", p.Cursor, p.Events[n-1].ID)
		case f.MaxScan == 0 && p.HasMore && n < limit:
			t.Fatalf("a page of %d with %d events says there is more", limit, n)
		case !p.HasMore:
			wantRest(t, f, p.Cursor, filter)
			return all
		}
		cursor = p.Cursor
	}
}

// wantRest: there is nothing before the cursor of a last page.
func wantRest(t *testing.T, f events.Feed, cursor entity.Seq, filter events.Filter) {
	t.Helper()
	f.MaxScan = 0
	p, err := f.Before(t.Context(), cursor, 1, filter)
	if err != nil || len(p.Events) > 0 || p.HasMore || p.Cursor == 0 {
		t.Fatalf("before the last page there is %+v, %v", p, err)
	}
}

// HasMore is exact: a page that takes the last event that passes says no, even
// when changes that do not pass follow.
func TestHasMoreIsExact(t *testing.T) {
	s := open(t)
	for _, typ := range []string{"place", "person", "person", "place"} {
		update(t, s, func(tx entity.Tx) error {
			_, err := tx.Create(draft(typ, collectionA))
			return err
		})
	}
	f := events.Feed{Source: s}
	people := events.Filter{Types: []string{"person"}}
	for limit, more := range map[int]bool{1: true, 2: false, 3: false} {
		up, err := f.Since(t.Context(), 0, limit, people)
		if err != nil || up.HasMore != more {
			t.Errorf("Since with limit %d: more %t, %v", limit, up.HasMore, err)
		}
		down, err := f.Before(t.Context(), 0, limit, people)
		if err != nil || down.HasMore != more {
			t.Errorf("Before with limit %d: more %t, %v", limit, down.HasMore, err)
		}
	}
}

// An empty feed is an empty page, from any side; what is then written is found
// from the cursor of either.
func TestEmptyFeed(t *testing.T) {
	s := open(t)
	f := events.Feed{Source: s}
	up, err := f.Since(t.Context(), 0, 10, events.Filter{})
	if err != nil || len(up.Events) > 0 || up.HasMore || up.Cursor != 0 {
		t.Errorf("Since: %+v, %v", up, err)
	}
	down, err := f.Before(t.Context(), 0, 10, events.Filter{})
	if err != nil || len(down.Events) > 0 || down.HasMore || down.Cursor != 1 || down.Latest != 0 {
		t.Errorf("Before: %+v, %v", down, err)
	}
	update(t, s, func(tx entity.Tx) error {
		_, err := tx.Create(draft("person", collectionA))
		return err
	})
	for _, after := range []entity.Seq{up.Cursor, down.Latest} {
		p, err := f.Since(t.Context(), after, 10, events.Filter{})
		if err != nil || len(p.Events) != 1 || p.Events[0].ID != 1 {
			t.Errorf("Since(%d): %+v, %v", after, p, err)
		}
	}
}

// A cursor or a limit that cannot be right is refused, with what would be.
func TestBadRequests(t *testing.T) {
	s := open(t)
	fill(t, s)
	f := events.Feed{Source: s}
	last := len(naive(t, s, func(entity.Change) bool { return true }))
	for _, limit := range []int{math.MinInt, -1, 0, events.MaxLimit + 1, math.MaxInt} {
		_, up := f.Since(t.Context(), 0, limit, events.Filter{})
		_, down := f.Before(t.Context(), 0, limit, events.Filter{})
		for _, err := range []error{up, down} {
			if err == nil || entity.KindOf(err) != entity.KindInvalid {
				t.Errorf("limit %d: %v", limit, err)
			}
		}
	}
	for _, after := range []entity.Seq{entity.Seq(last) + 1, math.MaxUint64} {
		if _, err := f.Since(t.Context(), after, 10, events.Filter{}); err == nil || entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("Since(%d): %v", after, err)
		}
		p, err := f.Before(t.Context(), after, 10, events.Filter{Chains: true})
		if err != nil || p.Events[0].ID != entity.Seq(last) {
			t.Errorf("Before(%d): %+v, %v", after, p, err)
		}
	}
	if p, err := f.Since(t.Context(), entity.Seq(last), 10, events.Filter{}); err != nil || len(p.Events) > 0 || p.HasMore {
		t.Errorf("Since the last: %+v, %v", p, err)
	}
}

// A cursor means the same after the store was closed and opened again.
func TestCursorOutlivesRestart(t *testing.T) {
	s := open(t)
	fill(t, s)
	before, err := events.Feed{Source: s}.Since(t.Context(), 0, 8, events.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := s.Reopen(storetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, again)
	after, err := events.Feed{Source: again}.Since(t.Context(), before.Cursor, events.MaxLimit, events.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	wantEvents(t, "events", append(before.Events, after.Events...), naive(t, again, versions))
}

// An error of the store comes out as it is.
func TestStoreErrors(t *testing.T) {
	s := open(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f := events.Feed{Source: s}
	_, since := f.Since(t.Context(), 0, 1, events.Filter{})
	_, before := f.Before(t.Context(), 0, 1, events.Filter{})
	_, poll := f.Poll(t.Context(), 0, 1, events.Filter{})
	tail := f.Tail(t.Context(), 0, events.Filter{}, func(events.Page) error { return nil })
	for name, err := range map[string]error{"Since": since, "Before": before, "Poll": poll, "Tail": tail} {
		if entity.KindOf(err) != entity.KindUnavailable {
			t.Errorf("%s of a closed store: %v", name, err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Since(gone, 0, 1, events.Filter{}); entity.KindOf(err) != entity.KindCanceled {
		t.Errorf("Since for nobody: %v", err)
	}
}
