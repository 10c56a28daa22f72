package graph

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"stemma/entity"
)

// Law: a snapshot never changes, and a batch is seen whole or not at all. Every
// batch adds a pair of entities that point at each other and at a hub, and
// sometimes takes one such pair away; readers must always find pairs, and the
// same answer twice from the same snapshot.
func TestSnapshotsAreIsolated(t *testing.T) {
	const batches = 400
	w := newWorld(t)
	var wg sync.WaitGroup
	done := make(chan struct{})
	first := w.commit()
	for range 2 {
		wg.Go(func() {
			for more := true; more; {
				select {
				case <-done:
					more = false // once more, to see the end
				default:
				}
				s := w.x.Snapshot()
				a, b := digest(t, s), digest(t, s)
				if !slices.Equal(a, b) {
					t.Error("a snapshot gave two answers")
				}
			}
		})
	}
	var kept []*Snapshot
	var answers [][]string
	for n := range batches {
		w.add(2*n+10, "pair", rel("twin", 2*n+11), rel("hub", 1))
		w.add(2*n+11, "pair", rel("twin", 2*n+10), rel("hub", 1))
		if n%5 == 4 {
			w.put(testID(2*n+2), nil)
			w.put(testID(2*n+3), nil)
		}
		s := w.commit()
		if n%40 == 0 {
			kept, answers = append(kept, s), append(answers, digest(t, s))
		}
	}
	close(done)
	wg.Wait()
	for i, s := range kept {
		if !slices.Equal(digest(t, s), answers[i]) {
			t.Errorf("snapshot %d changed while later batches were committed", i)
		}
	}
	if first.Nodes() != 0 || first.EdgeCount() != 0 {
		t.Error("the first snapshot is not empty any more")
	}
	if _, live := first.Type(testID(10)); live {
		t.Error("the first snapshot knows an entity of the future")
	}
}

// digest reads all of a snapshot and checks that pairs are whole.
func digest(t *testing.T, s *Snapshot) []string {
	var lines []string
	for id := range s.OfType("pair") {
		edges := shortEdges(s.Edges(id, entity.Both, nil))
		lines = append(lines, edges...)
		if len(edges) != 3 {
			t.Errorf("entity %s has edges %v; a pair has two twins and a hub", shortID(id), edges)
		}
	}
	hub := shortEdges(s.Edges(testID(1), entity.Incoming, nil))
	if len(hub) != s.TypeCount("pair") || s.Nodes() != len(hub) || s.EdgeCount() != 2*len(hub) {
		t.Errorf("%d entities, %d at the hub, %d edges", s.Nodes(), len(hub), s.EdgeCount())
	}
	return append(lines, hub...)
}

func TestUnknownAndDangling(t *testing.T) {
	w := newWorld(t)
	w.add(1, "person", rel("knows", 2), rel("knows", 9), "public *")
	w.add(2, "person", rel("knows", 1))
	w.add(3, "person", rel("knows", 9))
	s := w.commit()

	if s.Nodes() != 3 || s.EdgeCount() != 4 {
		t.Errorf("%d nodes and %d edges, want 3 and 4", s.Nodes(), s.EdgeCount())
	}
	for _, id := range []entity.ID{testID(9), testID(77), entity.Wildcard, ""} {
		if typ, live := s.Type(id); typ != "" || live {
			t.Errorf("Type(%q) = %q, %v; want nothing live", id, typ, live)
		}
	}
	if got := shortEdges(s.Edges(testID(9), entity.Both, nil)); !slices.Equal(got, []string{"1 knows 9", "3 knows 9"}) {
		t.Errorf("edges of a dangling peer: %v", got)
	}
	if n := s.PredicateCount("public"); n != 0 {
		t.Errorf("%d edges to the wildcard, which is not a node", n)
	}

	// Deleting takes the entity's own edges, not those towards it.
	w.put(testID(2), nil)
	s = w.commit()
	if got := shortEdges(s.Edges(testID(2), entity.Both, nil)); !slices.Equal(got, []string{"1 knows 2"}) {
		t.Errorf("edges of a deleted entity: %v", got)
	}
	if _, live := s.Type(testID(2)); live || s.TypeCount("person") != 2 {
		t.Error("a deleted entity is live")
	}

	// Restoring brings them back.
	w.put(testID(2), thing(testID(2), "ghost", rel("haunts", 1)))
	s = w.commit()
	if got := shortEdges(s.Edges(testID(2), entity.Both, nil)); !slices.Equal(got, []string{"2 haunts 1", "1 knows 2"}) {
		t.Errorf("edges of a restored entity: %v", got)
	}
	if typ, _ := s.Type(testID(2)); typ != "ghost" {
		t.Errorf("a restored entity has type %q", typ)
	}
}

