package graph

import (
	"context"

	"stemma/entity"
)

// ReachQuery asks what can be reached.
type ReachQuery struct {
	Sources    []entity.ID
	TargetType string // "" is any
	MaxDepth   int    // hops, 1 to [MaxDepth]
	Direction  entity.Direction
	Limit      int // results; 0 is [DefaultLimit]
	MaxEdges   int // half-edges looked at; 0 is [DefaultMaxEdges]
}

// ReachResult answers a [ReachQuery]. Visited is the number of half-edges that
// were looked at; of a graph that is seen 0, for hidden ones would be among them.
type ReachResult struct {
	Results   []Path // shortest first, then by the order of the sources
	Truncated bool   // there is more, or may be: limit, bound or deadline
	Visited   int
}

// Reachable finds every live entity of a type within some hops of a source,
// other than that source, with one shortest path from each source it is within
// reach of. A source that is not in the graph reaches nothing. The errors are
// of [entity.KindInvalid] and [entity.KindCanceled]; past its deadline a search
// answers with what it has.
func (s *Snapshot) Reachable(ctx context.Context, q ReachQuery) (ReachResult, error) {
	const op = "graph.Reachable"
	if err := checkBounds(op, q.MaxDepth, MaxDepth, &q.Limit, &q.MaxEdges); err != nil {
		return ReachResult{}, err
	}
	r := reach{s: s, meter: newMeter(ctx, op, q.MaxEdges), dir: q.Direction}
	rank := ranking{limit: q.Limit}
	if typ, ok := s.types.find(q.TargetType); ok {
		r.kind = typ + 1
	} else if q.TargetType != "" {
		return ReachResult{Results: []Path{}}, r.cancelled
	}
	there := s.there(r.kind, q.Limit)
	if there == 0 {
		return ReachResult{Results: []Path{}}, r.cancelled
	}
	r.scratch = s.pool.get(s.ids.n, false)
	defer s.pool.put(r.scratch)
	for _, src := range s.nodesOf(q.Sources) {
		depth := rank.useful(q.MaxDepth)
		if depth == 0 || r.stopped {
			break
		}
		r.step(1)
		r.from(src, depth, min(q.Limit+1, s.others(src, r.kind, there)))
		edges := make([]entity.Edge, 0, len(r.found))
		for _, i := range r.found {
			start := len(edges)
			edges = s.walk(r.steps, i, edges)
			rank.add(Path{s.ids.at(src), s.ids.at(r.steps[i].node), edges[start:len(edges):len(edges)]})
		}
	}
	if r.cancelled != nil {
		return ReachResult{}, r.cancelled
	}
	return ReachResult{rank.paths(), rank.dropped || r.stopped, s.told(r.visited)}, nil
}

// there is how many live nodes of a kind there are. A search need not know more
// than one result too many and the source, nor, when it would have to count,
// more than that there are many.
func (s *Snapshot) there(kind uint32, limit int) int {
	const many = 1024
	most := limit + 2
	if s.sight == nil || most <= many {
		return s.countOf(kind, most)
	}
	if n := s.countOf(kind, many); n < many {
		return n
	}
	return most
}

// others is how many of n live nodes of a kind are not u.
func (s *Snapshot) others(u, kind uint32, n int) int {
	if k := s.kind(u); k != 0 && (k == kind || kind == 0) {
		n--
	}
	return n
}

// reach is a breadth-first search.
type reach struct {
	*scratch
	*meter
	s    *Snapshot
	kind uint32 // what to find; 0 is any
	dir  entity.Direction

	found []uint32 // the steps that are results, shortest first
	most  int      // results at which to stop
	last  bool     // on the last level: only results become steps
	warm  half     // keeps the loads of touch from being dropped
	stop  bool     // found most
}

// lookahead is how many steps before a node's turn its lists are touched, so that
// the cache misses of several nodes overlap: a quarter less time on 100,000
// nodes and 1 million edges.
const lookahead = 8

// from searches from a node up to a depth, until it has found most results.
func (r *reach) from(src uint32, depth, most int) {
	r.start(src)
	r.found, r.most, r.stop = r.found[:0], most, most == 0
	for from := 0; depth > 0 && !r.stop; depth-- {
		r.last = depth == 1
		end := len(r.steps)
		for i := from; i < end; i++ {
			if i+lookahead < end {
				r.touch(r.steps[i+lookahead].node, r.steps[i+lookahead/2].node)
			}
			if !r.expand(uint32(i)) {
				return
			}
		}
		from = end
	}
}

// touch reads a node whose turn comes later, and the lists of one whose turn
// comes sooner.
func (r *reach) touch(later, sooner uint32) {
	r.warm += half(r.s.nodes.get(later).out.n)
	if r.s.sight != nil {
		r.warm += half(*r.s.homes.get(later))
	}
	n := r.s.nodes.get(sooner)
	if r.dir != entity.Incoming {
		r.warm += n.out.touch()
	}
	if r.dir != entity.Outgoing {
		r.warm += n.in.touch()
	}
}

func (r *reach) expand(i uint32) bool {
	u := r.steps[i].node
	p := r.s.nodes.get(u)
	if r.s.sight != nil && i > 0 && r.s.kind(u) == 0 {
		return true // hidden: no way on
	}
	if r.dir != entity.Incoming && !r.along(&p.out, i, along) {
		return false
	}
	return r.dir == entity.Outgoing || r.along(&p.in, i, back)
}

func (r *reach) along(a *adjacency, i, way uint32) bool {
	if !a.isHub {
		return r.look(a.list(), i, way)
	}
	for _, c := range a.hub().chunks {
		if !r.look(c.halves, i, way) {
			return false
		}
	}
	return true
}

// look takes in the nodes at the other ends. What is not live is neither a
// result nor a way on. Nor is what is hidden; but whether a node is, unless it
// may be a result, is asked when its turn comes, with what that takes read
// before: asked here, the loop would wait for the answer at every other node.
func (r *reach) look(run []half, i, way uint32) bool {
	run = run[:r.take(len(run))]
	seen, steps, kinds := r.seen, r.steps, r.s.kinds // in registers: this loop is the search
	whole := r.s.sight == nil
	for k, h := range run {
		v := h.peer()
		word, bit := v>>6, uint64(1)<<(v&63)
		if seen[word]&bit != 0 {
			continue
		}
		kind := *kinds.get(v)
		match := kind == r.kind || r.kind == 0
		if kind == 0 || r.last && !match {
			continue
		}
		match = match && (whole || r.s.sees(v, kind))
		seen[word] |= bit
		if match {
			r.found = append(r.found, uint32(len(steps)))
		}
		steps = append(steps, step{v, i, h.pred()<<1 | way})
		if match && len(r.found) == r.most {
			r.stop = true
			r.visited -= len(run) - 1 - k // not looked at after all
			break
		}
	}
	r.steps = steps
	return !r.stop && !r.stopped
}
