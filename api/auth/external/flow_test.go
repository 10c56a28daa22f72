package external

import (
	"strings"
	"testing"

	"stemma/api/auth/authtest"
	"stemma/entity"
)

const redirect = "https://stemma.example/back"

var verifier = strings.Repeat("v", 43)

func newFlow(t *testing.T, p *authtest.Provider, secret string) *Flow {
	t.Helper()
	v, _ := newVerifier(t, p)
	f, err := v.Flow(p.URL, authtest.Audience, secret, redirect)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// signIn goes through the provider and gives who came back.
func signIn(t *testing.T, f *Flow, p *authtest.Provider, back Proof) (Identity, error) {
	t.Helper()
	asked := Proof{State: "the state", Nonce: "the nonce", Verifier: verifier}
	to, err := f.Begin(asked)
	if err != nil {
		t.Fatal(err)
	}
	at := p.Consent(to)
	if !strings.HasPrefix(at.String(), redirect) || at.Query().Get("state") != asked.State {
		t.Errorf("sent back to %s", at)
	}
	if back == (Proof{}) {
		back = asked
	}
	return f.End(t.Context(), back, at.Query().Get("code"))
}

func TestFlow(t *testing.T) {
	p := newProvider(t)
	f := newFlow(t, p, authtest.ClientSecret)
	alice := Identity{Form: OIDC, Issuer: p.URL, Subject: "alice", Name: "Alice"}
	with := func(change func(*Identity)) Identity { id := alice; change(&id); return id }
	for name, c := range map[string]struct {
		changes, info object
		want          Identity
	}{
		"a name":                              {nil, nil, alice},
		"an address":                          {object{"email": "alice@example.com", "email_verified": true}, nil, with(func(i *Identity) { i.Email = "alice@example.com" })},
		"an address, verified in text":        {object{"email": "alice@example.com", "email_verified": "true"}, nil, with(func(i *Identity) { i.Email = "alice@example.com" })},
		"an address that anybody typed":       {object{"email": "alice@example.com", "email_verified": false}, nil, alice},
		"an address of which nothing is said": {object{"email": "alice@example.com"}, nil, alice},
		"told when asked":                     {object{"name": nil}, object{"sub": "alice", "name": "Alice A.", "email": "a@example.com", "email_verified": true}, with(func(i *Identity) { i.Name, i.Email = "Alice A.", "a@example.com" })},
		"two audiences, one of them us":       {object{"aud": []string{"another", authtest.Audience}, "azp": authtest.Audience}, nil, alice},
	} {
		p.Says(c.changes, c.info)
		got, err := signIn(t, f, p, Proof{})
		if got.IssuedAt = c.want.IssuedAt; err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// What is not the answer to the question that was asked proves nobody.
func TestFlowRefuses(t *testing.T) {
	p, other := newProvider(t), newProvider(t)
	f := newFlow(t, p, authtest.ClientSecret)
	for name, c := range map[string]struct {
		changes, info object
		back          Proof
		reason        string
	}{
		"another nonce":            {object{"nonce": "another"}, nil, Proof{}, "nonce"},
		"no nonce":                 {object{"nonce": nil}, nil, Proof{}, "nonce"},
		"another verifier":         {nil, nil, Proof{State: "the state", Nonce: "the nonce", Verifier: verifier[1:] + "x"}, "invalid_grant"},
		"another audience":         {object{"aud": "another"}, nil, Proof{}, "audience"},
		"another client":           {object{"azp": "another"}, nil, Proof{}, "client"},
		"two audiences, no client": {object{"aud": []string{"another", authtest.Audience}}, nil, Proof{}, "client"},
		"another issuer":           {object{"iss": other.URL}, nil, Proof{}, "different provider"},
		"expired":                  {object{"exp": now.Unix()}, nil, Proof{}, "ended"},
		"no subject":               {object{"sub": nil}, nil, Proof{}, "subject"},
		"a long subject":           {object{"sub": strings.Repeat("x", 256)}, nil, Proof{}, "255"},
		"told about somebody else": {nil, object{"sub": "bob", "email": "bob@example.com", "email_verified": true}, Proof{}, "somebody else"},
	} {
		p.Says(c.changes, c.info)
		_, err := signIn(t, f, p, c.back)
		if entity.KindOf(err) != entity.KindUnauthenticated || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.Says(nil, nil)
	p.Withholds(true)
	if _, err := signIn(t, f, p, Proof{}); entity.KindOf(err) != entity.KindUnauthenticated || !strings.Contains(err.Error(), "no id_token") {
		t.Errorf("without a token: %v", err)
	}
	p.Withholds(false)
	if _, err := signIn(t, newFlow(t, p, "another secret"), p, Proof{}); entity.KindOf(err) != entity.KindUnauthenticated || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("another secret: %v", err)
	}
}

// A provider that is down is not the fault of who signs in.
func TestFlowUnreachable(t *testing.T) {
	p := newProvider(t)
	f := newFlow(t, p, authtest.ClientSecret)
	p.Down.Store(true)
	if _, err := f.Begin(Proof{State: "s", Nonce: "n", Verifier: verifier}); entity.KindOf(err) != entity.KindUnavailable {
		t.Errorf("begun: %v", err)
	}
	p.Down.Store(false)
	v, clock := newVerifier(t, p)
	clock.advance(retryAfter)
	f, err := v.Flow(p.URL, authtest.Audience, authtest.ClientSecret, redirect)
	if err != nil {
		t.Fatal(err)
	}
	to, err := f.Begin(Proof{State: "s", Nonce: "n", Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	code := p.Consent(to).Query().Get("code")
	p.Down.Store(true)
	if _, err := f.End(t.Context(), Proof{}, code); entity.KindOf(err) != entity.KindUnavailable {
		t.Errorf("ended: %v", err)
	}
	if _, err := v.Flow("https://another.example", "x", "", redirect); entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("another issuer: %v", err)
	}
}
