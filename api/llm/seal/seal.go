package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"stemma/entity"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

const (
	form   = 1
	idSize = 4
	header = 1 + idSize + chacha20poly1305.NonceSizeX
)

// Box seals and opens under one key. It is safe for concurrent use.
type Box struct {
	id  [idSize]byte // of the master key
	key [KeySize]byte
}

// New makes a box of a master key of [KeySize] bytes.
func New(master []byte) (*Box, error) {
	if len(master) != KeySize {
		return nil, entity.Invalid("seal.New", "a master key has %d bytes, not %d", KeySize, len(master))
	}
	b := &Box{key: [KeySize]byte(master)}
	mac := hmac.New(sha256.New, master)
	mac.Write([]byte("stemma key id"))
	copy(b.id[:], mac.Sum(nil))
	return b, nil
}

// ParseKey reads a master key of 64 hexadecimal digits.
func ParseKey(text string) ([]byte, error) {
	key, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != KeySize {
		return nil, entity.Invalid("seal.ParseKey", "a master key is %d hexadecimal digits, as `openssl rand -hex %d` prints them", 2*KeySize, KeySize)
	}
	return key, nil
}

// NewKey draws a master key.
func NewKey() ([]byte, error) {
	key := make([]byte, KeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, entity.Internal("seal.NewKey", err)
	}
	return key, nil
}

// LoadKey reads the master key in a file, which it makes, for its owner's eyes
// alone, where there is none.
func LoadKey(file string) ([]byte, error) {
	const op = "seal.LoadKey"
	text, err := os.ReadFile(file)
	if err == nil {
		key, err := ParseKey(string(text))
		if err != nil {
			return nil, entity.Invalid(op, "%s holds no master key: it has to be %d hexadecimal digits", file, 2*KeySize)
		}
		return key, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, entity.Internal(op, err)
	}
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, entity.Internal(op, err)
	}
	return key, writeKey(file, key)
}

// writeKey is on disk, or not there at all.
func writeKey(file string, key []byte) error {
	const op = "seal.LoadKey"
	f, err := os.CreateTemp(filepath.Dir(file), ".master-*")
	if err != nil {
		return entity.Internal(op, err)
	}
	defer os.Remove(f.Name())
	_, err = io.WriteString(f, hex.EncodeToString(key)+"\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return entity.Internal(op, err)
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return entity.Internal(op, err)
	}
	return nil
}

// Of is the box of one tenant.
func (b *Box) Of(tenant entity.ID) *Box {
	key, err := hkdf.Key(sha256.New, b.key[:], nil, "stemma tenant "+string(tenant), KeySize)
	if err != nil {
		panic(err) // the size is one that SHA-256 gives
	}
	return &Box{id: b.id, key: [KeySize]byte(key)}
}

// Seal seals a record's content.
func (b *Box) Seal(record string, plain []byte) ([]byte, error) {
	out := make([]byte, header, header+len(plain)+chacha20poly1305.Overhead)
	out[0] = form
	copy(out[1:], b.id[:])
	nonce := out[1+idSize : header]
	if _, err := rand.Read(nonce); err != nil {
		return nil, entity.Internal("seal.Seal", err)
	}
	aead, err := chacha20poly1305.NewX(b.key[:])
	if err != nil {
		return nil, entity.Internal("seal.Seal", err)
	}
	return aead.Seal(out, nonce, plain, []byte(record)), nil
}

// Open opens what [Box.Seal] sealed for the record. KindUnavailable for what was
// sealed under another master key, KindInternal for what is damaged or another
// record's.
func (b *Box) Open(record string, sealed []byte) ([]byte, error) {
	const op = "seal.Open"
	if len(sealed) < header+chacha20poly1305.Overhead || sealed[0] != form {
		return nil, entity.Internal(op, errors.New("not a sealed value: "+record))
	}
	if id := sealed[1 : 1+idSize]; !bytes.Equal(id, b.id[:]) {
		return nil, entity.Errorf(entity.KindUnavailable, op, "a secret was sealed under the master key %x and the server has %x; start it with the former", id, b.id)
	}
	aead, err := chacha20poly1305.NewX(b.key[:])
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	plain, err := aead.Open(nil, sealed[1+idSize:header], sealed[header:], []byte(record))
	if err != nil {
		return nil, entity.Internal(op, errors.New("a sealed value does not open: "+record))
	}
	return plain, nil
}
