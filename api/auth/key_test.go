package auth_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/api/auth"
	"stemma/entity"
	"stemma/entity/access"
)

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// mint makes a key of an entity.
func (w *rig) mint(of entity.ID, maker access.Principal, spec auth.KeySpec) (key string, info auth.KeyInfo, err error) {
	w.t.Helper()
	if spec.Expires.IsZero() {
		spec.Expires = w.clock.Now().Add(time.Hour)
	}
	w.update(func(tx entity.Tx) error {
		h := must(tx.Head(of))(w.t)
		key, info, err = w.MintKey(tx, h, maker, spec)
		return nil
	})
	return key, info, err
}

// What each form of credential proves, at each level and in each place.
func TestForms(t *testing.T) {
	w := newRig(t, nil)
	ann := access.Principal{ID: annID, Kind: access.User}
	bot := access.Principal{ID: agentID, Kind: access.Agent, Owner: annID}
	root := access.Principal{ID: w.first, Kind: access.User, System: true}
	nobody := access.Principal{}
	for _, c := range []struct {
		name, path string
		headers    []string
		status     int
		want       access.Principal
	}{
		{"nobody", "/required", nil, 401, nobody},
		{"nobody", "/optional", nil, 200, nobody},
		{"nobody", "/jwt-only", nil, 401, nobody},
		{"nobody", "/none", nil, 200, nobody},
		{"nonsense where nobody asks", "/none", []string{"Authorization", "nonsense"}, 200, nobody},
		{"ApiKey", "/required", []string{"Authorization", "ApiKey " + annKey}, 200, ann},
		{"apikey", "/required", []string{"Authorization", "apikey  " + annKey + " "}, 200, ann},
		{"ApiKey", "/optional", []string{"Authorization", "ApiKey " + annKey}, 200, ann},
		{"ApiKey", "/jwt-only", []string{"Authorization", "ApiKey " + annKey}, 200, ann},
		{"x-api-key", "/required", []string{"x-api-key", annKey}, 200, ann},
		{"x-api-key beside Authorization", "/required", []string{"x-api-key", "nonsense", "Authorization", "ApiKey " + annKey}, 200, ann},
		{"an agent's", "/required", []string{"Authorization", "ApiKey " + botKey}, 200, bot},
		{"the operator's", "/required", []string{"x-api-key", rootKey}, 200, root},
		{"Bearer, where the row says so", "/bearer", []string{"Authorization", "Bearer " + annKey}, 200, ann},
		{"Bearer", "/required", []string{"Authorization", "Bearer " + annKey}, 401, nobody},
		{"Bearer", "/optional", []string{"Authorization", "Bearer " + annKey}, 401, nobody},
		{"a key alone", "/required", []string{"Authorization", annKey}, 401, nobody},
		{"no key", "/required", []string{"Authorization", "ApiKey"}, 401, nobody},
		{"no key", "/optional", []string{"Authorization", "ApiKey "}, 401, nobody},
		{"Basic", "/required", []string{"Authorization", "Basic YTpi"}, 401, nobody},
		{"one short", "/required", []string{"Authorization", "ApiKey " + annKey[:len(annKey)-1]}, 401, nobody},
		{"one long", "/required", []string{"Authorization", "ApiKey " + annKey + "1"}, 401, nobody},
		{"the prefix alone", "/required", []string{"Authorization", "ApiKey uk_"}, 401, nobody},
		{"upper case", "/required", []string{"Authorization", "ApiKey " + strings.ToUpper(annKey)}, 401, nobody},
		{"another prefix", "/required", []string{"Authorization", "ApiKey ak_" + annKey[3:]}, 401, nobody},
		{"nonsense", "/required", []string{"x-api-key", "nonsense"}, 401, nobody},
		{"the other network", "/required", []string{"x-api-key", annKey, "X-Arke-Network", "test"}, 401, nobody},
		{"on behalf of another", "/required", []string{"x-api-key", annKey, "X-On-Behalf-Of", string(w.first)}, 403, nobody},
		{"the operator on behalf", "/required", []string{"x-api-key", rootKey, "X-On-Behalf-Of", string(annID)}, 403, nobody},
		{"an agent on behalf", "/optional", []string{"x-api-key", botKey, "X-On-Behalf-Of", string(annID)}, 403, nobody},
		{"nobody on behalf", "/optional", []string{"X-On-Behalf-Of", string(annID)}, 401, nobody},
	} {
		if p := w.wants(c.name, c.status, c.path, c.headers...); fmt.Sprint(p) != fmt.Sprint(c.want) {
			t.Errorf("%s at %s: %+v", c.name, c.path, p)
		}
	}
}

