package query

import (
	"slices"

	"stemma/entity"
)

// choose decides from which end each hop is walked. Both ends give the same
// answer; what differs is how many edges have to be looked at.
func (p *Plan) choose() {
	last := len(p.hops) - 1
	if last < 0 || !p.hops[last].fixed() {
		return // there is one way only
	}
	st := p.stats
	rows := float64(p.entryRows(st))
	forward := 0.0 // edges from the entry on, all hops
	if p.entry.way != entryIDs {
		forward += rows
	}
	for i := range p.hops {
		h := &p.hops[i]
		first := rows * st.fan(h)
		if i == 0 && p.entry.way == entryIDs {
			first = st.degrees(&h.rel, p.entry.ids, h.Direction)
		}
		edges, reached := h.spread(st, first)
		forward += edges
		if i == last && h.canTurn() {
			h.backward = p.backwardEdges(i) < edges
		}
		rows = reached * p.selectivity(st, &h.match)
	}
	if p.entry.way == entryIDs && last == 0 {
		return
	}
	back := 0.0
	for i := last; i >= 0; i-- {
		back += p.backwardEdges(i)
	}
	p.frontier = 2*back < forward // what it finds still has to be walked
}

// fixed tells whether the hop ends at entities named in the query.
func (h *hopPlan) fixed() bool { return h.Target != nil && len(h.Target.IDs) > 0 }

// canTurn: a hop may be walked from its end when that is named and the score
// of a path does not depend on the order in which its edges are multiplied.
func (h *hopPlan) canTurn() bool { return h.fixed() && h.rel.fuzzy == nil }

// spread estimates the edges a hop looks at and the entities it reaches, when
// the first step looks at so many edges.
func (h *hopPlan) spread(st statistics, first float64) (edges, reached float64) {
	nodes, fan := float64(st.nodes()), st.fan(h)
	step := first
	for d := 1; d <= h.Max; d++ {
		edges += step
		if d >= h.Min {
			reached = min(reached+step, nodes)
		}
		step = min(step, nodes) * fan
	}
	return edges, reached
}

// backwardEdges estimates the edges of hop i walked from its end; the last
// hop's is the named targets, whose degrees are known.
func (p *Plan) backwardEdges(i int) float64 {
	turn := p.hops[i]
	back := *turn.Hop
	back.Direction = back.Direction.Reverse()
	turn.Hop = &back
	var first float64
	if i == len(p.hops)-1 {
		first = p.stats.degrees(&turn.rel, turn.Target.IDs, back.Direction)
	} else {
		_, reached := p.hops[i+1].spread(p.stats, p.backwardEdges(i+1))
		first = reached * p.stats.fan(&turn)
	}
	edges, _ := turn.spread(p.stats, first)
	return edges
}

// entryRows estimates how many entities the query begins at.
func (p *Plan) entryRows(st statistics) int {
	e := &p.entry
	var n int
	switch e.way {
	case entryIDs:
		n = len(e.ids)
	case entryText:
		n = min(p.exploring(), st.nodes())
	case entryMembers:
		n = st.members(e.match.collection)
	default:
		n = st.typeCount(e.types)
		if e.match.collection != "" {
			n = min(n, st.members(e.match.collection))
		}
	}
	rest := p.unsettled()
	return atLeastOne(float64(n) * p.selectivity(st, &rest))
}

// unsettled is what entry and filter ask for beyond the way in which the
// entities are found.
func (p *Plan) unsettled() matcher {
	q, rest := p.query, p.entry.match
	switch p.entry.way {
	case entryIDs:
		if len(q.Entry.IDs) == 0 || q.Filter == nil || len(q.Filter.IDs) == 0 {
			rest.ids = nil
		}
	case entryMembers:
	default:
		if len(q.Entry.Types) > 0 && !q.Entry.Not {
			rest.types = rest.types[1:]
		}
	}
	return rest
}

// exploring is how many candidates of likeness a stage hands on.
func (p *Plan) exploring() int { return max(p.opts.KExplore, p.opts.K) }

// selectivity guesses which share of entities satisfies m: types and ids by
// their numbers, a property by habit (one in ten equal it, one in three lie on
// one side of it).
func (p *Plan) selectivity(st statistics, m *matcher) float64 {
	share := 1.0
	if m.ids != nil {
		share *= min(1, float64(len(m.ids))/float64(max(st.nodes(), 1)))
	}
	for _, t := range m.types {
		part := st.share(t.names)
		if t.not {
			part = 1 - part
		}
		share *= part
	}
	for _, c := range m.where {
		switch c.Op {
		case OpEqual:
			share *= 0.1
		case OpNotEqual:
			share *= 0.9
		default:
			share /= 3
		}
	}
	return share
}

// atLeastOne rounds an estimate; what is not known to be nothing is not 0.
func atLeastOne(f float64) int {
	if f <= 0 {
		return 0
	}
	return max(1, int(min(f, 1<<40)))
}

// sorted is the keys of a set in order.
func sorted(set map[entity.ID]bool) []entity.ID {
	out := make([]entity.ID, 0, len(set))
	for id, in := range set {
		if in {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}
