package store

import (
	"fmt"
	"testing"

	"stemma/entity"
)

// What is kept is bounded, is what came last, and takes a row that is there already in
// its place.
func TestNewestIsBounded(t *testing.T) {
	const most = 100
	s := newestShard[entity.ID, int]{most: most, rows: make(map[entity.ID]newestRow[int])}
	id := func(i int) entity.ID { return entity.ID(fmt.Sprintf("%026d", i)) }
	const n = 3 * most
	for i := range n {
		for _, ver := range []int{1, 2} {
			s.put(id(i), newestRow[int]{value: ver})
		}
	}
	if len(s.rows) != most || len(s.ring) != most {
		t.Fatalf("%d rows and %d in the ring, want %d", len(s.rows), len(s.ring), most)
	}
	for i := n - most; i < n; i++ {
		if s.rows[id(i)].value != 2 {
			t.Fatalf("row %d of %d is version %d", i, n, s.rows[id(i)].value)
		}
	}
}

// A secret is what the view's state has, whatever was read before: also when it was
// written, or deleted, after others had read it.
func TestSecretsOfOldViews(t *testing.T) {
	s, err := Open(Options{Network: entity.Main})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write := func(fn func(entity.Tx)) {
		t.Helper()
		if _, err := s.Update(t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error { fn(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	is := func(r entity.Reader, want string) {
		t.Helper()
		for range 2 {
			if got, err := r.Secret("k"); err != nil || string(got) != want || (got == nil) != (want == "") {
				t.Errorf("the secret is %q, %v; want %q", got, err, want)
			}
		}
	}
	view := func(fn func(r entity.Reader)) {
		t.Helper()
		if err := s.View(t.Context(), func(r entity.Reader) error { fn(r); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	view(func(before entity.Reader) {
		is(before, "")
		write(func(tx entity.Tx) { tx.SetSecret("k", []byte("one")) })
		is(before, "")
		view(func(one entity.Reader) {
			is(one, "one")
			write(func(tx entity.Tx) {
				is(tx, "one")
				tx.SetSecret("k", []byte("two"))
				is(tx, "two")
			})
			is(one, "one")
			view(func(two entity.Reader) {
				is(two, "two")
				write(func(tx entity.Tx) { tx.DeleteSecret("k") })
				is(two, "two")
				view(func(gone entity.Reader) { is(gone, "") })
			})
			is(one, "one")
		})
		is(before, "")
	})
}
