package graph

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"

	"stemma/entity"
)

// dice is a caller whose sight is thrown by id, and who notes what was asked.
type dice struct {
	t     testing.TB
	seed  uint64
	asked map[string]int
}

func newDice(t testing.TB, rng *rand.Rand) *dice { return &dice{t, rng.Uint64(), map[string]int{}} }

// again is another of the same sight.
func (d *dice) again() *dice { return &dice{d.t, d.seed, map[string]int{}} }

func (d *dice) throw(sides uint64, s string) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, d.seed, s)
	return h.Sum64() >> 7 % sides
}

func (d *dice) Scope(c entity.ID) entity.Sight {
	if d.asked["scope "+string(c)]++; d.asked["scope "+string(c)] > 1 {
		d.t.Errorf("the scope of %q is asked for twice", c)
	}
	return d.scope(c)
}

func (d *dice) scope(c entity.ID) entity.Sight { return entity.Sight(d.throw(3, string(c))) }

func (d *dice) Apart(typ string) bool {
	if d.asked["type "+typ]++; d.asked["type "+typ] > 1 {
		d.t.Errorf("type %q is asked about twice", typ)
	}
	return d.apart(typ)
}

func (d *dice) apart(typ string) bool { return typ == "type1" || typ == entity.TypeCollection }

func (d *dice) Sees(id entity.ID, typ string, c entity.ID) bool {
	if typ == "" {
		return d.throw(3, string(id)) > 0 // something that is not live
	}
	if d.apart(typ) || d.scope(c) == entity.SightSome {
		return d.throw(2, string(id)) > 0
	}
	return d.scope(c) == entity.SightAll
}

// sees decides by what the manifests say.
func (d *dice) sees(tips map[entity.ID]*entity.Manifest, id entity.ID) bool {
	if m := tips[id]; m != nil && !m.Deleted() {
		return d.Sees(id, m.Type, collection(m))
	}
	return d.Sees(id, "", "")
}

// without is the world without what d does not see.
func (g *randomGraph) without(d *dice) *randomGraph {
	rest := &randomGraph{world: newWorld(g.t), rng: g.rng, nodes: g.nodes}
	for _, id := range g.ids() {
		m := g.tips[id]
		if m == nil || m.Deleted() || !d.sees(g.tips, id) {
			continue
		}
		m = m.Clone()
		m.Relationships = slices.DeleteFunc(m.Relationships, func(r entity.Relationship) bool {
			return r.Peer != entity.Wildcard && !d.sees(g.tips, r.Peer)
		})
		rest.put(id, m)
	}
	rest.commit()
	return rest
}

// Law: a graph that is seen answers as the graph without what is hidden, in
// every detail, whether it grew or was loaded; of each type and collection its
// caller is asked once.
func TestSeenAgainstModel(t *testing.T) {
	g := newRandomGraph(t, 150)
	g.oneHome = true // the second would count where the first is hidden
	for range 12 {
		for range 1 + g.rng.IntN(200) {
			g.step()
		}
		g.commit()
		d := newDice(t, g.rng)
		rest := g.without(d)
		for i, whole := range []*Snapshot{g.x.Snapshot(), g.reload()} {
			name := [...]string{"live", "reloaded"}[i]
			s := whole.Seen(d.again())
			for i := range 6 {
				p := entity.Predicate(fmt.Sprintf("p%d", i))
				if fresh := whole.Seen(d.again()); fresh.Uses(p) != (s.PredicateCount(p) > 0) || s.Uses(p) != fresh.Uses(p) {
					t.Fatalf("%s: whether %s is in use", name, p)
				}
			}
			rest.compare(s, name)
			rest.compareSeen(s, name)
			rest.compareSearches(whole.Seen(d.again()), g.reload().Seen(d.again()))
		}
	}
}

