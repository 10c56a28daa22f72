package store

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"

	"stemma/entity"
)

// Bounds of what is read ahead of a pack. The first is twice as long as the
// blocks that made it seem worth it, and each further one twice the one before.
const maxAhead = 256 << 10

// ahead reads a pack in its order for a view that asks for one block after the
// other, as an export does: there the next block is most likely the one that
// lies next. Whether it is its hash tells, for a third of what looking up its
// place and reading it alone takes.
type ahead struct {
	next  place  // after the last block that was read, size unknown
	last  uint32 // size of that block
	bytes []byte // from next on, as far as read; not used again once given away
	armed bool   // two blocks in a row lay side by side
	most  int    // of the next read
}

// take gives the block of a digest, if it is the one that lies next.
func (a *ahead) take(p *packs, d entity.Digest) []byte {
	if !a.armed {
		return nil
	}
	n, ok := entity.BlockSize(a.bytes)
	if !ok {
		if !a.read(p) {
			return nil
		}
		if n, ok = entity.BlockSize(a.bytes); !ok {
			a.disarm()
			return nil
		}
	}
	if sha256.Sum256(a.bytes[:n]) != d {
		a.disarm()
		return nil
	}
	b := a.bytes[:n:n]
	a.bytes = a.bytes[n:]
	a.next.offset += uint64(n)
	a.last = uint32(n)
	return b
}

// read reads from next on.
func (a *ahead) read(p *packs) bool {
	f, err := p.file(a.next.pack, os.O_RDWR)
	if err != nil {
		a.disarm() // whoever looks the block up has the error
		return false
	}
	b := make([]byte, a.most)
	n, err := f.ReadAt(b, int64(a.next.offset))
	if err != nil && !errors.Is(err, io.EOF) || n <= len(a.bytes) {
		a.disarm()
		return false
	}
	a.bytes, a.most = b[:n], min(2*a.most, maxAhead)
	return true
}

// looked notes where a block lay that was looked up.
func (a *ahead) looked(at place) {
	a.armed = at.pack == a.next.pack && at.offset == a.next.offset && a.last > 0
	a.bytes, a.most = nil, int(min(2*(uint64(a.last)+uint64(at.size)), maxAhead))
	a.next = place{pack: at.pack, offset: at.offset + uint64(at.size)}
	a.last = at.size
}

func (a *ahead) disarm() { *a = ahead{} }
