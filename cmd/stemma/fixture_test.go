package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// fixtureID names the entities of the fixture.
func fixtureID(n int) entity.ID { return entity.ID(fmt.Sprintf("01JH8Z0Y6V5RZ4Q8Q9V4T2W3%02d", n)) }

var fixtureSecrets = []string{"first", "second", "third"}

// writer writes a fixture, a minute after each transaction another.
type writer struct {
	t     *testing.T
	s     *store.Store
	clock time.Time
}

func (w *writer) update(fn func(entity.Tx) error) {
	w.t.Helper()
	w.clock = w.clock.Add(time.Minute)
	if _, err := w.s.Update(w.t.Context(), entity.Actor{UserID: fixtureID(1), Method: entity.MethodManual, OnBehalfOf: fixtureID(2)}, fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) put(id entity.ID, edit func(*entity.Manifest)) {
	w.t.Helper()
	w.update(func(tx entity.Tx) error { return putIn(tx, id, edit) })
}

func putIn(tx entity.Tx, id entity.ID, edit func(*entity.Manifest)) error {
	_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		edit(m)
		return nil
	})
	return err
}

// fixture fills a store with ten entities and one of everything that a store
// keeps, closes it, and gives its description. It writes the same in every run.
func fixture(t *testing.T, dir string) string {
	t.Helper()
	w := &writer{t: t, clock: time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)}
	index := graph.New()
	var err error
	w.s, err = store.Open(store.Options{Dir: dir, Projections: projections(index), Clock: func() time.Time { return w.clock }})
	if err != nil {
		t.Fatal(err)
	}
	w.create()
	w.change()
	w.append()
	w.secrets()
	var text string
	if err := w.s.View(t.Context(), func(r entity.Reader) error {
		text = describe(t, r, index.Snapshot())
		return nil
	}); err != nil {
		t.Error(err)
	}
	if _, err := w.s.Check(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if err := w.s.Close(); err != nil {
		t.Fatal(err)
	}
	return text
}

func relation(p entity.Predicate, n int) entity.Relationship {
	return entity.Relationship{Predicate: p, Peer: fixtureID(n)}
}

func (w *writer) create() {
	member := relation(entity.PredicateCollection, 3)
	drafts := []entity.Draft{
		{Type: entity.TypeUser, Properties: entity.Properties{"label": "First user"}},
		{Type: entity.TypeAgent, Properties: entity.Properties{"label": "Agent", "on": true, "off": false, "nothing": nil}},
		{Type: entity.TypeCollection, Properties: entity.Properties{"label": "Writings"}, Relationships: []entity.Relationship{
			relation(entity.PredicateOwner, 1), {Predicate: entity.PredicatePublic, Peer: entity.Wildcard}}},
		{Type: entity.TypeFolder, Properties: entity.Properties{"label": "Folder"}, Relationships: []entity.Relationship{member}},
		{Type: "note", Properties: entity.Properties{"label": "Überschrift 🌲", "text": strings.Repeat("long ", 200)}, Relationships: []entity.Relationship{member}},
		{Type: "note", Properties: entity.Properties{"label": "Numbers", "max": int64(math.MaxInt64), "min": int64(math.MinInt64), "tenth": 0.1, "huge": 1e300}, Relationships: []entity.Relationship{member}},
		{Type: "person", Properties: entity.Properties{"label": "Ann", "address": map[string]any{"street": map[string]any{"number": int64(7)}, "empty": map[string]any{}, "list": []any{}}}},
		{Type: "note", Note: "to be deleted", Properties: entity.Properties{"label": "Gone"}, Relationships: []entity.Relationship{member, relation("about", 7)}},
		{Type: "note", Properties: entity.Properties{"label": "Back"}, Relationships: []entity.Relationship{relation("about", 7)}},
		{Type: "note"},
	}
	for i, d := range drafts {
		d.ID = fixtureID(i + 1)
		w.update(func(tx entity.Tx) error {
			_, err := tx.Create(d)
			return err
		})
	}
}

