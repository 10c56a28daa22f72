package store_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/entity/storetest"
)

// tally adds up the property n of all versions that there ever were, in one row
// for all and one for each type.
type tally struct{ version int }

func (tally) Name() string                  { return "tally" }
func (p tally) Version() int                { return p.version }
func (tally) Load(entity.Rows) error        { return nil }
func (tally) Committed([]entity.Transition) {}

func (tally) Apply(t entity.Transition, w entity.RowWriter) error {
	n, _ := t.After.Properties["n"].(int64)
	if n == 0 {
		return nil
	}
	more := entity.Sums{{Place: 0, Amount: 1}, {Place: uint32(n), Amount: n}}
	w.Add([]byte("all"), more)
	w.Add([]byte(t.After.Type), more)
	return nil
}

func tallied(r entity.Reader) (map[string]string, error) {
	all := map[string]string{}
	for row, err := range r.Rows("tally").Scan(nil, nil) {
		if err != nil {
			return nil, err
		}
		sums, err := entity.DecodeSums(row.Value)
		if err != nil {
			return nil, err
		}
		all[string(row.Key)] = fmt.Sprint(sums)
	}
	return all, nil
}

// Law: what many writers add to one row at the same time is all there, no writer
// is run again for it, and a rebuild gives the same rows.
func TestSums(t *testing.T) {
	dir := t.TempDir()
	open := func(version int) *store.Store {
		s, err := store.Open(store.Options{Dir: dir, Projections: []entity.Projection{tally{version}}, Entropy: storetest.Entropy(1)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	read := func(s *store.Store) (rows map[string]string) {
		if err := s.View(t.Context(), func(r entity.Reader) (err error) { rows, err = tallied(r); return err }); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	s := open(1)
	naive := map[string]entity.Sums{}
	var mu sync.Mutex
	var all sync.WaitGroup
	by := entity.Actor{UserID: "u", Method: entity.MethodManual}
	for w := range 8 {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for range 50 {
				typ, n, runs := fmt.Sprint("type", rnd.IntN(2)), rnd.Int64N(20), 0
				_, err := s.Update(t.Context(), by, func(tx entity.Tx) error {
					runs++
					_, err := tx.Create(entity.Draft{Type: typ, Properties: entity.Properties{"n": n}})
					return err
				})
				if err != nil || runs != 1 {
					t.Errorf("a writer ran %d times: %v", runs, err)
				}
				if n == 0 {
					continue
				}
				mu.Lock()
				more := entity.Sums{{Place: 0, Amount: 1}, {Place: uint32(n), Amount: n}}
				naive["all"], naive[typ] = naive["all"].Plus(more), naive[typ].Plus(more)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	want := map[string]string{}
	for key, sums := range naive {
		want[key] = fmt.Sprint(sums)
	}
	if got := read(s); !maps.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(2) // another version: rebuilt from the log
	if got := read(s); !maps.Equal(got, want) {
		t.Errorf("rebuilt %v\nwant %v", got, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A transaction reads what it has added itself, and is run again when another
// adds to the row that it has read.
func TestSumsRead(t *testing.T) {
	s, err := store.Open(store.Options{Projections: []entity.Projection{tally{1}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	by := entity.Actor{UserID: "u", Method: entity.MethodManual}
	create := func(tx entity.Tx, n int64) error {
		_, err := tx.Create(entity.Draft{Type: "x", Properties: entity.Properties{"n": n}})
		return err
	}
	var seen []string
	_, err = s.Update(t.Context(), by, func(tx entity.Tx) error {
		if err := create(tx, 3); err != nil {
			return err
		}
		row, err := tx.Rows("tally").Get([]byte("all"))
		if err != nil {
			return err
		}
		sums, err := entity.DecodeSums(row)
		seen = append(seen, fmt.Sprint(sums))
		if len(seen) == 1 { // another commits between the look and the commit
			if _, err := s.Update(t.Context(), by, func(tx entity.Tx) error { return create(tx, 4) }); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		return create(tx, 5)
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[[{0 1} {3 3}] [{0 2} {3 3} {4 4}]]"; fmt.Sprint(seen) != want {
		t.Errorf("seen %v, want %v", seen, want)
	}
	_, err = s.Update(t.Context(), by, func(tx entity.Tx) error {
		if err := create(tx, 6); err != nil {
			return err
		}
		rows, err := tallied(tx)
		if want := "[{0 4} {3 3} {4 4} {5 5} {6 6}]"; rows["all"] != want || rows["x"] != want {
			t.Errorf("a transaction scans %v, want %v", rows, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
