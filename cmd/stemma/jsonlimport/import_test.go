package jsonlimport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/cmd/stemma/jsonlimport"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/store"
	"stemma/entity/storetest"
	"stemma/graph"
)

// openStore is a store whose clock stands still; it is checked at the end.
func openStore(t testing.TB) *store.Store {
	t.Helper()
	return openStoreIn(t, "")
}

func openStoreIn(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Dir: dir, Clock: storetest.NewClock().Now, Projections: []entity.Projection{graph.New(), listing.Projection{}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Check(context.WithoutCancel(t.Context()), nil); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func writeFile(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t testing.TB, s entity.Store, o jsonlimport.Options) jsonlimport.Report {
	t.Helper()
	o.By = user
	r, err := jsonlimport.Import(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// refusedLine is a line of a report.
type refusedLine struct {
	Line   int64
	Error  string
	Text   string
	Bytes  []byte
	Offset int64
	Length int64
}

func readReport(t testing.TB, path string) (out []refusedLine) {
	t.Helper()
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var r refusedLine
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, r)
	}
	return out
}

// contents are the living entities by label, as text: type, version, and the
// relationships with their peers' labels.
func contents(t testing.TB, s entity.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := s.View(t.Context(), func(r entity.Reader) error {
		labels := map[entity.ID]string{}
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				h, err := r.Head(c.ID)
				if err != nil {
					return err
				}
				labels[c.ID] = h.Label
			}
		}
		for id, label := range labels {
			h, err := r.Head(id)
			if err != nil {
				return err
			}
			m, err := r.Manifest(h.CID())
			if err != nil {
				return err
			}
			text := fmt.Sprintf("%s v%d", m.Type, m.Ver)
			for _, rel := range m.Relationships {
				peer := labels[rel.Peer]
				if peer == "" {
					peer = "?"
				}
				text += fmt.Sprintf(" %s>%s", rel.Predicate, peer)
				if len(rel.Properties) > 0 {
					b, _ := json.Marshal(rel.Properties)
					text += string(b)
				}
			}
			out[label] = text
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Lines become entities and relationships: by key, by id and by neither, with
// peers that come later, have come, or never come.
func TestImport(t *testing.T) {
	s := openStore(t)
	path := writeFile(t,
		"\xef\xbb\xbf"+`{"key":"letters","type":"collection","properties":{"label":"Letters"}}`,
		`{"key":"ann","type":"person","properties":{"label":"Ann","born":1850.0},"relationships":[{"predicate":"knows","peer":{"key":"bob"}},{"predicate":"lives_in","peer":{"key":"nowhere"}}],"collection":{"key":"letters"},"note":"first"}`+"\r",
		``,
		`{"relationship":{"source":{"key":"ann"},"predicate":"likes","target":{"key":"bob"},"properties":{"since":1870}}}`,
		`{"relationship":{"source":{"key":"bob"},"predicate":"knows","target":{"key":"ann"},"peer_type":"person"}}`,
		`{"key":"bob","type":"person","properties":{"label":"Bob"}}`,
		`  {"id":"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK","type":"place","properties":{"label":"Place"},"relationships":[{"predicate":"open_to","peer":"*"}]}  `,
		`{"type":"note","properties":{"label":"Nameless"}}`,
		`{"relationship":{"source":"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK","predicate":"near","target":{"key":"ann"}}}`,
	)
	r := run(t, s, jsonlimport.Options{Path: path})
	want := map[string]string{
		"Letters":  "collection v1",
		"Ann":      `person v1 knows>Bob lives_in>? collection>Letters likes>Bob{"since":1870}`,
		"Bob":      "person v1 knows>Ann",
		"Place":    "place v1 open_to>? near>Ann",
		"Nameless": "note v1",
	}
	if diff := cmp.Diff(want, contents(t, s)); diff != "" {
		t.Error(diff)
	}
	if want := (jsonlimport.Counts{Lines: 9, Entities: 5, Relationships: 7}); r.Run != want || r.All != want || r.Resumed || r.Refused != "" {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat(path + ".refused.jsonl"); !os.IsNotExist(err) {
		t.Errorf("a report of nothing: %v", err)
	}
}

// Every kind of line that is wrong is in the report, with its number and text,
// and the lines around it are imported.
func TestRefusedLines(t *testing.T) {
	deep := `{"type":"x","properties":{"a":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}}`
	many := make([]string, 10_001)
	for i := range many {
		many[i] = fmt.Sprintf(`{"predicate":"p","peer":{"key":"k%d"}}`, i)
	}
	for _, x := range []struct{ name, line, want string }{
		{"not JSON", `{"type":`, "Malformed JSON"},
		{"an array", `[1]`, "a line is an object"},
		{"two values", `{"type":"x"} {}`, "more text after"},
		{"a key twice", `{"type":"x","type":"y"}`, "given twice"},
		{"not UTF-8", "{\"type\":\"x\xff\"}", "UTF-8"},
		{"a number out of range", `{"type":"x","properties":{"n":1e999}}`, "outside the range"},
		{"too deep", deep, "nested deeper"},
		{"no type", `{"properties":{}}`, `needs a "type"`},
		{"a type that is no text", `{"type":1}`, `"type" must be text`},
		{"a type too long", `{"type":"` + strings.Repeat("x", 101) + `"}`, "at most 100 characters"},
		{"unknown member", `{"type":"x","proprties":{}}`, `no member "proprties"`},
		{"key and id", `{"type":"x","key":"a","id":"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK"}`, "not both"},
		{"an empty key", `{"type":"x","key":""}`, "1 to 1000 bytes"},
		{"a key that is no text", `{"type":"x","key":7}`, `"key" must be text`},
		{"a bad id", `{"type":"x","id":"nope"}`, "an id has 26"},
		{"the other network's id", `{"type":"x","id":"IIJH8Z0Y6V5RZ4Q8Q9V4T2W3XK"}`, "belongs to the test network"},
		{"properties that are no object", `{"type":"x","properties":[]}`, "must be an object"},
		{"relationships that are no array", `{"type":"x","relationships":{}}`, "must be an array"},
		{"a relationship without peer", `{"type":"x","relationships":[{"predicate":"p"}]}`, `relationship 1: a relationship needs`},
		{"an unknown form of reference", `{"type":"x","relationships":[{"predicate":"p","peer":{"name":"a"}}]}`, `or a key like`},
		{"a relationship twice", `{"type":"x","relationships":[{"predicate":"p","peer":{"key":"a"}},{"predicate":"p","peer":{"key":"a"}}]}`, "repeats"},
		{"too many relationships", `{"type":"x","relationships":[` + strings.Join(many, ",") + `]}`, "at most 10000"},
		{"a tombstone", `{"type":"x","properties":{"_tombstone":{}}}`, "written by deleting"},
		{"a folder without label", `{"type":"folder"}`, "needs a label"},
		{"too large", `{"type":"x","properties":{"text":"` + strings.Repeat("x", 4<<20) + `"}}`, "at most 4194304 fit"},
		{"an unknown collection", `{"type":"x","collection":{"key":"nothing"}}`, "unknown collection"},
		{"a collection that is none", `{"type":"x","collection":{"key":"good"}}`, "is not a collection"},
		{"an unknown collection, in full", `{"type":"x","relationships":[{"predicate":"collection","peer":{"key":"nothing"}}]}`, "unknown collection"},
		{"a collection in a collection", `{"type":"collection","properties":{"label":"c"},"collection":{"key":"c"}}`, "in no other"},
		{"a duplicate", `{"type":"x","key":"good","properties":{"label":"other"}}`, "duplicate"},
		{"a relationship that is no object", `{"relationship":1}`, "must be an object with source"},
		{"a relationship with a member beside it", `{"relationship":{"source":{"key":"good"},"predicate":"p","target":{"key":"a"}},"type":"x"}`, `no member "type"`},
		{"a relationship with an unknown member", `{"relationship":{"source":{"key":"good"},"predicate":"p","peer":{"key":"a"}}}`, `needs a "predicate" and a "target"`},
		{"a relationship without source", `{"relationship":{"predicate":"p","target":{"key":"a"}}}`, `needs a "source"`},
		{"a relationship of everybody", `{"relationship":{"source":"*","predicate":"p","target":{"key":"a"}}}`, "an id has 26"},
		{"a predicate too long", `{"relationship":{"source":{"key":"good"},"predicate":"` + strings.Repeat("p", 101) + `","target":{"key":"a"}}}`, "1 to 100 characters"},
		{"a source that never comes", `{"relationship":{"source":{"key":"never"},"predicate":"p","target":{"key":"good"}}}`, "unknown source"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := openStore(t)
			path := writeFile(t, `{"type":"x","key":"good","properties":{"label":"good"}}`, x.line, `{"type":"x","key":"after","properties":{"label":"after"}}`)
			r := run(t, s, jsonlimport.Options{Path: path})
			if r.Run.Refused != 1 || r.Run.Entities != 2 || r.Refused != path+".refused.jsonl" {
				t.Fatalf("%+v", r)
			}
			report := readReport(t, r.Refused)
			if len(report) != 1 || report[0].Line != 2 || !strings.Contains(report[0].Error, x.want) {
				t.Fatalf("%.300v, want %q", report, x.want)
			}
			if got := report[0].Text + string(report[0].Bytes); got != x.line {
				t.Errorf("the report has another text: %.200s", got)
			}
			if got := contents(t, s); len(got) != 2 {
				t.Errorf("%v", got)
			}
			if again := run(t, s, jsonlimport.Options{Path: path}); again.Run != (jsonlimport.Counts{}) || again.All != r.All || !again.Resumed {
				t.Errorf("a second run did %+v", again)
			}
			if _, err := os.Stat(path + ".refused.jsonl.deferred"); !os.IsNotExist(err) {
				t.Errorf("deferred lines are left: %v", err)
			}
		})
	}
}

// A line longer than the bound is passed over without being kept in memory.
func TestLineTooLong(t *testing.T) {
	s := openStore(t)
	path := writeFile(t, `{"type":"x","key":"a"}`, `{"type":"`+strings.Repeat("x", jsonlimport.MaxLine)+`"}`, `{"type":"x","key":"b"}`)
	r := run(t, s, jsonlimport.Options{Path: path})
	report := readReport(t, r.Refused)
	if r.Run.Entities != 2 || len(report) != 1 || report[0].Line != 2 || report[0].Offset != 23 || report[0].Length != jsonlimport.MaxLine+12 || report[0].Text != "" {
		t.Errorf("%+v %+v", r, report)
	}
}

// A second run from the start changes nothing, also after people have edited
// what was imported.
func TestAgainFromStart(t *testing.T) {
	s := openStore(t)
	lines := []string{`{"key":"c","type":"collection","properties":{"label":"C"}}`}
	for i := range 50 {
		lines = append(lines,
			fmt.Sprintf(`{"key":"p%d","type":"person","properties":{"label":"P%d"},"collection":{"key":"c"}}`, i, i),
			fmt.Sprintf(`{"relationship":{"source":{"key":"p%d"},"predicate":"knows","target":{"key":"p%d"},"properties":{"n":%d}}}`, i*7%50, i, i))
	}
	path := writeFile(t, lines...)
	first := run(t, s, jsonlimport.Options{Path: path, ChunkLines: 7})
	if first.Run.Refused != 0 || first.Run.Entities != 51 {
		t.Fatalf("%+v", first)
	}
	if _, err := s.Update(t.Context(), entity.Actor{UserID: user, Method: entity.MethodManual}, func(tx entity.Tx) error {
		for rec, err := range tx.Log(0) {
			if err != nil {
				return err
			}
			if id := rec.Changes[0].ID; rec.Changes[0].Type == "person" {
				_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error { m.Properties["edited"] = true; return nil })
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	before, seq := contents(t, s), s.Seq()
	again := run(t, s, jsonlimport.Options{Path: path, ChunkLines: 11, FromStart: true})
	if again.Run.Known != 101 || again.Run.Entities+again.Run.Refused+again.Run.Updated != 0 || s.Seq() != seq {
		t.Errorf("%+v", again)
	}
	if diff := cmp.Diff(before, contents(t, s)); diff != "" {
		t.Error(diff)
	}
}

// Files of one space of keys speak of the same entities, others do not.
func TestKeys(t *testing.T) {
	s := openStore(t)
	a := writeFile(t, `{"key":"ann","type":"person","properties":{"label":"Ann"}}`)
	b := writeFile(t, `{"relationship":{"source":{"key":"ann"},"predicate":"knows","target":{"key":"ann"}}}`)
	run(t, s, jsonlimport.Options{Path: a, Keys: "one"})
	if r := run(t, s, jsonlimport.Options{Path: b, Keys: "two"}); r.Run.Refused != 1 {
		t.Errorf("%+v", r)
	}
	if r := run(t, s, jsonlimport.Options{Path: b, Keys: "one"}); r.Run.Updated != 1 || r.Run.Relationships != 1 {
		t.Errorf("%+v", r)
	}
}

// Entities that name no collection come into that of the import, but not those
// that name one, nor collections.
func TestCollectionOption(t *testing.T) {
	s := openStore(t)
	run(t, s, jsonlimport.Options{Path: writeFile(t, `{"id":"01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK","type":"collection","properties":{"label":"C"}}`)})
	path := writeFile(t,
		`{"key":"d","type":"collection","properties":{"label":"D"}}`,
		`{"key":"a","type":"x","properties":{"label":"A"}}`,
		`{"key":"b","type":"x","properties":{"label":"B"},"collection":{"key":"d"}}`)
	run(t, s, jsonlimport.Options{Path: path, Collection: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK"})
	want := map[string]string{"C": "collection v1", "D": "collection v1", "A": "x v1 collection>C", "B": "x v1 collection>D"}
	if diff := cmp.Diff(want, contents(t, s)); diff != "" {
		t.Error(diff)
	}
	_, err := jsonlimport.Import(t.Context(), s, jsonlimport.Options{Path: path, By: user, Collection: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XX"})
	if entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("an unknown collection: %v", err)
	}
}

// What an entity cannot hold is refused, line by line.
func TestHub(t *testing.T) {
	s := openStore(t)
	var lines []string
	for i := range entity.MaxRelationships + 20 {
		lines = append(lines, fmt.Sprintf(`{"relationship":{"source":{"key":"hub"},"predicate":"p","target":{"key":"k%d"}}}`, i))
	}
	lines = slices.Insert(lines, 1234, `{"key":"hub","type":"x","properties":{"label":"hub"}}`)
	path := writeFile(t, lines...)
	r := run(t, s, jsonlimport.Options{Path: path})
	if r.Run.Relationships != entity.MaxRelationships || r.Run.Refused != 20 || r.Run.Entities != 1 {
		t.Errorf("%+v", r)
	}
	if report := readReport(t, r.Refused); len(report) != 20 || report[0].Line != entity.MaxRelationships+2 || !strings.Contains(report[0].Error, "10,000") {
		t.Errorf("%+v", report[0])
	}
}

// A chunk that is too large for a transaction goes in as several: a line of
// hardly any length makes a new version of a large entity.
func TestLargeVersions(t *testing.T) {
	const hubs = 12 // of 600 kB
	s := openStoreIn(t, t.TempDir())
	var lines []string
	for i := range hubs {
		lines = append(lines, fmt.Sprintf(`{"key":"h%d","type":"x","properties":{"label":"H%d","text":"%s"}}`, i, i, strings.Repeat("t", 600_000)))
	}
	path := writeFile(t, lines...)
	run(t, s, jsonlimport.Options{Path: path})
	records := s.Seq()
	var more string
	for i := range hubs {
		more += fmt.Sprintf(`{"relationship":{"source":{"key":"h%d"},"predicate":"q","target":{"key":"0"}}}`+"\n", i)
	}
	appendTo(t, path, more)
	r := run(t, s, jsonlimport.Options{Path: path})
	if r.Run != (jsonlimport.Counts{Lines: hubs, Relationships: hubs, Updated: hubs}) || s.Seq() != records+hubs {
		t.Errorf("%+v", r)
	}
	if err := s.View(t.Context(), func(read entity.Reader) error {
		n := 0
		for rec, err := range read.Log(records) {
			if err != nil {
				return err
			}
			if n++; len(rec.Changes) == hubs {
				t.Error("they were not too large for one transaction")
			}
		}
		if n != 2 {
			t.Errorf("%d transactions", n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// One line may hold as much as an entity can.
func TestLargeLine(t *testing.T) {
	s := openStoreIn(t, t.TempDir()) // in memory Badger keeps no value of more than 1 MiB
	r := run(t, s, jsonlimport.Options{Path: writeFile(t, `{"type":"x","properties":{"text":"`+strings.Repeat("t", 3<<20)+`"}}`)})
	if r.Run.Entities != 1 {
		t.Errorf("%+v", r)
	}
}

func TestOptionsRefused(t *testing.T) {
	s := openStore(t)
	for name, o := range map[string]jsonlimport.Options{
		"nothing to read":      {By: user},
		"no such file":         {By: user, Path: filepath.Join(t.TempDir(), "none")},
		"nobody":               {Path: writeFile(t, "")},
		"another network":      {Path: writeFile(t, ""), By: "IIJH8Z0Y6V5RZ4Q8Q9V4T2W3XK"},
		"a pipe and no report": {In: strings.NewReader(""), By: user},
		"a directory":          {Path: t.TempDir(), By: user},
	} {
		if _, err := jsonlimport.Import(t.Context(), s, o); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
