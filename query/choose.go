package query

import (
	"slices"

	"stemma/entity"
)

// choose decides from which end each hop is walked. Both ends give the same
// answer; what differs is how many edges have to be looked at.
func (p *Plan) choose() {
	rows := float64(p.entryRows())
	forward := 0.0 // edges from the entry on, all hops
	if p.entry.way != entryIDs {
		forward += rows
	}
	last := len(p.hops) - 1
	for i := range p.hops {
		h := &p.hops[i]
		first := rows * h.fan(p.src)
		if i == 0 && p.entry.way == entryIDs {
			first = degrees(p.src, &h.rel, p.entry.ids, h.Direction)
		}
		edges, reached := h.spread(p.src, first)
		forward += edges
		if i == last && h.canTurn() {
			h.backward = p.backwardEdges(i) < edges
		}
		rows = reached * p.selectivity(&h.match)
	}
	if last < 0 || !p.hops[last].fixed() || p.entry.way == entryIDs && last == 0 {
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

// fan estimates how many of the hop's edges are at an entity.
func (h *hopPlan) fan(src Source) float64 {
	f := float64(h.rel.edges(src)) / float64(max(src.Nodes(), 1))
	if h.Direction == entity.Both {
		f *= 2
	}
	return f
}

// spread estimates the edges a hop looks at and the entities it reaches, when
// the first step looks at so many edges.
func (h *hopPlan) spread(src Source, first float64) (edges, reached float64) {
	nodes, fan := float64(src.Nodes()), h.fan(src)
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
		first = degrees(p.src, &turn.rel, turn.Target.IDs, back.Direction)
	} else {
		_, reached := p.hops[i+1].spread(p.src, p.backwardEdges(i+1))
		first = reached * turn.fan(p.src)
	}
	edges, _ := turn.spread(p.src, first)
	return edges
}

func degrees(src Source, rel *relation, ids []entity.ID, d entity.Direction) float64 {
	n := 0
	for _, id := range ids {
		n += rel.degree(src, id, d)
	}
	return float64(n)
}

// entryRows estimates how many entities the query begins at.
func (p *Plan) entryRows() int {
	e := &p.entry
	var n int
	switch e.way {
	case entryIDs:
		n = len(e.ids)
	case entryText:
		n = min(p.exploring(), p.src.Nodes())
	case entryMembers:
		n = p.memberCount()
	default:
		n = p.typeCount(e.types)
		if e.match.collection != "" {
			n = min(n, p.memberCount())
		}
	}
	rest := p.unsettled()
	return atLeastOne(float64(n) * p.selectivity(&rest))
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
func (p *Plan) selectivity(m *matcher) float64 {
	share, nodes := 1.0, float64(max(p.src.Nodes(), 1))
	if m.ids != nil {
		share *= min(1, float64(len(m.ids))/nodes)
	}
	for _, t := range m.types {
		n := 0
		for name := range t.names {
			n += p.src.TypeCount(name)
		}
		part := min(1, float64(n)/nodes)
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
