package graph

import "stemma/entity"

// Committed takes a batch of steps into the graph and publishes them as one.
func (x *Index) Committed(ts []entity.Transition) {
	b := x.begin()
	for _, t := range ts {
		b.step(t)
	}
	b.publish()
}

// batch is a snapshot in the making. What it holds is shared with the snapshot
// before until paged and adjacency copy it.
type batch struct {
	*Snapshot
	x     *Index
	dirty bool

	before, after []link // scratch
}

func (x *Index) begin() *batch {
	x.epoch++
	s := *x.snap.Load()
	return &batch{Snapshot: &s, x: x}
}

func (b *batch) publish() {
	if !b.dirty {
		return
	}
	b.preds.settle()
	b.types.settle()
	b.x.snap.Store(b.Snapshot)
}

func (b *batch) step(t entity.Transition) {
	before, after := t.Live()
	if before == nil && after == nil || before != nil && after != nil && same(before, after) || len(t.ID) != idLen {
		return
	}
	b.dirty = true
	u := b.node(t.ID)
	b.describe(u, after)
	b.before, b.after = links(before, b.before[:0]), links(after, b.after[:0])
	b.relate(u, b.before, b.after)
}

// node is the index of an entity or peer, new or known.
func (b *batch) node(id entity.ID) uint32 {
	u, added := b.ids.intern(id)
	if added {
		b.nodes.edit(u, b.x.epoch)
		b.kinds.edit(u, b.x.epoch)
		b.homes.edit(u, b.x.epoch)
	}
	return u
}

// home is a collection's place in colls, from 1.
func (b *batch) home(coll uint32) uint32 {
	home, ok := b.x.homes[coll]
	if !ok {
		b.colls = append(b.colls, coll)
		home = uint32(len(b.colls))
		b.x.homes[coll] = home
	}
	return home
}

func (b *batch) predicate(p entity.Predicate) uint32 {
	i := b.x.preds.intern(&b.preds, string(p))
	b.predEdges.edit(i, b.x.epoch)
	return i
}

// describe sets what the graph knows of an entity but for its edges; nil is an
// entity that lives no more.
func (b *batch) describe(u uint32, m *entity.Manifest) {
	var kind, home uint32
	if m != nil {
		kind = b.x.types.intern(&b.types, m.Type) + 1
		if id := collection(m); id != "" {
			home = b.home(b.node(id))
		}
	}
	if *b.homes.get(u) != home {
		*b.homes.edit(u, b.x.epoch) = home
	}
	old := b.kind(u)
	if old == kind {
		return
	}
	*b.kinds.edit(u, b.x.epoch) = kind
	if old != 0 {
		b.live--
		b.ofType(old-1).remove(&b.order, makeHalf(old-1, u), b.x.epoch)
	}
	if kind != 0 {
		b.live++
		b.ofType(kind-1).insert(&b.order, makeHalf(kind-1, u), b.x.epoch)
	}
}

func (b *batch) ofType(typ uint32) *adjacency {
	return b.members.edit(typ, b.x.epoch)
}

// relate replaces the edges that u holds.
func (b *batch) relate(u uint32, before, after []link) {
	all := after
	var gone, come []half
	for len(before) > 0 || len(after) > 0 {
		switch c := compareHeads(before, after); {
		case c < 0:
			gone = append(gone, b.half(before[0]))
			before = before[1:]
		case c > 0:
			come = append(come, b.half(after[0]))
			after = after[1:]
		default:
			before, after = before[1:], after[1:]
		}
	}
	b.outgoing(u, gone, come, all)
	for _, h := range gone {
		b.incoming(u, h, -1)
	}
	for _, h := range come {
		b.incoming(u, h, +1)
	}
}

// compareHeads compares the first of each list; the end is after everything.
func compareHeads(a, b []link) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return compareLinks(a[0], b[0])
}

func (b *batch) half(l link) half { return makeHalf(b.predicate(l.pred), b.node(l.peer)) }

// outgoing changes u's own list: edge by edge when little changes, otherwise by
// writing it anew.
func (b *batch) outgoing(u uint32, gone, come []half, all []link) {
	if len(gone)+len(come) == 0 {
		return
	}
	a := &b.nodes.edit(u, b.x.epoch).out
	if 4*(len(gone)+len(come)) > len(all) {
		fresh := make([]half, len(all))
		for i, l := range all {
			fresh[i] = b.half(l)
		}
		*a = build(fresh, b.x.epoch)
		return
	}
	for _, h := range gone {
		a.remove(&b.order, h, b.x.epoch)
	}
	for _, h := range come {
		a.insert(&b.order, h, b.x.epoch)
	}
}

// incoming adds u's edge h to the list of its other end, or takes it out.
func (b *batch) incoming(u uint32, h half, by int) {
	v, back := h.peer(), makeHalf(h.pred(), u)
	a := &b.nodes.edit(v, b.x.epoch).in
	if by > 0 {
		a.insert(&b.order, back, b.x.epoch)
	} else {
		a.remove(&b.order, back, b.x.epoch)
	}
	b.edges += by
	*b.predEdges.edit(h.pred(), b.x.epoch) += by
}
