package store

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"

	"stemma/entity"
)

// chainRow is the value of a chain's head row: where the chain ends, and the digests
// of its last blocks, which have no row of their own. What one transaction appends
// is under this one key; the next makes one row of it, under the place of its last
// block. In format 1 every block had a row, and this was the head alone.
//
//	n be64, digest 32 of each block to n, 00    the last of them is the head
//	n be64, digest 32                           the head, of format 1
type chainRow []byte

const (
	digestSize   = len(entity.Digest{})
	headRowSize  = 8 + digestSize // of format 1
	mostUnrowed  = 256            // digests of a row
	chainRowMark = 0
)

// head is where the chain ends.
func (r chainRow) head() entity.ChainRef {
	if r.n() == 0 {
		return entity.ChainRef{}
	}
	return entity.ChainRef{N: r.n(), CID: entity.CIDOf(entity.Digest(r[r.end()-digestSize:]))}
}

func (r chainRow) n() int64 {
	if len(r) < headRowSize {
		return 0
	}
	return int64(binary.BigEndian.Uint64(r))
}

// end is behind the last digest.
func (r chainRow) end() int { return 8 + (len(r)-8)/digestSize*digestSize }

// tail are the digests of blocks that have no row; those of the chain's last.
func (r chainRow) tail() []byte {
	if len(r) <= headRowSize {
		return nil
	}
	return r[8:r.end()]
}

// rowed is the last block that has a row.
func (r chainRow) rowed() int64 { return r.n() - int64(len(r.tail())/digestSize) }

// after is the row of a chain that ended at n, with room for so many digests.
func after(n int64, more int) chainRow {
	return append(binary.BigEndian.AppendUint64(make(chainRow, 0, 8+more*digestSize+1), uint64(n)), chainRowMark)
}

// with adds a block, in place: the row is the caller's.
func (r chainRow) with(d entity.Digest) chainRow {
	binary.BigEndian.PutUint64(r, binary.BigEndian.Uint64(r)+1)
	return append(append(r[:r.end()], d[:]...), chainRowMark)
}

// chainOf is the key of the head of a chain of which a block has a row under the key.
func chainOf(key []byte) string {
	return string(spaceChainHead) + string(key[1:len(key)-9])
}

func (v *view) chainRow(id entity.ID, chain string) (chainRow, error) {
	key := chainHeadKey(id, chain)
	if v.tx != nil && v.tx.isNew(id) {
		row, _ := v.tx.pending(key)
		return chainRow(row), nil // an entity that is new has no chains
	}
	row, err := v.get(key)
	return chainRow(row), err
}

func (v *view) ChainHead(id entity.ID, chain string) (entity.ChainRef, error) {
	row, err := v.chainRow(id, chain)
	return row.head(), err
}

func (v *view) Chain(id entity.ID, chain string, from int64) iter.Seq2[entity.ChainRef, error] {
	return func(yield func(entity.ChainRef, error) bool) {
		from := max(from, 1)
		head, err := v.chainRow(id, chain)
		if err != nil {
			yield(entity.ChainRef{}, err)
			return
		}
		if from <= head.rowed() {
			for row, err := range v.scan(chainPrefix(id, chain), chainKey(id, chain, from), false) {
				if err != nil {
					yield(entity.ChainRef{}, err)
					return
				}
				if !digests(row.Value, int64(tailNumber(row.Key)), from, yield) {
					return
				}
			}
		}
		digests(head.tail(), head.n(), from, yield)
	}
}

// digests yields the blocks of a row, of which the last is the one given, from a
// place on; false when that is enough.
func digests(row []byte, last, from int64, yield func(entity.ChainRef, error) bool) bool {
	n := last - int64(len(row)/digestSize)
	for ; len(row) >= digestSize; row = row[digestSize:] {
		if n++; n >= from && !yield(entity.ChainRef{N: n, CID: entity.CIDOf(entity.Digest(row))}, nil) {
			return false
		}
	}
	return true
}

// chainAt is the block at a place of a chain; undefined where there is none.
func (v *view) chainAt(id entity.ID, chain string, n int64) (entity.CID, error) {
	for ref, err := range v.Chain(id, chain, n) {
		if err != nil || ref.N != n {
			return entity.CID{}, err
		}
		return ref.CID, nil
	}
	return entity.CID{}, nil
}

// rowed makes a row of the last blocks, and gives that of the chain's head without
// them, with room for more.
func (t *tx) rowed(id entity.ID, chain string, head chainRow, more int) chainRow {
	if tail := head.tail(); len(tail) > 0 {
		t.set(chainKey(id, chain, head.n()), bytes.Clone(tail))
	}
	return after(head.n(), min(more, mostUnrowed))
}

// linked is a sealed block on its way into its chain. bytes are nil where they are
// nowhere.
type linked struct {
	*entity.ChainBlock
	cid   entity.CID
	bytes []byte
}

// link makes sealed blocks, each following the one before, the last ones of their
// chain, which hangs on the entity of the head h.
func (t *tx) link(h entity.Head, blocks ...linked) (entity.ChainRef, error) {
	chain, last := blocks[0].Chain, blocks[len(blocks)-1]
	key := chainHeadKey(h.ID, chain)
	row, mine := t.writes[string(key)]
	head := chainRow(row)
	if !mine {
		var err error
		if head, err = t.chainRow(h.ID, chain); err != nil {
			return entity.ChainRef{}, err
		}
	}
	if mine {
		t.size -= len(key) + len(head) // it is written once
	} else {
		head = t.rowed(h.ID, chain, head, len(blocks))
	}
	t.record.Changes = slices.Grow(t.record.Changes, len(blocks))
	for i, b := range blocks {
		if len(head.tail()) >= mostUnrowed*digestSize {
			head = t.rowed(h.ID, chain, head, len(blocks)-i)
		}
		change := entity.Change{ID: h.ID, Kind: entity.Appended, Type: h.Type, Collection: h.Collection, Ver: b.N, Chain: chain}
		change.Old, _ = entity.DigestOf(b.PrevCID())
		change.New, _ = entity.DigestOf(b.cid)
		if b.bytes != nil {
			t.set(blockKey(change.New), b.bytes)
		}
		head = head.with(change.New)
		t.record.Changes = append(t.record.Changes, change)
	}
	t.set(key, head)
	return entity.ChainRef{N: last.N, CID: last.cid}, nil
}
