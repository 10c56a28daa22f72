package token

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"io"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-jose/go-jose/v4"

	"stemma/entity"
)

// Key is a signing key.
type Key struct {
	ID      string // the header kid: network and RFC 7638 thumbprint
	Made    time.Time
	private ed25519.PrivateKey
}

// Keys are the keys of one network. The first one signs; all of them verify.
type Keys []Key

// NewKey draws a key for a network.
func NewKey(network entity.Network, entropy io.Reader, now time.Time) (Key, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(entropy, seed); err != nil {
		return Key{}, entity.Internal("token.NewKey", err)
	}
	return keyOf(network, seed, now)
}

func keyOf(network entity.Network, seed []byte, made time.Time) (Key, error) {
	private := ed25519.NewKeyFromSeed(seed)
	print, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return Key{}, entity.Internal("token.keyOf", err)
	}
	return Key{ID: string(network) + "-" + base64.RawURLEncoding.EncodeToString(print), Made: made, private: private}, nil
}

// kept is a key as the secret space has it.
type kept struct {
	_    struct{} `cbor:",toarray"`
	Seed []byte
	Made int64 // ms since 1970
}

// Marshal is the keys as they are kept: secret.
func (ks Keys) Marshal() ([]byte, error) {
	rows := make([]kept, len(ks))
	for i, k := range ks {
		rows[i] = kept{Seed: k.private.Seed(), Made: k.Made.UnixMilli()}
	}
	b, err := cbor.Marshal(rows)
	if err != nil {
		return nil, entity.Internal("token.Marshal", err)
	}
	return b, nil
}

// Unmarshal reads what [Keys.Marshal] wrote of a network's keys.
func Unmarshal(network entity.Network, b []byte) (Keys, error) {
	const op = "token.Unmarshal"
	var rows []kept
	if err := cbor.Unmarshal(b, &rows); err != nil {
		return nil, entity.Internal(op, err)
	}
	ks := make(Keys, len(rows))
	for i, row := range rows {
		if len(row.Seed) != ed25519.SeedSize {
			return nil, entity.Internal(op, ed25519Size(len(row.Seed)))
		}
		var err error
		if ks[i], err = keyOf(network, row.Seed, time.UnixMilli(row.Made)); err != nil {
			return nil, err
		}
	}
	return ks, nil
}

// JWK is a public key as RFC 7517 and RFC 8037 publish it.
type JWK struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
}

// Public are the public halves.
func (ks Keys) Public() []JWK {
	out := make([]JWK, len(ks))
	for i, k := range ks {
		x := base64.RawURLEncoding.EncodeToString(k.private.Public().(ed25519.PublicKey))
		out[i] = JWK{Kty: "OKP", Crv: "Ed25519", X: x, Kid: k.ID, Use: "sig", Alg: string(jose.EdDSA)}
	}
	return out
}
