package graph

import (
	"context"
	"iter"

	"stemma/entity"
)

// TreeQuery asks for what hangs below an entity.
type TreeQuery struct {
	Root       entity.ID
	Depth      int                // levels below the root, 1 to [MaxTreeDepth]
	Predicates []entity.Predicate // to follow; nil is every one but [entity.PredicateCollection]
	Collection entity.ID          // to stay within; "" is anywhere. The root need not be in it
	Limit      int                // nodes, the root among them; 0 is [DefaultLimit]
	MaxEdges   int                // half-edges looked at; 0 is [DefaultMaxEdges]
}

// TreeNode is an entity with what hangs below it.
type TreeNode struct {
	ID       entity.ID
	Depth    int // 0 is the root
	Children []*TreeNode
}

// Tree follows outgoing edges from the root, level by level, so that the limit
// cuts the deepest. Every live entity appears once, at the place where it was
// met first; children come by predicate and then by id. It gives the number of
// nodes and whether the limit, the bound or the deadline kept others out.
//
// Without predicates, the children of a collection are what it points at and
// then its members that stand in no folder of it: those which no live entity of
// the collection contains and which are in none. So the collection shows its
// top level, with the rest below the folders. (Folders that contain each other
// in a ring have no top and are not shown.)
//
// The errors are of [entity.KindNotFound] when the root is not live, of
// [entity.KindInvalid] and of [entity.KindCanceled].
func (s *Snapshot) Tree(ctx context.Context, q TreeQuery) (root *TreeNode, total int, truncated bool, err error) {
	const op = "graph.Tree"
	if err := checkBounds(op, q.Depth, MaxTreeDepth, &q.Limit, &q.MaxEdges); err != nil {
		return nil, 0, false, err
	}
	u, ok := s.ids.find(q.Root)
	if !ok || s.kind(u) == 0 {
		return nil, 0, false, entity.NotFound(op, "there is no entity %s", q.Root)
	}
	t := tree{meter: newMeter(ctx, op, q.MaxEdges), s: s, limit: q.Limit, all: q.Predicates == nil, preds: s.predicates(q.Predicates)}
	t.in, t.contains = s.predicates([]entity.Predicate{entity.PredicateIn}), s.predicates([]entity.Predicate{entity.PredicateContains})
	if q.Collection != "" {
		c, ok := s.find(q.Collection)
		if t.within = c + 1; !ok {
			t.within = nowhere
		}
	}
	root = t.grow(u, q.Depth)
	if t.cancelled != nil {
		return nil, 0, false, t.cancelled
	}
	return root, len(t.seen), t.stopped, nil
}

// nowhere is a collection that nothing is in.
const nowhere = ^uint32(0)

type tree struct {
	*meter
	s      *Snapshot
	limit  int
	all    bool     // no predicates were given
	preds  []uint32 // those given
	within uint32   // a collection's index+1; 0 is anywhere
	seen   map[uint32]struct{}

	in, contains []uint32 // the predicates by which an entity stands in a folder
}

func (t *tree) grow(u uint32, depth int) *TreeNode {
	type place struct {
		u uint32
		*TreeNode
	}
	root := &TreeNode{ID: t.s.ids.at(u)}
	t.seen = map[uint32]struct{}{u: {}}
	for queue := []place{{u, root}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at.Depth == depth {
			break
		}
		for v := range t.children(at.u, at.Depth == 0) {
			if t.stopped || !t.add(v) {
				break
			}
			child := &TreeNode{ID: t.s.ids.at(v), Depth: at.Depth + 1}
			at.Children = append(at.Children, child)
			queue = append(queue, place{v, child})
		}
		if t.stopped {
			break
		}
	}
	return root
}

// add takes a node in unless that is one too many.
func (t *tree) add(v uint32) bool {
	if len(t.seen) == t.limit {
		t.stopped = true
		return false
	}
	t.seen[v] = struct{}{}
	return true
}

// children yields what belongs below u and is not in the tree.
func (t *tree) children(u uint32, isRoot bool) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		p := t.s.nodes.get(u)
		up, hasUp := t.s.preds.find(string(entity.PredicateCollection))
		for h := range t.s.halves(&p.out, t.preds) {
			if t.take(1) == 0 {
				return
			}
			if t.all && hasUp && h.pred() == up || !t.wants(h.peer()) {
				continue
			}
			if !yield(h.peer()) {
				return
			}
		}
		if !isRoot || !t.all || !hasUp || t.s.types.list[t.s.kind(u)-1] != entity.TypeCollection {
			return
		}
		for h := range t.s.halves(&p.in, []uint32{up}) {
			if t.take(1) == 0 {
				return
			}
			if t.wants(h.peer()) && !t.inFolder(h.peer(), u) && !yield(h.peer()) {
				return
			}
		}
	}
}

// wants tells whether v may be in the tree and is not.
func (t *tree) wants(v uint32) bool {
	if _, in := t.seen[v]; in || t.s.kind(v) == 0 {
		return false
	}
	return t.within == 0 || t.s.coll(v) == t.within
}

// inFolder tells whether v stands in a folder of the collection.
func (t *tree) inFolder(v, collection uint32) bool {
	n := t.s.nodes.get(v)
	return t.anyInside(&n.out, t.in, v, collection) || t.anyInside(&n.in, t.contains, v, collection)
}

// anyInside tells whether a list leads v to another live entity of the collection.
func (t *tree) anyInside(list *adjacency, preds []uint32, v, collection uint32) bool {
	for h := range t.s.halves(list, preds) {
		if t.take(1) == 0 {
			return true // there is no telling any more
		}
		f := h.peer()
		if f != v && f != collection && t.s.kind(f) != 0 && t.s.coll(f) == collection+1 {
			return true
		}
	}
	return false
}
