package entity

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sync"

	"github.com/fxamacker/cbor/v2"
	"github.com/ipfs/go-cid"
)

// Link is a reference to a block from inside a block: dag-cbor tag 42, in JSON
// {"/":"<cid>"}.
type Link struct{ CID }

const linkTag = 42

// MarshalBinary gives the content of tag 42: a zero byte and the CID's bytes.
func (l Link) MarshalBinary() ([]byte, error) {
	return append([]byte{0}, l.Bytes()...), nil
}

// UnmarshalBinary reads the content of tag 42.
func (l *Link) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != 0 {
		return errors.New("a link begins with a zero byte")
	}
	c, err := cid.Cast(b[1:])
	l.CID = c
	return err
}

var encMode, decMode = modes()

// encoders are kept for what they have written into.
var encoders = sync.Pool{New: func() any { return new(encoder) }}

// modes are fxamacker/cbor's settings for dag-cbor
// (https://ipld.io/specs/codecs/dag-cbor/spec/#strictness).
func modes() (cbor.EncMode, cbor.DecMode) {
	tags := cbor.NewTagSet()
	required := cbor.TagOptions{EncTag: cbor.EncTagRequired, DecTag: cbor.DecTagRequired}
	if err := tags.Add(required, reflect.TypeFor[Link](), linkTag); err != nil {
		panic(err)
	}
	enc, err := cbor.EncOptions{
		Sort:          cbor.SortLengthFirst,
		ShortestFloat: cbor.ShortestFloatNone,
		NaNConvert:    cbor.NaNConvertReject,
		InfConvert:    cbor.InfConvertReject,
		IndefLength:   cbor.IndefLengthForbidden,
		NilContainers: cbor.NilContainerAsEmpty,
	}.EncModeWithTags(tags)
	if err != nil {
		panic(err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		IntDec:            cbor.IntDecConvertSignedOrFail,
		MaxNestedLevels:   2*MaxDepth + 8,
		MaxMapPairs:       math.MaxInt32, // a block's size is bound enough, and
		MaxArrayElements:  math.MaxInt32, // what was sealed must be readable
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		DefaultMapType:    reflect.TypeFor[map[string]any](),
		NaN:               cbor.NaNDecodeForbidden,
		Inf:               cbor.InfDecodeForbidden,
	}.DecModeWithTags(tags)
	if err != nil {
		panic(err)
	}
	return enc, dec
}

// EncodeBlock gives the canonical dag-cbor bytes of v and their CID. v is a
// struct with cbor tags whose open parts have the form of [Properties].
func EncodeBlock(v any) (block []byte, c CID, err error) {
	err = encoded(v, func(b []byte) { block = bytes.Clone(b) })
	if err != nil {
		return nil, cid.Undef, err
	}
	return block, CIDOf(sha256.Sum256(block)), nil
}

// EncodeRow is [EncodeBlock] for what has no CID.
func EncodeRow(v any) (row []byte, err error) {
	err = encoded(v, func(b []byte) { row = bytes.Clone(b) })
	return row, err
}

// sealed is [EncodeBlock] for what has an open part, which is checked on the way.
func sealed(v any, open Properties) (block []byte, c CID, err error) {
	doubt, err := looked(v, func(b []byte) { block = bytes.Clone(b) })
	if doubt {
		if refused := checkValue(open, 1); refused != nil {
			return nil, cid.Undef, refused
		}
	}
	if err != nil {
		return nil, cid.Undef, err
	}
	return block, CIDOf(sha256.Sum256(block)), nil
}

// encoded gives the bytes of v to use, which does not keep them.
func encoded(v any, use func([]byte)) error {
	_, err := looked(v, use)
	return err
}

// looked is encoded that tells whether there is doubt about what is open in v.
func looked(v any, use func([]byte)) (doubt bool, err error) {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.out, e.keys, e.err, e.depth, e.doubt = e.out[:0], e.keys[:0], nil, 0, false
	switch v := v.(type) {
	case *Manifest:
		e.manifest(v)
	case *ChainBlock:
		e.chainBlock(v)
	case *Record:
		e.record(v)
	case *Head:
		e.headRow(v)
	default:
		b, err := encMode.Marshal(v)
		if err != nil {
			return false, errEncode(err)
		}
		use(b)
		return false, nil
	}
	if e.err == nil {
		use(e.out)
	}
	if cap(e.out) > maxKept {
		e.out = nil
	}
	return e.doubt, e.err
}

// maxKept is how much memory of an encoder waits for its next use.
const maxKept = 1 << 20

// encodesTo tells whether v is written as these bytes: a comparison of what
// their hashes would be, without the hash and the memory.
func encodesTo(v any, block []byte) (same bool, err error) {
	err = encoded(v, func(b []byte) { same = bytes.Equal(b, block) })
	return same, err
}

func errEncode(err error) error {
	return &Error{Kind: KindInvalid, Op: "entity.EncodeBlock", Message: "the value cannot be written as dag-cbor", Err: err}
}

// DecodeBlock reads a block of this server into v. It trusts the bytes to be
// canonical; for bytes from outside call [ValidateBlock] first.
func DecodeBlock(b []byte, v any) error {
	if err := decMode.Unmarshal(b, v); err != nil {
		return &Error{Kind: KindInvalid, Op: "entity.DecodeBlock", Message: fmt.Sprintf("the block is not a %s", reflect.TypeOf(v).Elem().Name()), Err: err}
	}
	return nil
}
