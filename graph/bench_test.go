package graph

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"stemma/entity"
)

const (
	benchNodes = 100_000
	benchEdges = 1_000_000
	benchTypes = 10
	benchPreds = 8
)

// powerLaw is a graph of benchNodes nodes and benchEdges edges without
// duplicates, with ten edges a node on average. Targets follow a power law:
// node of rank r is chosen with weight r^-0.75, so the in-degrees fall off with
// an exponent of 2.3, as in citations and links.
var powerLaw = sync.OnceValue(func() *sample {
	rng := rand.New(rand.NewPCG(1, 2))
	weight := make([]float64, benchNodes)
	sum := 0.0
	for r := range weight {
		sum += math.Pow(float64(r+1), -0.75)
		weight[r] = sum
	}
	nodeOfRank := rng.Perm(benchNodes)
	g := &sample{held: make([][]half, benchNodes)}
	seen := make(map[[2]uint32]struct{}, benchEdges)
	for len(seen) < benchEdges {
		u := uint32(rng.IntN(benchNodes))
		r, _ := slices.BinarySearch(weight, rng.Float64()*sum)
		v := uint32(nodeOfRank[r])
		if _, twice := seen[[2]uint32{u, v}]; twice || u == v {
			continue
		}
		seen[[2]uint32{u, v}] = struct{}{}
		g.held[u] = append(g.held[u], makeHalf(uint32(rng.IntN(benchPreds)), v))
	}
	g.rows = g.encode()
	g.out, g.in = g.csr(false), g.csr(true)
	return g
})

type sample struct {
	held    [][]half // by node, as built
	rows    benchRows
	out, in csr
}

// benchRows are rows in the order of the keys.
type benchRows []entity.Row

func (r benchRows) Get([]byte) ([]byte, error) { return nil, nil }

