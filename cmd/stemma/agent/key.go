package agent

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"

	"stemma/entity"
)

// How long the server's key is kept, and how soon it may be asked for again where
// a signature is not of it.
const (
	keyFor   = time.Hour
	keyAgain = time.Minute
)

// keyCache is the key that the server signs with.
type keyCache struct {
	mu  sync.Mutex
	key ed25519.PublicKey
	at  time.Time
}

// get gives the key, fresh when it was asked for just now. anew asks although
// there is one, but for a minute.
func (c *keyCache) get(ctx context.Context, a *Agent, anew bool) (key ed25519.PublicKey, fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := a.o.Now().Sub(c.at)
	if c.key != nil && age < keyFor && (!anew || age < keyAgain) {
		return c.key, false, nil
	}
	var out struct {
		Key       string `json:"public_key"`
		Algorithm string `json:"algorithm"`
	}
	api := client{http: a.o.Client, server: a.o.Server}
	if err := api.do(ctx, http.MethodGet, "/.well-known/signing-key", nil, &out); err != nil {
		return nil, false, err
	}
	raw, err := base64.StdEncoding.DecodeString(out.Key)
	if err != nil || len(raw) != ed25519.PublicKeySize || !strings.EqualFold(out.Algorithm, "Ed25519") {
		return nil, false, entity.Errorf(entity.KindUpstream, "agent.key", "the server's signing key is none of Ed25519")
	}
	c.key, c.at = raw, a.o.Now()
	return c.key, true, nil
}
