package entity

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
)

// CID names a block by its content: CIDv1 over SHA-256, written in base32
// ("bafyrei…" for dag-cbor, "bafkrei…" for raw bytes). The zero value,
// [cid.Undef], means "no block".
type CID = cid.Cid

// Digest is the SHA-256 of a block, the part of a CID that varies.
type Digest = [sha256.Size]byte

// SumBlock is the CID of a dag-cbor block.
func SumBlock(block []byte) CID { return CIDOf(sha256.Sum256(block)) }

// SumRaw is the CID of file content.
func SumRaw(content []byte) CID { return RawCIDOf(sha256.Sum256(content)) }

// CIDOf is the dag-cbor CID with the given digest.
func CIDOf(d Digest) CID { return makeCID(cid.DagCBOR, d) }

// RawCIDOf is the CID of file content with the given digest.
func RawCIDOf(d Digest) CID { return makeCID(cid.Raw, d) }

func makeCID(codec uint64, d Digest) CID {
	var mh [2 + sha256.Size]byte
	mh[0], mh[1] = multihash.SHA2_256, sha256.Size
	copy(mh[2:], d[:])
	return cid.NewCidV1(codec, mh[:])
}

// DigestOf is the digest inside c. ok is false when c is not a CIDv1 over
// SHA-256, the only form this server makes.
func DigestOf(c CID) (d Digest, ok bool) {
	b := c.KeyString() // of CIDv1: 01, the codec as a varint, the multihash
	at := len(b) - sha256.Size
	if at < 4 || b[0] != 1 || b[at-2] != multihash.SHA2_256 || b[at-1] != sha256.Size {
		return d, false
	}
	if _, n := binary.Uvarint([]byte(b[1 : at-2])); n != at-3 {
		return d, false
	}
	copy(d[:], b[at:])
	return d, true
}

// isBlock tells whether c names a dag-cbor block of this server.
func isBlock(c CID) bool {
	_, ok := DigestOf(c)
	return ok && c.Type() == cid.DagCBOR
}

// ParseCID reads a CID that names a block of this server: version 1, SHA-256,
// dag-cbor or raw. The error is of [KindInvalid].
func ParseCID(s string) (CID, error) {
	const op = "entity.ParseCID"
	c, err := cid.Decode(s)
	if err != nil {
		return cid.Undef, Invalid(op, "%q is not a CID; one looks like bafyrei followed by 52 characters of base32", clip(s))
	}
	if _, ok := DigestOf(c); !ok || (c.Type() != cid.DagCBOR && c.Type() != cid.Raw) {
		return cid.Undef, Invalid(op, "CID %q is not one of this server; its CIDs are version 1, sha2-256, dag-cbor or raw (bafyrei…, bafkrei…)", clip(s))
	}
	return c, nil
}
