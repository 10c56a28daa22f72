package bench

import (
	"context"
	"fmt"
	"math/rand/v2"

	"stemma/entity"
	"stemma/graph"
	"stemma/query"
)

// pathDepth is how many edges a path query goes.
const pathDepth = 4

// sight is searches of the graph by a caller who may view all of it and by one
// who may view half, against the same searches without a filter. Every node of
// the sample belongs to one of many collections; half of these are hidden.
//
// Who sees half finds less and visits less, so the line of who sees all is the
// price of the filter itself; and the note compares with the same searches on a
// graph that holds the visible half alone.
func (r *runner) sight(ctx context.Context) ([]Result, error) {
	g, err := r.powerLaw()
	if err != nil {
		return nil, err
	}
	b, err := newSightBench(g)
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, s := range []struct {
		what   string
		search func(ctx context.Context, s *graph.Snapshot, i int) (int, error)
	}{
		{"reachable to depth 4, exhaustive, a type of 1 node in 1,000", b.reach},
		{"path query @a -[*]{,4}-> @b of two that everybody finds connected", b.path},
	} {
		for _, v := range []struct {
			who  string
			v    scopes
			rest *graph.Snapshot // what there is to see
		}{{"all", b.all, b.whole}, {"half", b.half, b.rest}} {
			result, err := r.seen(ctx, fmt.Sprintf("%s, by who may view %s", s.what, v.who), s.search, b.whole, v.rest, v.v)
			if err != nil {
				return results, err
			}
			result.Note = fmt.Sprintf("%d nodes in %d collections, %d edges; %s", g.nodes, len(b.all), b.whole.EdgeCount(), result.Note)
			results = append(results, result)
		}
	}
	return results, nil
}

// seen makes sure that what is found by v is what there is in rest, then lets
// them run: seen, unfiltered, and on rest. Each search is a caller of its own.
func (r *runner) seen(ctx context.Context, what string, search func(context.Context, *graph.Snapshot, int) (int, error), whole, rest *graph.Snapshot, v scopes) (Result, error) {
	found := 0
	for i := range searches {
		a, err := search(ctx, whole.Seen(v), i)
		if err != nil {
			return Result{}, err
		}
		b, err := search(ctx, rest, i)
		if err != nil {
			return Result{}, err
		}
		if a != b {
			return Result{}, fmt.Errorf("%s: search %d gives %d, and %d in the graph without what is hidden", what, i, a, b)
		}
		found += a
	}
	turn := func(on func() *graph.Snapshot) phase {
		i := 0
		return steady(func() error { i++; _, err := search(ctx, on(), i%searches); return err })
	}
	rates, err := r.contest(ctx, r.Sizes.brief(),
		turn(func() *graph.Snapshot { return whole.Seen(v) }),
		turn(func() *graph.Snapshot { return whole }),
		turn(func() *graph.Snapshot { return rest }))
	if err != nil {
		return Result{}, err
	}
	alone := compare("", "", "", micros(rates[0]), micros(rates[2]), Goal{})
	return compare(what, "µs", "unfiltered", micros(rates[0]), micros(rates[1]), Goal{AtMost: 1.5, Text: "≤ 1.5x"}).
		also(true, fmt.Sprintf("a mean answer of %.2f; %.2fx of a graph without the hidden", float64(found)/searches, alone.Ratio)), nil
}

// scopes are what a caller may view, by collection.
type scopes map[entity.ID]entity.Sight

// Scope looks the collection up.
func (s scopes) Scope(c entity.ID) entity.Sight { return s[c] }

// Apart is as the server decides.
func (scopes) Apart(typ string) bool { return typ == entity.TypeCollection }

// Sees decides about collections; a collection is its own.
func (s scopes) Sees(_ entity.ID, _ string, c entity.ID) bool { return s[c] == entity.SightAll }

// sightBench is the sample in collections.
type sightBench struct {
	whole, rest *graph.Snapshot
	all, half   scopes
	from        [searches]entity.ID
	paths       [searches]*query.Query
}