// compareSeen expects what takes no choice between equals to be the same to the
// letter: all that is reachable, and trees.
func (g *randomGraph) compareSeen(s *Snapshot, name string) {
	g.t.Helper()
	ctx, plain := context.Background(), g.x.Snapshot()
	for range 30 {
		q := ReachQuery{
			Sources: []entity.ID{testID(g.rng.IntN(g.nodes + 20)), testID(g.rng.IntN(3))}, TargetType: []string{"", "type0", "type1", entity.TypeCollection, "none"}[g.rng.IntN(5)],
			MaxDepth: 1 + g.rng.IntN(4), Direction: []entity.Direction{entity.Both, entity.Outgoing, entity.Incoming}[g.rng.IntN(3)], Limit: 1 + g.rng.IntN(40),
		}
		got, err := s.Reachable(ctx, q)
		want, err2 := plain.Reachable(ctx, q)
		if err != nil || err2 != nil || shortPaths(got.Results) != shortPaths(want.Results) || got.Truncated != want.Truncated || got.Visited != 0 {
			g.t.Fatalf("%s: reachable by %+v:\n%s (%t, %v)\n\nwant:\n%s (%t)", name, q, shortPaths(got.Results), got.Truncated, err, shortPaths(want.Results), want.Truncated)
		}
		tree := TreeQuery{Root: q.Sources[0], Depth: q.MaxDepth, Limit: q.Limit}
		if g.rng.IntN(2) == 0 {
			tree.Collection = testID(g.rng.IntN(4))
		}
		if g.rng.IntN(3) == 0 {
			tree.Predicates = []entity.Predicate{"p1", entity.PredicateCollection}
		}
		root, n, cut, err := s.Tree(ctx, tree)
		root2, n2, cut2, err2 := plain.Tree(ctx, tree)
		if outline(root) != outline(root2) || n != n2 || cut != cut2 || fmt.Sprint(err) != fmt.Sprint(err2) {
			g.t.Fatalf("%s: tree by %+v: %s (%d, %t, %v), want %s (%d, %t, %v)", name, tree, outline(root), n, cut, err, outline(root2), n2, cut2, err2)
		}
	}
}

// secret is a caller who does not see collection 2 nor, one by one, some others.
type secret map[int]bool

func (secret) Scope(c entity.ID) entity.Sight {
	if c == testID(2) {
		return entity.SightNone
	}
	return entity.SightAll
}

func (secret) Apart(typ string) bool { return typ == entity.TypeCollection || typ == "user" }

func (v secret) Sees(id entity.ID, typ string, c entity.ID) bool {
	for n := range v {
		if id == testID(n) {
			return false
		}
	}
	return v.Apart(typ) || v.Scope(c) == entity.SightAll
}

// office has an open collection 1 with notes 10 to 13 and a hidden one 2 with
// notes 20 and 21 and the only plan, 22. The hidden user 30 made note 10; 23
// was deleted from the hidden collection, 40 never was.
func office(t *testing.T) (whole, seen *Snapshot) {
	w := newWorld(t)
	w.add(1, entity.TypeCollection)
	w.add(2, entity.TypeCollection, rel("manages", 1))
	w.add(23, "note", rel("collection", 2))
	w.add(10, "note", rel("collection", 1), rel("cites", 20), rel("by", 30), rel("cites", 23))
	w.add(11, "note", rel("collection", 1), rel("cites", 10), rel("cites", 40))
	w.add(12, "note", rel("collection", 1), rel("cites", 13))
	w.add(13, "note", rel("collection", 1))
	w.add(20, "note", rel("collection", 2), rel("cites", 12), rel("leaks", 12), rel("cites", 20))
	w.add(21, "note", rel("collection", 2), rel("collection", 1), rel("cites", 10))
	w.add(22, "plan", rel("collection", 2), rel("cites", 10))
	w.add(30, "user", rel("knows", 31))
	w.add(31, "user", rel("collection", 2), rel("collection", 1))
	w.put(testID(23), nil)
	whole = w.commit()
	return whole, whole.Seen(secret{2: true, 30: true})
}

