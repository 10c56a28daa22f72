package car

import (
	"encoding/binary"

	"github.com/ipfs/go-cid"

	"stemma/entity"
)

// Links gives the links inside a dag-cbor block in the order they are written,
// which is that of a depth-first walk, repeated ones repeated. The error is
// KindInvalid for bytes that are not well formed; the block need not be strict.
func Links(block []byte) ([]entity.CID, error) {
	s := linkScanner{rest: block}
	for open := uint64(1); open > 0; open-- {
		more, err := s.item()
		if err != nil {
			return nil, err
		}
		if open += more; open > uint64(len(s.rest))+1 {
			return nil, errForm() // more items than bytes are left
		}
	}
	if len(s.rest) > 0 {
		return nil, errForm()
	}
	return s.links, nil
}

// linkScanner walks over the items of a block. Since they lie in depth-first
// order, nothing but the number of those to come has to be kept.
type linkScanner struct {
	rest  []byte
	links []entity.CID
}

// The major types of CBOR (RFC 8949, section 3.1).
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

const linkTag = 42

// item reads one item's head, with its bytes or text, and tells how many items
// it contains.
func (s *linkScanner) item() (inside uint64, err error) {
	major, arg, err := s.head()
	if err != nil {
		return 0, err
	}
	switch major {
	case majorBytes, majorText:
		_, err = s.take(arg)
		return 0, err
	case majorArray:
		return arg, s.fits(arg)
	case majorMap:
		return 2 * arg, s.fits(arg)
	case majorTag:
		if arg == linkTag {
			return 0, s.link()
		}
		return 1, nil
	}
	return 0, nil
}

// fits makes sure that n items can follow at all.
func (s *linkScanner) fits(n uint64) error {
	if n > uint64(len(s.rest)) {
		return errForm()
	}
	return nil
}

func (s *linkScanner) link() error {
	major, arg, err := s.head()
	if err != nil || major != majorBytes {
		return errForm()
	}
	b, err := s.take(arg)
	if err != nil || len(b) == 0 || b[0] != 0 {
		return errForm()
	}
	c, err := cid.Cast(b[1:])
	if err != nil {
		return errForm()
	}
	s.links = append(s.links, c)
	return nil
}

func (s *linkScanner) head() (major byte, arg uint64, err error) {
	b, err := s.take(1)
	if err != nil {
		return 0, 0, err
	}
	major, arg = b[0]>>5, uint64(b[0]&31)
	if arg < 24 {
		return major, arg, nil
	}
	if arg > 27 {
		return 0, 0, errForm() // indefinite lengths are not of dag-cbor
	}
	var wide [8]byte
	size := uint64(1) << (arg - 24)
	if b, err = s.take(size); err != nil {
		return 0, 0, err
	}
	copy(wide[8-size:], b)
	return major, binary.BigEndian.Uint64(wide[:]), nil
}

func (s *linkScanner) take(n uint64) ([]byte, error) {
	if n > uint64(len(s.rest)) {
		return nil, errForm()
	}
	b := s.rest[:n]
	s.rest = s.rest[n:]
	return b, nil
}

func errForm() error {
	return entity.Invalid("car.Links", "the block is not well-formed dag-cbor")
}
