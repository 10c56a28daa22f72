package arweave

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"

	"github.com/go-jose/go-jose/v4"

	"stemma/entity"
)

// Wallet signs items. It is safe for any number of goroutines.
type Wallet struct{ key *rsa.PrivateKey }

// maxWallet is more than any wallet file has; one of RSA-4096 has some 3 KB.
const maxWallet = 64 << 10

// OpenWallet reads a wallet file. KindNotFound when there is none, KindInvalid
// when it is no wallet. No error has anything of the key in it.
func OpenWallet(path string) (*Wallet, error) {
	const op = "arweave.OpenWallet"
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, entity.NotFound(op, "there is no wallet file %s", path)
	case err != nil:
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the wallet file cannot be read", Err: err}
	case !info.Mode().IsRegular() || info.Size() > maxWallet:
		return nil, entity.Invalid(op, "%s is no wallet file: a JWK has some 3 KB", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the wallet file cannot be read", Err: err}
	}
	w, err := ParseWallet(text)
	if err != nil {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: path, Err: err}
	}
	return w, nil
}

// ParseWallet reads a wallet: a JWK (RFC 7517) of a private RSA key of 4096 bits
// with exponent 65537. KindInvalid.
func ParseWallet(text []byte) (*Wallet, error) {
	const op = "arweave.ParseWallet"
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(text); err != nil { // whose error may cite the text
		return nil, entity.Invalid(op, `the wallet is no JWK; one is like {"kty":"RSA","n":…,"e":"AQAB","d":…,"p":…,"q":…}`)
	}
	key, ok := jwk.Key.(*rsa.PrivateKey)
	if !ok {
		if _, public := jwk.Key.(*rsa.PublicKey); public {
			return nil, entity.Invalid(op, "the wallet has the public key only; it needs d, p and q as well")
		}
		return nil, entity.Invalid(op, "the wallet is no RSA key; Arweave's are RSA with 4096 bits")
	}
	if bits := key.N.BitLen(); bits != 8*keySize {
		return nil, entity.Invalid(op, "the wallet's key has %d bits; Arweave's have %d", bits, 8*keySize)
	}
	if key.E != exponent {
		return nil, entity.Invalid(op, "the wallet's key has the exponent %d; Arweave's have %d", key.E, exponent)
	}
	if err := key.Validate(); err != nil {
		return nil, entity.Invalid(op, "the parts of the wallet's key do not belong together")
	}
	return &Wallet{key}, nil
}

func (w *Wallet) owner() []byte { return w.key.N.FillBytes(make([]byte, keySize)) }

// Address names the wallet on Arweave.
func (w *Wallet) Address() string { return addressOf(w.owner()) }

func addressOf(owner []byte) string {
	sum := sha256.Sum256(owner)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Sign makes an item, with another id each time. KindInvalid when tags are out
// of bounds.
func (w *Wallet) Sign(tags []Tag, data []byte) (*Item, error) {
	const op = "arweave.Sign"
	i := &Item{Owner: w.owner(), Tags: tags, Data: data}
	sum, err := i.sum()
	if err != nil {
		return nil, err
	}
	// A salt of 32 bytes is what every verifier of Arweave takes.
	i.Signature, err = rsa.SignPSS(rand.Reader, w.key, crypto.SHA256, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	return i, nil
}