// Nothing hidden shows, by no method.
func TestSeen(t *testing.T) {
	whole, s := office(t)
	if whole.Seen(nil) != whole || s.Seen(nil) != s || !whole.Counted() || s.Counted() {
		t.Error("nil hides something, or a visibility nothing")
	}
	for _, n := range []int{2, 20, 21, 22, 30, 23, 40, 77} {
		if typ, live := s.Type(testID(n)); typ != "" || live {
			t.Errorf("Type(%d) = %q, %t", n, typ, live)
		}
		if c := s.Collection(testID(n)); c != "" {
			t.Errorf("Collection(%d) = %s", n, c)
		}
	}
	if typ, live := s.Type(testID(31)); typ != "user" || !live || s.Collection(testID(31)) != "" || s.Collection(testID(10)) != testID(1) {
		t.Errorf("user 31 is %q, %t in %q", typ, live, s.Collection(testID(31)))
	}
	for _, n := range []int{2, 20, 21, 22, 30} {
		for _, d := range []entity.Direction{entity.Both, entity.Outgoing, entity.Incoming} {
			if got := shortEdges(s.Edges(testID(n), d, nil)); len(got) > 0 || s.Degree(testID(n), d, nil) > 0 {
				t.Errorf("edges of hidden %d: %v", n, got)
			}
		}
	}
	for n, want := range map[int][]string{
		10: {"10 cites 23", "10 collection 1", "11 cites 10"}, 12: {"12 cites 13", "12 collection 1"}, 31: {"31 collection 1"},
		1: {"10 collection 1", "11 collection 1", "12 collection 1", "13 collection 1", "31 collection 1"}, 23: {"10 cites 23"}, 40: {"11 cites 40"},
	} {
		if got := shortEdges(s.Edges(testID(n), entity.Both, nil)); !slices.Equal(got, want) || s.Degree(testID(n), entity.Both, nil) != len(want) {
			t.Errorf("edges of %d: %v, degree %d; want %v", n, got, s.Degree(testID(n), entity.Both, nil), want)
		}
	}
	if got := shortEdges(s.Edges(testID(12), entity.Incoming, []entity.Predicate{"leaks", "cites"})); len(got) > 0 {
		t.Errorf("edges from the hidden: %v", got)
	}
	if got := fmt.Sprint(counts(s)); got != "[collection 1 note 4 user 1] [by false cites true collection true knows false leaks false manages false] [cites 4 collection 5] 6 9 0" {
		t.Errorf("counts: %s", got)
	}
	if got := slices.Collect(s.OfType("note")); !slices.Equal(got, testIDs(10, 11, 12, 13)) || s.TypeCount("plan") != 0 {
		t.Errorf("notes %v, %d plans", got, s.TypeCount("plan"))
	}
}

// counts are all numbers that a snapshot has to give.
func counts(s *Snapshot) (types, uses, preds []string, nodes, edges, bytes int) {
	for typ, n := range s.Types() {
		types = append(types, fmt.Sprint(typ, " ", n))
	}
	for _, p := range []entity.Predicate{"by", "cites", "collection", "knows", "leaks", "manages"} {
		uses = append(uses, fmt.Sprint(p, " ", s.Uses(p)))
	}
	for p, n := range s.Predicates() {
		preds = append(preds, fmt.Sprint(p, " ", n))
	}
	return types, uses, preds, s.Nodes(), s.EdgeCount(), s.MemoryBytes()
}

