package attest

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
)

// The shape of the tree on disk and on the wire: tiles of 256 hashes.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	tileBytes  = tileWidth * tlog.HashSize
	levels     = 4 // of tiles
)

// MaxLeaves is how many leaves a log can have: those of four levels of tiles.
const MaxLeaves = 1<<(tileHeight*levels) - 1

// LeafHash is the hash of the leaf that stands for a block.
func LeafHash(c entity.CID) tlog.Hash { return tlog.RecordHash(c.Bytes()) }

// edge is the right side of a tree, where it grows: of each level the last tile,
// unless that is full. It is all that growing needs.
type edge struct {
	size  int64
	tail  [levels][]tlog.Hash
	added [levels][]byte // what has grown since it was taken
}

// grow adds a leaf.
func (e *edge) grow(h tlog.Hash) {
	e.size++
	for level := range levels {
		e.added[level] = append(e.added[level], h[:]...)
		e.tail[level] = append(e.tail[level], h)
		if len(e.tail[level]) < tileWidth {
			return
		}
		h = merge(e.tail[level])
		e.tail[level] = e.tail[level][:0]
	}
}

// root is the hash of the whole tree.
func (e *edge) root() tlog.Hash {
	var last []tlog.Hash // of the level below: what is not a full tile
	for level := range levels {
		if all := slices.Concat(e.tail[level], last); len(all) > 0 {
			last = []tlog.Hash{merge(all)}
		}
	}
	if len(last) == 0 {
		empty, _ := tlog.TreeHash(0, nil) // reads nothing
		return empty
	}
	return last[0]
}

// merge is the root over subtrees of one size, of which the last may be smaller.
func merge(hashes []tlog.Hash) tlog.Hash {
	n := len(hashes)
	if n == 1 {
		return hashes[0]
	}
	k := 1
	for 2*k < n {
		k *= 2
	}
	return tlog.NodeHash(merge(hashes[:k]), merge(hashes[k:]))
}

// tiles reads the hashes of a tree out of its tiles, each of them once. It is of
// one goroutine.
type tiles struct {
	read func(level int, n int64, width int) ([]byte, error)
	have map[tlog.Tile][]byte
}

var _ tlog.HashReader = (*tiles)(nil)

// ReadHashes implements [tlog.HashReader].
func (t *tiles) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		tile := tlog.TileForIndex(tileHeight, index)
		if tile.L >= levels {
			return nil, fmt.Errorf("hash %d is of no tree of this log", index)
		}
		data, ok := t.have[tile]
		if !ok {
			var err error
			if data, err = t.read(tile.L, tile.N, tile.W); err != nil {
				return nil, err
			}
			t.have[tile] = data
		}
		h, err := tlog.HashFromTile(tile, data, index)
		if err != nil {
			return nil, err
		}
		out[i] = h
	}
	return out, nil
}
