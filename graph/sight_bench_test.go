package graph

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"stemma/entity"
)

// inCollections is the sample with every node in one of so many collections, at
// random. Membership is in the rows alone, so that the edges are the sample's.
func inCollections(n int) *Index {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	rows := make(benchRows, benchNodes)
	for u, row := range powerLaw().rows {
		flag := 1 + int(row.Value[0]) // behind the type
		value := append(slices.Clone(row.Value[:flag]), 1)
		value = append(value, testID(benchNodes+rng.IntN(n))...)
		rows[u] = entity.Row{Key: row.Key, Value: append(value, row.Value[flag+1:]...)}
	}
	x := New()
	if err := x.Load(rows); err != nil {
		panic(err)
	}
	return x
}

// collected are the samples that the benchmarks below share.
var collected = sync.OnceValue(func() map[int]*Index {
	return map[int]*Index{2: inCollections(2), 1000: inCollections(1000)}
})

// benchSight decides by the number of the collection.
type benchSight struct {
	half bool         // every second collection is not all
	some entity.Sight // what it is instead
}

func (v benchSight) odd(id entity.ID) bool { return id != "" && (id[len(id)-1]-'0')%2 == 1 }

func (v benchSight) Scope(c entity.ID) entity.Sight {
	if v.half && v.odd(c) {
		return v.some
	}
	return entity.SightAll
}

func (v benchSight) Apart(typ string) bool { return typ == entity.TypeCollection }

func (v benchSight) Sees(id entity.ID, _ string, _ entity.ID) bool { return v.odd(id) }

// benchSeen times the same searches on the graph and on the graph as seen, each
// by a caller of its own, some of each in turn.
func benchSeen(b *testing.B, search func(s *Snapshot, i int) error) {
	for _, n := range []int{2, 1000} {
		for _, c := range []struct {
			name string
			v    benchSight
		}{{"all", benchSight{}}, {"half", benchSight{half: true}}, {"some", benchSight{true, entity.SightSome}}} {
			b.Run(fmt.Sprintf("collections=%d/visible=%s", n, c.name), func(b *testing.B) {
				s := collected()[n].Snapshot()
				const turn = 10
				var micros, ratios []float64
				for i := 0; b.Loop(); i += turn {
					var spent [2]time.Duration
					for k := range 2 {
						who := (k + i/turn) % 2 // the second finds in the caches what the first read
						v := [...]entity.Visibility{nil, c.v}[who]
						for j := range turn + 1 {
							if j == 1 {
								spent[who] -= time.Duration(time.Now().UnixNano())
							}
							if err := search(s.Seen(v), i+max(j-1, 0)); err != nil {
								b.Fatal(err)
							}
						}
						spent[who] += time.Duration(time.Now().UnixNano())
					}
					micros = append(micros, float64(spent[1].Nanoseconds())/1e3/turn)
					ratios = append(ratios, float64(spent[1])/float64(spent[0]))
				}
				slices.Sort(micros)
				slices.Sort(ratios)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(micros[len(micros)/2], "µs/search")
				b.ReportMetric(ratios[len(ratios)/2], "x-unfiltered")
			})
		}
	}
}

// visibleSources are nodes to search from that every caller above sees.
func visibleSources(n int, seed uint64) []entity.ID {
	var ids []entity.ID
	for _, c := range collected() {
		s := c.Snapshot().Seen(benchSight{half: true})
		for _, u := range benchSources(20*n, seed) {
			if _, live := s.Type(testID(int(u))); live {
				ids = append(ids, testID(int(u)))
			}
		}
	}
	slices.Sort(ids)
	var both []entity.ID // those that are there twice
	for i := 1; i < len(ids); i++ {
		if ids[i] == ids[i-1] {
			both = append(both, ids[i])
		}
	}
	both = slices.Compact(both)
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(both), func(i, j int) { both[i], both[j] = both[j], both[i] })
	return both[:n:n]
}

// BenchmarkSeenReachable4 is an exhaustive search by type to depth 4.
func BenchmarkSeenReachable4(b *testing.B) {
	sources := visibleSources(1000, 3)
	benchSeen(b, func(s *Snapshot, i int) error {
		_, err := s.Reachable(context.Background(), ReachQuery{Sources: sources[i%1000 : i%1000+1], TargetType: "type3", MaxDepth: 4, Direction: entity.Outgoing, Limit: benchNodes})
		return err
	})
}

// BenchmarkSeenReachable4Some is the same with the limit of a request.
func BenchmarkSeenReachable4Some(b *testing.B) {
	sources := visibleSources(1000, 3)
	benchSeen(b, func(s *Snapshot, i int) error {
		_, err := s.Reachable(context.Background(), ReachQuery{Sources: sources[i%1000 : i%1000+1], TargetType: "type3", MaxDepth: 4, Direction: entity.Outgoing})
		return err
	})
}

// BenchmarkSeenPaths finds a shortest path of two nodes.
func BenchmarkSeenPaths(b *testing.B) {
	from, to := visibleSources(1000, 5), visibleSources(1000, 6)
	benchSeen(b, func(s *Snapshot, i int) error {
		_, err := s.Paths(context.Background(), PathsQuery{Sources: from[i%1000 : i%1000+1], Targets: to[i%1000 : i%1000+1], MaxDepth: MaxDepth, Direction: entity.Outgoing})
		return err
	})
}

// BenchmarkSeenUses looks for an edge with a predicate that is in use only where
// the caller sees nothing, among all that he sees: the dearest there is.
func BenchmarkSeenUses(b *testing.B) {
	s := collected()[1000].Snapshot()
	for b.Loop() {
		if s.Seen(everything{}).uses(benchPreds) { // a number that no edge has
			b.Fatal("a predicate that nobody sees is in use")
		}
	}
}

// BenchmarkSeenCensus counts the edges that a caller sees.
func BenchmarkSeenCensus(b *testing.B) {
	s := collected()[1000].Snapshot()
	for b.Loop() {
		s.Seen(benchSight{half: true}).EdgeCount()
	}
}
