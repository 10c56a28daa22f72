package car

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"stemma/entity"
)

// header is the first thing in a file.
type header struct {
	Roots   []entity.Link `cbor:"roots"`
	Version int64         `cbor:"version"`
}

const version = 1

// encodeHeader gives a header with its length before it.
func encodeHeader(roots []entity.CID) ([]byte, error) {
	h := header{Roots: make([]entity.Link, len(roots)), Version: version}
	for i, c := range roots {
		if !c.Defined() {
			return nil, entity.Internal("car.NewWriter", errors.New("a root is not defined"))
		}
		h.Roots[i].CID = c
	}
	b, _, err := entity.EncodeBlock(h)
	if err != nil {
		return nil, err
	}
	return append(binary.AppendUvarint(nil, uint64(len(b))), b...), nil
}

// version2 is how every CARv2 file begins.
const version2 = "\xa1\x67version\x02"

func decodeHeader(b []byte) ([]entity.CID, error) {
	const op = "car.NewReader"
	if string(b) == version2 {
		return nil, entity.Errorf(entity.KindUnsupported, op, "this is a CARv2 file; only CARv1 is read here: take its payload out with 'car detach-v1' or the like")
	}
	var h header
	err := entity.ValidateBlock(b)
	if err == nil {
		err = entity.DecodeBlock(b, &h)
	}
	if err != nil {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: `this is not a CAR file: it does not begin with {"roots": […], "version": 1} in dag-cbor`, Err: err}
	}
	if h.Version != version {
		return nil, entity.Errorf(entity.KindUnsupported, op, "this is a CAR file of version %d; only version 1 is read here", h.Version)
	}
	roots := make([]entity.CID, len(h.Roots))
	for i, l := range h.Roots {
		roots[i] = l.CID
	}
	// The decoder takes names in any case, and null for no roots.
	if again, err := encodeHeader(roots); err != nil || !bytes.HasSuffix(again, b) {
		return nil, entity.Invalid(op, `this is not a CAR file: its header is not {"roots": […], "version": 1} letter by letter`)
	}
	return roots, nil
}

// readLength reads a length in its shortest form. The error is io.EOF when
// there is nothing at all, KindInvalid for every other form.
func readLength(r io.ByteReader) (n uint64, size int, err error) {
	const op = "car.Reader"
	for shift := 0; ; shift += 7 {
		b, err := r.ReadByte()
		switch {
		case err == io.EOF && size > 0:
			return 0, size, errCut(op)
		case err != nil:
			return 0, size, err
		}
		size++
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if b == 0 && size > 1 {
				return 0, size, entity.Invalid(op, "a length is not written in the fewest bytes")
			}
			return n, size, nil
		}
		if size == 9 {
			return 0, size, entity.Invalid(op, "a length takes more than 9 bytes")
		}
	}
}

func errCut(op string) error {
	return entity.Invalid(op, "the file ends in the middle of a block: it was cut short")
}
