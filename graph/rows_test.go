package graph

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
)

// memRows is a projection's rows in a map.
type memRows map[string][]byte

// Add is for other projections: the graph keeps no sums.
func (memRows) Add([]byte, entity.Sums) { panic("graph: a row of sums") }

func (r memRows) Get(key []byte) ([]byte, error) { return r[string(key)], nil }

func (r memRows) Scan(prefix, from []byte) iter.Seq2[entity.Row, error] {
	return func(yield func(entity.Row, error) bool) {
		for _, k := range slices.Sorted(maps.Keys(r)) {
			if !strings.HasPrefix(k, string(prefix)) || k < string(from) {
				continue
			}
			if !yield(entity.Row{Key: []byte(k), Value: bytes.Clone(r[k])}, nil) {
				return
			}
		}
	}
}

func (r memRows) Set(key, value []byte) { r[string(key)] = value }
func (r memRows) Delete(key []byte)     { delete(r, string(key)) }

// testID is a well-formed id that ascends with n.
func testID(n int) entity.ID { return entity.ID(fmt.Sprintf("01JH8Z0Y6V5RZ4Q8%010d", n)) }

// world drives a graph as a store does: rows first, then memory.
type world struct {
	t    testing.TB
	x    *Index
	rows memRows
	tips map[entity.ID]*entity.Manifest
	next []entity.Transition
	sets int // rows written
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, x: New(), rows: memRows{}, tips: map[entity.ID]*entity.Manifest{}}
	if err := w.x.Load(w.rows); err != nil {
		t.Fatal(err)
	}
	return w
}

// Add is memRows's.
func (w *world) Add(key []byte, more entity.Sums) { w.rows.Add(key, more) }

func (w *world) Set(key, value []byte) { w.sets++; w.rows.Set(key, value) }
func (w *world) Delete(key []byte)     { w.sets++; w.rows.Delete(key) }

// put queues a step to a manifest; nil buries the entity.
func (w *world) put(id entity.ID, m *entity.Manifest) {
	w.t.Helper()
	before := w.tips[id]
	if m == nil {
		m = before.Clone()
		m.Bury(entity.Tombstone{OriginalVer: 1})
	}
	w.tips[id] = m
	step := entity.Transition{ID: id, Before: before, After: m}
	if err := w.x.Apply(step, w); err != nil {
		w.t.Fatal(err)
	}
	w.next = append(w.next, step)
}

// commit makes the queued steps visible.
func (w *world) commit() *Snapshot {
	w.x.Committed(w.next)
	w.next = nil
	return w.x.Snapshot()
}

// reload is the graph built from the rows.
func (w *world) reload() *Snapshot {
	w.t.Helper()
	x := New()
	if err := x.Load(w.rows); err != nil {
		w.t.Fatal(err)
	}
	return x.Snapshot()
}

// thing is a manifest. Each relationship is "predicate peer".
func thing(id entity.ID, typ string, rels ...string) *entity.Manifest {
	m := &entity.Manifest{ID: id, Type: typ, Properties: entity.Properties{}, Relationships: []entity.Relationship{}}
	for _, r := range rels {
		pred, peer, _ := strings.Cut(r, " ")
		m.Relationships = append(m.Relationships, entity.Relationship{Predicate: entity.Predicate(pred), Peer: entity.ID(peer)})
	}
	return m
}

// rel is a relationship for thing.
func rel(pred string, n int) string { return pred + " " + string(testID(n)) }

// add puts a new entity n.
func (w *world) add(n int, typ string, rels ...string) {
	w.t.Helper()
	w.put(testID(n), thing(testID(n), typ, rels...))
}

// short writes an edge with small numbers: "1 knows 2".
func short(e entity.Edge) string {
	return shortID(e.From) + " " + string(e.Predicate) + " " + shortID(e.To)
}

func shortID(id entity.ID) string {
	s := strings.TrimLeft(string(id[16:]), "0")
	if s == "" {
		return "0"
	}
	return s
}

func shortPath(p Path) string {
	var edges []string
	for _, e := range p.Edges {
		edges = append(edges, short(e))
	}
	return shortID(p.Source) + "→" + shortID(p.Target) + ": " + strings.Join(edges, ", ")
}

func shortPaths(ps []Path) string {
	var lines []string
	for _, p := range ps {
		lines = append(lines, shortPath(p))
	}
	return strings.Join(lines, "\n")
}

func shortEdges(seq iter.Seq[entity.Edge]) []string {
	list := []string{}
	for e := range seq {
		list = append(list, short(e))
	}
	return list
}
