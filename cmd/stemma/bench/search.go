package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"stemma/entity"
	"stemma/graph"
)

// searches are how many different ones go round.
const searches = 1000

// search is the graph's searches, as their callers in the server have them,
// against those over a CSR. Both give one shortest path to everything found:
// the graph with ids, predicates and directions, under bounds and a deadline;
// the CSR as numbers in a buffer that is used again.
func (r *runner) search(ctx context.Context) ([]Result, error) {
	g, err := r.powerLaw()
	if err != nil {
		return nil, err
	}
	index := graph.New()
	if err := index.Load(g.rows); err != nil {
		return nil, err
	}
	b := newSearchBench(g, index.Snapshot())
	reach := Goal{AtMost: 2, Text: "≤ 2x"}
	var results []Result
	for _, s := range []struct {
		what  string
		ours  func(ctx context.Context, i int) (int, error)
		plain func(i int) int
		goal  Goal
	}{
		{"reachable to depth 4, exhaustive, a type of 1 node in 1,000", b.reach(rareType), b.plainReach(rareType), reach},
		{"the same, a type of 1 node in 10: mostly the paths themselves", b.reach(commonType), b.plainReach(commonType), Goal{}},
		{"shortest path of two nodes", b.path, b.plainPath, Goal{AtMost: 3, Text: "≤ 3x"}},
	} {
		result, err := r.race(ctx, s.what, s.ours, s.plain, s.goal)
		if err != nil {
			return results, err
		}
		result.Note = fmt.Sprintf("%d nodes, %d edges; %s", g.nodes, g.edges, result.Note)
		results = append(results, result)
	}
	return results, nil
}

// race makes sure that both find the same, then lets them run.
func (r *runner) race(ctx context.Context, what string, ours func(context.Context, int) (int, error), plain func(int) int, goal Goal) (Result, error) {
	found := 0
	for i := range searches {
		a, err := ours(ctx, i)
		if err != nil {
			return Result{}, err
		}
		if b := plain(i); a != b {
			return Result{}, fmt.Errorf("%s: search %d gives %d in the graph and %d over the CSR", what, i, a, b)
		}
		found += max(a, 0)
	}
	i, j := 0, 0
	rates, err := r.contest(ctx, r.Sizes.brief(),
		steady(func() error { i++; _, err := ours(ctx, i%searches); return err }),
		steady(func() error { j++; plain(j % searches); return nil }))
	if err != nil {
		return Result{}, err
	}
	return compare(what, "µs", "plain CSR", micros(rates[0]), micros(rates[1]), goal).
		also(true, fmt.Sprintf("a mean answer of %.1f", float64(found)/searches)), nil
}

// micros turns operations a second into time.
func micros(rates []float64) []float64 {
	out := make([]float64, len(rates))
	for i, rate := range rates {
		out[i] = float64(time.Second.Microseconds()) / rate
	}
	return out
}

// searchBench are the searches.
type searchBench struct {
	graph      *graph.Snapshot
	numbers    map[string]uint8 // of the types
	types      []uint8          // by node
	fore, hind *csrSearch
	from, to   [searches]uint32
}

func newSearchBench(g *sample, s *graph.Snapshot) *searchBench {
	rng := rand.New(rand.NewPCG(3, 5))
	b := &searchBench{graph: s, numbers: make(map[string]uint8), types: make([]uint8, g.nodes), fore: newCSRSearch(&g.out), hind: newCSRSearch(&g.in)}
	for u := range b.types {
		typ := sampleType(u)
		n, ok := b.numbers[typ]
		if !ok {
			n = uint8(len(b.numbers))
			b.numbers[typ] = n
		}
		b.types[u] = n
	}
	for i := range searches {
		b.from[i], b.to[i] = uint32(rng.IntN(g.nodes)), uint32(rng.IntN(g.nodes))
	}
	return b
}

// reach counts the nodes of a type that are found.
func (b *searchBench) reach(typ string) func(context.Context, int) (int, error) {
	return func(ctx context.Context, i int) (int, error) {
		found, err := b.graph.Reachable(ctx, graph.ReachQuery{
			Sources: []entity.ID{idOf(int(b.from[i]))}, TargetType: typ, MaxDepth: 4,
			Direction: entity.Outgoing, Limit: len(b.types), MaxEdges: 1 << 30,
		})
		return len(found.Results), err
	}
}

func (b *searchBench) plainReach(typ string) func(int) int {
	want := b.numbers[typ]
	return func(i int) int { return b.fore.reach(b.types, b.from[i], want, 4) }
}

// path gives the length of a shortest path, -1 when there is none.
func (b *searchBench) path(ctx context.Context, i int) (int, error) {
	found, err := b.graph.Paths(ctx, graph.PathsQuery{
		Sources: []entity.ID{idOf(int(b.from[i]))}, Targets: []entity.ID{idOf(int(b.to[i]))}, MaxDepth: graph.MaxDepth, Direction: entity.Outgoing,
	})
	switch {
	case err != nil:
		return 0, err
	case b.from[i] == b.to[i]:
		return 0, nil
	case len(found.Paths) == 0:
		return -1, nil
	}
	return len(found.Paths[0].Edges), nil
}

func (b *searchBench) plainPath(i int) int {
	return shortest(b.fore, b.hind, b.from[i], b.to[i], graph.MaxDepth)
}
