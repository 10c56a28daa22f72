package graph

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"stemma/entity"
)

// model answers from the manifests by scanning all of them.
type model map[entity.ID]*entity.Manifest

func (m model) live(id entity.ID) bool { return m[id] != nil && !m[id].Deleted() }

func (m model) edges() []entity.Edge {
	var all []entity.Edge
	for id, man := range m {
		for _, r := range man.Relationships {
			if r.Peer != entity.Wildcard {
				all = append(all, entity.Edge{From: id, Predicate: r.Predicate, To: r.Peer})
			}
		}
	}
	return all
}

// around gives the edges of every node, as Snapshot.Edges orders them.
func (m model) around(d entity.Direction) map[entity.ID][]entity.Edge {
	out, in := map[entity.ID][]entity.Edge{}, map[entity.ID][]entity.Edge{}
	for _, e := range m.edges() {
		if d != entity.Incoming {
			out[e.From] = append(out[e.From], e)
		}
		if d == entity.Incoming || d == entity.Both && e.From != e.To {
			in[e.To] = append(in[e.To], e)
		}
	}
	for _, side := range []map[entity.ID][]entity.Edge{out, in} {
		for _, es := range side {
			slices.SortFunc(es, func(a, b entity.Edge) int {
				return compareLinks(link{a.Predicate, a.From + a.To}, link{b.Predicate, b.From + b.To})
			})
		}
	}
	for id, es := range in {
		out[id] = append(out[id], es...)
	}
	return out
}

// distances are the hops from a node, through live nodes only.
func (m model) distances(around map[entity.ID][]entity.Edge, src entity.ID) map[entity.ID]int {
	dist := map[entity.ID]int{src: 0}
	for queue := []entity.ID{src}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at != src && !m.live(at) {
			continue
		}
		for _, e := range around[at] {
			other := e.To
			if other == at {
				other = e.From
			}
			if _, seen := dist[other]; !seen {
				dist[other] = dist[at] + 1
				queue = append(queue, other)
			}
		}
	}
	return dist
}

// randomGraph drives steps of random edits: things with random relationships,
// many of them to two hubs, deletions, restores, changes of type.
type randomGraph struct {
	*world
	rng     *rand.Rand
	nodes   int
	oneHome bool // of a few collections nothing belongs to a second one
}

func newRandomGraph(t *testing.T, nodes int) *randomGraph {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return &randomGraph{world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 0)), nodes: nodes}
}

func (g *randomGraph) step() {
	id := testID(g.rng.IntN(g.nodes))
	old := g.tips[id]
	switch dice := g.rng.IntN(10); {
	case old == nil || old.Deleted() || dice == 0:
		m := thing(id, fmt.Sprintf("type%d", g.rng.IntN(4)))
		if g.rng.IntN(20) == 0 {
			m.Type = entity.TypeCollection
		}
		g.relate(m, g.rng.IntN(12))
		g.put(id, m)
	case dice == 1:
		g.put(id, nil)
	case dice < 4: // properties and order only
		m := old.Clone()
		m.Properties["n"] = int64(g.rng.IntN(1000))
		g.rng.Shuffle(len(m.Relationships), func(i, j int) {
			m.Relationships[i], m.Relationships[j] = m.Relationships[j], m.Relationships[i]
		})
		g.put(id, m)
	default: // a few edges more and less
		m := old.Clone()
		for range g.rng.IntN(3) {
			if n := len(m.Relationships); n > 0 {
				m.Relationships = slices.Delete(m.Relationships, n-1, n)
			}
		}
		g.relate(m, g.rng.IntN(3))
		g.put(id, m)
	}
}

func (g *randomGraph) relate(m *entity.Manifest, n int) {
	for range n {
		pred, peer := entity.Predicate(fmt.Sprintf("p%d", g.rng.IntN(6))), testID(g.rng.IntN(g.nodes+20))
		switch g.rng.IntN(6) {
		case 0, 1:
			peer = testID(g.rng.IntN(2))
		case 2:
			pred = entity.PredicateCollection
		case 3:
			if g.rng.IntN(5) == 0 {
				peer = entity.Wildcard
			}
		}
		if g.oneHome && pred == entity.PredicateCollection {
			if m.Collection() != "" {
				continue
			}
			peer = testID(g.rng.IntN(5))
		}
		if err := m.Relate(entity.RelationshipEdit{Relationship: entity.Relationship{Predicate: pred, Peer: peer}}); err != nil {
			g.t.Fatal(err)
		}
	}
}

