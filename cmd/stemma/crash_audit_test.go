package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
	"stemma/versions/attest"
)

// audit opens a network's store after a crash and holds it against what was
// acknowledged; then it tells the workers where their entities stand.
func (l *load) audit(t *testing.T, data string) {
	t.Helper()
	index := graph.New()
	s, err := store.Open(store.Options{Dir: filepath.Join(data, string(l.network)), Network: l.network, Projections: projections(index)})
	if err != nil {
		t.Fatalf("the store does not open after a crash: %v", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := s.Check(t.Context(), nil); err != nil {
		t.Errorf("%s: %v", l.network, err)
	}
	err = s.View(t.Context(), func(r entity.Reader) error {
		for _, a := range l.acked {
			if err := present(r, a); err != nil {
				t.Errorf("acknowledged, but: %v", err)
			}
		}
		ids, err := wholeRecords(t, r)
		if err != nil {
			return err
		}
		if err := sameGraph(t, r, ids, index.Snapshot()); err != nil {
			return err
		}
		// What was signed is of this log, and no less than before.
		attested, err := attest.Check(t.Context(), attestDir(data, l.network), r, nil)
		if err != nil || attested.Signed < l.signed {
			t.Errorf("%s: %d changes were signed, after %d: %v", l.network, attested.Signed, l.signed, err)
		}
		l.signed = attested.Signed
		return l.refresh(r)
	})
	if err != nil {
		t.Error(err)
	}
}

// present tells what is missing of an acknowledged version.
func present(r entity.Reader, a ack) error {
	c, err := entity.ParseCID(a.CID)
	if err != nil {
		return err
	}
	m, err := r.Manifest(c)
	if err != nil {
		return fmt.Errorf("version %d of %s: %w", a.Ver, a.ID, err)
	}
	if m.ID != a.ID || a.Ver != 0 && m.Ver != a.Ver {
		return fmt.Errorf("%s is version %d of %s, not %d of %s", c, m.Ver, m.ID, a.Ver, a.ID)
	}
	at, err := r.VersionAt(a.ID, m.Ver)
	if err != nil || at != c {
		return fmt.Errorf("version %d of %s is %s, not %s: %v", m.Ver, a.ID, at, c, err)
	}
	h, err := r.Head(a.ID)
	if err != nil || h.Ver < m.Ver {
		return fmt.Errorf("the head of %s is at %d, before %d: %v", a.ID, h.Ver, m.Ver, err)
	}
	return nil
}

// wholeRecords reads the log: the versions of one two-entity write are in one
// record, both of them. It gives the ids of all entities.
func wholeRecords(t *testing.T, r entity.Reader) (ids map[entity.ID]bool, err error) {
	ids = make(map[entity.ID]bool)
	for record, err := range r.Log(0) {
		if err != nil {
			return ids, err
		}
		notes := make(map[string]int)
		for _, c := range record.Changes {
			ids[c.ID] = true
			m, err := r.Manifest(c.CID())
			if err != nil {
				return ids, err
			}
			if strings.HasPrefix(m.Note, notePair) || strings.HasPrefix(m.Note, noteChild) {
				notes[m.Note]++
			}
		}
		for note, n := range notes {
			if n != 2 {
				t.Errorf("record %d has %d of the two versions of %q", record.Seq, n, note)
			}
		}
	}
	return ids, nil
}

// mirror are the predicates that each imply the other, the other way round.
var mirror = map[entity.Predicate]entity.Predicate{
	paired: pairedBy, pairedBy: paired,
	entity.PredicateContains: entity.PredicateIn, entity.PredicateIn: entity.PredicateContains,
}

// sameGraph compares the graph in memory with a naive scan of the heads.
func sameGraph(t *testing.T, r entity.Reader, ids map[entity.ID]bool, g *graph.Snapshot) error {
	edges := make(map[entity.Edge]bool)
	live := 0
	for id := range ids {
		h, err := r.Head(id)
		if err != nil {
			return err
		}
		typ, ok := g.Type(id)
		if ok == h.Deleted || ok && typ != h.Type {
			t.Errorf("%s: the graph says live %v, type %q; its head deleted %v, %q", id, ok, typ, h.Deleted, h.Type)
		}
		if h.Deleted {
			continue
		}
		live++
		m, err := r.Manifest(h.CID())
		if err != nil {
			return err
		}
		for _, rel := range m.Relationships {
			edges[entity.Edge{From: id, Predicate: rel.Predicate, To: rel.Peer}] = true
		}
	}
	if g.Nodes() != live || g.EdgeCount() != len(edges) {
		t.Errorf("the graph has %d nodes and %d edges, the heads %d and %d", g.Nodes(), g.EdgeCount(), live, len(edges))
	}
	both := make(map[entity.ID][2][]entity.Edge)
	for e := range edges {
		from := both[e.From]
		from[0] = append(from[0], e)
		both[e.From] = from
		to := both[e.To]
		to[1] = append(to[1], e)
		both[e.To] = to
		if back, ok := mirror[e.Predicate]; ok && !edges[entity.Edge{From: e.To, Predicate: back, To: e.From}] {
			t.Errorf("%s %s %s has no %s back: half of a two-entity write", e.From, e.Predicate, e.To, back)
		}
	}
	for id, want := range both {
		for i, d := range []entity.Direction{entity.Outgoing, entity.Incoming} {
			got := slices.SortedFunc(g.Edges(id, d, nil), compareEdges)
			slices.SortFunc(want[i], compareEdges)
			if !slices.Equal(got, want[i]) {
				t.Errorf("%s edges of %s: the graph has %v, the heads %v", d, id, got, want[i])
			}
		}
	}
	return nil
}

func compareEdges(a, b entity.Edge) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Predicate, b.Predicate), cmp.Compare(a.To, b.To))
}

