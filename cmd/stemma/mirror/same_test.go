package mirror_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/entity"
)

// step is a change with its number and who made it.
type step struct {
	Seq    entity.Seq
	Actor  entity.Actor
	Change entity.Change
}

// logOf is the log up to a change, one by one.
func logOf(t testing.TB, r entity.Reader, until entity.Seq) (steps []step) {
	t.Helper()
	for rec, err := range r.Log(0) {
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range rec.Changes {
			if seq := rec.Seq + entity.Seq(i); seq <= until {
				steps = append(steps, step{seq, rec.Actor, c})
			}
		}
	}
	return steps
}

// wantPrefix fails unless the mirror's log is the source's, up to a change.
func wantPrefix(t testing.TB, source, mirror entity.Store, until entity.Seq) {
	t.Helper()
	both(t, source, mirror, func(a, b entity.Reader) {
		t.Helper()
		if b.Seq() != until {
			t.Errorf("the mirror stands at %d; want %d", b.Seq(), until)
		}
		want, got := logOf(t, a, until), logOf(t, b, b.Seq())
		if diff := cmp.Diff(want, got, cmp.Comparer(func(x, y entity.Change) bool { return x == y })); diff != "" {
			t.Errorf("the logs differ (- source, + mirror):\n%.2000s", diff)
		}
		for _, s := range got {
			x, errX := a.Block(s.Change.CID())
			y, errY := b.Block(s.Change.CID())
			if errX != nil || errY != nil || !bytes.Equal(x, y) {
				t.Errorf("block %s of event %d differs (%v, %v)", s.Change.CID(), s.Seq, errX, errY)
			}
		}
	})
}

// wantSame fails unless everything that can be read of both is the same:
// heads, histories, chains and rows of projections.
func wantSame(t testing.TB, source, mirror entity.Store) {
	t.Helper()
	both(t, source, mirror, func(a, b entity.Reader) {
		t.Helper()
		if diff := cmp.Diff(stateOf(t, a), stateOf(t, b)); diff != "" {
			t.Errorf("the states differ (- source, + mirror):\n%.2000s", diff)
		}
	})
	var last entity.Seq
	both(t, source, mirror, func(a, _ entity.Reader) { last = a.Seq() })
	wantPrefix(t, source, mirror, last)
}

func both(t testing.TB, a, b entity.Store, fn func(a, b entity.Reader)) {
	t.Helper()
	err := a.View(t.Context(), func(x entity.Reader) error {
		return b.View(t.Context(), func(y entity.Reader) error {
			fn(x, y)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// stateOf is what can be read, as text by name.
func stateOf(t testing.TB, r entity.Reader) map[string]string {
	t.Helper()
	state := map[string]string{}
	seen := map[entity.ID]bool{}
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range logOf(t, r, r.Seq()) {
		id := s.Change.ID
		if s.Change.Chain != "" {
			name := fmt.Sprintf("chain %s/%s", id, s.Change.Chain)
			head, err := r.ChainHead(id, s.Change.Chain)
			check(err)
			text := fmt.Sprint(head)
			for ref, err := range r.Chain(id, s.Change.Chain, 1) {
				check(err)
				text += fmt.Sprintf(" %v", ref)
			}
			state[name] = text
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		head, err := r.Head(id)
		check(err)
		state["head "+string(id)] = fmt.Sprintf("%+v", head)
		for ref, err := range r.History(id, 0) {
			check(err)
			state["history "+string(id)] += fmt.Sprintf(" %v", ref)
		}
	}
	for _, projection := range []string{"graph", "listing"} {
		n := 0
		for row, err := range r.Rows(projection).Scan(nil, nil) {
			check(err)
			state[fmt.Sprintf("row %s %x", projection, row.Key)] = fmt.Sprintf("%x", row.Value)
			n++
		}
		if n == 0 && r.Seq() > 0 {
			t.Errorf("projection %s has no rows", projection)
		}
	}
	return state
}