// Law: after every batch the graph holds exactly what the manifests say, and so
// does a graph built from the rows; both answer alike in every detail.
func TestRandomAgainstModel(t *testing.T) {
	g := newRandomGraph(t, 250)
	for round := range 12 {
		for range 10 {
			for range 1 + g.rng.IntN(30) {
				g.step()
			}
			g.commit()
		}
		s := g.x.Snapshot()
		g.compare(s, "live")
		g.compare(g.reload(), "reloaded")
		if round%3 == 2 {
			g.compareSearches(s, g.reload())
		}
	}
	if n := g.x.Snapshot().Degree(testID(0), entity.Incoming, nil); n <= hubFrom {
		t.Errorf("node 0 has %d incoming edges; the test means it to be a hub", n)
	}
}

func (g *randomGraph) ids() []entity.ID {
	var ids []entity.ID
	for n := range g.nodes + 25 {
		ids = append(ids, testID(n))
	}
	return ids
}

func (g *randomGraph) compare(s *Snapshot, name string) {
	g.t.Helper()
	m := model(g.tips)
	byType, byPred := map[string][]entity.ID{}, map[entity.Predicate]int{}
	live := 0
	for _, id := range g.ids() {
		typ, ok := s.Type(id)
		if ok != m.live(id) || ok && typ != m[id].Type {
			g.t.Fatalf("%s: Type(%s) = %q, %v", name, shortID(id), typ, ok)
		}
		want := entity.ID("")
		if ok {
			live++
			byType[typ] = append(byType[typ], id)
			want = collection(m[id])
		}
		if c := s.Collection(id); c != want {
			g.t.Fatalf("%s: Collection(%s) = %q, want %q", name, shortID(id), c, want)
		}
	}
	for _, e := range m.edges() {
		byPred[e.Predicate]++
	}
	if s.Nodes() != live || s.EdgeCount() != len(m.edges()) {
		g.t.Fatalf("%s: %d nodes and %d edges, want %d and %d", name, s.Nodes(), s.EdgeCount(), live, len(m.edges()))
	}
	counts := map[string]int{}
	for typ, ids := range byType {
		counts[typ] = len(ids)
		if got := slices.Collect(s.OfType(typ)); !slices.Equal(got, ids) || s.TypeCount(typ) != len(ids) {
			g.t.Fatalf("%s: OfType(%s) = %v, want %v", name, typ, got, ids)
		}
	}
	if !maps.Equal(maps.Collect(s.Types()), counts) || !maps.Equal(maps.Collect(s.Predicates()), byPred) {
		g.t.Fatalf("%s: types or predicates in use differ", name)
	}
	for p, n := range byPred {
		if s.PredicateCount(p) != n || !s.Uses(p) {
			g.t.Fatalf("%s: PredicateCount(%s) = %d, want %d", name, p, s.PredicateCount(p), n)
		}
	}
	g.compareEdges(s, name)
}

func (g *randomGraph) compareEdges(s *Snapshot, name string) {
	g.t.Helper()
	for _, d := range []entity.Direction{entity.Both, entity.Outgoing, entity.Incoming} {
		around := model(g.tips).around(d)
		for _, only := range [][]entity.Predicate{nil, {}, {"p3"}, {"p4", "none", "p1", "p4"}} {
			for _, id := range g.ids() {
				want := slices.DeleteFunc(slices.Clone(around[id]), func(e entity.Edge) bool {
					return only != nil && !slices.Contains(only, e.Predicate)
				})
				got := slices.Collect(s.Edges(id, d, only))
				if !slices.Equal(got, want) {
					g.t.Fatalf("%s: Edges(%s, %v, %q) = %v, want %v", name, shortID(id), d, only, shortEdges(slices.Values(got)), shortEdges(slices.Values(want)))
				}
				if n := s.Degree(id, d, only); n != len(want) {
					g.t.Fatalf("%s: Degree(%s, %v, %q) = %d, want %d", name, shortID(id), d, only, n, len(want))
				}
			}
		}
	}
}

