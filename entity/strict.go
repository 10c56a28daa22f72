package entity

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/ipfs/go-cid"
)

// CBOR major types (RFC 8949, section 3.1).
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

// ValidateBlock accepts exactly the bytes that a strict dag-cbor encoder of
// this server could have written: one item, shortest heads, definite lengths,
// map keys that are text, ascending by length and then bytes, valid UTF-8,
// integers within int64, finite 64-bit floats that are not whole within int64,
// no simple value but false, true and null, no tag but 42 around a CID.
// The error is of [KindInvalid] and gives the offset.
func ValidateBlock(b []byte) error {
	v := strictScanner{b: b}
	if err := v.item(1); err != nil {
		return err
	}
	if v.at != len(b) {
		return v.fail("there are %d bytes after the item", len(b)-v.at)
	}
	return nil
}

// BlockSize is how many bytes of b the block takes that b begins with; ok is
// false when b does not begin with a whole one.
func BlockSize(b []byte) (n int, ok bool) {
	v := strictScanner{b: b}
	err := v.item(1)
	return v.at, err == nil
}

type strictScanner struct {
	b  []byte
	at int
}

func (v *strictScanner) fail(format string, args ...any) error {
	args = append(args, v.at)
	return Invalid("entity.ValidateBlock", "not strict dag-cbor: "+format+" (at byte %d)", args...)
}

// head reads an item's first bytes: its major type and argument.
func (v *strictScanner) head() (major byte, arg uint64, err error) {
	if v.at >= len(v.b) {
		return 0, 0, v.fail("the block ends early")
	}
	first := v.b[v.at]
	major, low := first>>5, first&31
	if major == majorSimple {
		return major, uint64(low), nil // the caller reads what follows
	}
	if low < 24 {
		v.at++
		return major, uint64(low), nil
	}
	if low > 27 {
		return 0, 0, v.fail("indefinite or reserved length")
	}
	n := 1 << (low - 24)
	if len(v.b)-v.at-1 < n {
		return 0, 0, v.fail("the block ends early")
	}
	var wide [8]byte
	copy(wide[8-n:], v.b[v.at+1:v.at+1+n])
	arg = binary.BigEndian.Uint64(wide[:])
	if n == 1 && arg < 24 || n > 1 && arg>>(uint(n)*4) == 0 {
		return 0, 0, v.fail("an integer or length is not in its shortest form")
	}
	v.at += 1 + n
	return major, arg, nil
}

func (v *strictScanner) item(depth int) error {
	if depth > MaxDepth+8 {
		return v.fail("nested deeper than %d levels", MaxDepth+8)
	}
	major, arg, err := v.head()
	if err != nil {
		return err
	}
	switch major {
	case majorUint, majorNegative:
		if arg > math.MaxInt64 {
			return v.fail("an integer does not fit in 64 bits with sign")
		}
		return nil
	case majorBytes, majorText:
		s, err := v.take(arg)
		if err == nil && major == majorText && !utf8.Valid(s) {
			return v.fail("text is not valid UTF-8")
		}
		return err
	case majorArray:
		for ; arg > 0; arg-- {
			if err := v.item(depth + 1); err != nil {
				return err
			}
		}
		return nil
	case majorMap:
		return v.pairs(arg, depth)
	case majorTag:
		return v.link(arg)
	}
	return v.simple(byte(arg))
}

func (v *strictScanner) take(n uint64) ([]byte, error) {
	if uint64(len(v.b)-v.at) < n {
		return nil, v.fail("the block ends early")
	}
	s := v.b[v.at : v.at+int(n)]
	v.at += int(n)
	return s, nil
}

func (v *strictScanner) pairs(n uint64, depth int) error {
	var last []byte
	for i := range n {
		major, arg, err := v.head()
		if err != nil {
			return err
		}
		if major != majorText {
			return v.fail("a map key is not text")
		}
		key, err := v.take(arg)
		if err != nil {
			return err
		}
		if !utf8.Valid(key) {
			return v.fail("a map key is not valid UTF-8")
		}
		if i > 0 && (len(key) < len(last) || len(key) == len(last) && bytes.Compare(key, last) <= 0) {
			return v.fail("map key %q is repeated or out of order", clip(string(key)))
		}
		last = key
		if err := v.item(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func (v *strictScanner) link(tag uint64) error {
	if tag != linkTag {
		return v.fail("tag %d; only 42 is allowed", tag)
	}
	major, arg, err := v.head()
	if err != nil {
		return err
	}
	if major != majorBytes {
		return v.fail("a link is not a byte string")
	}
	s, err := v.take(arg)
	if err != nil {
		return err
	}
	if len(s) == 0 || s[0] != 0 {
		return v.fail("a link does not begin with a zero byte")
	}
	if n, _, err := cid.CidFromBytes(s[1:]); err != nil || n != len(s)-1 {
		return v.fail("a link does not hold a CID")
	}
	return nil
}

func (v *strictScanner) simple(low byte) error {
	switch low {
	case 20, 21, 22: // false, true, null
		v.at++
		return nil
	case 27:
		if len(v.b)-v.at < 9 {
			return v.fail("the block ends early")
		}
		f := math.Float64frombits(binary.BigEndian.Uint64(v.b[v.at+1:]))
		n, err := number(f)
		if err != nil {
			return v.fail("%v is not a finite number", f)
		}
		if _, whole := n.(int64); whole {
			return v.fail("the whole number %v is written as a float", f)
		}
		v.at += 9
		return nil
	}
	return v.fail("simple value or short float %d; only false, true, null and 64-bit floats are allowed", low)
}
