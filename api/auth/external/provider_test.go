package external

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// provider is an OIDC provider on loopback, with real keys that it can change.
type provider struct {
	*httptest.Server
	t       testing.TB
	key     *ecdsa.PrivateKey
	kid     string
	down    atomic.Bool
	found   atomic.Int64 // times its discovery document was read
	fetched atomic.Int64 // times its keys were
}

func newProvider(t testing.TB) *provider {
	p := &provider{t: t}
	p.rotate("k1")
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		switch {
		case p.down.Load():
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		case r.URL.Path == "/.well-known/openid-configuration":
			p.found.Add(1)
			answer = map[string]any{"issuer": p.URL, "jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"none", "HS256", "ES256"}}
		default:
			p.fetched.Add(1)
			answer = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.kid, Algorithm: "ES256", Use: "sig"}}}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) rotate(kid string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	p.key, p.kid = key, kid
}

type object = map[string]any

// token is what the provider gives a client, but for changes; nil takes a claim
// away.
func (p *provider) token(changes object) string {
	all := object{"iss": p.URL, "sub": "alice", "aud": "stemma", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "name": "Alice"}
	for k, v := range changes {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	return signed(p.t, jose.ES256, p.key, p.kid, all)
}

func signed(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, claims object) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// clock is a time that a test moves.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(now.UnixMilli())
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }
func (p *provider) asked() string        { return fmt.Sprint(p.found.Load(), p.fetched.Load()) }

var now = time.Unix(1_800_000_000, 0)
