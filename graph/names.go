package graph

import (
	"cmp"
	"slices"
	"strings"
)

// names are interned texts: predicates, or types. list is append-only and
// shared by all snapshots, each of which sees its own length of it.
type names struct {
	list   []string
	sorted []uint32 // the indexes in the order of the texts
}

func (n *names) find(name string) (uint32, bool) {
	at, ok := slices.BinarySearchFunc(n.sorted, name, func(i uint32, name string) int {
		return strings.Compare(n.list[i], name)
	})
	if !ok {
		return 0, false
	}
	return n.sorted[at], true
}

// settle brings sorted up to date after additions to list. sorted is replaced,
// not changed.
func (n *names) settle() {
	if len(n.sorted) == len(n.list) {
		return
	}
	byName := func(a, b uint32) int { return strings.Compare(n.list[a], n.list[b]) }
	fresh := make([]uint32, 0, len(n.list)-len(n.sorted))
	for i := len(n.sorted); i < len(n.list); i++ {
		fresh = append(fresh, uint32(i))
	}
	slices.SortFunc(fresh, byName)
	merged := make([]uint32, 0, len(n.list))
	old := n.sorted
	for len(old) > 0 && len(fresh) > 0 {
		if byName(old[0], fresh[0]) < 0 {
			merged, old = append(merged, old[0]), old[1:]
		} else {
			merged, fresh = append(merged, fresh[0]), fresh[1:]
		}
	}
	n.sorted = append(append(merged, old...), fresh...)
}

// interner is the writer's way into names.
type interner map[string]uint32

func (in interner) intern(n *names, name string) uint32 {
	i, ok := in[name]
	if !ok {
		i = uint32(len(n.list))
		name = strings.Clone(name) // not to hold on to the manifest it is cut from
		in[name] = i
		n.list = append(n.list, name)
	}
	return i
}

// order is the order of half-edges: by the predicate's name, then by the peer's
// id. It is the same in every graph that holds the same edges.
type order struct {
	ids   ids
	preds names
}

func (o *order) compare(a, b half) int {
	if a == b {
		return 0
	}
	if c := o.comparePred(a.pred(), b.pred()); c != 0 {
		return c
	}
	return cmp.Compare(o.ids.at(a.peer()), o.ids.at(b.peer()))
}

func (o *order) comparePred(a, b uint32) int {
	if a == b {
		return 0
	}
	return strings.Compare(o.preds.list[a], o.preds.list[b])
}
