package external

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"stemma/api/auth/authtest"
	"stemma/entity"
)

// clock is a time that a test moves.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(now.UnixMilli())
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

var now = time.Unix(1_800_000_000, 0)

type object = authtest.Claims

func newProvider(t *testing.T) *authtest.Provider {
	return authtest.NewProvider(t, func() time.Time { return now })
}

func signed(t *testing.T, alg jose.SignatureAlgorithm, key any, kid string, claims object) string {
	return authtest.Sign(t, alg, key, kid, claims)
}

func supabase(t *testing.T, changes object) string { return authtest.Supabase(t, now, changes) }

func newVerifier(t *testing.T, p *authtest.Provider) (*Verifier, *clock) {
	t.Helper()
	c := newClock()
	o := Options{Secret: []byte(authtest.Secret), Audience: "authenticated", Now: c.Now}
	if p != nil {
		o.Issuers, o.ClientID = []string{p.URL}, authtest.Audience
	}
	v, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return v, c
}

func TestIdentities(t *testing.T) {
	p := newProvider(t)
	v, _ := newVerifier(t, p)
	sb := Identity{Form: Shared, Issuer: "https://x.supabase.co/auth/v1", Subject: "0e2f", Name: "Ann", IssuedAt: now}
	service := Identity{Form: Shared, Issuer: sb.Issuer, Service: true, IssuedAt: now}
	for name, c := range map[string]struct {
		raw  string
		want Identity
	}{
		"OIDC":                       {p.Token(nil), Identity{Form: OIDC, Issuer: p.URL, Subject: "alice", Name: "Alice", IssuedAt: now}},
		"OIDC, of a service it says": {p.Token(object{"role": "service"}), Identity{Form: OIDC, Issuer: p.URL, Subject: "alice", Name: "Alice", IssuedAt: now}},
		"Supabase":                   {supabase(t, nil), sb},
		"no audience":                {supabase(t, object{"aud": nil}), sb},
		"a service":                  {supabase(t, object{"role": "service", "sub": nil, "aud": nil, "user_metadata": nil}), service},
		"a service's role in a list": {supabase(t, object{"role": []string{"service"}}), sb},
	} {
		if got, err := v.Verify(t.Context(), c.raw); err != nil || !got.IssuedAt.Equal(c.want.IssuedAt) {
			t.Errorf("%s: %v", name, err)
		} else if got.IssuedAt = c.want.IssuedAt; got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Every way of a token that proves nothing is refused, and by its own reason.
func TestRefused(t *testing.T) {
	p, other := newProvider(t), newProvider(t)
	v, _ := newVerifier(t, p)
	der, err := x509.MarshalPKIXPublicKey(p.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	claims := p.Claims(nil)
	good := p.Token(nil)
	forged := signed(t, jose.ES256, other.Key, p.KeyID, claims)
	for name, c := range map[string]struct{ raw, reason string }{
		"OIDC, expired":                   {p.Token(object{"exp": now.Unix()}), "ended"},
		"OIDC, long expired":              {p.Token(object{"exp": now.Unix() - 9}), "expired"},
		"OIDC, no end":                    {p.Token(object{"exp": nil}), "expired"},
		"OIDC, of the future":             {p.Token(object{"iat": now.Unix() + 3600}), "future"},
		"OIDC, another audience":          {p.Token(object{"aud": "another"}), "audience"},
		"OIDC, no audience":               {p.Token(object{"aud": nil}), "audience"},
		"OIDC, no subject":                {p.Token(object{"sub": nil}), "subject"},
		"OIDC, another's key":             {forged, "signature"},
		"OIDC, HS256 with the public key": {signed(t, jose.HS256, public, p.KeyID, claims), "algorithm"},
		"OIDC, the shared secret":         {signed(t, jose.HS256, []byte(authtest.Secret), p.KeyID, claims), "algorithm"},
		"OIDC, cut":                       {good[:len(good)-4], "signature"},
		"another issuer's":                {other.Token(nil), "algorithm"},
		"Supabase, expired":               {supabase(t, object{"exp": now.Unix()}), "ended"},
		"Supabase, no end":                {supabase(t, object{"exp": nil}), "no end"},
		"Supabase, not yet":               {supabase(t, object{"nbf": now.Unix() + 3600}), "future"},
		"Supabase, of the future":         {supabase(t, object{"iat": now.Unix() + 3600}), "future"},
		"Supabase, another audience":      {supabase(t, object{"aud": "anon"}), "audience"},
		"Supabase, no subject":            {supabase(t, object{"sub": nil}), "subject"},
		"Supabase, a long subject":        {supabase(t, object{"sub": strings.Repeat("x", 256)}), "255"},
		"Supabase, another secret":        {signed(t, jose.HS256, []byte(strings.Repeat("x", 32)), "", claimsFor("https://x")), "cryptographic"},
		"Supabase, HS512":                 {signed(t, jose.HS512, []byte(strings.Repeat("x", 64)), "", claimsFor("https://x")), "algorithm"},
		"none":                            {"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "algorithm"},
		"no token":                        {"nonsense", "compact"},
	} {
		_, err := v.Verify(t.Context(), c.raw)
		if err == nil || entity.KindOf(err) != entity.KindUnauthenticated || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, not for %q", name, err, c.reason)
		}
		var e *entity.Error
		if errors.As(err, &e) && e.Message != "" {
			t.Errorf("%s: the caller is told %q", name, e.Message)
		}
	}
}

func claimsFor(iss string) object {
	return object{"iss": iss, "sub": "x", "exp": now.Add(time.Hour).Unix()}
}

// Without a secret or issuers nobody is believed, and settings that would let
// the wrong ones in are refused.
func TestSettings(t *testing.T) {
	v, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), supabase(t, nil)); entity.KindOf(err) != entity.KindUnauthenticated {
		t.Error(err)
	}
	for _, o := range []Options{{Secret: []byte{}}, {Issuers: []string{"https://x"}}} {
		if _, err := New(o); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// An issuer that is down does not keep the server from starting; it is found
// once it is up, and not asked all the time until then.
func TestDiscoveryIsRetried(t *testing.T) {
	p := newProvider(t)
	v, clock := newVerifier(t, p)
	p.Down.Store(true)
	raw := p.Token(nil)
	for range 20 {
		if _, err := v.Verify(t.Context(), raw); entity.KindOf(err) != entity.KindUnavailable {
			t.Fatal(err)
		}
	}
	p.Down.Store(false)
	if _, err := v.Verify(t.Context(), raw); entity.KindOf(err) != entity.KindUnavailable || p.Asked() != "0 0" {
		t.Errorf("asked %s times, %v", p.Asked(), err)
	}
	clock.advance(retryAfter)
	if _, err := v.Verify(t.Context(), raw); err != nil || p.Asked() != "1 1" {
		t.Errorf("asked %s times, %v", p.Asked(), err)
	}
}

// The keys may be down after discovery: that is not the caller's fault.
func TestKeysDown(t *testing.T) {
	p := newProvider(t)
	v, clock := newVerifier(t, p)
	if _, err := v.issuers[p.URL].discover(); err != nil {
		t.Fatal(err)
	}
	p.Down.Store(true)
	for range 5 {
		if _, err := v.Verify(t.Context(), p.Token(nil)); entity.KindOf(err) != entity.KindUnavailable {
			t.Fatal(err)
		}
	}
	p.Down.Store(false)
	clock.advance(time.Minute)
	if _, err := v.Verify(t.Context(), p.Token(nil)); err != nil {
		t.Error(err)
	}
}

// A rotated key is fetched; made-up keys cost the issuer two fetches, not one
// each, and do not keep good tokens out.
func TestKeysAreFetchedWithCourtesy(t *testing.T) {
	p := newProvider(t)
	v, clock := newVerifier(t, p)
	ok := func(raw string) {
		t.Helper()
		if _, err := v.Verify(t.Context(), raw); err != nil {
			t.Error(err)
		}
	}
	ok(p.Token(nil))
	p.Rotate("k2")
	ok(p.Token(nil))
	if p.Asked() != "1 2" {
		t.Errorf("asked %s times", p.Asked())
	}
	for i := range 50 {
		raw := signed(t, jose.ES256, p.Key, fmt.Sprint("made up ", i), object{"iss": p.URL})
		if _, err := v.Verify(t.Context(), raw); entity.KindOf(err) != entity.KindUnauthenticated {
			t.Fatal(err)
		}
	}
	ok(p.Token(nil))
	if p.Asked() != "1 2" {
		t.Errorf("asked %s times", p.Asked())
	}
	clock.advance(time.Minute)
	p.Rotate("k3")
	ok(p.Token(nil))
}