func newSightBench(g *sample) (*sightBench, error) {
	rng := rand.New(rand.NewPCG(7, 11))
	b := &sightBench{all: scopes{}, half: scopes{}}
	home := make([]int, g.nodes)
	for c := range max(2, g.nodes/100) {
		id := idOf(g.nodes + c)
		b.all[id] = entity.SightAll
		b.half[id] = [...]entity.Sight{entity.SightAll, entity.SightNone}[c%2]
	}
	var visible []int
	for u := range home {
		home[u] = g.nodes + rng.IntN(len(b.all))
		if b.half[idOf(home[u])] == entity.SightAll {
			visible = append(visible, u)
		}
	}
	var err error
	if b.whole, err = b.load(g, home, b.all); err == nil {
		b.rest, err = b.load(g, home, b.half)
	}
	for i := 0; i < searches && err == nil; i++ {
		err = b.choose(i, func() entity.ID { return idOf(visible[rng.IntN(len(visible))]) })
	}
	return b, err
}

// choose finds a place to search from, and the ends of a path that everybody
// finds, if there is one.
func (b *sightBench) choose(i int, random func() entity.ID) (err error) {
	b.from[i] = random()
	for range 10_000 {
		from, to := random(), random()
		found, err := b.rest.Paths(context.Background(), graph.PathsQuery{Sources: []entity.ID{from}, Targets: []entity.ID{to}, MaxDepth: pathDepth, Direction: entity.Outgoing})
		if err != nil {
			return err
		}
		if len(found.Paths) == 1 {
			b.paths[i], err = query.Parse(fmt.Sprintf("@%s -[*]{,%d}-> @%s", from, pathDepth, to))
			return err
		}
	}
	return fmt.Errorf("no two of 20,000 entities are connected within %d hops", pathDepth)
}

// load makes the graph of what v shows.
func (b *sightBench) load(g *sample, home []int, v scopes) (*graph.Snapshot, error) {
	shown := func(u int) bool { return v[idOf(home[u])] == entity.SightAll }
	var rows memoryRows
	index := graph.New()
	add := func(m *entity.Manifest) error {
		return index.Apply(entity.Transition{ID: m.ID, After: m}, &rows)
	}
	for u := range g.nodes {
		if !shown(u) {
			continue
		}
		d := g.draft(u)
		m := &entity.Manifest{ID: d.ID, Type: d.Type}
		for i, rel := range d.Relationships {
			if shown(int(g.out.targets[int(g.out.offsets[u])+i])) {
				m.Relationships = append(m.Relationships, rel)
			}
		}
		m.Relationships = append(m.Relationships, entity.Relationship{Predicate: entity.PredicateCollection, Peer: idOf(home[u])})
		if err := add(m); err != nil {
			return nil, err
		}
	}
	for c := range len(v) {
		if id := idOf(g.nodes + c); v[id] == entity.SightAll {
			if err := add(&entity.Manifest{ID: id, Type: entity.TypeCollection}); err != nil {
				return nil, err
			}
		}
	}
	err := index.Load(rows)
	return index.Snapshot(), err
}

// reach counts the nodes of a type that are found.
func (b *sightBench) reach(ctx context.Context, s *graph.Snapshot, i int) (int, error) {
	found, err := s.Reachable(ctx, graph.ReachQuery{
		Sources: []entity.ID{b.from[i]}, TargetType: rareType, MaxDepth: 4, Direction: entity.Outgoing, Limit: 1000, MaxEdges: 1 << 30,
	})
	return len(found.Results), err
}

// path gives the edges of the path that a query finds, 0 when there is none.
func (b *sightBench) path(ctx context.Context, s *graph.Snapshot, i int) (int, error) {
	found, err := b.paths[i].Run(ctx, s, query.Options{})
	switch {
	case err != nil:
		return 0, err
	case found.Meta.Truncated:
		return 0, fmt.Errorf("query %d is cut short: %s", i, found.Meta.Reason)
	case len(found.Items) == 0:
		return 0, nil
	}
	return len(found.Items[0].Path) / 2, nil
}