// refresh tells the workers where their entities stand: a write that was not
// answered may have happened or not.
func (l *load) refresh(r entity.Reader) error {
	var all []*owned
	for _, mine := range l.cold {
		all = append(all, mine...)
	}
	for _, pair := range l.pairs {
		all = append(all, pair[0], pair[1])
	}
	for _, o := range append(all, l.folder) {
		if o == nil {
			continue
		}
		h, err := r.Head(o.id)
		if err != nil {
			return err
		}
		m, err := r.Manifest(h.CID())
		if err != nil {
			return err
		}
		o.tip, o.deleted = h.CID().String(), h.Deleted
		o.related = slices.ContainsFunc(m.Relationships, func(rel entity.Relationship) bool { return rel.Predicate == paired })
	}
	return nil
}

// feedPage is what a follower reads of the feed.
type feedPage struct {
	Events []struct {
		ID       uint64
		EntityID entity.ID `json:"entity_id"`
		CID      string
	}
	HasMore bool `json:"has_more"`
	Cursor  uint64
}

// follow reads over HTTP what came since the last time: numbers are dense, and
// every write of the round before is there exactly once, then a tip is where it
// was left or further.
func (l *load) follow(t *testing.T, url string, cursor uint64) (next uint64) {
	t.Helper()
	seen := make(map[string]int)
	for more := true; more; {
		var page feedPage
		l.get(t, fmt.Sprintf("%s/events?since=%d&limit=1000", url, cursor), &page)
		for i, e := range page.Events {
			if want := cursor + uint64(i) + 1; e.ID != want {
				t.Fatalf("the feed has %d where %d should be", e.ID, want)
			}
			seen[string(e.EntityID)+e.CID]++
		}
		cursor, more = page.Cursor, page.HasMore
	}
	tips := make(map[entity.ID]bool)
	for _, a := range l.acked[l.fresh:] {
		if n := seen[string(a.ID)+a.CID]; n != 1 {
			t.Errorf("version %d of %s was acknowledged and is %d times in the feed", a.Ver, a.ID, n)
		}
		tips[a.ID] = true
	}
	ids := slices.Sorted(maps.Keys(tips))
	for _, id := range ids[:min(len(ids), 20)] {
		var a ack
		l.get(t, fmt.Sprintf("%s/entities/%s/tip", url, id), &a)
		if seen[string(id)+a.CID] != 1 {
			t.Errorf("the tip of %s is %s, which is not in the feed", id, a.CID)
		}
	}
	return cursor
}

func (l *load) get(t *testing.T, url string, v any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Arke-Network", string(l.network))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s answered %d", url, res.StatusCode)
	}
	if err := json.NewDecoder(res.Body).Decode(v); err != nil {
		t.Fatal(err)
	}
}
