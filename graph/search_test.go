package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/entity"
)

func testIDs(ns ...int) []entity.ID {
	ids := make([]entity.ID, len(ns))
	for i, n := range ns {
		ids[i] = testID(n)
	}
	return ids
}

// island is a small graph with a bit of everything: a chain 1-2-3-4, a short cut
// against the arrows, a cycle, a loop, a dangling peer 9 and a deleted one 8.
func island(t *testing.T) *Snapshot {
	w := newWorld(t)
	w.add(8, "person")
	w.add(1, "person", rel("knows", 2), rel("mentions", 9), rel("mentions", 8))
	w.add(2, "person", rel("knows", 3), rel("is", 2))
	w.add(3, "place", rel("near", 4))
	w.add(4, "place", rel("near", 1), rel("a", 5), rel("b", 5))
	w.add(5, "thing")
	w.add(6, "person", rel("mentions", 9), rel("mentions", 8))
	w.put(testID(8), nil)
	return w.commit()
}

func TestPaths(t *testing.T) {
	s := island(t)
	for _, c := range []struct {
		name    string
		q       PathsQuery
		want    []string
		visited int // at most
	}{
		{"with the arrows", PathsQuery{Sources: testIDs(1), Targets: testIDs(4), Direction: entity.Outgoing}, []string{"1→4: 1 knows 2, 2 knows 3, 3 near 4"}, 10},
		{"against them", PathsQuery{Sources: testIDs(1), Targets: testIDs(3), Direction: entity.Incoming}, []string{"1→3: 4 near 1, 3 near 4"}, 10},
		{"either way", PathsQuery{Sources: testIDs(1), Targets: testIDs(4)}, []string{"1→4: 4 near 1"}, 10},
		{"first predicate of two", PathsQuery{Sources: testIDs(4), Targets: testIDs(5), Direction: entity.Outgoing}, []string{"4→5: 4 a 5"}, 10},
		{"too deep", PathsQuery{Sources: testIDs(1), Targets: testIDs(4), Direction: entity.Outgoing, MaxDepth: 2}, nil, 10},
		{"no way", PathsQuery{Sources: testIDs(5), Targets: testIDs(1), Direction: entity.Outgoing}, nil, 10},
		{"to itself", PathsQuery{Sources: testIDs(2), Targets: testIDs(2)}, nil, 0},
		{"unknown", PathsQuery{Sources: testIDs(2, 77), Targets: testIDs(78)}, nil, 0},
		{"to a dangling peer", PathsQuery{Sources: testIDs(2), Targets: testIDs(9)}, []string{"2→9: 1 knows 2, 1 mentions 9"}, 20},
		{"from a dangling peer", PathsQuery{Sources: testIDs(9), Targets: testIDs(2), Direction: entity.Both}, []string{"9→2: 1 mentions 9, 1 knows 2"}, 20},
		{"not through what is not live", PathsQuery{Sources: testIDs(1), Targets: testIDs(6)}, nil, 40},
		{"pairs: shortest first, then as asked, each once", PathsQuery{Sources: testIDs(3, 1, 3), Targets: testIDs(5, 4, 5), Direction: entity.Outgoing},
			[]string{"3→4: 3 near 4", "3→5: 3 near 4, 4 a 5", "1→4: 1 knows 2, 2 knows 3, 3 near 4", "1→5: 1 knows 2, 2 knows 3, 3 near 4, 4 a 5"}, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.q.MaxDepth == 0 {
				c.q.MaxDepth = 4
			}
			r, err := s.Paths(context.Background(), c.q)
			if err != nil || r.Truncated || r.Visited > c.visited {
				t.Fatalf("error %v, truncated %v, visited %d", err, r.Truncated, r.Visited)
			}
			if got := shortPaths(r.Paths); got != strings.Join(c.want, "\n") {
				t.Errorf("paths\n%s\nwant\n%s", got, strings.Join(c.want, "\n"))
			}
		})
	}
}