func (g *randomGraph) compareSearches(s, reloaded *Snapshot) {
	g.t.Helper()
	ctx, m := context.Background(), model(g.tips)
	for _, d := range []entity.Direction{entity.Both, entity.Outgoing, entity.Incoming} {
		around := m.around(d)
		for depth := 1; depth <= MaxDepth; depth += 1 + g.rng.IntN(3) {
			sources, targets := []entity.ID{}, []entity.ID{}
			for range 6 {
				sources = append(sources, testID(g.rng.IntN(g.nodes+20)))
				targets = append(targets, testID(g.rng.IntN(g.nodes+20)))
			}
			paths, err := s.Paths(ctx, PathsQuery{Sources: sources, Targets: targets, MaxDepth: depth, Direction: d, Limit: 1000})
			if err != nil || paths.Truncated {
				g.t.Fatal(err, paths.Truncated)
			}
			again, _ := reloaded.Paths(ctx, PathsQuery{Sources: sources, Targets: targets, MaxDepth: depth, Direction: d, Limit: 1000})
			if shortPaths(again.Paths) != shortPaths(paths.Paths) {
				g.t.Fatalf("paths differ after a reload:\n%s\n\n%s", shortPaths(paths.Paths), shortPaths(again.Paths))
			}
			g.checkPaths(around, d, depth, sources, targets, nil, paths.Paths)

			typ := []string{"", "type1", "type2"}[g.rng.IntN(3)]
			reach, err := s.Reachable(ctx, ReachQuery{Sources: sources, TargetType: typ, MaxDepth: depth, Direction: d, Limit: 1 << 20})
			if err != nil || reach.Truncated {
				g.t.Fatal(err, reach.Truncated)
			}
			more, _ := reloaded.Reachable(ctx, ReachQuery{Sources: sources, TargetType: typ, MaxDepth: depth, Direction: d, Limit: 1 << 20})
			if shortPaths(more.Results) != shortPaths(reach.Results) {
				g.t.Fatal("what is reachable differs after a reload")
			}
			want := func(id entity.ID) bool { return m.live(id) && (typ == "" || m[id].Type == typ) }
			g.checkPaths(around, d, depth, sources, g.ids(), want, reach.Results)
		}
	}
}

// checkPaths expects one shortest walk for every pair within depth, and no more.
func (g *randomGraph) checkPaths(around map[entity.ID][]entity.Edge, d entity.Direction, depth int, sources, targets []entity.ID, want func(entity.ID) bool, got []Path) {
	g.t.Helper()
	type ends struct{ from, to entity.ID }
	length := map[ends]int{}
	last := 0
	for _, p := range got {
		length[ends{p.Source, p.Target}] = len(p.Edges)
		if len(p.Edges) < last {
			g.t.Fatalf("a longer path stands before a shorter one:\n%s", shortPaths(got))
		}
		last = len(p.Edges)
		g.checkWalk(around, p)
	}
	if len(length) != len(got) {
		g.t.Fatalf("a pair has two paths:\n%s", shortPaths(got))
	}
	expected := map[ends]int{}
	for _, src := range sources {
		dist := model(g.tips).distances(around, src)
		for _, dst := range targets {
			if n, ok := dist[dst]; ok && src != dst && n <= depth && (want == nil || want(dst)) {
				expected[ends{src, dst}] = n
			}
		}
	}
	if !maps.Equal(length, expected) {
		g.t.Fatalf("%v to depth %d: lengths are %v, want %v", d, depth, length, expected)
	}
}

// checkWalk expects edges of the graph, in their stored direction, each going on
// from where the one before ended.
func (g *randomGraph) checkWalk(around map[entity.ID][]entity.Edge, p Path) {
	g.t.Helper()
	at := p.Source
	for _, e := range p.Edges {
		if !slices.Contains(around[at], e) {
			g.t.Fatalf("%s: there is no way on from %s", shortPath(p), shortID(at))
		}
		if e.From == at {
			at = e.To
		} else {
			at = e.From
		}
		if at != p.Target && !model(g.tips).live(at) {
			g.t.Fatalf("%s leads through %s, which is not live", shortPath(p), shortID(at))
		}
	}
	if at != p.Target {
		g.t.Fatalf("%s does not end at its target", shortPath(p))
	}
}