// A path that leads through what is hidden is no path, and nothing hidden is an
// end of one or in a tree. Bounds that nothing visible meets cut nothing short.
func TestSeenSearches(t *testing.T) {
	_, s := office(t)
	ctx := context.Background()
	for _, c := range []struct {
		q    PathsQuery
		want string
	}{
		{PathsQuery{Sources: testIDs(10), Targets: testIDs(20, 30, 2, 22)}, ""},
		{PathsQuery{Sources: testIDs(20, 30, 2, 22), Targets: testIDs(10, 12)}, ""},
		{PathsQuery{Sources: testIDs(10), Targets: testIDs(12)}, "10→12: 10 collection 1, 12 collection 1"},
		{PathsQuery{Sources: testIDs(10), Targets: testIDs(12), Direction: entity.Outgoing}, ""},
		{PathsQuery{Sources: testIDs(40), Targets: testIDs(23)}, "40→23: 11 cites 40, 11 cites 10, 10 cites 23"},
	} {
		c.q.MaxDepth = 8
		p, err := s.Paths(ctx, c.q)
		if got := shortPaths(p.Paths); err != nil || got != c.want || p.Truncated || p.Visited != 0 {
			t.Errorf("paths %+v: %q, %+v, %v; want %q", c.q, got, p, err, c.want)
		}
	}
	r, err := s.Reachable(ctx, ReachQuery{Sources: testIDs(10, 20), TargetType: "note", MaxDepth: 8, Limit: 3})
	if want := "10→11: 11 cites 10\n10→12: 10 collection 1, 12 collection 1\n10→13: 10 collection 1, 13 collection 1"; err != nil || r.Truncated || r.Visited != 0 || shortPaths(r.Results) != want {
		t.Errorf("reachable:\n%s\n%+v, %v", shortPaths(r.Results), r, err)
	}
	if r, err = s.Reachable(ctx, ReachQuery{Sources: testIDs(10), TargetType: "plan", MaxDepth: 8, MaxEdges: 1}); err != nil || r.Truncated || len(r.Results) > 0 {
		t.Errorf("a type that is hidden: %+v, %v; want what an unknown one gives", r, err)
	}
	if root, n, cut, err := s.Tree(ctx, TreeQuery{Root: testID(1), Depth: 2, Limit: 6}); outline(root) != "1(10 11 12 13 31)" || n != 6 || cut || err != nil {
		t.Errorf("tree %s, %d, %t, %v", outline(root), n, cut, err)
	}
	for _, n := range []int{2, 20, 23, 30} {
		if _, _, _, err := s.Tree(ctx, TreeQuery{Root: testID(n), Depth: 1}); entity.KindOf(err) != entity.KindNotFound {
			t.Errorf("tree of %d: %v", n, err)
		}
	}
	if root, n, _, err := s.Tree(ctx, TreeQuery{Root: testID(1), Depth: 1, Collection: testID(2)}); outline(root) != "1" || n != 1 || err != nil {
		t.Errorf("tree within a hidden collection: %s, %v", outline(root), err)
	}
}

// What is near a hub costs what is asked for, also when most of it is hidden,
// and scratch memory that knew something hidden is returned clean.
func TestSeenAtHub(t *testing.T) {
	w := newWorld(t)
	const leaves = 3000
	w.add(0, "hub")
	for n := 1; n <= leaves; n++ {
		w.add(n+10, "leaf", rel("to", 0), rel("collection", 1+n%2))
	}
	w.add(1, "small", rel("to", 11), rel("to", 12))
	whole := w.commit()
	ctx, q := context.Background(), ReachQuery{Sources: testIDs(0), TargetType: "leaf", MaxDepth: 2, Limit: leaves}
	for range 3 {
		for v, want := range map[entity.Visibility]int{nil: leaves, entity.Visibility(everything{}): leaves, entity.Visibility(evens{}): leaves / 2} {
			r, err := whole.Seen(v).Reachable(ctx, q)
			if err != nil || r.Truncated || len(r.Results) != want {
				t.Errorf("%T sees %d of %d leaves, truncated %t, %v", v, len(r.Results), want, r.Truncated, err)
			}
			r, err = whole.Seen(v).Reachable(ctx, ReachQuery{Sources: testIDs(leaves, 0), TargetType: "leaf", MaxDepth: 2, Limit: want - 1})
			if err != nil || !r.Truncated || len(r.Results) != want-1 {
				t.Errorf("%T sees %d of %d leaves, truncated %t, %v", v, len(r.Results), want-1, r.Truncated, err)
			}
			r, err = whole.Seen(v).Reachable(ctx, ReachQuery{Sources: testIDs(1), MaxDepth: 1, Direction: entity.Outgoing})
			if err != nil || len(r.Results) != 2*want/leaves {
				t.Errorf("%T sees %d of 2 leaves, %v", v, len(r.Results), err)
			}
		}
	}
	b := whole.Seen(evens{}).newBidirectional(newMeter(ctx, "test", 1000), entity.Both)
	defer b.close()
	from, _ := whole.ids.find(testID(12))
	to, _ := whole.ids.find(testID(14))
	if b.source(from); !b.target(to, 8) || b.visited > 20 {
		t.Errorf("a path across the hub looked at %d edges", b.visited)
	}
}

// everything hides nothing, but has to be asked.
type everything struct{}

func (everything) Scope(entity.ID) entity.Sight           { return entity.SightAll }
func (everything) Apart(string) bool                      { return false }
func (everything) Sees(entity.ID, string, entity.ID) bool { return true }

// evens hides what belongs to collection 2.
type evens struct{ everything }

func (evens) Scope(c entity.ID) entity.Sight { return secret{}.Scope(c) }
