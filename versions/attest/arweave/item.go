package arweave

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/big"

	"stemma/entity"
)

// Lengths in bytes.
const (
	keySize  = 512 // of an RSA-4096 modulus, and of a signature
	hashSize = sha256.Size
	// MaxItem is the largest item that is read. A checkpoint has some 200 bytes,
	// and more with the signatures of witnesses.
	MaxItem = 1 << 20
)

// signatureType is RSA-4096 PSS with an Arweave wallet, the only one here.
const signatureType = 1

// exponent is that of every Arweave key; an item does not say it.
const exponent = 65537

// Item is a signed ANS-104 data item. Target and Anchor are empty or 32 bytes.
type Item struct {
	Signature []byte
	Owner     []byte // the modulus
	Target    []byte
	Anchor    []byte
	Tags      []Tag
	Data      []byte
}

// ID names the item on Arweave.
func (i *Item) ID() string {
	sum := sha256.Sum256(i.Signature)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ParseID checks a text that should be the id of an item or transaction.
// KindInvalid.
func ParseID(s string) (string, error) {
	if b, err := base64.RawURLEncoding.Strict().DecodeString(s); err != nil || len(b) != hashSize {
		return "", entity.Invalid("arweave.ParseID", "%.60q is no id of an Arweave transaction: 43 characters of base64url", s)
	}
	return s, nil
}

// Tag is the value of the first tag of a name, "" for none.
func (i *Item) Tag(name string) string {
	for _, t := range i.Tags {
		if t.Name == name {
			return t.Value
		}
	}
	return ""
}

// Bytes is the item as it is uploaded. KindInvalid when a part is out of bounds.
func (i *Item) Bytes() ([]byte, error) {
	const op = "arweave.Bytes"
	tags, err := encodeTags(i.Tags)
	if err != nil {
		return nil, err
	}
	if len(i.Signature) != keySize || len(i.Owner) != keySize {
		return nil, entity.Invalid(op, "a signature of %d bytes by a key of %d; both are %d", len(i.Signature), len(i.Owner), keySize)
	}
	out := binary.LittleEndian.AppendUint16(nil, signatureType)
	out = append(append(out, i.Signature...), i.Owner...)
	for _, optional := range [][]byte{i.Target, i.Anchor} {
		switch len(optional) {
		case 0:
			out = append(out, 0)
		case hashSize:
			out = append(append(out, 1), optional...)
		default:
			return nil, entity.Invalid(op, "a target or anchor of %d bytes; %d or none", len(optional), hashSize)
		}
	}
	out = binary.LittleEndian.AppendUint64(out, uint64(len(i.Tags)))
	out = binary.LittleEndian.AppendUint64(out, uint64(len(tags)))
	out = append(append(out, tags...), i.Data...)
	if len(out) > MaxItem {
		return nil, entity.Errorf(entity.KindTooLarge, op, "the item has %d bytes; at most %d", len(out), MaxItem)
	}
	return out, nil
}

// Parse reads an item, in the one form that Bytes gives: KindInvalid for any
// other, KindTooLarge. It does not check the signature. The item refers to b.
func Parse(b []byte) (*Item, error) {
	const op = "arweave.Parse"
	if len(b) > MaxItem {
		return nil, entity.Errorf(entity.KindTooLarge, op, "the item has %d bytes; at most %d", len(b), MaxItem)
	}
	r := reader{b}
	kind, ok := r.take(2)
	if !ok {
		return nil, entity.Invalid(op, "%d bytes are no data item", len(b))
	}
	if t := binary.LittleEndian.Uint16(kind); t != signatureType {
		return nil, entity.Invalid(op, "signature type %d; %d is known, RSA-4096 of an Arweave wallet", t, signatureType)
	}
	i := &Item{}
	if i.Signature, ok = r.take(keySize); ok {
		i.Owner, ok = r.take(keySize)
	}
	if !ok {
		return nil, entity.Invalid(op, "the item ends within its signature or owner")
	}
	for _, field := range []*[]byte{&i.Target, &i.Anchor} {
		here, ok := r.take(1)
		if ok && here[0] == 1 {
			*field, ok = r.take(hashSize)
		}
		if !ok || here[0] > 1 {
			return nil, entity.Invalid(op, "the item's target or anchor is cut off, or neither there nor not")
		}
	}
	count, ok := r.take(16)
	if !ok {
		return nil, entity.Invalid(op, "the item ends before its tags")
	}
	n, size := binary.LittleEndian.Uint64(count), binary.LittleEndian.Uint64(count[8:])
	if size > uint64(len(r.left)) {
		return nil, entity.Invalid(op, "the item says it has %d bytes of tags, and has %d left", size, len(r.left))
	}
	tags, _ := r.take(int(size))
	i.Data = r.left
	var err error
	i.Tags, err = decodeTags(tags, n)
	return i, err
}

// sum is what the signature is of.
func (i *Item) sum() ([]byte, error) {
	tags, err := encodeTags(i.Tags)
	if err != nil {
		return nil, err
	}
	message := deepHash([]byte("dataitem"), []byte("1"), []byte("1"), i.Owner, i.Target, i.Anchor, tags, i.Data)
	sum := sha256.Sum256(message[:])
	return sum[:], nil
}

// Verify checks the signature against the owner. KindInvalid when it is of
// something else, or by somebody else.
func (i *Item) Verify() error {
	const op = "arweave.Verify"
	sum, err := i.sum()
	if err != nil {
		return err
	}
	n := new(big.Int).SetBytes(i.Owner)
	if len(i.Owner) != keySize || n.BitLen() != 8*keySize {
		return entity.Invalid(op, "the owner is no RSA key of %d bits", 8*keySize)
	}
	key := &rsa.PublicKey{N: n, E: exponent}
	if err := rsa.VerifyPSS(key, crypto.SHA256, sum, i.Signature, nil); err != nil { // a salt of any length
		return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the signature of the item is not of this content by its owner", Err: err}
	}
	return nil
}
