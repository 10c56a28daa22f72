package graph

import (
	"bytes"
	"slices"

	"stemma/entity"
)

// slabSize is how many half-edges are allocated together at a load. A slab is
// freed when the last of its lists has been replaced, so it is kept small.
const slabSize = 8192

// Load builds the graph from the rows. While it runs it takes some 10 bytes an
// edge more than the graph. A broken row is an error of [entity.KindInternal].
func (x *Index) Load(rows entity.Rows) error {
	l := loader{batch: x.begin()}
	for row, err := range rows.Scan(nil, nil) {
		if err != nil {
			return err
		}
		if err := l.row(row); err != nil {
			return entity.Internal("graph.Load", err)
		}
	}
	l.count()
	l.fill()
	l.list()
	l.dirty = true
	l.publish()
	return nil
}

// loader gathers edges in the order of the rows, which is that of the ids, and
// then deals them out: no list needs sorting.
type loader struct {
	*batch
	held []edges // by the index of the predicate
	all  []half  // every entity with its type, ascending by id

	outs, ins []uint32 // degrees, then what is still to be filled
	slab      []half

	lastKey   []byte
	lastPred  []byte
	lastIndex uint32
}

// edges of one predicate, ascending by the holder's id and then the peer's.
type edges struct{ from, to []uint32 }

func (l *loader) row(row entity.Row) error {
	if len(row.Key) != idLen || bytes.Compare(row.Key, l.lastKey) <= 0 {
		return errRow
	}
	l.lastKey = append(l.lastKey[:0], row.Key...)
	r := rowReader{row.Value}
	typ, coll, err := r.head()
	if err != nil {
		return err
	}
	u := l.node(entity.ID(row.Key))
	kind := l.x.types.intern(&l.types, string(typ))
	l.all = append(l.all, makeHalf(kind, u))
	*l.kinds.edit(u, l.x.epoch) = kind + 1
	if coll != nil {
		*l.homes.edit(u, l.x.epoch) = l.home(l.node(entity.ID(coll)))
	}
	for last := []byte(nil); len(r.rest) > 0; {
		pred, peers, err := r.group()
		if err != nil {
			return err
		}
		if last != nil && bytes.Compare(last, pred) >= 0 {
			return errRow
		}
		last = pred
		l.hold(u, l.of(pred), peers)
	}
	return nil
}

// hold gathers u's edges of one predicate; ascending by peer.
func (l *loader) hold(u uint32, e *edges, peers []byte) {
	for ; len(peers) > 0; peers = peers[idLen:] {
		e.from = append(e.from, u)
		e.to = append(e.to, l.node(entity.ID(peers[:idLen])))
	}
}

// of gives the edges of a predicate; most rows repeat the one before.
func (l *loader) of(pred []byte) *edges {
	if l.lastPred == nil || !bytes.Equal(pred, l.lastPred) {
		l.lastIndex = l.x.preds.intern(&l.preds, string(pred))
		l.lastPred = append(l.lastPred[:0], pred...)
		for int(l.lastIndex) >= len(l.held) {
			l.held = append(l.held, edges{})
		}
	}
	return &l.held[l.lastIndex]
}

func (l *loader) count() {
	l.outs, l.ins = make([]uint32, l.ids.n), make([]uint32, l.ids.n)
	for pred, e := range l.held {
		for i := range e.from {
			l.outs[e.from[i]]++
			l.ins[e.to[i]]++
		}
		*l.predEdges.edit(uint32(pred), l.x.epoch) = len(e.from)
		l.edges += len(e.from)
	}
}

// fill deals the edges out to the lists of both their ends: predicate by
// predicate in the order of the names, each already in the order of the ids.
func (l *loader) fill() {
	for u := range l.ids.n {
		n := l.nodes.get(u)
		n.out, n.in = listOf(l.alloc(l.outs[u])), listOf(l.alloc(l.ins[u]))
	}
	l.preds.settle()
	for _, pred := range l.preds.sorted {
		e := &l.held[pred]
		for i, u := range e.from {
			v := e.to[i]
			out, in := l.nodes.get(u).out.list(), l.nodes.get(v).in.list()
			out[len(out)-int(l.outs[u])] = makeHalf(pred, v)
			in[len(in)-int(l.ins[v])] = makeHalf(pred, u)
			l.outs[u]--
			l.ins[v]--
		}
	}
	for u := range l.ids.n {
		n := l.nodes.get(u)
		for _, a := range [...]*adjacency{&n.out, &n.in} {
			if a.n > hubFrom {
				*a = build(a.list(), l.x.epoch)
			}
		}
	}
}

// alloc cuts a list of n out of the slab, with no room to grow into the next.
func (l *loader) alloc(n uint32) []half {
	switch {
	case n == 0:
		return nil
	case n > hubFrom:
		return make([]half, n)
	case int(n) > len(l.slab):
		l.slab = make([]half, slabSize)
	}
	list := l.slab[:n:n]
	l.slab = l.slab[n:]
	return list
}

// list makes the lists of entities by type.
func (l *loader) list() {
	byType := make([][]half, len(l.types.list))
	for _, h := range l.all {
		byType[h.pred()] = append(byType[h.pred()], h)
	}
	for typ, list := range byType {
		*l.ofType(uint32(typ)) = build(slices.Clip(list), l.x.epoch)
	}
	l.live = len(l.all)
}
