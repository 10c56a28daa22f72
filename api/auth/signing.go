package auth

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"sync"

	"stemma/api/auth/token"
	"stemma/entity"
)

// signingSecret is where the signing keys of a network are.
const signingSecret = "signing"

// signingCache keeps the parsed form of the keys that were read last. They are
// read each time: a key that is taken away is void at once.
type signingCache struct {
	mu     sync.Mutex
	parsed map[entity.Network]signingKeys
}

type signingKeys struct {
	raw  []byte
	keys token.Keys
}

// signingKeys are the keys of the network of r, none before the first need.
func (a *Authenticator) signingKeys(r entity.Reader) (token.Keys, error) {
	raw, err := r.Secret(signingSecret)
	if err != nil || raw == nil {
		return nil, err
	}
	c := &a.signing
	c.mu.Lock()
	defer c.mu.Unlock()
	if have := c.parsed[r.Network()]; bytes.Equal(have.raw, raw) {
		return have.keys, nil
	}
	keys, err := token.Unmarshal(r.Network(), raw)
	if err == nil {
		c.parsed[r.Network()] = signingKeys{raw, keys}
	}
	return keys, err
}

// needSigningKeys are the keys of a network, which it makes at the first need.
// A read-only server makes none.
func (a *Authenticator) needSigningKeys(ctx context.Context, s entity.Store) (keys token.Keys, err error) {
	err = s.View(ctx, func(r entity.Reader) error {
		keys, err = a.signingKeys(r)
		return err
	})
	if err != nil || len(keys) > 0 || a.readOnly {
		return keys, err
	}
	made, err := token.NewKey(s.Network(), a.entropy, a.now())
	if err != nil {
		return nil, err
	}
	raw, err := token.Keys{made}.Marshal()
	if err != nil {
		return nil, err
	}
	_, err = s.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		if keys, err = a.signingKeys(tx); err != nil || len(keys) > 0 {
			return err // somebody was faster
		}
		tx.SetSecret(signingSecret, raw)
		keys = token.Keys{made}
		return nil
	})
	return keys, err
}

// PublicKeys are the keys that verify our tokens, of all networks: a client
// that has a token looks by its kid, and asks without saying which network.
func (a *Authenticator) PublicKeys(ctx context.Context) ([]token.JWK, error) {
	out := []token.JWK{}
	for _, s := range a.stores {
		keys, err := a.needSigningKeys(ctx, s)
		if err != nil {
			return nil, err
		}
		out = append(out, keys.Public()...)
	}
	return out, nil
}

// accessToken signs a token of a user for its current sessions.
func (a *Authenticator) accessToken(keys token.Keys, n entity.Network, user entity.ID, epoch int64) (string, error) {
	return a.sign(keys, token.Grant{Network: n, User: user, Epoch: epoch})
}

// sign makes a token of a grant, which it gives an issuer and a name.
func (a *Authenticator) sign(keys token.Keys, g token.Grant) (string, error) {
	var id [16]byte
	if _, err := io.ReadFull(a.entropy, id[:]); err != nil {
		return "", entity.Internal("auth.sign", err)
	}
	g.Issuer, g.ID = a.issuer, hex.EncodeToString(id[:])
	return keys[0].Sign(g, a.now())
}