func TestMintListRevoke(t *testing.T) {
	w := newRig(t, nil)
	ann := access.Principal{ID: annID, Kind: access.User}
	key, info, err := w.mint(annID, ann, auth.KeySpec{Label: "laptop", Scopes: []access.Action{"*:view", "entity:update"}})
	if err != nil || len(key) != 67 || !strings.HasPrefix(key, "uk_") || info.Prefix != key[:12] || info.Label != "laptop" {
		t.Fatal(key, info, err)
	}
	if p := w.wants("new", 200, "/required", "x-api-key", key); fmt.Sprint(p.Scopes) != "[*:view entity:update]" || p.System {
		t.Errorf("%+v", p)
	}
	list := func() (out []auth.KeyInfo) {
		w.view(func(r entity.Reader) error { out = must(w.Keys(r, annID))(t); return nil })
		return out
	}
	if all := list(); len(all) != 2 || all[1].ID != info.ID || !all[1].LastUsed.Equal(w.clock.Now()) || !all[1].Expires.Equal(w.clock.Now().Add(time.Hour)) {
		t.Errorf("%+v", all)
	}
	w.told() // and so it is when that is written down
	if all := list(); !all[1].LastUsed.Equal(w.clock.Now()) {
		t.Errorf("%+v", all)
	}
	revoke := func(prefix string) (err error) {
		_, updated := w.main.Update(t.Context(), entity.Actor{}, func(tx entity.Tx) error { _, err = w.RevokeKey(tx, annID, prefix); return err })
		return updated
	}
	if err := revoke("uk_"); kind(err) != entity.KindExists {
		t.Errorf("two begin like that: %v", err)
	}
	if err := revoke("uk_x"); kind(err) != entity.KindNotFound {
		t.Errorf("none begins like that: %v", err)
	}
	if err := revoke(info.Prefix); err != nil {
		t.Fatal(err)
	}
	w.wants("revoked, on the next request", 401, "/required", "x-api-key", key)
	w.wants("revoked, where nobody need be known", 401, "/optional", "x-api-key", key)
	if err := revoke(info.Prefix); kind(err) != entity.KindNotFound {
		t.Errorf("again: %v", err)
	}
	noSecretInTheOpen(t, w.main, key, key[3:])
}

