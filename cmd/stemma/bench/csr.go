package bench

import "slices"

// csr is the plain form of a graph: the targets of node u are those from its
// offset to the next one's. Four bytes each.
type csr struct{ offsets, targets []uint32 }

// newCSR keeps the edges by their first end (from 0) or their second (from 1).
func newCSR(nodes int, edges [][2]uint32, from int) csr {
	c := csr{offsets: make([]uint32, nodes+1), targets: make([]uint32, len(edges))}
	for _, e := range edges {
		c.offsets[e[from]+1]++
	}
	for u := range nodes {
		c.offsets[u+1] += c.offsets[u]
	}
	next := slices.Clone(c.offsets)
	for _, e := range edges {
		c.targets[next[e[from]]] = e[1-from]
		next[e[from]]++
	}
	return c
}

func (c *csr) of(u uint32) []uint32 { return c.targets[c.offsets[u]:c.offsets[u+1]] }

// csrSearch is a breadth-first search as one would write it: a queue with the
// way back, and stamps that are kept between searches.
type csrSearch struct {
	*csr
	stamps []uint32
	stamp  uint32
	queue  []uint32
	from   []uint32 // by place in the queue: the place before
	at     []uint32 // by node: its place in the queue
	found  []uint32 // places of what was looked for
	path   []uint32
}

func newCSRSearch(c *csr) *csrSearch {
	n := len(c.offsets) - 1
	return &csrSearch{csr: c, stamps: make([]uint32, n), at: make([]uint32, n)}
}

func (c *csrSearch) start(u uint32) {
	c.stamp++
	c.queue, c.from = append(c.queue[:0], u), append(c.from[:0], 0)
	c.stamps[u], c.at[u] = c.stamp, 0
	c.found, c.path = c.found[:0], c.path[:0]
}

// reach finds the nodes of a type within a depth, but for the first, and puts
// one path to each into path, from its end.
func (c *csrSearch) reach(types []uint8, src uint32, want uint8, depth int) (found int) {
	c.start(src)
	for level := 0; depth > 0; depth-- {
		end := len(c.queue)
		for i := level; i < end; i++ {
			for _, v := range c.of(c.queue[i]) {
				if c.stamps[v] == c.stamp {
					continue
				}
				c.stamps[v] = c.stamp
				if types[v] == want {
					c.found = append(c.found, uint32(len(c.queue)))
				}
				c.queue, c.from = append(c.queue, v), append(c.from, uint32(i))
			}
		}
		level = end
	}
	for _, place := range c.found {
		c.back(place)
	}
	return len(c.found)
}

// back adds the way from a place to the first node to the path.
func (c *csrSearch) back(place uint32) {
	for ; place != 0; place = c.from[place] {
		c.path = append(c.path, c.queue[place])
	}
}

// shortest finds a path of at most depth hops and gives its length, -1 when
// there is none: of a ball around each end, the one with the smaller rim grows.
// The path is that of both searches, each from the middle.
func shortest(fore, hind *csrSearch, src, dst uint32, depth int) int {
	fore.start(src)
	hind.start(dst)
	if src == dst {
		return 0
	}
	a, b := fore, hind
	rimA, rimB := 0, 0
	for hops := 1; hops <= depth; hops++ {
		if len(b.queue)-rimB < len(a.queue)-rimA {
			a, b, rimA, rimB = b, a, rimB, rimA
		}
		end := len(a.queue)
		if rimA == end {
			return -1
		}
		if a.grow(b, rimA, end) {
			return len(a.path) + len(b.path) + 1
		}
		rimA = end
	}
	return -1
}

// grow adds a hop, until it touches the other ball.
func (c *csrSearch) grow(other *csrSearch, from, end int) (met bool) {
	for i := from; i < end; i++ {
		for _, v := range c.of(c.queue[i]) {
			if c.stamps[v] == c.stamp {
				continue
			}
			if other.stamps[v] == other.stamp {
				c.back(uint32(i))
				other.back(other.at[v])
				return true
			}
			c.stamps[v], c.at[v] = c.stamp, uint32(len(c.queue))
			c.queue, c.from = append(c.queue, v), append(c.from, uint32(i))
		}
	}
	return false
}
