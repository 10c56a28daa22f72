package graph

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
)

func TestRowBytes(t *testing.T) {
	m := thing(testID(1), "person", rel("knows", 3), rel("in", 5), rel("knows", 2), "public *", rel("collection", 7))
	want := "\x06person" + "\x01" + string(testID(7)) +
		"\x0acollection" + "\x01" + string(testID(7)) +
		"\x02in" + "\x01" + string(testID(5)) +
		"\x05knows" + "\x02" + string(testID(2)) + string(testID(3))
	if got := string(encodeRow(m)); got != want {
		t.Errorf("row\n%q, want\n%q", got, want)
	}
	if got := string(encodeRow(thing(testID(1), "t"))); got != "\x01t\x00" {
		t.Errorf("row of a lone entity: %q", got)
	}
}

// Law: a step writes a row exactly when type, collection or edges change.
func TestApplyWritesWhatChanged(t *testing.T) {
	w := newWorld(t)
	base := func() *entity.Manifest {
		return thing(testID(1), "a", rel("x", 2), rel("collection", 3), rel("collection", 4), "public *")
	}
	steps := []struct {
		name   string
		writes int
		m      *entity.Manifest
	}{
		{"create", 1, base()},
		{"properties", 0, func() *entity.Manifest { m := base(); m.Properties["n"] = int64(1); return m }()},
		{"peer label", 0, func() *entity.Manifest { m := base(); m.Relationships[0].PeerLabel = "l"; return m }()},
		{"order", 0, thing(testID(1), "a", rel("collection", 3), rel("x", 2), rel("collection", 4))},
		{"order of collections", 1, thing(testID(1), "a", rel("collection", 4), rel("collection", 3), rel("x", 2))},
		{"type", 1, thing(testID(1), "b", rel("collection", 4), rel("collection", 3), rel("x", 2))},
		{"edge", 1, thing(testID(1), "b", rel("collection", 4), rel("collection", 3), rel("x", 5))},
		{"delete", 1, nil},
		{"restore", 1, base()},
	}
	for _, s := range steps {
		w.sets = 0
		w.put(testID(1), s.m)
		if w.sets != s.writes {
			t.Errorf("%s: %d rows written, want %d", s.name, w.sets, s.writes)
		}
		if s.m == nil && len(w.rows) != 0 {
			t.Errorf("a deleted entity has a row")
		}
	}
	if w.commit().Collection(testID(1)) != testID(3) {
		t.Error("the collection is not the first one's peer")
	}
}

func TestApplyRefusesMalformedIDs(t *testing.T) {
	for _, step := range []entity.Transition{
		{ID: "short", After: thing("short", "t")},
		{ID: testID(1), After: thing(testID(1), "t", "to short")},
	} {
		if err := New().Apply(step, memRows{}); entity.KindOf(err) != entity.KindInternal || err == nil {
			t.Errorf("Apply of %s: %v", step.ID, err)
		}
	}
}

// A property edit publishes nothing: readers keep the snapshot they have.
func TestPropertyEditKeepsSnapshot(t *testing.T) {
	w := newWorld(t)
	w.add(1, "a", rel("x", 2))
	s := w.commit()
	m := w.tips[testID(1)].Clone()
	m.Properties["n"] = int64(1)
	w.put(testID(1), m)
	if w.commit() != s {
		t.Error("an edit of properties made a new snapshot")
	}
}

func TestLoadRefusesBrokenRows(t *testing.T) {
	good := string(encodeRow(thing(testID(1), "person", rel("a", 1), rel("a", 2), rel("b", 2), rel("collection", 7))))
	bad := map[string]string{
		"empty":            "",
		"wrong flag":       "\x01t\x02",
		"no peers":         "\x01t\x00\x01p\x00",
		"many peers":       "\x01t\x00\x01p\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
		"long type":        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01t",
		"peer twice":       "\x01t\x00\x01p\x02" + string(testID(1)) + string(testID(1)),
		"predicate twice":  "\x01t\x00\x01p\x01" + string(testID(1)) + "\x01p\x01" + string(testID(2)),
		"unsorted peers":   "\x01t\x00\x01p\x02" + string(testID(2)) + string(testID(1)),
		"trailing garbage": good + "x",
	}
	for cut := 1; cut < len(good); cut++ {
		if !strings.HasPrefix(good[cut:], "\x01") { // elsewhere a cut row may be a shorter one
			bad["cut at "+good[:cut]] = good[:cut]
		}
	}
	for name, row := range bad {
		err := New().Load(memRows{string(testID(1)): []byte(row)})
		if strings.HasPrefix(name, "cut") && err == nil {
			continue // cut between two predicates
		}
		if err == nil || entity.KindOf(err) != entity.KindInternal {
			t.Errorf("%s: %v, want an internal error", name, err)
		}
	}
	if err := New().Load(memRows{"short": []byte("\x01t\x00")}); err == nil {
		t.Error("a row with a short key is loaded")
	}
}

// Load hands on what the rows' reader says.
type brokenRows struct{ memRows }

var errDisk = errors.New("disk")

func (brokenRows) Scan(_, _ []byte) iter.Seq2[entity.Row, error] {
	return func(yield func(entity.Row, error) bool) {
		yield(entity.Row{}, entity.Internal("disk", errDisk))
	}
}

func TestLoadHandsOnErrors(t *testing.T) {
	if err := New().Load(brokenRows{}); !errors.Is(err, errDisk) {
		t.Errorf("error %v, want that of the rows", err)
	}
}

// FuzzRow: any bytes are refused or loaded, never a panic; what was loaded is
// written and loaded again the same.
func FuzzRow(f *testing.F) {
	f.Add(encodeRow(thing(testID(1), "person", rel("knows", 3), rel("in", 5), rel("collection", 7), rel("knows", 1))))
	f.Add(encodeRow(thing(testID(1), "t")))
	f.Add([]byte("\x01t\x00\x01p\x00"))
	f.Fuzz(func(t *testing.T, row []byte) {
		x := New()
		if x.Load(memRows{string(testID(1)): row}) != nil {
			return
		}
		edges := slices.Collect(x.Snapshot().Edges(testID(1), entity.Outgoing, nil))
		typ, live := x.Snapshot().Type(testID(1))
		if !live {
			t.Fatal("a row that is not live")
		}
		m := thing(testID(1), typ)
		for _, e := range edges {
			m.Relationships = append(m.Relationships, entity.Relationship{Predicate: e.Predicate, Peer: e.To})
		}
		again := New()
		if err := again.Load(memRows{string(testID(1)): encodeRow(m)}); err != nil {
			t.Fatal(err)
		}
		if got := slices.Collect(again.Snapshot().Edges(testID(1), entity.Outgoing, nil)); !slices.Equal(got, edges) {
			t.Fatalf("edges %v, then %v", edges, got)
		}
	})
}