func TestLoopIsOneEdge(t *testing.T) {
	w := newWorld(t)
	w.add(1, "a", rel("is", 1), rel("knows", 1), rel("knows", 2), rel("was", 2))
	w.add(2, "a", rel("is", 1), rel("knows", 1))
	s := w.commit()
	want := []string{"1 is 1", "1 knows 1", "1 knows 2", "1 was 2", "2 is 1", "2 knows 1"}
	if got := shortEdges(s.Edges(testID(1), entity.Both, nil)); !slices.Equal(got, want) {
		t.Errorf("edges both ways: %v, want %v", got, want)
	}
	for _, c := range []struct {
		d    entity.Direction
		only []entity.Predicate
		n    int
	}{{entity.Both, nil, 6}, {entity.Outgoing, nil, 4}, {entity.Incoming, nil, 4}, {entity.Both, []entity.Predicate{"knows"}, 3}, {entity.Both, []entity.Predicate{"is", "was"}, 3}, {entity.Incoming, []entity.Predicate{"is"}, 2}} {
		if n := s.Degree(testID(1), c.d, c.only); n != c.n {
			t.Errorf("Degree(%v, %v) = %d, want %d", c.d, c.only, n, c.n)
		}
	}
}

// Law: adding or removing one edge of a hub copies its directory and one chunk,
// or two where chunks are split or joined, and leaves the rest shared.
func TestHubEditCopiesOneChunk(t *testing.T) {
	w := newWorld(t)
	const degree = 20_000
	for n := range degree {
		w.add(2*n, "leaf", rel("to", 9_999_999))
	}
	before := w.commit()
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		n := 2*rng.IntN(degree) + 1
		w.add(n, "leaf", rel("to", 9_999_999))
		after := w.commit()
		if fresh := freshChunks(t, before, after); fresh > 2 {
			t.Fatalf("adding an edge made %d chunks", fresh)
		}
		w.put(testID(n), thing(testID(n), "leaf"))
		before = w.commit()
		if fresh := freshChunks(t, after, before); fresh > 2 {
			t.Fatalf("removing an edge made %d chunks", fresh)
		}
	}
	if n := before.Degree(testID(9_999_999), entity.Incoming, []entity.Predicate{"to"}); n != degree {
		t.Errorf("degree %d, want %d", n, degree)
	}
}

// freshChunks counts the chunks of the hub that the two do not share.
func freshChunks(t *testing.T, a, b *Snapshot) int {
	t.Helper()
	old := map[*half]bool{}
	for i, s := range []*Snapshot{a, b} {
		u, _ := s.ids.find(testID(9_999_999))
		in := &s.nodes.get(u).in
		if !in.isHub || in.chunks() < 10 {
			t.Fatalf("%d incoming edges are no hub", in.len())
		}
		fresh := 0
		for c := range in.chunks() {
			first := &in.chunk(c)[0]
			if i == 1 && !old[first] {
				fresh++
			}
			old[first] = true
		}
		if i == 1 {
			return fresh
		}
	}
	return 0
}

// Law: an adjacency is the sorted set of what was put in and not taken out; its
// chunks are neither empty nor too long; what an older batch made stays.
func TestAdjacencyAgainstSlice(t *testing.T) {
	o := order{ids: newIDs(), preds: names{list: []string{"b", "a", "c"}}}
	rng := rand.New(rand.NewPCG(4, 4))
	for _, n := range rng.Perm(4000) {
		o.ids.intern(testID(n))
	}
	var a adjacency
	var sorted []half
	var old []adjacency
	var olds [][]half
	for epoch := uint64(1); epoch < 400; epoch++ {
		growing := epoch < 150 || epoch > 250
		for range rng.IntN(60) {
			h := makeHalf(uint32(rng.IntN(3)), uint32(rng.IntN(4000)))
			at, found := slices.BinarySearchFunc(sorted, h, o.compare)
			if growing || rng.IntN(4) == 0 {
				if a.insert(&o, h, epoch) == found {
					t.Fatalf("insert of %x tells %v", h, !found)
				}
				if !found {
					sorted = slices.Insert(sorted, at, h)
				}
				continue
			}
			if !found && len(sorted) > 0 && at < len(sorted) {
				h, found = sorted[at], true
			}
			if a.remove(&o, h, epoch) != found {
				t.Fatalf("remove of %x tells %v", h, !found)
			}
			if found {
				sorted = slices.Delete(sorted, at, at+1)
			}
		}
		checkAdjacency(t, &a, sorted)
		if epoch%20 == 0 {
			old, olds = append(old, a), append(olds, slices.Clone(sorted))
		}
	}
	for i := range old {
		checkAdjacency(t, &old[i], olds[i])
	}
}

func checkAdjacency(t *testing.T, a *adjacency, want []half) {
	t.Helper()
	var got []half
	for i := range a.chunks() {
		c := a.chunk(i)
		if len(c) == 0 || len(c) > chunkMax {
			t.Fatalf("a chunk of %d", len(c))
		}
		got = append(got, c...)
	}
	if !slices.Equal(got, want) || a.len() != len(want) {
		t.Fatalf("%d half-edges in another order or number than %d", a.len(), len(want))
	}
	if a.isHub && a.len() < hubUntil || !a.isHub && a.len() > hubFrom {
		t.Fatalf("%d half-edges, hub: %v", a.len(), a.isHub)
	}
}

func TestMemoryEstimate(t *testing.T) {
	w := newWorld(t)
	empty := w.x.Snapshot().MemoryBytes()
	for n := range 1000 {
		w.add(n, "t", rel("next", n+1), rel("after", n+2))
	}
	if n := w.commit().MemoryBytes() - empty; n < 2000*16 || n > 2000*16+1002*200 {
		t.Errorf("2000 edges among 1002 nodes are estimated at %d bytes", n)
	}
}
