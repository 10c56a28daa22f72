package syncclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"stemma/entity"
	"stemma/events/syncclient"
)

// collect follows until up to date, and gives the last cursor.
func collect(t *testing.T, c *syncclient.Client, from syncclient.Cursor, o syncclient.FollowOptions) (all []syncclient.Event, at syncclient.Cursor) {
	t.Helper()
	at = from
	for b, err := range c.Follow(t.Context(), from, o) {
		if err != nil {
			t.Fatal(err)
		}
		all, at = append(all, b.Events...), b.Cursor
	}
	return all, at
}

// Every event arrives once, in order, whatever the size of a page and wherever
// one stops and goes on.
func TestFollowMissesNothing(t *testing.T) {
	s, h := newServer(t)
	c := serve(t, h, syncclient.Options{})
	cids := write(t, s, 20)
	for _, page := range []int{0, 1, 7, 60, 61} {
		all, at := collect(t, c, syncclient.Cursor{}, syncclient.FollowOptions{Page: page})
		if len(all) != len(cids) || at != syncclient.At(entity.Seq(len(cids)), cids[len(cids)-1]) {
			t.Fatalf("pages of %d: %d events up to %s; want %d", page, len(all), at, len(cids))
		}
		for i, e := range all {
			if e.ID != entity.Seq(i+1) || e.CID != cids[i] || e.Actor != author || e.Type != "person" || e.At.IsZero() {
				t.Errorf("event %d: %+v", i+1, e)
			}
			if want := []entity.ChangeKind{entity.Created, entity.Updated, entity.Appended}[i%3]; e.Kind != want || (e.Chain != "") != (want == entity.Appended) {
				t.Errorf("event %d is a %s of chain %q; want a %s", e.ID, e.Kind, e.Chain, want)
			}
		}
	}
	var seen []syncclient.Event
	for at := (syncclient.Cursor{}); ; {
		n := 0
		for b, err := range c.Follow(t.Context(), at, syncclient.FollowOptions{Page: 7}) {
			if err != nil {
				t.Fatal(err)
			}
			seen, at, n = append(seen, b.Events...), b.Cursor, len(b.Events)
			break // as after a crash
		}
		if n == 0 {
			break
		}
	}
	if len(seen) != len(cids) {
		t.Errorf("by pieces: %d events; want %d", len(seen), len(cids))
	}
}

// A filter gives what passes; its cursor moves past what does not, and is
// recognised by the last event that was seen.
func TestFollowFilter(t *testing.T) {
	s, h := newServer(t)
	c := serve(t, h, syncclient.Options{})
	cids := write(t, s, 5)
	o := syncclient.FollowOptions{Filter: syncclient.Filter{Kinds: []entity.ChangeKind{entity.Created}}, Page: 2}
	all, at := collect(t, c, syncclient.Cursor{}, o)
	if want := (syncclient.Cursor{Seq: 15, Last: 13, CID: cids[12]}); len(all) != 5 || at != want {
		t.Errorf("%d creations up to %s; want 5 up to %s", len(all), at, want)
	}
	write(t, s, 1)
	if more, _ := collect(t, c, at, o); len(more) != 1 || more[0].ID != 16 {
		t.Errorf("going on: %+v", more)
	}
	none, at := collect(t, c, syncclient.Cursor{}, syncclient.FollowOptions{Filter: syncclient.Filter{Types: []string{"letter"}, Collections: []entity.ID{all[0].Entity}, Entities: []entity.ID{all[0].Entity}}})
	if len(none) != 0 || at != (syncclient.Cursor{Seq: 18}) {
		t.Errorf("nothing passes: %d events up to %s", len(none), at)
	}
}

