package graph

import "slices"

const (
	pageBits = 6 // 64 things to a page
	pageSize = 1 << pageBits
	pageMask = pageSize - 1
	dirBits  = 9 // 512 pages to a directory
	dirMask  = 1<<dirBits - 1
)

// paged is an array in pages, for snapshots that share what did not change.
// Whoever changes it gives the number of the batch, its epoch; what was born in
// an earlier one belongs to snapshots and is copied first, once a batch.
//
// Small pages keep a commit cheap (a page of nodes is 2 KB), and the second
// level keeps it so when there are millions of nodes: a flat table of 64-node
// pages would be 1.2 MB to copy a batch at 10 million.
type paged[T any] struct {
	born uint64
	root []*directory[T]
}

type directory[T any] struct {
	born  uint64
	pages [1 << dirBits]*page[T]
}

type page[T any] struct {
	body [pageSize]T // first, to be aligned to cache lines
	born uint64
}

// get is thing i, which must have been edited once.
func (a *paged[T]) get(i uint32) *T {
	return &a.root[i>>(pageBits+dirBits)].pages[i>>pageBits&dirMask].body[i&pageMask]
}

// edit is thing i, for changing in the batch.
func (a *paged[T]) edit(i uint32, epoch uint64) *T {
	at := int(i >> (pageBits + dirBits))
	if a.born != epoch {
		a.born, a.root = epoch, slices.Clone(a.root)
	}
	for len(a.root) <= at {
		a.root = append(a.root, &directory[T]{born: epoch})
	}
	d := a.root[at]
	if d.born != epoch {
		c := *d
		d, c.born = &c, epoch
		a.root[at] = d
	}
	p := &d.pages[i>>pageBits&dirMask]
	switch {
	case *p == nil:
		*p = &page[T]{born: epoch}
	case (*p).born != epoch:
		c := **p
		c.born = epoch
		*p = &c
	}
	return &(*p).body[i&pageMask]
}

// node is what a search reads of a node to go on from it. Kind and collection
// are kept apart: they are read for many more nodes, and there are more of them
// to a cache line.
type node struct{ out, in adjacency }

// half is an edge seen from one of its ends: the predicate's index above, that
// of the node at the other end below.
type half uint64

func makeHalf(pred, peer uint32) half { return half(pred)<<32 | half(peer) }

func (h half) pred() uint32 { return uint32(h >> 32) }
func (h half) peer() uint32 { return uint32(h) }