// The ball around the source, kept from the first target, grew over the dangling
// peer 9 while it was in the ball around that target; it is within reach still.
func TestPathToPeerAtRimOfEarlierTarget(t *testing.T) {
	w := newWorld(t)
	w.add(1, "a", rel("to", 2), rel("to", 3), rel("to", 4))
	w.add(2, "a", rel("to", 9))
	w.add(5, "a", rel("to", 9), rel("to", 6))
	w.add(6, "a")
	for n := 10; n < 30; n++ {
		w.add(n, "a", rel("to", 6))
	}
	r, err := w.commit().Paths(context.Background(), PathsQuery{Sources: testIDs(1), Targets: testIDs(5, 9), MaxDepth: 8})
	if want := "1→9: 1 to 2, 2 to 9"; err != nil || shortPaths(r.Paths) != want {
		t.Errorf("paths %q, want %q, %v", shortPaths(r.Paths), want, err)
	}
}

func TestReachable(t *testing.T) {
	s := island(t)
	for _, c := range []struct {
		name string
		q    ReachQuery
		want []string
	}{
		{"by type", ReachQuery{Sources: testIDs(1), TargetType: "place", Direction: entity.Outgoing}, []string{"1→3: 1 knows 2, 2 knows 3", "1→4: 1 knows 2, 2 knows 3, 3 near 4"}},
		{"any type, nothing that is not live", ReachQuery{Sources: testIDs(1), MaxDepth: 1}, []string{"1→2: 1 knows 2", "1→4: 4 near 1"}},
		{"not the source, whatever its loops", ReachQuery{Sources: testIDs(2), TargetType: "person", Direction: entity.Outgoing}, []string{"2→1: 2 knows 3, 3 near 4, 4 near 1"}},
		{"not through what is not live", ReachQuery{Sources: testIDs(6), TargetType: "person"}, nil},
		{"from what is not live", ReachQuery{Sources: testIDs(9), TargetType: "person", MaxDepth: 1}, []string{"9→1: 1 mentions 9", "9→6: 6 mentions 9"}},
		{"unknown type", ReachQuery{Sources: testIDs(1), TargetType: "unicorn"}, nil},
		{"type of deleted ones only", ReachQuery{Sources: testIDs(1), TargetType: "thing", Direction: entity.Incoming}, nil},
		{"sources: shortest first, then as asked", ReachQuery{Sources: testIDs(2, 77, 4, 2), TargetType: "thing", Direction: entity.Outgoing}, []string{"4→5: 4 a 5", "2→5: 2 knows 3, 3 near 4, 4 a 5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.q.MaxDepth == 0 {
				c.q.MaxDepth = 4
			}
			r, err := s.Reachable(context.Background(), c.q)
			if err != nil || r.Truncated {
				t.Fatalf("error %v, truncated %v", err, r.Truncated)
			}
			if got := shortPaths(r.Results); got != strings.Join(c.want, "\n") {
				t.Errorf("results\n%s\nwant\n%s", got, strings.Join(c.want, "\n"))
			}
		})
	}
}

// starGraph is a hub, node 0, with so many leaves around it, 1 and up, that
// point at it by "to", a few of them also by "rare".
func starGraph(t *testing.T, leaves int) *Snapshot {
	w := newWorld(t)
	w.add(0, "hub")
	for n := 1; n <= leaves; n++ {
		rels := []string{rel("to", 0)}
		if n%1000 == 0 {
			rels = append(rels, rel("rare", 0))
		}
		w.add(n, "leaf", rels...)
	}
	w.add(leaves+1, "far", rel("to", leaves))
	return w.commit()
}