func (r benchRows) Scan(_, _ []byte) iter.Seq2[entity.Row, error] {
	return func(yield func(entity.Row, error) bool) {
		for _, row := range r {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (g *sample) manifest(u int) *entity.Manifest {
	m := thing(testID(u), fmt.Sprintf("type%d", u%benchTypes))
	for _, h := range g.held[u] {
		m.Relationships = append(m.Relationships, entity.Relationship{Predicate: entity.Predicate(fmt.Sprintf("predicate%d", h.pred())), Peer: testID(int(h.peer()))})
	}
	return m
}

func (g *sample) encode() benchRows {
	rows := make(benchRows, benchNodes)
	for u := range rows {
		rows[u] = entity.Row{Key: []byte(testID(u)), Value: encodeRow(g.manifest(u))}
	}
	return rows
}

// loaded is the sample as an index.
var loaded = sync.OnceValue(func() *Index {
	x := New()
	if err := x.Load(powerLaw().rows); err != nil {
		panic(err)
	}
	return x
})

// csr is the plain form to measure against: offsets and targets, 4 bytes each.
type csr struct{ offsets, targets []uint32 }

func (g *sample) csr(reverse bool) csr {
	lists := make([][]uint32, benchNodes)
	for u, hs := range g.held {
		for _, h := range hs {
			from, to := uint32(u), h.peer()
			if reverse {
				from, to = to, from
			}
			lists[from] = append(lists[from], to)
		}
	}
	var c csr
	for _, l := range lists {
		c.offsets = append(c.offsets, uint32(len(c.targets)))
		c.targets = append(c.targets, l...)
	}
	c.offsets = append(c.offsets, uint32(len(c.targets)))
	return c
}

func (c *csr) of(u uint32) []uint32 { return c.targets[c.offsets[u]:c.offsets[u+1]] }

// csrSearch is a breadth-first search as one would write it over a CSR: a queue
// and stamps, kept between searches.
type csrSearch struct {
	lists  []csr // followed at every node
	stamps []uint32
	stamp  uint32
	queue  []uint32
}

func newCSRSearch(lists ...csr) *csrSearch {
	return &csrSearch{lists: lists, stamps: make([]uint32, benchNodes)}
}

func (c *csrSearch) start(u uint32) {
	c.stamp++
	c.queue = append(c.queue[:0], u)
	c.stamps[u] = c.stamp
}

// reach counts the nodes of a type within a depth.
func (c *csrSearch) reach(types []uint16, src uint32, want uint16, depth int) int {
	c.start(src)
	found := 0
	for from := 0; depth > 0; depth-- {
		end := len(c.queue)
		for _, u := range c.queue[from:end] {
			for l := range c.lists {
				for _, v := range c.lists[l].of(u) {
					if c.stamps[v] == c.stamp {
						continue
					}
					c.stamps[v] = c.stamp
					c.queue = append(c.queue, v)
					if types[v] == want {
						found++
					}
				}
			}
		}
		from = end
	}
	return found
}

// csrDistance is the length of a shortest path of at most depth hops, or -1: the
// side with fewer nodes at its rim grows.
func csrDistance(fore, hind *csrSearch, src, dst uint32, depth int) int {
	fore.start(src)
	hind.start(dst)
	if src == dst {
		return 0
	}
	a, b := fore, hind
	af, bf := 0, 0
	for hops := 1; hops <= depth; hops++ {
		if len(b.queue)-bf < len(a.queue)-af {
			a, b, af, bf = b, a, bf, af
		}
		end := len(a.queue)
		if af == end {
			return -1
		}
		for _, u := range a.queue[af:end] {
			for l := range a.lists {
				for _, v := range a.lists[l].of(u) {
					if a.stamps[v] == a.stamp {
						continue
					}
					if b.stamps[v] == b.stamp {
						return hops
					}
					a.stamps[v] = a.stamp
					a.queue = append(a.queue, v)
				}
			}
		}
		af = end
	}
	return -1
}

var benchDirections = []entity.Direction{entity.Outgoing, entity.Both}

func (g *sample) lists(d entity.Direction) []csr {
	switch d {
	case entity.Outgoing:
		return []csr{g.out}
	case entity.Incoming:
		return []csr{g.in}
	}
	return []csr{g.out, g.in}
}

// pair times the same searches done here and over a CSR, some of each in turn,
// and reports the median of the turns' ratios: a noisy machine disturbs both.
func pair(b *testing.B, ours, plain func(i int) int) {
	const turn = 10
	var micros, ratios []float64
	for i := 0; b.Loop(); i += turn {
		var found [2]int
		var spent [2]time.Duration
		for who, search := range [...]func(int) int{ours, plain} {
			search(i) // the caches are the other one's
			start := time.Now()
			for j := range turn {
				found[who] += search(i + j)
			}
			spent[who] += time.Since(start)
		}
		if found[0] != found[1] {
			b.Fatalf("found %d here and %d over the CSR", found[0], found[1])
		}
		micros = append(micros, float64(spent[0].Nanoseconds())/1e3/turn)
		ratios = append(ratios, float64(spent[0])/float64(spent[1]))
	}
	slices.Sort(micros)
	slices.Sort(ratios)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(micros[len(micros)/2], "µs/search")
	b.ReportMetric(ratios[len(ratios)/2], "x-csr")
}

// benchSources are nodes to search from, the same in every run.
func benchSources(n int, seed uint64) []uint32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	us := make([]uint32, n)
	for i := range us {
		us[i] = uint32(rng.IntN(benchNodes))
	}
	return us
}

// BenchmarkReachable4 is an exhaustive search by type to depth 4, inside the
// engine, against BenchmarkReachable4CSR.
func BenchmarkReachable4(b *testing.B) {
	g, s := powerLaw(), loaded().Snapshot()
	types, index, sources := benchTypesOf(s), benchIndex(s), benchSources(1000, 3)
	for _, d := range benchDirections {
		b.Run(d.String(), func(b *testing.B) {
			r := reach{s: s, dir: d, scratch: s.pool.get(s.ids.n, false)}
			kind, _ := s.types.find("type3")
			r.kind = kind + 1
			plain := newCSRSearch(g.lists(d)...)
			pair(b, func(i int) int {
				r.meter = newMeter(context.Background(), "bench", math.MaxInt)
				src := index[sources[i%len(sources)]]
				r.from(src, 4, s.others(src, r.kind, s.there(r.kind, benchNodes))) // as Reachable does without a limit
				return len(r.found)
			}, func(i int) int { return plain.reach(types, sources[i%len(sources)], 3, 4) })
		})
	}
}

func BenchmarkReachable4CSR(b *testing.B) {
	g := powerLaw()
	types, sources := benchTypesOf(nil), benchSources(1000, 3)
	for _, d := range benchDirections {
		b.Run(d.String(), func(b *testing.B) {
			plain := newCSRSearch(g.lists(d)...)
			for i := 0; b.Loop(); i++ {
				plain.reach(types, sources[i%len(sources)], 3, 4)
			}
		})
	}
}

// BenchmarkReachable4API is what a caller gets: 100 paths with their ids.
func BenchmarkReachable4API(b *testing.B) {
	s, sources := loaded().Snapshot(), benchSources(1000, 3)
	for _, limit := range []int{100, benchNodes} {
		b.Run(fmt.Sprintf("limit=%d", limit), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				q := ReachQuery{Sources: []entity.ID{testID(int(sources[i%len(sources)]))}, TargetType: "type3", MaxDepth: 4, Direction: entity.Outgoing, Limit: limit}
				if _, err := s.Reachable(context.Background(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPaths finds a shortest path between two random nodes, inside the
// engine, against BenchmarkPathsCSR, which only finds its length.
func BenchmarkPaths(b *testing.B) {
	g, s := powerLaw(), loaded().Snapshot()
	index, from, to := benchIndex(s), benchSources(1000, 5), benchSources(1000, 6)
	for _, d := range benchDirections {
		b.Run(d.String(), func(b *testing.B) {
			m := newMeter(context.Background(), "bench", math.MaxInt)
			search := s.newBidirectional(m, d)
			fore, hind := newCSRSearch(g.lists(d)...), newCSRSearch(g.lists(d.Reverse())...)
			pair(b, func(i int) int {
				search.source(index[from[i%len(from)]])
				if !search.target(index[to[i%len(to)]], MaxDepth) {
					return -1
				}
				return len(search.edges())
			}, func(i int) int {
				return csrDistance(fore, hind, from[i%len(from)], to[i%len(to)], MaxDepth)
			})
		})
	}
}

func BenchmarkPathsCSR(b *testing.B) {
	g := powerLaw()
	from, to := benchSources(1000, 5), benchSources(1000, 6)
	for _, d := range benchDirections {
		b.Run(d.String(), func(b *testing.B) {
			fore, hind := newCSRSearch(g.lists(d)...), newCSRSearch(g.lists(d.Reverse())...)
			for i := 0; b.Loop(); i++ {
				csrDistance(fore, hind, from[i%len(from)], to[i%len(to)], MaxDepth)
			}
		})
	}
}

// BenchmarkPathsAPI is what a caller gets.
func BenchmarkPathsAPI(b *testing.B) {
	s, from, to := loaded().Snapshot(), benchSources(1000, 5), benchSources(1000, 6)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		q := PathsQuery{Sources: []entity.ID{testID(int(from[i%1000]))}, Targets: []entity.ID{testID(int(to[i%1000]))}, MaxDepth: MaxDepth, Direction: entity.Outgoing}
		if _, err := s.Paths(context.Background(), q); err != nil {
			b.Fatal(err)
		}
	}
}

// benchTypesOf is the number of each node's type, as in sample.manifest.
func benchTypesOf(*Snapshot) []uint16 {
	types := make([]uint16, benchNodes)
	for u := range types {
		types[u] = uint16(u % benchTypes)
	}
	return types
}

// benchIndex is where the graph keeps each node of the sample.
func benchIndex(s *Snapshot) []uint32 {
	index := make([]uint32, benchNodes)
	for u := range index {
		index[u], _ = s.ids.find(testID(u))
	}
	return index
}

// BenchmarkLoad rebuilds the sample from its rows.
func BenchmarkLoad(b *testing.B) {
	rows := powerLaw().rows
	for b.Loop() {
		if err := New().Load(rows); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(benchEdges*b.N)/b.Elapsed().Seconds(), "edges/s")
}

// BenchmarkMemory measures the heap that the sample takes, loaded from rows and
// grown by commits of 64 entities each.
func BenchmarkMemory(b *testing.B) {
	g := powerLaw()
	b.Run("loaded", func(b *testing.B) {
		benchMemory(b, func(x *Index) {
			if err := x.Load(g.rows); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("grown", func(b *testing.B) {
		benchMemory(b, func(x *Index) {
			for u := 0; u < benchNodes; u += 64 {
				var batch []entity.Transition
				for v := u; v < min(u+64, benchNodes); v++ {
					batch = append(batch, entity.Transition{ID: testID(v), After: g.manifest(v)})
				}
				x.Committed(batch)
			}
		})
	})
}

func benchMemory(b *testing.B, make func(*Index)) {
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		x := New()
		make(x)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/benchEdges, "B/edge")
		b.ReportMetric(float64(x.Snapshot().MemoryBytes())/benchEdges, "estimated-B/edge")
		runtime.KeepAlive(x)
	}
}

// BenchmarkHubInsert adds one edge to a node of so many, and takes it away, each
// a commit of its own.
func BenchmarkHubInsert(b *testing.B) {
	for _, degree := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprintf("degree=%d", degree), func(b *testing.B) {
			x := New()
			var batch []entity.Transition
			for i := range degree {
				batch = append(batch, entity.Transition{ID: testID(2 * i), After: thing(testID(2*i), "t", "to "+string(testID(9_999_999)))})
			}
			x.Committed(batch)
			id := testID(degree | 1)
			with, without := thing(id, "t", "to "+string(testID(9_999_999))), thing(id, "t")
			x.Committed([]entity.Transition{{ID: id, After: without}})
			b.ReportAllocs()
			for b.Loop() {
				x.Committed([]entity.Transition{{ID: id, Before: without, After: with}})
				x.Committed([]entity.Transition{{ID: id, Before: with, After: without}})
			}
		})
	}
}

// BenchmarkCommit creates entities with ten edges each, 64 to a batch, in a
// graph that holds the sample.
func BenchmarkCommit(b *testing.B) {
	g := powerLaw()
	x := New()
	if err := x.Load(g.rows); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		var batch []entity.Transition
		for range 64 {
			m := g.manifest(n % benchNodes)
			m.ID = testID(benchNodes + n)
			batch = append(batch, entity.Transition{ID: m.ID, After: m})
			n++
		}
		x.Committed(batch)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entities/s")
}

// BenchmarkApplyProperties is a step that changes only properties.
func BenchmarkApplyProperties(b *testing.B) {
	m := powerLaw().manifest(7)
	step := entity.Transition{ID: m.ID, Before: m, After: m.Clone()}
	x, rows := New(), memRows{}
	b.ReportAllocs()
	for b.Loop() {
		if err := x.Apply(step, rows); err != nil {
			b.Fatal(err)
		}
		x.Committed([]entity.Transition{step})
	}
}
