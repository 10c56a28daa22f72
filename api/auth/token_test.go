package auth_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"stemma/api/auth"
	"stemma/api/auth/authtest"
	"stemma/api/auth/external"
	"stemma/api/auth/token"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/storetest"
)

type claims = authtest.Claims

// believing is a rig that believes a provider and the shared secret.
func believing(t *testing.T) (*rig, *authtest.Provider) {
	var p *authtest.Provider
	w := newRig(t, func(o *auth.Options) {
		p = authtest.NewProvider(t, o.Now)
		o.External = external.Options{Secret: []byte(authtest.Secret), Audience: "authenticated", Issuers: []string{p.URL}, ClientID: authtest.Audience}
	})
	return w, p
}

func (w *rig) supabase(changes claims) string { return authtest.Supabase(w.t, w.clock.Now(), changes) }

func (w *rig) register(headers ...string) (v *entity.Version, made bool, err error) {
	_, err = w.in(func(ctx context.Context) (err error) {
		v, made, err = w.Register(ctx)
		return err
	}, headers...)
	return v, made, err
}

// Every way to forge a token, against a server that believes all kinds.
func TestForgedTokens(t *testing.T) {
	w, p := believing(t)
	other := newRig(t, func(o *auth.Options) { o.Entropy = storetest.Entropy(8) }) // another server of the same name
	session, user := w.session("eve@example.com")
	foreign, _ := other.session("eve@example.com")
	keys := must(w.PublicKeys(t.Context()))(t)
	public := must(base64.RawURLEncoding.DecodeString(keys[0].X))(t)
	now := w.clock.Now()
	ours := claims{"iss": issuer, "sub": string(user), "aud": issuer, "iat": now.Unix(), "exp": now.Unix() + 900, "network": "main", "typ": "access", "epoch": 0}
	_, stranger, _ := ed25519.GenerateKey(nil)
	good := session.Access
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"` + keys[0].Kid + `"}`))
	testNetwork := func() (s *auth.Session) {
		_, err := w.in(func(ctx context.Context) (err error) {
			s, err = w.SignUp(ctx, "eve@example.com", "correct horse", "")
			return err
		}, "X-Arke-Network", "test")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}()
	w.wants("the good one", 200, "/required", "Authorization", "Bearer "+good)
	for name, raw := range map[string]string{
		"signed by a stranger":             authtest.Sign(t, jose.EdDSA, stranger, keys[0].Kid, ours),
		"HS256 with our public key":        authtest.Sign(t, jose.HS256, public, keys[0].Kid, ours),
		"HS256 with the shared secret":     authtest.Sign(t, jose.HS256, []byte(authtest.Secret), "", ours),
		"of our name by the provider":      authtest.Sign(t, jose.ES256, p.Key, p.KeyID, ours),
		"none":                             none + "." + parts[1] + ".",
		"none with a signature":            none + "." + parts[1] + "." + parts[2],
		"cut short":                        good[:len(good)-10],
		"without a signature":              parts[0] + "." + parts[1] + ".",
		"claims of another":                parts[0] + "." + strings.Split(foreign.Access, ".")[1] + "." + parts[2],
		"another server of the same name":  foreign.Access,
		"the test network's":               testNetwork.Access,
		"a refresh token":                  session.Refresh,
		"an issuer nobody knows":           authtest.Sign(t, jose.ES256, p.Key, p.KeyID, claims{"iss": "https://x", "sub": "alice", "aud": authtest.Audience, "exp": now.Unix() + 900}),
		"the provider's, expired":          p.Token(claims{"exp": now.Unix() - 1}),
		"the provider's, another audience": p.Token(claims{"aud": "another"}),
		"Supabase's, expired":              w.supabase(claims{"exp": now.Unix()}),
		"Supabase's, another audience":     w.supabase(claims{"aud": "x"}),
		"Supabase's, no end":               w.supabase(claims{"exp": nil}),
		"Supabase's, another secret":       authtest.Sign(t, jose.HS256, []byte(strings.Repeat("y", 32)), "", claims{"iss": "https://x", "sub": "x", "role": "service", "exp": now.Unix() + 900}),
		"too long":                         good + strings.Repeat("A", token.MaxSize),
		"dots":                             "..",
		"bytes":                            "\xff\xfe",
	} {
		for _, path := range []string{"/required", "/optional", "/jwt-only"} {
			w.wants(name, 401, path, "Authorization", "Bearer "+raw)
		}
	}
	w.clock.Advance(15 * time.Minute)
	w.wants("expired", 401, "/required", "Authorization", "Bearer "+good)
	if kind := w.told(); strings.Contains(kind, "action=auth.login ") {
		t.Error(kind)
	}
}

// A token of somebody new: welcome where one registers, told so where a user is
// needed, nobody where nobody is.
func TestUnregistered(t *testing.T) {
	w, p := believing(t)
	for form, raw := range map[string]string{"oidc": p.Token(nil), "shared": w.supabase(nil)} {
		bearer := []string{"Authorization", "Bearer " + raw}
		w.wants(form, 403, "/required", bearer...)
		if got := w.wants(form, 200, "/optional", bearer...); !got.Anonymous() {
			t.Errorf("%s: %+v", form, got)
		}
		w.wants(form, 200, "/jwt-only", bearer...)
		w.wants(form+" on behalf", 403, "/jwt-only", append(bearer, "X-On-Behalf-Of", string(annID))...)
		v, made, err := w.register(bearer...)
		if err != nil || !made || v.Manifest.Type != "user" || v.Manifest.Label() != map[string]string{"oidc": "Alice", "shared": "Ann"}[form] {
			t.Fatalf("%s: %+v, %v, %v", form, v, made, err)
		}
		again, made, err := w.register(bearer...)
		if err != nil || made || again.CID != v.CID {
			t.Errorf("%s, again: %v, %v", form, made, err)
		}
		if got := w.wants(form, 200, "/required", bearer...); got.ID != v.Manifest.ID || got.Kind != access.User || got.System {
			t.Errorf("%s: %+v", form, got)
		}
		w.wants(form+" in the other network", 403, "/required", append(bearer, "X-Arke-Network", "test")...)
	}
	if !strings.Contains(w.told(), "action=auth.register ") {
		t.Error("the audit has no registration")
	}
	if v, made, err := w.register("x-api-key", annKey); err != nil || made || v.Manifest.ID != annID {
		t.Errorf("who is registered: %v, %v, %v", v, made, err)
	}
	if v, _, err := w.register("Authorization", "Bearer "+w.supabase(claims{"sub": "nameless", "user_metadata": nil})); err != nil || v.Manifest.Label() != "User "+string(v.Manifest.ID[20:]) {
		t.Errorf("nameless: %v, %v", v, err)
	}
	if _, _, err := w.register("Authorization", "Bearer "+w.supabase(claims{"sub": "long", "user_metadata": claims{"name": strings.Repeat("é", 700)}})); err != nil {
		t.Errorf("a long name: %v", err)
	}
}

// One subject registered many times at a time is one user; the same subject of
// another issuer is another.
func TestRegisterTogether(t *testing.T) {
	w, p := believing(t)
	raw := p.Token(nil)
	var ids sync.Map
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			v, _, err := w.register("Authorization", "Bearer "+raw)
			if err != nil {
				t.Error(err)
				return
			}
			ids.Store(v.Manifest.ID, true)
		})
	}
	wg.Wait()
	for _, iss := range []any{"https://x", p.URL + "/", nil} {
		v, made, err := w.register("Authorization", "Bearer "+w.supabase(claims{"iss": iss, "sub": "alice"}))
		if err != nil || !made {
			t.Errorf("%v: %v, %v", iss, made, err)
			continue
		}
		ids.Store(v.Manifest.ID, true)
	}
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	if n != 4 {
		t.Errorf("%d users of four subjects", n)
	}
}

// A log-out, or the user's deletion, voids the tokens of others too.
func TestExternalTokensEnd(t *testing.T) {
	w, p := believing(t)
	old := []string{"Authorization", "Bearer " + p.Token(nil)}
	v, _, err := w.register(old...)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	if _, err := w.in(func(ctx context.Context) error { return w.LogOut(ctx, "") }, old...); err != nil {
		t.Fatal(err)
	}
	w.wants("from before the log-out", 401, "/required", old...)
	w.wants("without a time", 401, "/required", "Authorization", "Bearer "+w.supabase(claims{"iss": p.URL, "iat": nil}))
	w.clock.Advance(time.Second)
	fresh := []string{"Authorization", "Bearer " + p.Token(nil)}
	w.wants("from after it", 200, "/required", fresh...)
	w.bury(v.Manifest.ID)
	w.wants("of a deleted user", 401, "/required", fresh...)
	w.wants("of a deleted user", 401, "/jwt-only", fresh...)
}

// A service acts as itself, as the first user while it is not registered, or
// for a user; and nobody else becomes one.
func TestServices(t *testing.T) {
	w, p := believing(t)
	token := []string{"Authorization", "Bearer " + w.supabase(claims{"role": "service", "sub": "worker"})}
	nameless := []string{"Authorization", "Bearer " + w.supabase(claims{"role": "service", "sub": nil, "aud": nil})}
	is := func(what string, headers []string, want access.Principal) {
		t.Helper()
		if got := w.wants(what, 200, "/required", headers...); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v", what, got)
		}
	}
	is("not registered", token, access.Principal{ID: w.first, Kind: access.Service, System: true})
	is("without a name", nameless, access.Principal{ID: w.first, Kind: access.Service, System: true})
	is("for Ann", append(token, "X-On-Behalf-Of", string(annID)), access.Principal{ID: annID, Kind: access.User, By: w.first})
	if _, _, err := w.register(nameless...); kind(err) != entity.KindInvalid {
		t.Errorf("a service without a name registers: %v", err)
	}
	v, made, err := w.register(token...)
	if err != nil || !made || v.Manifest.Type != "service" {
		t.Fatalf("%+v, %v, %v", v, made, err)
	}
	is("registered", token, access.Principal{ID: v.Manifest.ID, Kind: access.Service, System: true})
	is("registered, for Ann", append(token, "X-On-Behalf-Of", string(annID)), access.Principal{ID: annID, Kind: access.User, By: v.Manifest.ID})
	key, _, err := w.mint(v.Manifest.ID, access.Principal{ID: w.first, System: true}, auth.KeySpec{Scopes: []access.Action{"*:view"}})
	if err != nil || !strings.HasPrefix(key, "sk_") {
		t.Fatal(key, err)
	}
	scopes := []access.Action{"*:view"}
	is("by key", []string{"x-api-key", key}, access.Principal{ID: v.Manifest.ID, Kind: access.Service, System: true, Scopes: scopes})
	is("by key, for Ann", []string{"x-api-key", key, "X-On-Behalf-Of", string(annID)}, access.Principal{ID: annID, Kind: access.User, By: v.Manifest.ID, Scopes: scopes})
	for name, c := range map[string]struct {
		id     string
		status int
	}{
		"no id": {"Ann", 400}, "a wildcard": {"*", 400}, "nobody": {"01KDVR0000000000000000N0NE", 404}, "an agent": {string(agentID), 400},
		"a note": {string(noteID), 400}, "the service": {string(v.Manifest.ID), 400}, "of the other network": {"IIKDVR0000000000000000N0NE", 404},
	} {
		w.wants("for "+name, c.status, "/required", append(token, "X-On-Behalf-Of", c.id)...)
		w.wants("for "+name, c.status, "/optional", "x-api-key", key, "X-On-Behalf-Of", c.id)
	}
	// The role is a claim that only the holder of the secret can make, and the
	// subject is not enough.
	w.wants("a user of the service's name", 403, "/required", "Authorization", "Bearer "+w.supabase(claims{"sub": "worker"}))
	w.wants("a provider's service", 403, "/required", "Authorization", "Bearer "+p.Token(claims{"role": "service", "sub": "worker"}))
	w.bury(annID)
	w.wants("for a deleted user", 404, "/required", append(token, "X-On-Behalf-Of", string(annID))...)
	w.bury(v.Manifest.ID)
	w.wants("a deleted service", 401, "/required", token...)
	w.wants("a deleted service's key", 401, "/required", "x-api-key", key)
}

// An issuer that cannot be asked is not the caller's fault.
func TestProviderDown(t *testing.T) {
	w, p := believing(t)
	p.Down.Store(true)
	w.wants("down", 503, "/required", "Authorization", "Bearer "+p.Token(nil))
	w.wants("others get in", 200, "/required", "x-api-key", annKey)
}
