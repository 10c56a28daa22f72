package graph

import (
	"math"

	"stemma/entity"
)

// bidirectional searches by growing a ball around each end, always the one that
// is cheaper to grow, until they touch. The ball around a source is kept for
// all its targets.
type bidirectional struct {
	*meter
	s          *Snapshot
	fore, hind ball

	// Where they touch: a step of each ball, with an edge between the two
	// unless they are the same node.
	foreStep, hindStep uint32
	bridge             []entity.Edge
}

// ball is all nodes within some hops of a center.
type ball struct {
	*scratch
	dir   entity.Direction // in which it grows
	level int              // where in steps the outermost hop begins
	hops  int
}

func (b *ball) center(u uint32) {
	b.start(u)
	b.at[u] = 0
	b.level, b.hops = 0, 0
}

func (s *Snapshot) newBidirectional(m *meter, d entity.Direction) *bidirectional {
	return &bidirectional{
		meter: m, s: s,
		fore: ball{scratch: s.pool.get(s.ids.n, true), dir: d},
		hind: ball{scratch: s.pool.get(s.ids.n, true), dir: d.Reverse()},
	}
}

func (b *bidirectional) close() { b.s.pool.put(b.fore.scratch, b.hind.scratch) }

// source begins a search from u.
func (b *bidirectional) source(u uint32) { b.fore.center(u) }

// target finds a shortest path of at most depth hops to v, which edges then gives.
//
// When neither ball holds the other's center, the distance is more than both
// radii together. So the first node at which a growing ball touches the other
// is on a shortest path, and on the other's outermost hop.
func (b *bidirectional) target(v uint32, depth int) bool {
	b.hind.center(v)
	b.bridge = b.bridge[:0]
	if b.fore.has(v) {
		b.foreStep, b.hindStep = b.fore.at[v], 0
		return b.distance() <= depth
	}
	for b.fore.hops+b.hind.hops < depth && !b.stopped {
		grown, other := b.cheaper()
		if grown.level == len(grown.steps) {
			return false // that side is complete
		}
		if b.grow(grown, other) {
			return true
		}
	}
	return false
}

// distance is the length of the path that edges gives.
func (b *bidirectional) distance() int {
	n := len(b.bridge)
	for i := b.foreStep; i != 0; i = b.fore.steps[i].from {
		n++
	}
	for i := b.hindStep; i != 0; i = b.hind.steps[i].from {
		n++
	}
	return n
}

// edges is the path found, from the source to the target.
func (b *bidirectional) edges() []entity.Edge {
	path := b.s.walk(b.fore.steps, b.foreStep, make([]entity.Edge, 0, b.distance()))
	path = append(path, b.bridge...)
	for i := b.hindStep; i != 0; i = b.hind.steps[i].from {
		path = append(path, b.s.edge(b.hind.steps, b.hind.steps[i]))
	}
	return path
}

// cheaper chooses the ball with fewer edges at its outermost hop, so that a hub
// is not looked through while there is another way. It counts the one with
// fewer nodes, and the other only until that is known to be dearer.
func (b *bidirectional) cheaper() (grown, other *ball) {
	grown, other = &b.fore, &b.hind
	if len(other.steps)-other.level < len(grown.steps)-grown.level {
		grown, other = other, grown
	}
	cost := b.cost(grown, math.MaxInt)
	if b.cost(other, cost) < cost {
		return other, grown
	}
	return grown, other
}

// cost is the number of edges at the outermost hop, or some number from most on.
func (b *bidirectional) cost(c *ball, most int) int {
	n := 0
	for _, st := range c.steps[c.level:] {
		p := b.s.nodes.get(st.node)
		if c.dir != entity.Incoming {
			n += p.out.len()
		}
		if c.dir != entity.Outgoing {
			n += p.in.len()
		}
		if n >= most {
			break
		}
	}
	return n
}

// grow adds a hop to a ball. When it touches the other one it stops there, and
// is left as it was.
func (b *bidirectional) grow(c, other *ball) (met bool) {
	end, kinds, whole := len(c.steps), b.s.kinds, b.s.sight == nil
	for i := c.level; i < end && !b.stopped; i++ {
		u := c.steps[i].node
		p := b.s.nodes.get(u)
		if i > 0 && (*kinds.get(u) == 0 || !whole && b.s.kind(u) == 0) {
			continue // not live, or hidden: no way through
		}
		if c.dir != entity.Incoming && b.along(&p.out, c, other, uint32(i), along) ||
			c.dir != entity.Outgoing && b.along(&p.in, c, other, uint32(i), back) {
			c.cut(end)
			return true
		}
	}
	c.level = end
	c.hops++
	return false
}

func (b *bidirectional) along(a *adjacency, c, other *ball, i, way uint32) (met bool) {
	if !a.isHub {
		return b.look(a.list(), c, other, i, way)
	}
	for _, part := range a.hub().chunks {
		if b.look(part.halves, c, other, i, way) {
			return true
		}
	}
	return false
}

func (b *bidirectional) look(run []half, c, other *ball, i, way uint32) (met bool) {
	run = run[:b.take(len(run))]
	seen, theirs, at, steps := c.seen, other.seen, c.at, c.steps // in registers: this loop is the search
	for k, h := range run {
		v := h.peer()
		word, bit := v>>6, uint64(1)<<(v&63)
		if seen[word]&bit != 0 {
			continue
		}
		st := step{v, i, h.pred()<<1 | way}
		if theirs[word]&bit != 0 && b.passable(v, other.at[v]) {
			c.steps = steps
			b.visited -= len(run) - 1 - k // not looked at after all
			b.touch(c, i, other.at[v], st)
			return true
		}
		seen[word] |= bit
		at[v] = uint32(len(steps))
		steps = append(steps, st)
	}
	c.steps = steps
	return false
}

// passable tells whether the balls may meet at node v, step j of one of them:
// there is no way through what is not live, but it may be an end. Nor is there
// one through what is hidden, which is never an end; only here and in grow has
// it to be told apart, so that a ball costs what it costs without a filter.
func (b *bidirectional) passable(v, j uint32) bool { return j == 0 || b.s.kind(v) != 0 }

// touch keeps where the two balls meet: at step i of the grown one, step j of
// the other, and st between them.
func (b *bidirectional) touch(c *ball, i, j uint32, st step) {
	b.bridge = append(b.bridge, b.s.edge(c.steps, st))
	if c == &b.fore {
		b.foreStep, b.hindStep = i, j
	} else {
		b.foreStep, b.hindStep = j, i
	}
}