// Law: what is near a hub costs what is asked for, not the hub's degree. Costs
// are edges looked at, not time.
func TestHubCosts(t *testing.T) {
	const leaves = 30_000
	s := starGraph(t, leaves)
	ctx := context.Background()

	p, err := s.Paths(ctx, PathsQuery{Sources: testIDs(5), Targets: testIDs(leaves-1, leaves+1), MaxDepth: 8})
	if err != nil || len(p.Paths) != 2 || len(p.Paths[1].Edges) != 3 {
		t.Fatalf("paths across the hub: %v, %v", shortPaths(p.Paths), err)
	}
	if p.Visited > 20 {
		t.Errorf("two paths across the hub looked at %d edges", p.Visited)
	}
	p, err = s.Paths(ctx, PathsQuery{Sources: testIDs(0), Targets: testIDs(leaves + 1), MaxDepth: 8})
	if err != nil || len(p.Paths) != 1 || p.Visited > 20 {
		t.Errorf("a path from the hub: %v, %v, looked at %d edges", shortPaths(p.Paths), err, p.Visited)
	}
	r, err := s.Reachable(ctx, ReachQuery{Sources: testIDs(5), TargetType: "leaf", MaxDepth: 2, Limit: 10})
	if err != nil || len(r.Results) != 10 || !r.Truncated || r.Visited > 20 {
		t.Errorf("ten leaves: %d, %v, truncated %v, looked at %d edges", len(r.Results), err, r.Truncated, r.Visited)
	}
	r, err = s.Reachable(ctx, ReachQuery{Sources: testIDs(leaves), TargetType: "far", MaxDepth: 8})
	if err != nil || len(r.Results) != 1 || r.Truncated || r.Visited > 5 {
		t.Errorf("all there is of a type, next door: %d, %v, truncated %v, looked at %d edges", len(r.Results), err, r.Truncated, r.Visited)
	}
	_, total, truncated, err := s.Tree(ctx, TreeQuery{Root: testID(0), Depth: 4})
	if err != nil || total != 1 || truncated {
		t.Errorf("the tree of a hub that points at nothing has %d nodes, %v, truncated %v", total, err, truncated)
	}

	first := []string{}
	for e := range s.Edges(testID(0), entity.Incoming, []entity.Predicate{"rare"}) {
		if first = append(first, short(e)); len(first) == 2 {
			break
		}
	}
	if !slices.Equal(first, []string{"1000 rare 0", "2000 rare 0"}) {
		t.Errorf("the first rare edges are %v", first)
	}
	if n := s.Degree(testID(0), entity.Both, []entity.Predicate{"rare"}); n != leaves/1000 {
		t.Errorf("%d rare edges, want %d", n, leaves/1000)
	}
}

