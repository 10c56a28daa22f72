package store

import (
	"fmt"
	"testing"

	"stemma/entity"
)

// A rebuild that has written part of its sums adds to them.
func TestSummer(t *testing.T) {
	s, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	m := summer{db: s.db, ts: 1}
	for i := range 3 {
		if err := m.add("pkey", entity.Sums{{Place: uint32(i), Amount: 1}, {Place: 7, Amount: 1}}); err != nil {
			t.Fatal(err)
		}
		if err := m.flush(); err != nil {
			t.Fatal(err)
		}
	}
	txn := s.db.NewTransactionAt(m.ts, false)
	defer txn.Discard()
	item, err := txn.Get([]byte("pkey"))
	if err != nil {
		t.Fatal(err)
	}
	row, err := item.ValueCopy(nil)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := entity.DecodeSums(row)
	if want := "[{0 1} {1 1} {2 1} {7 3}]"; err != nil || fmt.Sprint(sums) != want || m.ts != 4 {
		t.Errorf("%v at %d, %v; want %v at 4", sums, m.ts, err, want)
	}
}
