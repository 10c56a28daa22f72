package graph

import (
	"hash/maphash"
	"sync/atomic"
	"unsafe"

	"stemma/entity"
)

const (
	idLen   = 26   // bytes of every id but the wildcard's
	idChunk = 1024 // ids to a chunk
)

// ids gives every id a dense index and finds it again. Entries are only ever
// added, by one writer; a copy of the struct sees the entries of its time, also
// while the writer goes on, because it looks past indexes from n on.
type ids struct {
	n      uint32
	chunks []*[idChunk][idLen]byte
	cells  []atomic.Uint32 // open addressing, linear probing: index+1, or 0
	seed   maphash.Seed
}

func newIDs() ids {
	return ids{cells: make([]atomic.Uint32, 64), seed: maphash.MakeSeed()}
}

// at is the id of an index. It copies nothing: the bytes of an id are written
// once, before any reader can know its index, and never freed or changed.
func (t *ids) at(i uint32) entity.ID {
	return entity.ID(unsafe.String(&t.chunks[i/idChunk][i%idChunk][0], idLen))
}

func (t *ids) find(id entity.ID) (uint32, bool) {
	if len(id) != idLen {
		return 0, false
	}
	mask := uint64(len(t.cells) - 1)
	for c := maphash.String(t.seed, string(id)) & mask; ; c = (c + 1) & mask {
		v := t.cells[c].Load()
		if v == 0 {
			return 0, false
		}
		if v <= t.n && t.at(v-1) == id {
			return v - 1, true
		}
	}
}

// intern finds id, or adds it. Only the writer calls it, with an id of idLen
// bytes, which it copies.
func (t *ids) intern(id entity.ID) (i uint32, added bool) {
	if i, ok := t.find(id); ok {
		return i, false
	}
	if int(t.n+1)*3 > len(t.cells)*2 {
		t.grow()
	}
	i = t.n
	if i%idChunk == 0 {
		t.chunks = append(t.chunks, new([idChunk][idLen]byte))
	}
	copy(t.chunks[i/idChunk][i%idChunk][:], id)
	t.n++
	t.place(id, i)
	return i, true
}

// place writes the first free cell. The store publishes the id's bytes.
func (t *ids) place(id entity.ID, i uint32) {
	mask := uint64(len(t.cells) - 1)
	c := maphash.String(t.seed, string(id)) & mask
	for t.cells[c].Load() != 0 {
		c = (c + 1) & mask
	}
	t.cells[c].Store(i + 1)
}

// grow doubles the cells. Snapshots keep the old ones, which hold all they know.
func (t *ids) grow() {
	t.cells = make([]atomic.Uint32, 2*len(t.cells))
	for i := range t.n {
		t.place(t.at(i), i)
	}
}
