package jsonlimport_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/cmd/stemma/jsonlimport"
	"stemma/entity"
)

// mixture is a file with all there is: entities, relationships before and after
// their sources, sources that never come, duplicates, and lines that are wrong.
func mixture() []string {
	lines := []string{`{"key":"c","type":"collection","properties":{"label":"C"}}`}
	for i := range 60 {
		switch i % 12 {
		case 3:
			lines = append(lines, `{"nonsense"`)
		case 5:
			lines = append(lines, fmt.Sprintf(`{"key":"p%d","type":"person","properties":{"label":"again %d"}}`, i/2, i))
		case 7:
			lines = append(lines, fmt.Sprintf(`{"relationship":{"source":{"key":"never%d"},"predicate":"p","target":{"key":"c"}}}`, i))
		}
		lines = append(lines,
			fmt.Sprintf(`{"relationship":{"source":{"key":"p%d"},"predicate":"follows","target":{"key":"p%d"}}}`, (i*17+23)%60, i),
			fmt.Sprintf(`{"key":"p%d","type":"person","properties":{"label":"P%d"},"collection":{"key":"c"},"relationships":[{"predicate":"knows","peer":{"key":"p%d"}}]}`, i, i, (i*31+7)%60))
	}
	return lines
}

// dying is a store that fails at its n-th Update: before it is committed, or
// after, when the writer is not told. It stands for a process that is killed.
type dying struct {
	entity.Store
	left  int
	after bool
}

var errDied = errors.New("killed")

func (d *dying) Update(ctx context.Context, by entity.Actor, fn func(entity.Tx) error) (entity.Seq, error) {
	seq, err := d.Store.Update(ctx, by, func(tx entity.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		// The importer lets closures end in order, so this counts transactions.
		if d.left--; d.left < 0 && !(d.after && d.left == -1) {
			return errDied
		}
		return nil
	})
	if err == nil && d.left < 0 {
		err = errDied
	}
	return seq, err
}

// A run that dies at any transaction, before or after it is on disk, and is run
// again leaves the store and the report of a run that did not.
func TestResume(t *testing.T) {
	lines := mixture()
	whole := openStore(t)
	path := writeFile(t, lines...)
	want := run(t, whole, jsonlimport.Options{Path: path, ChunkLines: 16})
	wantReport := readReport(t, want.Refused)
	if want.All.Refused < 10 || want.All.Updated == 0 || len(wantReport) != int(want.All.Refused) {
		t.Fatalf("the mixture is no mixture: %+v, %d reported", want, len(wantReport))
	}
	for first, after := range []bool{false, true} {
		for n := first; ; n += 2 { // between them they die at every one
			s := openStore(t)
			path := writeFile(t, lines...)
			_, err := jsonlimport.Import(t.Context(), &dying{Store: s, left: n, after: after}, jsonlimport.Options{Path: path, By: user, ChunkLines: 16})
			if err == nil {
				if n < 10 {
					t.Fatalf("only %d transactions", n)
				}
				break
			}
			if !errors.Is(err, errDied) {
				t.Fatalf("transaction %d: %v", n, err)
			}
			got := run(t, s, jsonlimport.Options{Path: path, ChunkLines: 16})
			if got.All != want.All {
				t.Errorf("transaction %d, after %v: %+v, want %+v", n, after, got.All, want.All)
			}
			if diff := cmp.Diff(wantReport, readReport(t, got.Refused)); diff != "" {
				t.Errorf("transaction %d, after %v: the reports differ:\n%s", n, after, diff)
			}
			if diff := cmp.Diff(contents(t, whole), contents(t, s)); diff != "" {
				t.Errorf("transaction %d, after %v: %s", n, after, diff)
			}
			if s.Seq() != whole.Seq() {
				t.Errorf("transaction %d, after %v: %d changes, want %d", n, after, s.Seq(), whole.Seq())
			}
		}
	}
}

// The size of chunks changes nothing that can be seen but versions.
func TestChunksDoNotShow(t *testing.T) {
	lines := mixture()
	var last jsonlimport.Counts
	var report []refusedLine
	for i, size := range []int{1, 3, 1000} {
		s := openStore(t)
		r := run(t, s, jsonlimport.Options{Path: writeFile(t, lines...), ChunkLines: size})
		r.All.Updated = 0
		got := readReport(t, r.Refused)
		if i > 0 && (r.All != last || cmp.Diff(report, got) != "") {
			t.Errorf("chunks of %d lines: %+v, want %+v\n%s", size, r.All, last, cmp.Diff(report, got))
		}
		last, report = r.All, got
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A file that has grown goes on where it was; one that has changed begins anew.
func TestGrownAndChanged(t *testing.T) {
	s := openStore(t)
	path := writeFile(t, `{"key":"a","type":"x","properties":{"label":"A"}}`, `nonsense`)
	run(t, s, jsonlimport.Options{Path: path})
	appendTo(t, path, `{"key":"b","type":"x","properties":{"label":"B"}}`)
	r := run(t, s, jsonlimport.Options{Path: path})
	if !r.Resumed || r.Run != (jsonlimport.Counts{Lines: 1, Entities: 1}) || len(readReport(t, r.Refused)) != 1 {
		t.Errorf("grown: %+v", r)
	}
	appendTo(t, path, ` {}`) // the last line had no end: it is another now
	r = run(t, s, jsonlimport.Options{Path: path})
	if r.Resumed || r.Run != (jsonlimport.Counts{Lines: 3, Known: 1, Refused: 2}) {
		t.Errorf("its last line changed: %+v", r)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), `"key":"a"`, `"key":"d"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r = run(t, s, jsonlimport.Options{Path: path})
	if r.Resumed || r.Run.Entities != 1 {
		t.Errorf("its first line changed: %+v", r)
	}
	if err := os.WriteFile(path, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r = run(t, s, jsonlimport.Options{Path: path}); r.Resumed || r.Run != (jsonlimport.Counts{Lines: 1}) || r.Refused != "" {
		t.Errorf("it shrank: %+v", r)
	}
}

// From a pipe nothing can be resumed, but all else holds.
func TestPipe(t *testing.T) {
	want := openStore(t)
	first := run(t, want, jsonlimport.Options{Path: writeFile(t, mixture()...), ChunkLines: 16})
	s := openStore(t)
	report := filepath.Join(t.TempDir(), "refused.jsonl")
	r := run(t, s, jsonlimport.Options{In: strings.NewReader(strings.Join(mixture(), "\n")), Report: report, ChunkLines: 16})
	if r.All != first.All {
		t.Errorf("%+v, want %+v", r.All, first.All)
	}
	if diff := cmp.Diff(readReport(t, first.Refused), readReport(t, report)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(contents(t, want), contents(t, s)); diff != "" {
		t.Error(diff)
	}
}

// Canceling ends an import at once, and it can go on.
func TestCanceled(t *testing.T) {
	s := openStore(t)
	path := writeFile(t, mixture()...)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := jsonlimport.Import(ctx, s, jsonlimport.Options{Path: path, By: user, ChunkLines: 5, Progress: func(int64, int64, string) { cancel() }})
	if entity.KindOf(err) != entity.KindCanceled {
		t.Fatalf("%v", err)
	}
	if r := run(t, s, jsonlimport.Options{Path: path, ChunkLines: 5}); !r.Resumed && r.Run.Entities != 61 || r.All.Entities != 61 {
		t.Errorf("%+v", r)
	}
}
