package query

import (
	"slices"

	"stemma/entity"
)

// simple searches for paths of at least two edges that visit no entity twice.
// It knows first, by walks that may, which entities can be how many edges from
// a candidate and from an end; a depth-first search then follows only what can
// still come out right.
type simple struct {
	*search
	arcs    [][]arc           // of each node, one to each neighbour, its best; nil until asked for
	back    [][]int32         // nodes with an arc to this one
	away    []uint16          // bit d: a walk of d edges leads here from a candidate
	ends    map[int32]*end    // the best so far, by node
	open    map[int32]bool    // ends that the paths now looked for can better
	lead    [MaxDepth + 1]set // lead[n]: walks of n edges lead from here to an open end
	onPath  []bool
	path    []step
	origin  *candidate
	length  int
	product float64
}

type set map[int32]bool

type arc struct {
	node int32
	step step
}

// longPaths is [search.ends] for a least length above 1.
func (s *search) longPaths() ([]end, error) {
	p := &simple{search: s, ends: map[int32]*end{}}
	targets, err := p.layers()
	if err != nil && err != errStop {
		return nil, err
	}
	if err == nil {
		err = s.scoreTargets(targets)
	}
	if err == nil {
		err = p.find(targets)
	}
	if err != nil && err != errStop {
		return nil, err
	}
	out := make([]end, 0, len(p.ends))
	for _, e := range p.ends {
		out = append(out, *e)
	}
	slices.SortFunc(out, end.compare)
	return out, err
}

// layers walks forward from the candidates and gives the nodes at which a path
// could end.
func (p *simple) layers() ([]int32, error) {
	var layer []int32
	for _, c := range p.from {
		n, err := p.know(c.id)
		if err != nil {
			return nil, err
		}
		p.away[n] |= 1
		layer = append(layer, n)
	}
	for d := 1; d <= p.most; d++ {
		var next []int32
		for _, n := range layer {
			arcs, err := p.arcsOf(n)
			if err != nil {
				return nil, err
			}
			for _, a := range arcs {
				if p.away[a.node]&(1<<d) == 0 {
					p.away[a.node] |= 1 << d
					next = append(next, a.node)
				}
			}
		}
		layer = next
	}
	inRange := uint16(1)<<(p.most+1) - uint16(1)<<p.least
	var targets []int32
	for i := range p.nodes {
		if p.nodes[i].ok && p.away[i]&inRange != 0 {
			targets = append(targets, int32(i))
		}
	}
	return targets, nil
}

// know is meet, with room in the lists by node.
func (p *simple) know(id entity.ID) (int32, error) {
	n, err := p.meet(id)
	for len(p.arcs) < len(p.nodes) {
		p.arcs, p.back = append(p.arcs, nil), append(p.back, nil)
		p.away, p.onPath = append(p.away, 0), append(p.onPath, false)
	}
	return n, err
}

// arcsOf reads the edges of a node once. Every later look costs the same.
func (p *simple) arcsOf(n int32) ([]arc, error) {
	if p.arcs[n] != nil {
		return p.arcs[n], p.spend(len(p.arcs[n]))
	}
	edges, err := p.expand(nil, p.nodes[n].id, p.dir, p.rel)
	if err != nil {
		return nil, err
	}
	arcs := make([]arc, 0, len(edges))
	at := make(map[int32]int, len(edges))
	for _, e := range edges {
		to, err := p.know(e.to)
		if err != nil {
			return nil, err
		}
		if !p.nodes[to].live {
			continue
		}
		if i, twice := at[to]; !twice {
			at[to] = len(arcs)
			arcs = append(arcs, arc{node: to, step: e})
			p.back[to] = append(p.back[to], n)
		} else if e.score > arcs[i].step.score {
			arcs[i].step = e
		}
	}
	p.arcs[n] = arcs
	return arcs, nil
}

// find looks for paths of each length in turn, the shortest first, and for
// each length from the best candidates first.
func (p *simple) find(targets []int32) error {
	for p.length = p.least; p.length <= p.most; p.length++ {
		if err := p.leads(targets, p.from[0].score); err != nil {
			return err
		}
		for i, c := range p.from {
			if i == 0 || c.score < p.from[i-1].score {
				p.reopen(targets, c.score)
			}
			n := p.index[c.id]
			if len(p.open) == 0 {
				break // those that follow have no better score
			}
			if !p.lead[p.length][n] {
				continue
			}
			p.origin, p.product, p.onPath[n] = c, 1, true
			err := p.descend(n, p.length)
			p.onPath[n] = false
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// reopen makes a set of the targets whose path could be bettered by one of the
// present length from a candidate of the score given.
func (p *simple) reopen(targets []int32, score float64) {
	p.open = map[int32]bool{}
	for _, n := range targets {
		if best := p.ends[n]; p.nodes[n].ok && (best == nil || hopScore(score, p.nodes[n].own, p.length, 1) > best.score) {
			p.open[n] = true
		}
	}
}

// leads works out from where walks of the present length can come to an open
// target.
func (p *simple) leads(targets []int32, score float64) error {
	p.reopen(targets, score)
	layer := make([]int32, 0, len(p.open))
	p.lead[0] = set{}
	for _, n := range targets {
		if p.open[n] {
			p.lead[0][n] = true
			layer = append(layer, n)
		}
	}
	for left := 1; left <= p.length; left++ {
		p.lead[left] = set{}
		var next []int32
		for _, n := range layer {
			if err := p.spend(len(p.back[n])); err != nil {
				return err
			}
			for _, from := range p.back[n] {
				if p.away[from]&(1<<(p.length-left)) != 0 && !p.lead[left][from] {
					p.lead[left][from] = true
					next = append(next, from)
				}
			}
		}
		layer = next
	}
	return nil
}

// descend follows every path of left more edges from a node.
func (p *simple) descend(n int32, left int) error {
	arcs, err := p.arcsOf(n)
	if err != nil {
		return err
	}
	for _, a := range arcs {
		if p.onPath[a.node] || !p.lead[left-1][a.node] || len(p.open) == 0 {
			continue
		}
		before := p.product
		p.product *= a.step.score
		p.path = append(p.path, a.step)
		if left == 1 {
			p.arrive(a.node)
		} else {
			p.onPath[a.node] = true
			err = p.descend(a.node, left-1)
			p.onPath[a.node] = false
		}
		p.path, p.product = p.path[:len(p.path)-1], before
		if err != nil {
			return err
		}
	}
	return nil
}

// arrive keeps the present path if it is the best to its end.
func (p *simple) arrive(n int32) {
	if !p.open[n] {
		return
	}
	at, best := &p.nodes[n], p.ends[n]
	score := hopScore(p.origin.score, at.own, p.length, p.product)
	if best != nil && score <= best.score {
		return
	}
	if p.rel.fuzzy == nil {
		delete(p.open, n) // no path of this length from here is better
	}
	if best == nil {
		best = &end{ref: len(p.paths)}
		p.ends[n] = best
		p.paths = append(p.paths, nil)
	}
	p.paths[best.ref] = slices.Clone(p.path)
	*best = end{id: at.id, typ: at.typ, own: at.own, score: score, length: p.length, origin: p.origin, ref: best.ref}
}
