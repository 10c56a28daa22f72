package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

var update = flag.Bool("update", false, "record a store of a new format under testdata/stores; never changes one that is there")

// stores holds a directory per format that a release has written: all keys and
// values of a small store as text, and what a reader must find in it. They are
// never edited: data on somebody's disk cannot be.
const stores = root + "/testdata/stores"

const (
	dumpFile   = "rows.jsonl"
	expectFile = "expect.txt"
)

// dumpRow is a line of a dump: one key of Badger's with its value.
type dumpRow struct {
	Key   string `json:"key"`   // base64
	Value string `json:"value"` // base64
	TS    uint64 `json:"ts"`    // Badger's
}

func (r dumpRow) key() []byte {
	key, err := base64.StdEncoding.DecodeString(r.Key)
	if err != nil {
		panic(err)
	}
	return key
}

// projected tells whether a row belongs to a projection, whose form may change
// with its own version.
func (r dumpRow) projected() bool {
	key := r.key()
	return key[0] == 'p' || bytes.HasPrefix(key, []byte("mp/"))
}

// dump reads a store's files.
func dump(t *testing.T, dir string) (rows []dumpRow) {
	t.Helper()
	db, err := openRaw(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	txn := db.NewTransactionAt(db.MaxVersion(), false)
	defer txn.Discard()
	it := txn.NewIterator(badger.DefaultIteratorOptions)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		value, err := item.ValueCopy(nil)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, dumpRow{Key: base64.StdEncoding.EncodeToString(item.Key()), Value: base64.StdEncoding.EncodeToString(value), TS: item.Version()})
	}
	return rows
}

// loadDump writes a dump into a new directory, as the release that made it had.
func loadDump(t *testing.T, rows []dumpRow) (dir string) {
	t.Helper()
	dir = t.TempDir()
	db, err := openRaw(dir)
	if err != nil {
		t.Fatal(err)
	}
	batch := db.NewManagedWriteBatch()
	for _, r := range rows {
		value, err := base64.StdEncoding.DecodeString(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		if err := batch.SetEntryAt(badger.NewEntry(r.key(), value), r.TS); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(batch.Flush(), db.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readDump(t *testing.T, file string) (rows []dumpRow) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		var r dumpRow
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	if lines.Err() != nil || len(rows) == 0 {
		t.Fatalf("%s: %d rows, %v", file, len(rows), lines.Err())
	}
	return rows
}

// A store of any format that a release has written opens with this code, and
// has the heads, CIDs, events, chains, secrets and edges that it had; with its
// projections as they are, and rebuilt from the log. Then it is written to.
func TestStoresOfEveryFormat(t *testing.T) {
	dirs, err := filepath.Glob(stores + "/v*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no recorded stores in %s: %v", stores, err)
	}
	for _, recorded := range dirs {
		want, err := os.ReadFile(filepath.Join(recorded, expectFile))
		if err != nil {
			t.Fatal(err)
		}
		rows := readDump(t, filepath.Join(recorded, dumpFile))
		var log []dumpRow
		for _, r := range rows {
			if !r.projected() {
				log = append(log, r)
			}
		}
		for name, rows := range map[string][]dumpRow{"as it was": rows, "the log alone": log} {
			t.Run(filepath.Base(recorded)+" "+name, func(t *testing.T) {
				dir := loadDump(t, rows)
				index := graph.New()
				o := store.Options{Dir: dir, Projections: projections(index)}
				reopened(t, o, func(r entity.Reader) error {
					if got := describe(t, r, index.Snapshot()); got != string(want) {
						t.Errorf("the store reads\n%s\nand should\n%s", got, want)
					}
					return nil
				})
				writeOn(t, o)
				o.Projections = projections(graph.New())
				reopened(t, o, func(entity.Reader) error { return nil })
			})
		}
	}
}

// writeOn adds to everything that the store has.
func writeOn(t *testing.T, o store.Options) {
	t.Helper()
	o.Projections = projections(graph.New())
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Update(t.Context(), loader, func(tx entity.Tx) error {
		for r, err := range tx.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range r.Changes {
				if c.Kind == entity.Appended {
					if _, err := tx.Append(c.ID, c.Chain, entity.Any, entity.Properties{"more": true}); err != nil {
						return err
					}
				} else if _, err := tx.Put(c.ID, entity.Any, func(m *entity.Manifest) error {
					m.Note = "written by a later release"
					return nil
				}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// The same writes give the same keys and values as they did when the format was
// recorded. A difference is a new format: change the constant in entity/store,
// teach it to open the old one, and record the new one with -update.
func TestStoreFormat(t *testing.T) {
	dir := t.TempDir()
	text := fixture(t, dir)
	rows := dump(t, dir)
	format := ""
	for _, r := range rows {
		if string(r.key()) == "mformat" {
			value, _ := base64.StdEncoding.DecodeString(r.Value)
			format = string(value)
		}
	}
	recorded := filepath.Join(stores, "v"+format)
	if _, err := os.Stat(recorded); errors.Is(err, os.ErrNotExist) {
		if !*update {
			t.Fatalf("format %q is not recorded: go test ./cmd/stemma -run TestStoreFormat -update", format)
		}
		record(t, recorded, rows, text)
	}
	want := make(map[string]string)
	for _, r := range readDump(t, filepath.Join(recorded, dumpFile)) {
		if !r.projected() {
			want[string(r.key())] = r.Value
		}
	}
	for _, r := range rows {
		if r.projected() {
			continue
		}
		key := string(r.key())
		if value, ok := want[key]; !ok || value != r.Value {
			t.Errorf("format %s: %q is now %s, was %s", format, key, r.Value, value)
		}
		delete(want, key)
	}
	for key := range want {
		t.Errorf("format %s: %q is not written any more", format, key)
	}
}

func record(t *testing.T, dir string, rows []dumpRow, text string) {
	t.Helper()
	var lines strings.Builder
	for _, r := range rows {
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&lines, "%s\n", line)
	}
	if err := errors.Join(
		os.MkdirAll(dir, 0o755),
		os.WriteFile(filepath.Join(dir, dumpFile), []byte(lines.String()), 0o644),
		os.WriteFile(filepath.Join(dir, expectFile), []byte(text), 0o644),
	); err != nil {
		t.Fatal(err)
	}
}
