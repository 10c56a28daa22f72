package query

import (
	"slices"

	"stemma/entity"
)

// relation is what a hop's list of terms comes to on one graph.
type relation struct {
	only   []entity.Predicate        // walk these; nil for every predicate
	except map[entity.Predicate]bool // but not these
	exact  map[entity.Predicate]bool // with fuzzy: these count as asked for
	fuzzy  []string                  // every predicate counts as much as it is like one of these; nil for an exact relation
	pos    int                       // of the first fuzzy term
	none   bool                      // there is no such edge
}

// resolve reads a hop's terms. A term that names a predicate in use means
// exactly that one; a term that names none is fuzzy.
func resolve(src Source, h *Hop, number int) (relation, []Resolved) {
	rel := relation{except: map[entity.Predicate]bool{}, exact: map[entity.Predicate]bool{}}
	var how []Resolved
	for _, t := range h.Terms {
		p := entity.Predicate(t.Name)
		r := Resolved{Hop: number, Term: t.Name, Exact: true, Except: t.Mode == TermExcept, Predicate: p}
		switch inUse := src.Uses(p); {
		case t.Mode == TermExcept:
			rel.except[p] = true
		case t.Mode == TermFuzzy, t.Mode == TermAuto && !inUse:
			if rel.fuzzy == nil {
				rel.pos = t.Pos
			}
			rel.fuzzy = append(rel.fuzzy, t.Name)
			r.Exact, r.Predicate = false, ""
		default:
			rel.exact[p] = true
		}
		how = append(how, r)
	}
	rel.settle(src)
	return rel, how
}

// settle turns the positive terms of an exact relation into the list of
// predicates to walk.
func (r *relation) settle(src Source) {
	if len(r.exact) == 0 || r.fuzzy != nil {
		return
	}
	r.only = []entity.Predicate{}
	for p := range r.exact {
		if !r.except[p] && src.Uses(p) {
			r.only = append(r.only, p)
		}
	}
	slices.Sort(r.only)
	r.none = len(r.only) == 0
}

// loose is the relation with every edge that might count.
func (r relation) loose() relation {
	r.fuzzy = nil
	return r
}

// edges is how many edges of the graph the relation has.
func (r *relation) edges(src Source) int {
	if r.none {
		return 0
	}
	if r.only == nil {
		n := src.EdgeCount()
		for p := range r.except {
			n -= src.PredicateCount(p)
		}
		return max(n, 0)
	}
	n := 0
	for _, p := range r.only {
		n += src.PredicateCount(p)
	}
	return n
}
