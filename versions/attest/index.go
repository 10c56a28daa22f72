package attest

import (
	"encoding/binary"

	"stemma/entity"
)

// index finds leaves by their digests: a hash table with open addressing, whose
// slots hold 32 bits of the digest and the leaf's number from 1, 0 for nothing. As
// digests are random, their first bits are the hash.
type index struct {
	slots []uint64
	bits  int // of their number
	used  int
}

func tagOf(d []byte) uint32 { return binary.BigEndian.Uint32(d) }

// home is where the search for a tag begins.
func (x *index) home(tag uint64) uint64 { return tag << 32 >> (64 - x.bits) }

// add puts the next leaf in.
func (x *index) add(digest []byte, leaf int64) {
	if 4*(x.used+1) > 3*len(x.slots) {
		x.double()
	}
	x.used++
	x.put(uint64(tagOf(digest))<<32 | uint64(leaf+1))
}

func (x *index) put(slot uint64) {
	for i := x.home(slot >> 32); ; i++ {
		if at := &x.slots[i&uint64(len(x.slots)-1)]; *at == 0 {
			*at = slot
			return
		}
	}
}

func (x *index) double() {
	was := x.slots
	x.bits = max(10, x.bits+1)
	x.slots = make([]uint64, 1<<x.bits)
	for _, slot := range was {
		if slot != 0 {
			x.put(slot)
		}
	}
}

// find gives the leaf whose digest is d, of those that is says are it.
func (x *index) find(d entity.Digest, is func(leaf int64) (bool, error)) (leaf int64, ok bool, err error) {
	if x.used == 0 {
		return 0, false, nil
	}
	tag := uint64(tagOf(d[:]))
	for i := x.home(tag); ; i++ {
		slot := x.slots[i&uint64(len(x.slots)-1)]
		if slot == 0 {
			return 0, false, nil
		}
		if slot>>32 != tag {
			continue
		}
		leaf := int64(slot&(1<<32-1)) - 1
		if ok, err := is(leaf); ok || err != nil {
			return leaf, ok, err
		}
	}
}
