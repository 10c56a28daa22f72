package events_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/storetest"
	"stemma/events"
)

// watchdog turns a hang into a failure; nothing is measured by it.
const watchdog = 30 * time.Second

// While writers commit records of several changes, whoever follows the feed
// (by Tail, by Poll or by pages; from the start or from a newest page) gets
// every event once, in order.
func TestFollowersMissNothingWhileWritersWrite(t *testing.T) {
	const writers, each, changes = 4, 25, 3
	s := open(t)
	f := events.Feed{Source: s, MaxScan: 40}
	// Follow until the last event, which closes the feed for the followers.
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	got := make([][]events.Event, 3)
	var followers, writing sync.WaitGroup
	followers.Go(func() {
		err := f.Tail(ctx, 0, events.Filter{}, func(p events.Page) error {
			got[0] = append(got[0], p.Events...)
			return nil
		})
		if err != nil {
			t.Errorf("Tail: %v", err)
		}
	})
	for i, limit := range []int{2, 5} {
		followers.Go(func() {
			var after entity.Seq
			for ctx.Err() == nil {
				p, err := f.Poll(ctx, after, limit, events.Filter{})
				if err != nil {
					t.Errorf("Poll: %v", err)
					return
				}
				got[1+i] = append(got[1+i], p.Events...)
				after = p.Cursor
			}
		})
	}
	followers.Go(func() { descendWhileWriting(ctx, t, f) })
	for w := range writers {
		writing.Go(func() {
			for n := range each {
				createMany(t, s, 1+(w+n)%changes)
			}
		})
	}
	writing.Wait()
	want := naive(t, s, versions)
	drain(t, f, want)
	cancel()
	followers.Wait()
	for i, list := range got {
		// A follower may have been told to end before it was through: what it
		// has is the beginning, and it goes on from there without a gap.
		var after entity.Seq
		if len(list) > 0 {
			after = list[len(list)-1].ID
		}
		rest, err := f.Since(t.Context(), after, events.MaxLimit, events.Filter{})
		for err == nil && rest.HasMore {
			list = append(list, rest.Events...)
			rest, err = f.Since(t.Context(), rest.Cursor, events.MaxLimit, events.Filter{})
		}
		if err != nil {
			t.Fatal(err)
		}
		wantEvents(t, []string{"Tail", "Poll by 2", "Poll by 5"}[i], append(list, rest.Events...), want)
	}
}

// createMany commits one record of n changes; it is not the test's goroutine.
func createMany(t *testing.T, s entity.Store, n int) {
	_, err := s.Update(t.Context(), author, func(tx entity.Tx) error {
		for range n {
			if _, err := tx.Create(draft("person", collectionA)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("Update: %v", err)
	}
}

// drain tails a feed from the start until it has as many events as are wanted,
// and proves that they are those.
func drain(t *testing.T, f events.Feed, want []events.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	enough := errors.New("enough")
	var got []events.Event
	err := f.Tail(ctx, 0, events.Filter{}, func(p events.Page) error {
		if got = append(got, p.Events...); len(got) >= len(want) {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Errorf("Tail: %v; want emit's own error", err)
	}
	wantEvents(t, "Tail", got, want)
}

// descendWhileWriting: from any newest page down to the first event there is
// no gap, and nothing that came later.
func descendWhileWriting(ctx context.Context, t *testing.T, f events.Feed) {
	for ctx.Err() == nil {
		var ids []entity.Seq
		var cursor, newest entity.Seq
		for {
			p, err := f.Before(t.Context(), cursor, 7, events.Filter{})
			if err != nil {
				t.Errorf("Before: %v", err)
				return
			}
			if newest == 0 {
				newest = p.Latest
			}
			for _, e := range p.Events {
				ids = append(ids, e.ID)
			}
			if cursor = p.Cursor; !p.HasMore {
				break
			}
		}
		slices.Reverse(ids)
		if len(ids) != int(newest) {
			t.Errorf("%d events below %d", len(ids), newest)
			return
		}
		for i, id := range ids {
			if id != entity.Seq(i+1) {
				t.Errorf("event %d stands at place %d", id, i+1)
				return
			}
		}
	}
}

// Tail hands what was there before to emit, then what is written, in pages
// that never end inside what was given already; it ends with its context, and
// that is no error.
func TestTailEndsWithItsContext(t *testing.T) {
	s := open(t)
	fill(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), watchdog)
	defer cancel()
	var cursors []entity.Seq
	caughtUp, ended := make(chan struct{}), make(chan error, 1)
	started := naive(t, s, func(entity.Change) bool { return true })
	go func() {
		ended <- events.Feed{Source: s, MaxScan: 10}.Tail(ctx, 0, events.Filter{Types: []string{"absent"}}, func(p events.Page) error {
			if len(p.Events) > 0 {
				t.Errorf("events of a type that there is not: %s", numbers(p.Events))
			}
			cursors = append(cursors, p.Cursor)
			if p.Cursor == entity.Seq(len(started)) {
				close(caughtUp)
			}
			return nil
		})
	}()
	select {
	case <-caughtUp:
	case <-ctx.Done():
		t.Fatal("Tail did not come to the end of the log")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Tail: %v; want nil", err)
	}
	// Pages without events told of the way.
	for i, c := range cursors[:len(cursors)-1] {
		if c != entity.Seq(10*(i+1)) {
			t.Errorf("cursors: %v; want every tenth and the last", cursors)
		}
	}
}

// Poll answers at once when there is something, waits when there is nothing
// that passes, and tells how far it looked when its context ends.
func TestPoll(t *testing.T) {
	s := open(t)
	f := events.Feed{Source: s}
	people := events.Filter{Types: []string{"person"}}
	create := func(typ string) {
		update(t, s, func(tx entity.Tx) error {
			_, err := tx.Create(draft(typ, collectionA))
			return err
		})
	}
	create("person")
	create("place")
	p, err := f.Poll(t.Context(), 0, 10, people)
	if err != nil || len(p.Events) != 1 || p.Cursor != 2 {
		t.Fatalf("Poll: %+v, %v", p, err)
	}
	answered := make(chan events.Page)
	waiting, stop := context.WithTimeout(t.Context(), watchdog)
	defer stop()
	go func() {
		p, err := f.Poll(waiting, 2, 10, people)
		if err != nil {
			t.Errorf("Poll: %v", err)
		}
		answered <- p
	}()
	create("place")
	create("person")
	if p := <-answered; len(p.Events) != 1 || p.Events[0].ID != 4 {
		t.Errorf("Poll: %+v; want event 4", p)
	}

	create("place")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p, err = events.Feed{Source: leaver{s, cancel}}.Poll(ctx, 4, 10, people)
	if err != nil || len(p.Events) > 0 || p.HasMore || p.Cursor != 5 {
		t.Errorf("Poll until its context ended: %+v, %v; want no event, and the cursor 5", p, err)
	}
}

// leaver is a store whose reader goes away just as it begins to wait.
type leaver struct {
	*storetest.Oracle
	leave context.CancelFunc
}

func (l leaver) Wait(ctx context.Context, after entity.Seq) error {
	l.leave()
	return l.Oracle.Wait(ctx, after)
}
