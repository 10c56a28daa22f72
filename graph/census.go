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
		for e := range s.visible() {
			c.all++
			c.byPred[e.pred()]++
		}
		s.sight.edges = c
	}
	return s.sight.edges
}

// visible yields the edges that the caller sees, in no order, each as its
// holder has it.
func (s *Snapshot) visible() iter.Seq[half] {
	return func(yield func(half) bool) {
		for u := range s.ids.n {
			a := &s.nodes.get(u).out
			if a.len() == 0 || s.kind(u) == 0 {
				continue
			}
			for run := range a.runs(a.all()) {
				for _, h := range run {
					if s.shows(h.peer()) && !yield(h) {
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
	for u := range s.ids.n {
		a := &s.nodes.get(u).out
		if a.len() == 0 {
			continue
		}
		for run := range a.runs(a.bounds(&s.order, pred)) {
			for _, h := range run {
				if s.shows(h.peer()) && s.kind(u) != 0 {
					return true
				}
			}
		}
	}
	return false
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
