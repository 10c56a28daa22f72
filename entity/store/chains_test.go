package store

import (
	"bytes"
	"fmt"
	"testing"

	"stemma/entity"
)

// rowsOf are the keys of a space, without the space.
func rowsOf(t *testing.T, s *Store, space byte) (keys [][]byte) {
	t.Helper()
	v := s.view()
	defer v.release()
	for row, err := range v.scanCommitted([]byte{space}, []byte{space}, false) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, bytes.Clone(row.Key))
	}
	return keys
}

// What one transaction appends to a chain has no row of its own, and a row together
// once another appends; read from any place on it is the chain, in a transaction too.
func TestChainRows(t *testing.T) {
	s := openPacked(t, t.TempDir())
	defer mustClose(t, s)
	var id entity.ID
	var want []entity.ChainRef
	add := func(n int, create bool) {
		t.Helper()
		var made []entity.ChainRef
		if _, err := s.Update(t.Context(), packer, func(own entity.Tx) error {
			made = nil
			if create {
				v, err := own.Create(entity.Draft{Type: "note"})
				if err != nil {
					return err
				}
				id = v.Manifest.ID
			}
			for i := range n {
				ref, err := own.Append(id, "log", entity.Any, entity.Properties{"i": int64(i)})
				if err != nil {
					return err
				}
				made = append(made, ref)
			}
			for n := range int64(len(want) + len(made)) { // in the transaction too
				ref, err := own.(*tx).chainAt(id, "log", n+1)
				if all := append(want[:len(want):len(want)], made...); err != nil || ref != all[n].CID {
					t.Fatalf("block %d is %s, want %s: %v", n+1, ref, all[n].CID, err)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want = append(want, made...)
	}
	for i, c := range []struct{ more, rows int }{{4, 0}, {1, 1}, {1, 2}, {3, 3}, {2*mostUnrowed + 1, 6}, {1, 7}} {
		add(c.more, i == 0)
		if got := rowsOf(t, s, spaceChain); len(got) != c.rows {
			t.Errorf("after %d blocks there are %d rows of blocks, want %d", len(want), len(got), c.rows)
		}
		err := s.View(t.Context(), func(r entity.Reader) error {
			head, err := r.ChainHead(id, "log")
			if err != nil || head != want[len(want)-1] {
				return fmt.Errorf("the head is %v: %w", head, err)
			}
			for from := range len(want) + 2 {
				at := max(from-1, 0)
				for ref, err := range r.Chain(id, "log", int64(from)) {
					if err != nil || at == len(want) || ref != want[at] {
						return fmt.Errorf("from %d: block %d is %v: %w", from, at+1, ref, err)
					}
					at++
				}
				if at != len(want) && from <= len(want) {
					return fmt.Errorf("from %d: the chain ends at %d", from, at)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// A backup of what came after another has the row that the last blocks have become
// since.
func TestBackupOfChainRows(t *testing.T) {
	s := openPacked(t, t.TempDir())
	var id entity.ID
	var parts []*bytes.Buffer
	for _, n := range []int{3, 2, 1, 1} {
		since := s.Seq()
		if _, err := s.Update(t.Context(), packer, func(tx entity.Tx) error {
			if since == 0 {
				v, err := tx.Create(entity.Draft{Type: "note"})
				if err != nil {
					return err
				}
				id = v.Manifest.ID
			} else if _, err := tx.Put(id, entity.Any, func(*entity.Manifest) error { return nil }); err != nil {
				return err
			}
			for range n {
				if _, err := tx.Append(id, "log", entity.Any, nil); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, new(bytes.Buffer))
		if _, err := s.Backup(t.Context(), parts[len(parts)-1], since); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, s)
	dir := t.TempDir()
	r, err := NewRestore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range parts {
		if _, err := r.Apply(t.Context(), b, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s = openPacked(t, dir)
	err = s.View(t.Context(), func(r entity.Reader) error {
		blocks, versions := 0, 0
		for _, err := range r.Chain(id, "log", 1) {
			if err != nil {
				return err
			}
			blocks++
		}
		for _, err := range r.History(id, 0) {
			if err != nil {
				return err
			}
			versions++
		}
		if blocks != 7 || versions != 4 {
			t.Errorf("%d blocks and %d versions, want 7 and 4", blocks, versions)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	mustClose(t, s)
}
