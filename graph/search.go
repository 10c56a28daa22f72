package graph

import (
	"context"
	"errors"
	"sync"

	"stemma/entity"
)

// Bounds of a search.
const (
	MaxDepth        = 8         // hops of a path at most
	MaxTreeDepth    = 4         // levels below a tree's root at most
	DefaultLimit    = 100       // results, when a query names no limit
	DefaultMaxEdges = 2_000_000 // half-edges looked at, when a query names no bound
)

// Path is a walk along edges. Edges are in walking order from Source to Target,
// each in its stored direction.
type Path struct {
	Source, Target entity.ID
	Edges          []entity.Edge
}

// checkBounds checks what all queries share and fills in defaults.
func checkBounds(op string, depth, deepest int, limit, maxEdges *int) error {
	switch {
	case depth < 1 || depth > deepest:
		return entity.Invalid(op, "a depth of %d is out of bounds; it is 1 to %d", depth, deepest)
	case *limit < 0:
		return entity.Invalid(op, "a limit of %d is negative; it is at least 1, or 0 for %d", *limit, DefaultLimit)
	case *maxEdges < 0:
		return entity.Invalid(op, "a bound of %d edges is negative; it is at least 1, or 0 for %d", *maxEdges, DefaultMaxEdges)
	}
	if *limit == 0 {
		*limit = DefaultLimit
	}
	if *maxEdges == 0 {
		*maxEdges = DefaultMaxEdges
	}
	return nil
}

// meter counts the half-edges that a search looks at and stops it: at the
// bound, at the deadline, or when the caller went away.
type meter struct {
	ctx       context.Context
	visited   int
	max       int
	work      int  // since ctx was asked last
	stopped   bool // for one of the reasons above
	cancelled error
}

// workPerPoll is about 20 µs of searching.
const workPerPoll = 4096

func newMeter(ctx context.Context, op string, maxEdges int) *meter {
	m := &meter{ctx: ctx, max: maxEdges}
	m.poll(op)
	return m
}

// take asks to look at n half-edges and gives how many of them may be.
func (m *meter) take(n int) int {
	if m.stopped {
		return 0
	}
	if n > m.max-m.visited {
		n = m.max - m.visited
		m.stopped = true
	}
	m.visited += n
	m.step(n)
	return n
}

// step counts work that looks at no edge.
func (m *meter) step(n int) {
	if m.work += n; m.work >= workPerPoll {
		m.poll("graph.search")
	}
}

func (m *meter) poll(op string) {
	m.work = 0
	err := m.ctx.Err()
	if err == nil {
		return
	}
	m.stopped = true
	if !errors.Is(err, context.DeadlineExceeded) {
		m.cancelled = &entity.Error{Kind: entity.KindCanceled, Op: op, Message: "the request was canceled", Err: err}
	}
}

// step is a node that a search came to. Its place in the list of steps names it.
type step struct {
	node uint32
	from uint32 // the step before; of the first, itself
	via  uint32 // the predicate's index twice, plus 1 when the edge leads back
}

// Which way an edge was walked, as the low bit of step.via.
const (
	along = 0
	back  = 1
)

// scratch is the memory of a search from one node. It is kept between searches,
// so that a search costs what it visits and not the size of the graph.
type scratch struct {
	seen  []uint64 // a bit per node: those of steps
	steps []step
	at    []uint32 // by node: its step; valid where seen. Only path searches use it
}

// start makes u the only step.
func (c *scratch) start(u uint32) {
	c.clear()
	c.push(u, 0, 0)
}

func (c *scratch) has(u uint32) bool { return c.seen[u>>6]&(1<<(u&63)) != 0 }

func (c *scratch) push(u, from, via uint32) {
	c.seen[u>>6] |= 1 << (u & 63)
	c.steps = append(c.steps, step{u, from, via})
}

// cut forgets the steps from n on.
func (c *scratch) cut(n int) {
	if len(c.steps)-n > len(c.seen)/4 && n == 0 {
		clear(c.seen)
	} else {
		for _, s := range c.steps[n:] {
			c.seen[s.node>>6] &^= 1 << (s.node & 63)
		}
	}
	c.steps = c.steps[:n]
}

func (c *scratch) clear() { c.cut(0) }

// scratchPool lends scratches. The collector may empty it.
type scratchPool struct{ pool sync.Pool }

// get gives a scratch for n nodes, with at if places is true.
func (p *scratchPool) get(n uint32, places bool) *scratch {
	c, ok := p.pool.Get().(*scratch)
	if !ok {
		c = new(scratch)
	}
	if words := int(n)/64 + 1; len(c.seen) < words {
		c.seen = make([]uint64, words+words/4)
	}
	if places && len(c.at) < int(n) {
		c.at = make([]uint32, n+n/4)
	}
	return c
}

func (p *scratchPool) put(cs ...*scratch) {
	for _, c := range cs {
		c.clear()
		p.pool.Put(c)
	}
}

// edge is the edge by which st was come to, as it is stored.
func (s *Snapshot) edge(steps []step, st step) entity.Edge {
	from, to := s.ids.at(steps[st.from].node), s.ids.at(st.node)
	if st.via&1 == back {
		from, to = to, from
	}
	return entity.Edge{From: from, Predicate: entity.Predicate(s.preds.list[st.via>>1]), To: to}
}

// walk is the edges from the first step to step i.
func (s *Snapshot) walk(steps []step, i uint32, into []entity.Edge) []entity.Edge {
	n := len(into)
	for j := i; j != 0; j = steps[j].from {
		n++
	}
	into = append(into, make([]entity.Edge, n-len(into))...)
	for j := i; j != 0; j = steps[j].from {
		n--
		into[n] = s.edge(steps, steps[j])
	}
	return into
}

// ranking keeps the best paths: the shortest, and of equals the first found.
type ranking struct {
	limit   int
	n       int
	byLen   [MaxDepth + 1][]Path
	dropped bool // there was one too many
}

func (r *ranking) add(p Path) {
	r.byLen[len(p.Edges)] = append(r.byLen[len(p.Edges)], p)
	if r.n++; r.n <= r.limit {
		return
	}
	r.dropped = true
	for l := MaxDepth; ; l-- {
		if k := len(r.byLen[l]); k > 0 {
			r.byLen[l] = r.byLen[l][:k-1]
			r.n--
			return
		}
	}
}

// useful is the longest path that could still get in, of at most depth hops.
func (r *ranking) useful(depth int) int {
	if !r.dropped {
		return depth
	}
	for l := depth; l > 0; l-- {
		if len(r.byLen[l]) > 0 {
			return l - 1
		}
	}
	return 0
}

func (r *ranking) paths() []Path {
	all := make([]Path, 0, r.n)
	for _, ps := range r.byLen {
		all = append(all, ps...)
	}
	return all
}

// nodesOf resolves ids that are in the graph, each once, in order.
func (s *Snapshot) nodesOf(ids []entity.ID) []uint32 {
	us := make([]uint32, 0, len(ids))
	seen := make(map[uint32]struct{}, len(ids))
	for _, id := range ids {
		u, ok := s.find(id)
		if _, twice := seen[u]; ok && !twice {
			seen[u] = struct{}{}
			us = append(us, u)
		}
	}
	return us
}
