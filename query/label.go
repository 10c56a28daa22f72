package query

import "slices"

// label is a path from a candidate to a node: the way of a search whose paths
// may be as short as one edge. The candidates themselves have labels without
// an edge.
type label struct {
	origin int32 // into from
	node   int32
	parent int32 // the path without its last edge; -1 at a candidate
	depth  int32
	rel    float64 // product of the edges' scores
	step   step
}

// spread grows paths one edge at a time and keeps of each node those that no
// others beat.
//
// A label is beaten by one of the same node that comes from a candidate of at
// least its score, over edges of at least its product, and is no longer. One
// such label from another candidate is not enough to drop it, because the hop
// may not end where it began: the better path may begin at the very end to
// come. Two from different candidates are, and so is one from its own, which
// also keeps every path from visiting an entity twice.
func (s *search) spread() error {
	for i, c := range s.from {
		n, err := s.meet(c.id)
		if err != nil {
			return err
		}
		s.add(label{origin: int32(i), node: n, parent: -1, rel: 1})
	}
	done := 0
	var buf []step
	for depth := int32(1); depth <= int32(s.most); depth++ {
		for at, layer := done, len(s.labels); at < layer; at++ {
			done++
			parent := s.labels[at]
			var err error
			buf, err = s.expand(buf[:0], s.nodes[parent.node].id, s.dir, s.rel)
			if err != nil && err != errStop {
				return err
			}
			over, meetErr := s.extend(buf, parent, int32(at), depth)
			if meetErr != nil {
				return meetErr
			}
			if err != nil || over {
				return err
			}
		}
	}
	return nil
}

// extend adds the paths that go on from a label, and tells whether the search
// has enough.
func (s *search) extend(edges []step, parent label, at, depth int32) (over bool, err error) {
	for _, e := range edges {
		n, err := s.meet(e.to)
		if err != nil {
			return false, err
		}
		if !s.nodes[n].live {
			continue
		}
		l := label{origin: parent.origin, node: n, parent: at, depth: depth, rel: parent.rel * e.score, step: e}
		if s.add(l) && s.settled(l) {
			if s.enough--; s.enough == 0 {
				return true, nil
			}
		}
	}
	return false, nil
}

// add keeps a label unless others beat it.
func (s *search) add(l label) bool {
	n := &s.nodes[l.node]
	score, rival := s.from[l.origin].score, int32(-1)
	for _, i := range n.labels {
		o := &s.labels[i]
		if s.from[o.origin].score < score || o.rel < l.rel {
			continue
		}
		if o.origin == l.origin || rival >= 0 && rival != o.origin {
			return false
		}
		rival = o.origin
	}
	n.labels = append(n.labels, int32(len(s.labels)))
	s.labels = append(s.labels, l)
	return true
}

// settled tells whether a new label is the first of its node that nothing
// still to come can beat.
func (s *search) settled(l label) bool {
	n := &s.nodes[l.node]
	if s.enough == 0 || !n.ok || n.own < s.top {
		return false
	}
	final := func(l label) bool { return l.depth > 0 && l.rel == 1 && s.from[l.origin].score == s.from[0].score }
	return final(l) && !slices.ContainsFunc(n.labels[:len(n.labels)-1], func(i int32) bool { return final(s.labels[i]) })
}

// reached tells whether a path leads to the node.
func (s *search) reached(n *node) bool {
	return slices.ContainsFunc(n.labels, func(i int32) bool { return s.labels[i].depth > 0 })
}

// best is the best path to a node; of equal ones the first found.
func (s *search) best(n *node) (e end, ok bool) {
	for _, i := range n.labels {
		l := &s.labels[i]
		if l.depth == 0 || !n.ok {
			continue
		}
		origin := s.from[l.origin]
		score := hopScore(origin.score, n.own, int(l.depth), l.rel)
		if !ok || score > e.score {
			e = end{id: n.id, typ: n.typ, own: n.own, score: score, length: int(l.depth), origin: origin, ref: int(i)}
			ok = true
		}
	}
	return e, ok
}

// trail implements trailer.
func (s *search) trail(ref int) []step {
	if s.least > 1 {
		return s.paths[ref]
	}
	var out []step
	for at := int32(ref); s.labels[at].parent >= 0; at = s.labels[at].parent {
		out = append(out, s.labels[at].step)
	}
	slices.Reverse(out)
	return out
}
