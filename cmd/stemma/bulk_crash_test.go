package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// bulkLines writes so many entities, about a kilobyte a line: enough to a
// transaction for its blocks to go into a pack.
func bulkLines(t *testing.T, n int) (file string) {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"key":"k%d","type":"letter","properties":{"text":"%s"},"relationships":[{"predicate":"answers","peer":{"key":"k%d"}}]}`+"\n", i, strings.Repeat("word ", 200), i/2)
	}
	file = filepath.Join(t.TempDir(), "letters.jsonl")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// logged is how many changes a store has, and whether all of it agrees.
func logged(t *testing.T, data string) entity.Seq {
	t.Helper()
	s, err := store.Open(store.Options{Dir: filepath.Join(data, "main"), Projections: projections(graph.New())})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Check(t.Context(), nil); err != nil {
		t.Error(err)
	}
	return s.Seq()
}

// Imports that are killed (kill -9) when a part is on disk leave a store that
// agrees with itself, and come to the same end when they are run again: of
// lines, and of a CAR file of what they made.
func TestCrashInImport(t *testing.T) {
	const lines, kills = 6000, 2 // of each import
	data, copied := t.TempDir(), t.TempDir()
	car := filepath.Join(t.TempDir(), "all.car")
	killed := 0
	importUntilWhole := func(data string, args ...string) {
		for left := kills; ; left-- {
			p, err := launch(t.Context(), nil, "stemma", append([]string{"import"}, append(args, "--data", data)...)...)
			if err != nil {
				t.Fatal(err)
			}
			if left > 0 {
				p.awaitPack(data, packed(data))
				p.kill()
			}
			if <-p.ended; p.err == nil {
				return
			}
			if left == 0 {
				t.Fatalf("%v: %v\n%s", args, p.err, p.stderr)
			}
			if p.killed() {
				killed++
			}
			logged(t, data)
		}
	}
	importUntilWhole(data, "jsonl", bulkLines(t, lines))
	p, err := launch(t.Context(), nil, "stemma", "export", "--all", car, "--data", data)
	if err != nil {
		t.Fatal(err)
	}
	if <-p.ended; p.err != nil {
		t.Fatalf("export: %v\n%s", p.err, p.stderr)
	}
	importUntilWhole(copied, "car", car)
	if killed == 0 {
		t.Errorf("killed %d times: the test does not test", killed)
	}
	if a, b := logged(t, data), logged(t, copied); a < lines || b < a {
		t.Errorf("%d changes, and %d in the copy", a, b)
	}
}

// packed is how many bytes a store has in packs.
func packed(data string) (n int64) {
	files, _ := filepath.Glob(filepath.Join(data, "main", "packs", "*.pack"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			n += info.Size()
		}
	}
	return n
}

// awaitPack returns when the packs have grown, or the process has ended.
func (p *process) awaitPack(data string, before int64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for packed(data) <= before {
		select {
		case <-p.ended:
			return
		case <-tick.C:
		}
	}
}
