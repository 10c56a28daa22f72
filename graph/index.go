package graph

import (
	"bytes"
	"sync/atomic"

	"stemma/entity"
)

// Index is the projection that keeps the graph. See the package's comment for
// who may call what when.
type Index struct {
	snap atomic.Pointer[Snapshot]

	// The writer's own.
	epoch        uint64
	preds, types interner
	homes        map[uint32]uint32 // by a collection's node: its place in Snapshot.colls, from 1
}

var _ entity.Projection = (*Index)(nil)

// New makes an empty graph.
func New() *Index {
	x := &Index{preds: interner{}, types: interner{}, homes: map[uint32]uint32{}}
	x.snap.Store(&Snapshot{order: order{ids: newIDs()}, pool: new(scratchPool)})
	return x
}

// Name is the projection's name.
func (*Index) Name() string { return "graph" }

// Version is the version of the rows.
func (*Index) Version() int { return 1 }

// Snapshot is the graph as of the last batch of commits.
func (x *Index) Snapshot() *Snapshot { return x.snap.Load() }

// Rows is the projection without the graph: it keeps the rows up as an [Index]
// does, for a process that writes and asks nothing.
type Rows struct{}

var _ entity.Projection = Rows{}

// Name is the projection's name.
func (Rows) Name() string { return (*Index)(nil).Name() }

// Version is the version of the rows.
func (Rows) Version() int { return (*Index)(nil).Version() }

// Apply writes the entity's row, if the step changed it.
func (Rows) Apply(t entity.Transition, w entity.RowWriter) error { return apply(t, w) }

// Load does nothing.
func (Rows) Load(entity.Rows) error { return nil }

// Committed does nothing.
func (Rows) Committed([]entity.Transition) {}

// Apply writes the entity's row, if the step changed it.
func (*Index) Apply(t entity.Transition, w entity.RowWriter) error { return apply(t, w) }

func apply(t entity.Transition, w entity.RowWriter) error {
	before, after := t.Live()
	if before == nil && after == nil {
		return nil
	}
	if len(t.ID) != idLen {
		return entity.Errorf(entity.KindInternal, "graph.Apply", "entity %q has an id of %d bytes; every id has %d", t.ID, len(t.ID), idLen)
	}
	if after == nil {
		w.Delete([]byte(t.ID))
		return nil
	}
	if before != nil && same(before, after) {
		return nil
	}
	for _, r := range after.Relationships {
		if len(r.Peer) != idLen && r.Peer != entity.Wildcard {
			return entity.Errorf(entity.KindInternal, "graph.Apply", "entity %s has a peer %q of %d bytes; every id has %d", t.ID, r.Peer, len(r.Peer), idLen)
		}
	}
	row := encodeRow(after)
	if before != nil && bytes.Equal(row, encodeRow(before)) {
		return nil
	}
	w.Set([]byte(t.ID), row)
	return nil
}
