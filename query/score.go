package query

import (
	"cmp"
	"slices"

	"stemma/entity"
)

// decays[n] is what a path of n+1 edges leaves of a score: a tenth is lost
// with each edge after the first (arke-notes 5.2).
var decays = func() (d [MaxDepth]float64) {
	d[0] = 1
	for i := 1; i < len(d); i++ {
		d[i] = d[i-1] * 0.9
	}
	return d
}()

// hopScore is the score of a hop's end. It does not fall when one of source,
// target and relation rises or length shrinks, on which the search relies.
func hopScore(source, target float64, length int, relation float64) float64 {
	return (source + target) / 2 * decays[length-1] * relation
}

// rerank is the score of an entry that a text filter has looked at.
func rerank(old, similarity float64) float64 { return 0.3*old + 0.7*similarity }

// unit cuts off what lies outside 0 to 1; NaN is 0.
func unit(f float64) float64 {
	if f > 0 {
		return min(f, 1)
	}
	return 0
}

// candidate is an entity that a stage has led to.
type candidate struct {
	id     entity.ID
	typ    string
	score  float64
	own    float64    // likeness to the text of its selector; 1 without one
	length int        // edges of the last hop, 0 at the entry
	prev   *candidate // nil at the entry
	walk   trailer    // how it was come by from prev
	ref    int
}

// trailer remembers how the ends of a search were reached.
type trailer interface {
	// trail is the walk to the end with the reference given.
	trail(ref int) []step
}

// step is an edge as it was walked.
type step struct {
	to    entity.ID
	pred  entity.Predicate
	dir   entity.Direction // Outgoing or Incoming
	score float64          // likeness to the relation
}

// rank sorts candidates best first: by score, then by the length of the last
// hop, then by id.
func rank(cs []*candidate) {
	slices.SortFunc(cs, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.length, b.length), cmp.Compare(a.id, b.id))
	})
}

// path tells how the candidate was reached, from the entry on.
func (c *candidate) path(src Source) []PathStep {
	var stages []*candidate
	for at := c; at != nil; at = at.prev {
		stages = append(stages, at)
	}
	slices.Reverse(stages)
	var out []PathStep
	for i, at := range stages {
		end := PathStep{Entity: at.id, Type: at.typ, Score: at.own}
		if i == 0 {
			out = append(out, end)
			continue
		}
		walk := at.walk.trail(at.ref)
		for j, s := range walk {
			out = append(out, PathStep{Edge: s.pred, Direction: s.dir, Score: s.score})
			if j < len(walk)-1 {
				typ, _ := src.Type(s.to)
				out = append(out, PathStep{Entity: s.to, Type: typ})
			}
		}
		out = append(out, end)
	}
	return out
}