// A key is void when it expires, and when its principal is deleted.
func TestVoid(t *testing.T) {
	w := newRig(t, nil)
	key, _, err := w.mint(annID, access.Principal{ID: annID}, auth.KeySpec{Expires: w.clock.Now().Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute - time.Millisecond)
	w.wants("at the end", 200, "/required", "x-api-key", key)
	w.clock.Advance(time.Millisecond)
	w.wants("expired", 401, "/required", "x-api-key", key)
	w.view(func(r entity.Reader) error {
		if all := must(w.Keys(r, annID))(t); len(all) != 1 {
			t.Errorf("an expired key is listed: %+v", all)
		}
		return nil
	})
	w.wants("an agent", 200, "/required", "x-api-key", botKey)
	w.bury(agentID)
	w.wants("a deleted agent", 401, "/required", "x-api-key", botKey)
	w.bury(annID)
	w.wants("a deleted user", 401, "/required", "x-api-key", annKey)
}

// No key has more to it than what it was made with.
func TestKeysDoNotGrow(t *testing.T) {
	w := newRig(t, nil)
	scoped := func(scopes ...access.Action) access.Principal {
		return access.Principal{ID: annID, Kind: access.User, Scopes: scopes}
	}
	for _, c := range []struct {
		maker  access.Principal
		asked  []access.Action
		scopes string // of the key; "": forbidden
	}{
		{scoped(), nil, "[]"},
		{scoped(), []access.Action{"*:*"}, "[*:*]"},
		{scoped("*:view"), nil, "[*:view]"},
		{scoped("*:view"), []access.Action{"entity:view"}, "[entity:view]"},
		{scoped("*:view"), []access.Action{"collection:view"}, "[collection:view]"},
		{scoped("*:view"), []access.Action{"*:view"}, "[*:view]"},
		{scoped("*:view"), []access.Action{"*:*"}, ""},
		{scoped("*:view"), []access.Action{"entity:update"}, ""},
		{scoped("*:view"), []access.Action{"entity:view", "entity:update"}, ""},
		{scoped("*:update"), []access.Action{"collection:update"}, ""},
		{scoped("*:*"), []access.Action{"collection:manage"}, ""},
		{scoped("entity:*"), []access.Action{"entity:update"}, "[entity:update]"},
		{scoped("entity:*"), []access.Action{"*:update"}, ""},
		{scoped("entity:update"), []access.Action{"entity:*"}, ""},
	} {
		key, _, err := w.mint(annID, c.maker, auth.KeySpec{Scopes: c.asked})
		switch {
		case c.scopes == "" && kind(err) != entity.KindForbidden:
			t.Errorf("%v asks for %v: %v", c.maker.Scopes, c.asked, err)
		case c.scopes != "" && err != nil:
			t.Errorf("%v asks for %v: %v", c.maker.Scopes, c.asked, err)
		case c.scopes != "":
			if _, p := w.get("/required", "x-api-key", key); fmt.Sprint(p.Scopes) != c.scopes {
				t.Errorf("%v asks for %v and gets %v", c.maker.Scopes, c.asked, p.Scopes)
			}
		}
	}
	root := access.Principal{ID: w.first, Kind: access.User, System: true}
	for of, system := range map[entity.ID]bool{w.first: true, annID: false, agentID: false} {
		key, _, err := w.mint(of, root, auth.KeySpec{})
		if _, p := w.get("/required", "x-api-key", key); err != nil || p.ID != of || p.System != system {
			t.Errorf("the operator makes a key of %s: %+v, %v", of, p, err)
		}
	}
	if _, _, err := w.mint(noteID, root, auth.KeySpec{}); kind(err) != entity.KindInvalid {
		t.Errorf("a note has a key: %v", err)
	}
}

// A principal has so many keys and no more; expired ones do not count.
func TestMostKeys(t *testing.T) {
	w := newRig(t, nil)
	maker := access.Principal{ID: annID}
	var err error
	for err == nil {
		_, _, err = w.mint(annID, maker, auth.KeySpec{})
	}
	w.view(func(r entity.Reader) error {
		if n := len(must(w.Keys(r, annID))(t)); n != auth.MostKeys || kind(err) != entity.KindInvalid {
			t.Errorf("%d keys, then %v", n, err)
		}
		return nil
	})
	w.clock.Advance(2 * time.Hour)
	if _, _, err := w.mint(annID, maker, auth.KeySpec{}); err != nil {
		t.Error(err)
	}
	w.view(func(r entity.Reader) error {
		all := must(w.Keys(r, annID))(t)
		if len(all) != 2 || !slices.ContainsFunc(all, func(k auth.KeyInfo) bool { return k.Prefix == annKey[:12] }) {
			t.Errorf("%+v", all)
		}
		return nil
	})
}

// Uses are counted together for the audit, with what was done last.
func TestUsesAreTold(t *testing.T) {
	w := newRig(t, nil)
	w.told()
	for range 3 {
		w.get("/required", "x-api-key", annKey, "User-Agent", "test/1")
		w.clock.Advance(time.Second)
	}
	w.get("/required", "x-api-key", annKey[:40])
	w.get("/required", "x-api-key", annKey, "X-On-Behalf-Of", string(w.first))
	told := w.told()
	for _, want := range []string{
		`action=key.used at=2026-01-01T00:00:00.000Z principal=` + string(annID) + ` kind=user credential=uk_111111111 ip=192.0.2.1 user_agent=test/1 op=required count=3 first=2026-01-01T00:00:00.000Z last=2026-01-01T00:00:02.000Z`,
		`action=access.denied at=2026-01-01T00:00:03.000Z principal="" credential=uk_111111111 ip=192.0.2.1 op=required reason=unauthenticated count=1`,
		`reason=forbidden`,
	} {
		if !strings.Contains(told, want) {
			t.Errorf("the audit has no\n%s\nin\n%s", want, told)
		}
	}
	if strings.Contains(told, annKey[:20]) {
		t.Errorf("the audit has a key: %s", told)
	}
}

// Uses are written down when the Authenticator closes; of a key that is revoked
// meanwhile nothing comes back.
func TestUsesAreWrittenDown(t *testing.T) {
	w := newRig(t, nil)
	gone, info, err := w.mint(annID, access.Principal{ID: annID}, auth.KeySpec{})
	if err != nil {
		t.Fatal(err)
	}
	w.get("/required", "x-api-key", annKey)
	w.get("/required", "x-api-key", gone)
	w.update(func(tx entity.Tx) error { _, err := w.RevokeKey(tx, annID, info.Prefix); return err })
	before := w.main.Seq()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.view(func(r entity.Reader) error {
		if must(r.Secret("~keyuse/"+sha256Hex(annKey)))(t) == nil {
			t.Error("the use is not written down")
		}
		if must(r.Secret("~keyuse/"+sha256Hex(gone)))(t) != nil || must(r.Secret("key/"+sha256Hex(gone)))(t) != nil {
			t.Error("a revoked key came back")
		}
		return nil
	})
	if w.main.Seq() != before {
		t.Error("a use is a change of the log")
	}
}

// A server that only reads writes nothing, not even that a key was used.
func TestReadOnly(t *testing.T) {
	w := newRig(t, func(o *auth.Options) { o.ReadOnly = true })
	w.wants("a key", 200, "/required", "x-api-key", annKey)
	if told := w.told(); strings.Contains(told, "key.used") {
		t.Error(told)
	}
	w.view(func(r entity.Reader) error {
		if b := must(r.Secret("~keyuse/" + sha256Hex(annKey)))(t); b != nil {
			t.Error("the use was written down")
		}
		if keys := must(w.PublicKeys(t.Context()))(t); len(keys) != 0 {
			t.Error("signing keys were made")
		}
		return nil
	})
}
