package graph

import (
	"iter"
	"math"
)

// census is the number of edges that a caller sees, by predicate and in all.
type census struct {
	all    int
	byPred []int
}

// census counts what is visible once: every edge of the graph is looked at.
func (s *Snapshot) census() *census {
	if s.sight.edges == nil {
		c := &census{byPred: make([]int, len(s.preds.list))}
		for e := range s.visible(anyPred) {
			c.all++
			c.byPred[e.pred()]++
		}
		s.sight.edges = c
	}
	return s.sight.edges
}

// anyPred stands for every predicate.
const anyPred = ^uint32(0)

// visible yields the edges with a predicate that the caller sees, in no order,
// each as its holder has it. Lists are looked through: finding a predicate in
// one costs more than its ten edges do.
func (s *Snapshot) visible(pred uint32) iter.Seq[half] {
	return func(yield func(half) bool) {
		for u := range s.ids.n {
			if s.kind(u) == 0 {
				continue
			}
			a := &s.nodes.get(u).out
			for i := range a.chunks() {
				for _, h := range a.chunk(i) {
					if (pred == anyPred || h.pred() == pred) && s.shows(h.peer()) && !yield(h) {
						return
					}
				}
			}
		}
	}
}

// uses tells whether the caller sees an edge with a predicate. Of what is in use
// at many places one is found soon; of what is rare, or hidden, every holder is
// looked at.
func (s *Snapshot) uses(pred uint32) bool {
	if c := s.sight.edges; c != nil {
		return c.byPred[pred] > 0
	}
	found := false
	s.visible(pred)(func(half) bool { found = true; return false })
	return found
}

// countOf is how many entities of a kind the caller sees; 0 is every kind. From
// most on it is most, and no more are looked at.
func (s *Snapshot) countOf(kind uint32, most int) int {
	if kind == 0 {
		if s.sight == nil {
			return min(s.live, most)
		}
		n := 0
		for i := range s.types.list {
			n += s.countOf(uint32(i)+1, most-n)
		}
		return n
	}
	a := s.members.get(kind - 1)
	if s.sight == nil {
		return min(a.len(), most)
	}
	n := 0
	for run := range a.runs(a.all()) {
		for _, h := range run {
			if n == most {
				return n
			}
			if s.sees(h.peer(), kind) {
				n++
			}
		}
	}
	return n
}

// all is no bound for countOf.
const all = math.MaxInt
