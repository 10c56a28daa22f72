package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// A loss of power leaves of the last write what the disk had taken of it. The
// law: whatever that is, everything before is there, and of the last
// transaction all or nothing.
func TestTornWrite(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(store.Options{Dir: dir, Projections: projections(graph.New())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	write := func(typ string, n int) {
		t.Helper()
		if _, err := s.Update(t.Context(), loader, func(tx entity.Tx) error {
			for range n {
				if _, err := tx.Create(entity.Draft{Type: typ}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		write("note", 2)
	}
	before := snapshot(t, dir)
	write(victimType, 2)
	after := snapshot(t, dir)
	wal, from, to := written(t, before, after)
	step := (to - from) / 12
	for cut := from; cut < to; cut += step {
		for name, end := range map[string]int{"and nothing after": to, "and something after": cut + step/2} {
			torn := bytes.Clone(after[wal])
			clear(torn[cut:min(end, to)]) // the file is zeros where nothing was written
			opens(t, before, wal, torn, 0, fmt.Sprintf("lost from %d of %d..%d, %s", cut, from, to, name))
		}
	}
	opens(t, before, wal, after[wal], 2, "nothing lost")
}

// opens restores a directory whose log is wal, and counts what is in it.
func opens(t *testing.T, files map[string][]byte, name string, wal []byte, victims int, what string) {
	t.Helper()
	files = maps.Clone(files)
	files[name] = wal
	index := graph.New()
	reopened(t, store.Options{Dir: restore(t, files), Projections: projections(index)}, func(entity.Reader) error { return nil })
	if g := index.Snapshot(); g.TypeCount("note") != 6 || g.TypeCount(victimType) != victims {
		t.Errorf("%s: %d of 6 entities are there, and %d of the last transaction, not %d", what, g.TypeCount("note"), g.TypeCount(victimType), victims)
	}
}

// A process that is killed right after it has made a file leaves an empty one,
// under a name that Badger takes for a log. It holds nothing, and is no reason
// not to open.
func TestCrashMakingFile(t *testing.T) {
	dir := t.TempDir()
	o := store.Options{Dir: dir, Projections: projections(graph.New())}
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Update(t.Context(), loader, func(tx entity.Tx) error {
		_, err := tx.Create(entity.Draft{Type: "note"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"000099.vlog", "00099.mem", "000100.vlog"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	index := graph.New()
	o.Projections = projections(index)
	reopened(t, o, func(entity.Reader) error { return nil })
	if n := index.Snapshot().TypeCount("note"); n != 1 {
		t.Errorf("%d entities of 1 are there", n)
	}
}

// beginning is how much of a file is kept in a snapshot. Badger makes its files
// larger at once than this test fills them.
const beginning = 1 << 20

func snapshot(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, beginning)
		n, _ := f.Read(text)
		f.Close()
		files[e.Name()] = text[:n]
	}
	return files
}

// written finds the one file that has changed, and where.
func written(t *testing.T, before, after map[string][]byte) (name string, from, to int) {
	t.Helper()
	for n, now := range after {
		old := before[n]
		if bytes.Equal(old, now) {
			continue
		}
		if name != "" || len(old) != len(now) {
			t.Fatalf("a commit wrote to %s and to %s", name, n)
		}
		name = n
		for from = 0; old[from] == now[from]; from++ {
		}
		for to = len(now); old[to-1] == now[to-1]; to-- {
		}
	}
	if to-from < 500 {
		t.Fatalf("a commit wrote %d bytes to %q", to-from, name)
	}
	return name, from, to
}

// restore writes a snapshot's files into a new directory.
func restore(t *testing.T, files map[string][]byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if name == "LOCK" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
