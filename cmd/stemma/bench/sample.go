package bench

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	"stemma/entity"
	"stemma/graph"
)

const samplePredicates = 8

// Types of the sample: of every thousand nodes the first is of the rare one, of
// every ten the fourth of the common one.
const (
	rareType   = "rare"
	commonType = "common"
)

func sampleType(u int) string {
	switch {
	case u%1000 == 0:
		return rareType
	case u%10 == 3:
		return commonType
	}
	return fmt.Sprintf("type%d", u%10)
}

// sample is a graph without loops and double edges, the same in every run: its
// in-degrees fall off with an exponent of 2.3, as in citations and links, since
// the node of rank r is a target with weight r^-0.75. Node u is idOf(u).
type sample struct {
	nodes, edges int
	out, in      csr
	predicates   []uint8 // by the position of the edge in out
	rows         memoryRows
}

// powerLaw makes the sample once a run.
func (r *runner) powerLaw() (*sample, error) {
	if r.sample != nil {
		return r.sample, nil
	}
	g := generate(r.Sizes.Nodes, r.Sizes.Edges)
	var err error
	if g.rows, err = g.encode(); err == nil {
		r.sample = g
	}
	return g, err
}

func generate(nodes, edges int) *sample {
	rng := rand.New(rand.NewPCG(1, 2))
	weight := make([]float64, nodes)
	sum := 0.0
	for rank := range weight {
		sum += math.Pow(float64(rank+1), -0.75)
		weight[rank] = sum
	}
	nodeOfRank := rng.Perm(nodes)
	seen := make(map[[2]uint32]struct{}, edges)
	pairs := make([][2]uint32, 0, edges)
	for len(pairs) < edges {
		rank, _ := slices.BinarySearch(weight, rng.Float64()*sum)
		pair := [2]uint32{uint32(rng.IntN(nodes)), uint32(nodeOfRank[min(rank, nodes-1)])}
		if _, twice := seen[pair]; twice || pair[0] == pair[1] {
			continue
		}
		seen[pair] = struct{}{}
		pairs = append(pairs, pair)
	}
	g := &sample{nodes: nodes, edges: edges, out: newCSR(nodes, pairs, 0), in: newCSR(nodes, pairs, 1), predicates: make([]uint8, edges)}
	for i := range g.predicates {
		g.predicates[i] = uint8(rng.IntN(samplePredicates))
	}
	return g
}

// draft is node u as an entity to be created.
func (g *sample) draft(u int) entity.Draft {
	d := entity.Draft{ID: idOf(u), Type: sampleType(u), Properties: entity.Properties{}}
	for i := g.out.offsets[u]; i < g.out.offsets[u+1]; i++ {
		d.Relationships = append(d.Relationships, entity.Relationship{
			Predicate: entity.Predicate(fmt.Sprintf("predicate%d", g.predicates[i])), Peer: idOf(int(g.out.targets[i])),
		})
	}
	return d
}

// encode gives the rows that the graph keeps of the sample on disk.
func (g *sample) encode() (memoryRows, error) {
	rows := make(memoryRows, 0, g.nodes)
	index := graph.New()
	for u := range g.nodes {
		d := g.draft(u)
		m := &entity.Manifest{ID: d.ID, Type: d.Type, Relationships: d.Relationships}
		if err := index.Apply(entity.Transition{ID: d.ID, After: m}, &rows); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// memoryRows are rows of a projection, written in the order of their keys.
type memoryRows []entity.Row

// Set adds a row.
func (r *memoryRows) Set(key, value []byte) { *r = append(*r, entity.Row{Key: key, Value: value}) }

// Delete is never called: nothing of a sample is deleted.
func (r *memoryRows) Delete([]byte) {}

// Add is never called: a graph counts nothing.
func (r *memoryRows) Add([]byte, entity.Sums) {}

// Get is not what a graph is loaded by; there is no row.
func (r memoryRows) Get([]byte) ([]byte, error) { return nil, nil }

// Scan yields all of them, which is what a graph is loaded by.
func (r memoryRows) Scan(_, _ []byte) iter.Seq2[entity.Row, error] {
	return func(yield func(entity.Row, error) bool) {
		for _, row := range r {
			if !yield(row, nil) {
				return
			}
		}
	}
}