func TestLimits(t *testing.T) {
	s := starGraph(t, 2000)
	ctx := context.Background()
	reach := func(q ReachQuery) ReachResult {
		t.Helper()
		r, err := s.Reachable(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := reach(ReachQuery{Sources: testIDs(0), MaxDepth: 1, Limit: 2000}); r.Truncated || len(r.Results) != 2000 {
		t.Errorf("a limit of exactly all: %d results, truncated %v", len(r.Results), r.Truncated)
	}
	if r := reach(ReachQuery{Sources: testIDs(0), MaxDepth: 1, Limit: 1999}); !r.Truncated || len(r.Results) != 1999 {
		t.Errorf("a limit of one less: %d results, truncated %v", len(r.Results), r.Truncated)
	}
	if r := reach(ReachQuery{Sources: testIDs(0), MaxDepth: 1}); !r.Truncated || len(r.Results) != DefaultLimit {
		t.Errorf("no limit: %d results, truncated %v", len(r.Results), r.Truncated)
	}
	for _, bound := range []int{1, 511, 512, 513, 1000} {
		r := reach(ReachQuery{Sources: testIDs(0), MaxDepth: 1, Limit: 5000, MaxEdges: bound})
		if !r.Truncated || r.Visited != bound || len(r.Results) == 0 || len(r.Results) > bound {
			t.Errorf("a bound of %d edges: %d results, truncated %v, visited %d", bound, len(r.Results), r.Truncated, r.Visited)
		}
	}
	all := reach(ReachQuery{Sources: testIDs(0), MaxDepth: 1, Limit: 5000}).Visited
	if r := reach(ReachQuery{Sources: testIDs(0), MaxDepth: 1, Limit: 5000, MaxEdges: all}); r.Truncated {
		t.Errorf("a bound of exactly the %d edges there are truncates", all)
	}
	// The shortest survive, also when a longer one was found first.
	if r := reach(ReachQuery{Sources: testIDs(7, 0), TargetType: "leaf", MaxDepth: 2, Limit: 3}); !r.Truncated || shortPaths(r.Results) != "0→1000: 1000 rare 0\n0→2000: 2000 rare 0\n0→1: 1 to 0" {
		t.Errorf("the shortest three:\n%s", shortPaths(r.Results))
	}

	p, err := s.Paths(ctx, PathsQuery{Sources: testIDs(1, 2, 3), Targets: testIDs(4, 5, 0), MaxDepth: 4, Limit: 4})
	if want := "1→0: 1 to 0\n2→0: 2 to 0\n3→0: 3 to 0\n1→4: 1 to 0, 4 to 0"; err != nil || !p.Truncated || shortPaths(p.Paths) != want {
		t.Errorf("four of nine paths, %v, truncated %v:\n%s", err, p.Truncated, shortPaths(p.Paths))
	}
	p, err = s.Paths(ctx, PathsQuery{Sources: testIDs(1), Targets: testIDs(4, 5), MaxDepth: 4, MaxEdges: 2})
	if err != nil || !p.Truncated || len(p.Paths) != 1 || p.Visited != 2 {
		t.Errorf("paths within two edges: %v, truncated %v, visited %d:\n%s", err, p.Truncated, p.Visited, shortPaths(p.Paths))
	}
}

// search runs one of each kind and tells what came of it.
func search(ctx context.Context, s *Snapshot) (found int, truncated bool, errs []error) {
	p, err1 := s.Paths(ctx, PathsQuery{Sources: testIDs(1), Targets: testIDs(2), MaxDepth: 4})
	r, err2 := s.Reachable(ctx, ReachQuery{Sources: testIDs(1), MaxDepth: 4, Limit: 1 << 20})
	_, n, cut, err3 := s.Tree(ctx, TreeQuery{Root: testID(1), Depth: 4})
	return len(p.Paths) + len(r.Results) + max(n, 1) - 1, p.Truncated && r.Truncated && cut, []error{err1, err2, err3}
}

// Law: past its deadline a search answers what it has; a canceled one fails.
func TestDeadlineAndCancel(t *testing.T) {
	s := starGraph(t, 2000)
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	if found, truncated, errs := search(late, s); found != 0 || !truncated || errors.Join(errs...) != nil {
		t.Errorf("past the deadline: %d found, truncated %v, %v", found, truncated, errs)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, errs := search(gone, s)
	for _, err := range errs {
		if entity.KindOf(err) != entity.KindCanceled || !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
	}
}

// expiring is a context whose deadline passes when it has been asked n times.
type expiring struct {
	context.Context
	asks, n int
}

func (e *expiring) Err() error {
	if e.asks++; e.asks > e.n {
		return context.DeadlineExceeded
	}
	return nil
}

// Law: the deadline is looked at while a search runs, every workPerPoll edges.
func TestDeadlineDuringSearch(t *testing.T) {
	s := starGraph(t, 5*workPerPoll)
	r, err := s.Reachable(&expiring{Context: context.Background(), n: 3}, ReachQuery{Sources: testIDs(0), MaxDepth: 2, Limit: 1 << 20})
	if err != nil || !r.Truncated || len(r.Results) == 0 || r.Visited > 3*workPerPoll+chunkMax {
		t.Errorf("%d results, truncated %v, visited %d, %v", len(r.Results), r.Truncated, r.Visited, err)
	}
}

func TestBadQueries(t *testing.T) {
	s, ctx := island(t), context.Background()
	for i, err := range []error{
		second(s.Paths(ctx, PathsQuery{})),
		second(s.Paths(ctx, PathsQuery{MaxDepth: 9})),
		second(s.Paths(ctx, PathsQuery{MaxDepth: 1, Limit: -1})),
		second(s.Reachable(ctx, ReachQuery{MaxDepth: -1})),
		second(s.Reachable(ctx, ReachQuery{MaxDepth: 1, MaxEdges: -1})),
		fourth(s.Tree(ctx, TreeQuery{Root: testID(1)})),
		fourth(s.Tree(ctx, TreeQuery{Root: testID(1), Depth: 5})),
	} {
		if entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("query %d: %v, want an error of kind invalid", i, err)
		}
	}
	for _, id := range append(testIDs(77, 9, 8), entity.Wildcard, "") {
		if _, _, _, err := s.Tree(ctx, TreeQuery{Root: id, Depth: 1}); entity.KindOf(err) != entity.KindNotFound {
			t.Errorf("tree of %q: %v, want an error of kind not found", id, err)
		}
	}
}

func second[A any](_ A, err error) error { return err }

func fourth[A, B, C any](_ A, _ B, _ C, err error) error { return err }

// Scratch memory is returned clean: searches one after the other and at once
// give what they give alone.
func TestScratchIsClean(t *testing.T) {
	s := starGraph(t, 3000)
	alone := fmt.Sprint(search(context.Background(), s))
	t.Run("group", func(t *testing.T) {
		for n := range 4 {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				for range 10 {
					if got := fmt.Sprint(search(context.Background(), s)); got != alone {
						t.Errorf("got %s, alone %s", got, alone)
					}
				}
			})
		}
	})
}