func (w *writer) change() {
	w.update(func(tx entity.Tx) error { // both ways, in one transaction
		for _, n := range []int{5, 6} {
			if err := putIn(tx, fixtureID(n), func(m *entity.Manifest) {
				m.Relationships = append(m.Relationships, relation(entity.PredicateIn, 4))
			}); err != nil {
				return err
			}
		}
		return putIn(tx, fixtureID(4), func(m *entity.Manifest) {
			m.Relationships = append(m.Relationships, relation(entity.PredicateContains, 5), relation(entity.PredicateContains, 6))
			m.Note = "two children"
		})
	})
	w.put(fixtureID(7), func(m *entity.Manifest) {
		m.Relationships = append(m.Relationships, relation("knows", 7), relation("knows", 99),
			entity.Relationship{Predicate: "wrote", Peer: fixtureID(5), PeerType: "note", PeerLabel: "Überschrift", Properties: entity.Properties{"year": int64(2026)}})
	})
	w.put(fixtureID(7), func(m *entity.Manifest) { m.Properties["label"] = "Anna" })
	w.put(fixtureID(10), func(m *entity.Manifest) { m.Properties["label"] = "Late" })
	bury := func(m *entity.Manifest) {
		m.Bury(entity.Tombstone{DeletedAt: entity.FormatTime(w.clock), DeletedBy: fixtureID(1), Reason: "fixture", OriginalVer: m.Ver})
	}
	w.put(fixtureID(8), bury)
	var before *entity.Manifest
	w.update(func(tx entity.Tx) error {
		h, err := tx.Head(fixtureID(9))
		if err != nil {
			return err
		}
		before, err = tx.Manifest(h.CID())
		return err
	})
	w.put(fixtureID(9), bury)
	w.put(fixtureID(9), func(m *entity.Manifest) {
		live := before.Clone()
		m.Type, m.Properties, m.Relationships = live.Type, live.Properties, live.Relationships
	})
}

func (w *writer) append() {
	for i, chain := range []string{"steps", "messages", "steps", "steps"} {
		w.update(func(tx entity.Tx) error {
			_, err := tx.Append(fixtureID(2), chain, entity.Any, entity.Properties{"i": int64(i), "text": chain})
			return err
		})
	}
	w.update(func(tx entity.Tx) error { // a chain and its entity together
		if _, err := tx.Append(fixtureID(10), "steps", entity.Any, nil); err != nil {
			return err
		}
		return putIn(tx, fixtureID(10), func(m *entity.Manifest) { m.Note = "stepped" })
	})
}

func (w *writer) secrets() {
	w.update(func(tx entity.Tx) error {
		for _, name := range fixtureSecrets {
			tx.SetSecret(name, []byte("secret of "+name))
		}
		return nil
	})
	w.update(func(tx entity.Tx) error {
		tx.DeleteSecret("second")
		return nil
	})
}

// describe is all that a reader can see of the fixture, as text.
func describe(t *testing.T, r entity.Reader, g *graph.Snapshot) string {
	t.Helper()
	var b strings.Builder
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprintf(&b, "network %s seq %d\n", r.Network(), r.Seq())
	for n := 1; n <= 10; n++ {
		h, err := r.Head(fixtureID(n))
		check(err)
		fmt.Fprintf(&b, "head %s ver %d %s at %d created %d type %q label %q collection %q deleted %v\n",
			h.ID, h.Ver, h.CID(), h.TS, h.CreatedAt, h.Type, h.Label, h.Collection, h.Deleted)
		for v, err := range r.History(h.ID, 0) {
			check(err)
			m, err := r.Manifest(v.CID)
			check(err)
			text, err := json.Marshal(m)
			check(err)
			fmt.Fprintf(&b, "  version %d %s %s\n", v.Ver, v.CID, text)
		}
		for _, chain := range []string{"messages", "steps"} {
			for c, err := range r.Chain(h.ID, chain, 1) {
				check(err)
				block, err := r.Block(c.CID)
				check(err)
				fmt.Fprintf(&b, "  %s %d %s of %d bytes\n", chain, c.N, c.CID, len(block))
			}
		}
		for _, d := range []entity.Direction{entity.Outgoing, entity.Incoming} {
			for _, e := range slices.SortedFunc(g.Edges(h.ID, d, nil), compareEdges) {
				fmt.Fprintf(&b, "  %s %s %s %s\n", d, e.From, e.Predicate, e.To)
			}
		}
	}
	for record, err := range r.Log(0) {
		check(err)
		fmt.Fprintf(&b, "record %d at %d by %+v\n", record.Seq, record.At, record.Actor)
		for i, c := range record.Changes {
			fmt.Fprintf(&b, "  event %d %s %s type %q ver %d chain %q collection %q %s\n",
				record.Seq+entity.Seq(i), c.Kind, c.ID, c.Type, c.Ver, c.Chain, c.Collection, c.CID())
		}
	}
	for _, name := range fixtureSecrets {
		value, err := r.Secret(name)
		check(err)
		fmt.Fprintf(&b, "secret %s %q\n", name, value)
	}
	return b.String()
}