// Live, the feed goes on with what is written later, and ends with ctx.
func TestFollowLive(t *testing.T) {
	s, h := newServer(t)
	c := serve(t, h, syncclient.Options{})
	write(t, s, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var seen int
	for b, err := range c.Follow(ctx, syncclient.Cursor{}, syncclient.FollowOptions{Live: true}) {
		if err != nil {
			if entity.KindOf(err) != entity.KindCanceled || !errors.Is(err, context.Canceled) {
				t.Errorf("it ended with %v", err)
			}
			break
		}
		if seen += len(b.Events); seen == 30 {
			stop()
			continue
		}
		if !b.More {
			write(t, s, 1) // while it is up to date
		}
	}
	if seen != 30 {
		t.Errorf("%d events; want 30", seen)
	}
}

// What the server says that cannot be true is an error, and is not passed over.
func TestFollowDistrusts(t *testing.T) {
	event := func(id int) string {
		return fmt.Sprintf(`{"id":%d,"entity_id":"01JQ0000000000000000000000","cid":%q,"ts":"2026-01-01T00:00:00.000Z","kind":"create","type":"person","ver":1}`, id, entity.SumBlock(fmt.Append(nil, id)))
	}
	page := func(more bool, cursor, latest int, ids ...int) string {
		var events []string
		for _, id := range ids {
			events = append(events, event(id))
		}
		return fmt.Sprintf(`{"events":[%s],"has_more":%v,"cursor":%d,"latest":%d}`, strings.Join(events, ","), more, cursor, latest)
	}
	for name, c := range map[string]struct {
		page   string
		filter bool
		want   error
	}{
		"a number left out":                {page(false, 3, 3, 1, 3), false, syncclient.ErrGap},
		"a number left out, with a filter": {page(false, 3, 3, 1, 3), true, nil},
		"the first left out":               {page(false, 3, 3, 2, 3), false, syncclient.ErrGap},
		"one twice":                        {page(false, 2, 2, 1, 1, 2), true, syncclient.ErrGap},
		"out of order":                     {page(false, 2, 2, 2, 1), true, syncclient.ErrGap},
		"a cursor before the last":         {page(true, 1, 3, 1, 2), true, syncclient.ErrGap},
		"a cursor behind the last":         {page(true, 3, 3, 1, 2), false, syncclient.ErrGap},
		"a cursor behind the newest":       {page(false, 9, 2, 1, 2), true, syncclient.ErrGap},
		"an end before the newest":         {page(false, 2, 3, 1, 2), false, syncclient.ErrGap},
		"more, and nothing given":          {page(true, 0, 3), true, syncclient.ErrGap},
		"no JSON":                          {`<html>Welcome to the hotel's network</html>`, false, syncclient.ErrAnswer},
		"another API":                      {`{"events":[]}`, false, syncclient.ErrAnswer},
		"an unknown kind":                  {strings.Replace(page(false, 1, 1, 1), `"create"`, `"merge"`, 1), false, syncclient.ErrAnswer},
		"no CID":                           {strings.Replace(page(false, 1, 1, 1), `"bafy`, `"x`, 1), false, syncclient.ErrAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(c.page)) }), syncclient.Options{})
			o := syncclient.FollowOptions{}
			if c.filter {
				o.Filter.Types = []string{"person"}
			}
			for _, err := range client.Follow(t.Context(), syncclient.Cursor{}, o) {
				if !errors.Is(err, c.want) || c.want != nil && entity.KindOf(err) != entity.KindInvalid {
					t.Errorf("error %v; want %v", err, c.want)
				}
			}
		})
	}
}

// A cursor of another log is refused, wherever that differs.
func TestForeignCursor(t *testing.T) {
	s, h := newServer(t)
	c := serve(t, h, syncclient.Options{})
	cids := write(t, s, 3)
	other := entity.SumBlock([]byte("another"))
	for name, at := range map[string]syncclient.Cursor{
		"past the newest":         {Seq: 10},
		"past the newest, named":  syncclient.At(10, cids[8]),
		"another event":           syncclient.At(9, other),
		"another event before it": {Seq: 9, Last: 4, CID: other},
	} {
		for _, live := range []bool{false, true} {
			for b, err := range c.Follow(t.Context(), at, syncclient.FollowOptions{Live: live}) {
				if !errors.Is(err, syncclient.ErrForeignCursor) || len(b.Events) > 0 {
					t.Errorf("%s: %v, %d events", name, err, len(b.Events))
				}
				break
			}
		}
	}
	if all, _ := collect(t, c, syncclient.At(8, cids[7]), syncclient.FollowOptions{}); len(all) != 1 {
		t.Errorf("its own cursor: %d events", len(all))
	}
}
