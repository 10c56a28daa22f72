package query

import (
	"cmp"
	"fmt"
	"slices"

	"stemma/entity"
)

// search finds, for each entity that one hop can end at, the best path to it
// from a set of candidates.
type search struct {
	*run
	dir         entity.Direction
	rel         *relation
	least, most int          // edges of a path
	from        []*candidate // ranked
	// accept tells whether the hop may end at a live entity, with the score of
	// one that is asked for exactly.
	accept func(id entity.ID, typ string) (score float64, ok bool, err error)
	text   string // ends are scored by their likeness to it; "" for none
	enough int    // the search is over with so many ends of the best score there is; 0 for never
	top    float64

	nodes  []node
	index  map[entity.ID]int32
	labels []label  // of paths from one edge on
	paths  [][]step // of longer ones
}

// node is an entity the search has met.
type node struct {
	id     entity.ID
	typ    string
	live   bool
	ok     bool    // accepted
	own    float64 // score as a target
	labels []int32
}

// end is an entity the hop ends at, with its best path.
type end struct {
	id         entity.ID
	typ        string
	own, score float64
	length     int
	origin     *candidate
	ref        int
}

// compare puts the better first.
func (a end) compare(b end) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.length, b.length), cmp.Compare(a.id, b.id))
}

// ends runs the search. With errStop it gives what it has.
func (s *search) ends() ([]end, error) {
	s.index = make(map[entity.ID]int32, len(s.from))
	if s.least > 1 {
		return s.longPaths()
	}
	err := s.spread()
	if err != nil && err != errStop {
		return nil, err
	}
	var at []int32
	for i := range s.nodes {
		if n := &s.nodes[i]; n.ok && s.reached(n) {
			at = append(at, int32(i))
		}
	}
	if scoreErr := s.scoreTargets(at); scoreErr != nil {
		return nil, scoreErr
	}
	out := make([]end, 0, len(at))
	for _, i := range at {
		if e, ok := s.best(&s.nodes[i]); ok {
			out = append(out, e)
		}
	}
	return out, err
}

// scoreTargets gives nodes their likeness to the text asked for.
func (s *search) scoreTargets(at []int32) error {
	if s.text == "" {
		return nil
	}
	ids := make([]entity.ID, len(at))
	for i, n := range at {
		ids[i] = s.nodes[n].id
	}
	scores, err := s.likeness(s.text, ids)
	if err != nil {
		return err
	}
	for i, n := range at {
		s.nodes[n].own = scores[i]
		s.nodes[n].ok = scores[i] > 0
	}
	return nil
}

// meet gives the node of an entity, looked at once.
func (s *search) meet(id entity.ID) (int32, error) {
	if i, ok := s.index[id]; ok {
		return i, nil
	}
	n := node{id: id}
	n.typ, n.live = s.src.Type(id)
	if n.live {
		var err error
		if n.own, n.ok, err = s.accept(id, n.typ); err != nil {
			return 0, err
		}
	}
	i := int32(len(s.nodes))
	s.nodes = append(s.nodes, n)
	s.index[id] = i
	return i, nil
}

// expand appends the edges of a relation at an entity, as they would be
// walked. With errStop it gives those that were still within the bound.
func (r *run) expand(buf []step, id entity.ID, d entity.Direction, rel *relation) ([]step, error) {
	if rel.none {
		return buf, nil
	}
	var err error
	for e := range r.src.Edges(id, d, rel.only) {
		if err = r.spend(1); err != nil {
			break
		}
		if e.From == e.To || rel.except[e.Predicate] {
			continue
		}
		s := step{to: e.To, pred: e.Predicate, dir: entity.Outgoing, score: 1}
		if e.From != id {
			s.to, s.dir = e.From, entity.Incoming
		}
		buf = append(buf, s)
	}
	if rel.fuzzy == nil || err != nil && err != errStop {
		return buf, err
	}
	buf, weighErr := r.weigh(buf, rel)
	return buf, cmp.Or(weighErr, err)
}

// weigh scores the edges of a fuzzy relation by what their predicates mean,
// and drops those that have nothing in common with it.
func (r *run) weigh(edges []step, rel *relation) ([]step, error) {
	known := r.weights[rel]
	if known == nil {
		known = map[entity.Predicate]float64{}
		for p := range rel.exact {
			known[p] = 1
		}
		r.weights[rel] = known
	}
	var unknown []entity.Predicate
	for _, e := range edges {
		if _, ok := known[e.pred]; !ok && !slices.Contains(unknown, e.pred) {
			unknown = append(unknown, e.pred)
		}
	}
	if len(unknown) > 0 {
		scores, err := r.opts.Scorer.Predicates(r.ctx, rel.fuzzy, unknown)
		if err == nil && len(scores) != len(unknown) {
			err = fmt.Errorf("the scorer gave %d similarities for %d predicates", len(scores), len(unknown))
		}
		if err != nil {
			return edges[:0], r.interrupted(err)
		}
		for i, p := range unknown {
			known[p] = unit(scores[i])
		}
	}
	kept := edges[:0]
	for _, e := range edges {
		if e.score = known[e.pred]; e.score > 0 {
			kept = append(kept, e)
		}
	}
	return kept, nil
}
