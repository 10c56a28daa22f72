package authtest

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

// Claims are what a token says. As changes of others, nil takes a claim away.
type Claims = map[string]any

// Provider is an OIDC provider. Key and KeyID are changed by Rotate alone.
type Provider struct {
	*httptest.Server
	Down    atomic.Bool // answers 503
	Key     *ecdsa.PrivateKey
	KeyID   string
	t       testing.TB
	now     func() time.Time
	found   atomic.Int64 // times its discovery document was read
	fetched atomic.Int64 // times its keys were
	flow    flow
}

// NewProvider starts a provider that ends with the test.
func NewProvider(t testing.TB, now func() time.Time) *Provider {
	p := &Provider{t: t, now: now}
	p.Rotate("k1")
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		switch {
		case p.Down.Load():
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		case r.URL.Path == "/.well-known/openid-configuration":
			p.found.Add(1)
			answer = Claims{
				"issuer": p.URL, "jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"none", "HS256", "ES256"},
				"authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "userinfo_endpoint": p.URL + "/userinfo",
			}
		case r.URL.Path == "/token":
			var status int
			if status, answer = p.token(r); status != http.StatusOK {
				w.WriteHeader(status)
			}
		case r.URL.Path == "/userinfo":
			answer = p.flow.about()
		default:
			p.fetched.Add(1)
			answer = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.Key.Public(), KeyID: p.KeyID, Algorithm: "ES256", Use: "sig"}}}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(p.Close)
	return p
}

// Rotate has the provider sign with a new key.
func (p *Provider) Rotate(kid string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	p.Key, p.KeyID = key, kid
}

// Audience is whom the provider's tokens are for.
const Audience = "stemma"

// Claims are what the provider says of Alice, who is at Audience, for an hour.
func (p *Provider) Claims(changes Claims) Claims {
	now := p.now()
	return changed(Claims{"iss": p.URL, "sub": "alice", "aud": Audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "name": "Alice"}, changes)
}

// Token is the provider's token with those claims.
func (p *Provider) Token(changes Claims) string {
	return Sign(p.t, jose.ES256, p.Key, p.KeyID, p.Claims(changes))
}

// Asked is how often the discovery document and the keys were fetched: "1 2".
func (p *Provider) Asked() string { return fmt.Sprint(p.found.Load(), p.fetched.Load()) }

// Secret is shared with whoever believes a token of [Supabase].
const Secret = "0123456789abcdef0123456789abcdef"

// Supabase is a token as Supabase signs it for Ann, for an hour.
func Supabase(t testing.TB, now time.Time, changes Claims) string {
	t.Helper()
	return Sign(t, jose.HS256, []byte(Secret), "", changed(Claims{
		"iss": "https://x.supabase.co/auth/v1", "sub": "0e2f", "aud": "authenticated", "role": "authenticated", "email": "ann@example.com",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "user_metadata": Claims{"name": "Ann"}, "app_metadata": Claims{},
	}, changes))
}

// Sign makes any token at all.
func Sign(t testing.TB, alg jose.SignatureAlgorithm, key any, kid string, claims Claims) string {
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

func changed(claims, changes Claims) Claims {
	for k, v := range changes {
		if claims[k] = v; v == nil {
			delete(claims, k)
		}
	}
	return claims
}
