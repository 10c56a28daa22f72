package graph

import (
	"iter"
	"slices"
	"sort"
	"unsafe"
)

const (
	hubFrom  = 128 // a list longer than this becomes a hub
	hubUntil = 64  // a hub shorter than this becomes a list
	chunkMax = 512 // half-edges of a hub's chunk; 4 KB
)

// adjacency is a sorted set of half-edges, immutable once published: a list of
// exactly its size, or a hub. It also serves as the list of a type's entities,
// the type standing in for the predicate.
//
// It is 16 bytes, where a slice and a pointer would be 32: every node has two,
// and they are what a search misses the cache for.
type adjacency struct {
	first unsafe.Pointer // of a list *half, the first of n or nil; of a hub *hub
	n     uint32
	isHub bool
}

// hub is a set of half-edges in chunks, none of them empty.
type hub struct {
	born   uint64 // the batch that may change chunks
	chunks []chunk
}

type chunk struct {
	born   uint64 // the batch that may change halves
	halves []half
}

// listOf makes a list of sorted half-edges, which it takes over.
func listOf(sorted []half) adjacency {
	return adjacency{first: unsafe.Pointer(unsafe.SliceData(sorted)), n: uint32(len(sorted))}
}

func hubOf(h *hub, n uint32) adjacency {
	return adjacency{first: unsafe.Pointer(h), n: n, isHub: true}
}

// list is all of what is not a hub.
func (a *adjacency) list() []half { return unsafe.Slice((*half)(a.first), a.n) }

func (a *adjacency) hub() *hub { return (*hub)(a.first) }

func (a *adjacency) len() int { return int(a.n) }

// chunks and chunk let a list pass for a hub of one chunk.
func (a *adjacency) chunks() int {
	if a.isHub {
		return len(a.hub().chunks)
	}
	return int(min(a.n, 1))
}

func (a *adjacency) chunk(i int) []half {
	if a.isHub {
		return a.hub().chunks[i].halves
	}
	return a.list()
}

// touch reads a little of a list.
func (a *adjacency) touch() half {
	if a.isHub || a.n == 0 {
		return 0
	}
	return *(*half)(a.first)
}

// mark is a place between half-edges.
type mark struct{ chunk, at int }

// seek finds the first place whose half-edge is not before what is looked for.
func (a *adjacency) seek(before func(half) bool) mark {
	c := sort.Search(a.chunks(), func(i int) bool {
		run := a.chunk(i)
		return !before(run[len(run)-1])
	})
	if c == a.chunks() {
		return mark{c, 0}
	}
	run := a.chunk(c)
	return mark{c, sort.Search(len(run), func(i int) bool { return !before(run[i]) })}
}

// bounds are the places around the half-edges of a predicate.
func (a *adjacency) bounds(o *order, pred uint32) (from, to mark) {
	from = a.seek(func(h half) bool { return o.comparePred(h.pred(), pred) < 0 })
	to = a.seek(func(h half) bool { return o.comparePred(h.pred(), pred) <= 0 })
	return from, to
}

// has tells whether h is in the set.
func (a *adjacency) has(o *order, h half) bool {
	_, ok := a.place(o, h)
	return ok
}

// place is where h is, or belongs.
func (a *adjacency) place(o *order, h half) (mark, bool) {
	m := a.seek(func(x half) bool { return o.compare(x, h) < 0 })
	return m, m.chunk < a.chunks() && a.chunk(m.chunk)[m.at] == h
}

// all are the places around everything.
func (a *adjacency) all() (from, to mark) { return mark{}, mark{a.chunks(), 0} }

// count is the number of half-edges between two places, without looking at them.
func (a *adjacency) count(from, to mark) int {
	n := to.at - from.at
	for c := from.chunk; c < to.chunk; c++ {
		n += len(a.chunk(c))
	}
	return n
}

// runs yields what lies between two places, in pieces of a chunk at most.
func (a *adjacency) runs(from, to mark) iter.Seq[[]half] {
	return func(yield func([]half) bool) {
		for c := from.chunk; c < to.chunk; c++ {
			if !yield(a.chunk(c)[from.at:]) {
				return
			}
			from.at = 0
		}
		if to.at > from.at {
			yield(a.chunk(to.chunk)[from.at:to.at])
		}
	}
}

// build makes a set of sorted half-edges, which it takes over.
func build(sorted []half, epoch uint64) adjacency {
	switch {
	case len(sorted) == 0:
		return adjacency{}
	case len(sorted) <= hubFrom:
		return listOf(sorted)
	}
	h := &hub{born: epoch}
	for part := range slices.Chunk(sorted, chunkMax) {
		h.chunks = append(h.chunks, chunk{epoch, part})
	}
	return hubOf(h, uint32(len(sorted)))
}
