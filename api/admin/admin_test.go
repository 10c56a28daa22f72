package admin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/api/auth"
	"stemma/api/llm/llmtest"
	"stemma/entity"
)

// There is no password before one is set; a key of the first user lets in until
// then and after, nothing else does, and a new password ends all sessions.
func TestLogIn(t *testing.T) {
	w := newRig(t)
	for _, c := range [][2]string{{"admin", "changeme"}, {"admin", ""}, {"root", "changeme"}, {"admin", "uk_" + strings.Repeat("9", 64)}, {"admin", lookKey}, {"admin", onlyKey}} {
		want := 401
		if c[1] == "" {
			want = 400
		}
		w.must(want, "", "POST", "/v1/admin/auth/login", object{"username": c[0], "password": c[1]})
	}
	w.user("Eve", "uk_"+strings.Repeat("e", 64))
	w.must(401, "", "POST", "/v1/admin/auth/login", object{"username": "admin", "password": "uk_" + strings.Repeat("e", 64)})

	first := w.must(200, "", "POST", "/v1/admin/auth/login", object{"username": "admin", "password": rootKey})
	if at(first, "mustChangePassword") != true || text(first, "username") != "admin" {
		t.Error(first)
	}
	token := text(first, "token")
	w.must(200, token, "GET", "/v1/admin/tenants", nil)
	w.must(400, token, "POST", "/v1/admin/auth/change-password", object{"newPassword": password})
	w.must(400, token, "POST", "/v1/admin/auth/change-password", object{"username": "root@example.com", "newPassword": "short"})
	second := w.must(200, token, "POST", "/v1/admin/auth/change-password", object{"username": "Root@example.com", "newPassword": password})
	if at(second, "mustChangePassword") != false || text(second, "username") != "root@example.com" {
		t.Error(second)
	}
	w.must(401, token, "GET", "/v1/admin/tenants", nil)
	w.must(200, text(second, "token"), "GET", "/v1/admin/tenants", nil)
	w.must(401, text(second, "token"), "POST", "/v1/admin/auth/change-password", object{"currentPassword": "wrong horse", "newPassword": "another horse"})
	third := w.must(200, text(second, "token"), "POST", "/v1/admin/auth/change-password", object{"currentPassword": password, "newPassword": "another horse"})
	w.must(401, text(second, "token"), "GET", "/v1/admin/tenants", nil)
	w.must(200, text(third, "token"), "GET", "/v1/admin/tenants", nil)

	for _, c := range [][2]string{{"admin", "another horse"}, {"ROOT@example.com", "another horse"}, {"whoever", rootKey}} {
		got := w.must(200, "", "POST", "/v1/admin/auth/login", object{"username": c[0], "password": c[1]})
		if at(got, "mustChangePassword") != false || text(got, "username") != "root@example.com" {
			t.Error(got)
		}
	}
	w.must(401, "", "POST", "/v1/admin/auth/login", object{"username": "admin", "password": password})
	// Who has an account is no administrator by that.
	w.must(201, "", "POST", "/v1/portal/auth/signup", object{"email": "eve@example.com", "password": password})
	w.must(401, "", "POST", "/v1/admin/auth/login", object{"username": "eve@example.com", "password": password})

	// The token holds for eight hours.
	w.clock.Advance(8*time.Hour - 2*time.Second)
	w.must(200, text(third, "token"), "GET", "/v1/admin/tenants", nil)
	w.clock.Advance(2 * time.Second)
	w.must(401, text(third, "token"), "GET", "/v1/admin/tenants", nil)
}

// Wrong passwords are limited by account, wrong keys by where they come from; the
// key still lets in from elsewhere.
func TestLogInIsLimited(t *testing.T) {
	w := newRig(t)
	try := func(from, username, word string) int {
		return w.call("", "POST", "/v1/admin/auth/login", fmt.Sprintf(`{"username":%q,"password":%q}`, username, word), "X-Forwarded-For", from).Code
	}
	w.must(200, rootKey, "POST", "/v1/admin/auth/change-password", object{"username": "root@example.com", "newPassword": password})
	for range 10 {
		if got := try("192.0.2.1", "admin", "wrong horse"); got != 401 {
			t.Fatal(got)
		}
	}
	if a, b := try("192.0.2.2", "admin", password), try("192.0.2.2", "root@example.com", password); a != 429 || b != 429 {
		t.Errorf("%d and %d after ten wrong passwords", a, b)
	}
	if got := try("192.0.2.2", "admin", rootKey); got != 200 {
		t.Errorf("%d with the key", got)
	}
	wrong := "uk_" + strings.Repeat("9", 64)
	for range 50 {
		if got := try("192.0.2.3", "admin", wrong); got != 401 {
			t.Fatal(got)
		}
	}
	if got := try("192.0.2.3", "admin", rootKey); got != 429 {
		t.Errorf("%d after fifty wrong keys", got)
	}
	for range 60 { // right ones take nothing
		if got := try("192.0.2.4", "admin", rootKey); got != 200 {
			t.Fatal(got)
		}
	}
	w.clock.Advance(time.Minute)
	if a, b := try("192.0.2.3", "admin", rootKey), try("192.0.2.1", "admin", password); a != 200 || b != 200 {
		t.Errorf("%d and %d a minute later", a, b)
	}
}

// A tenant that is switched off, or one above it, is turned away at once, and let
// in again when it is on; one that is deleted is gone.
func TestTenantStatus(t *testing.T) {
	w := newRig(t)
	top := w.newHouse("Top", object{"provider": "openai", "model": "m-1", "apiKey": "sk-agent"})
	below := text(w.admin(201, "POST", "/tenants", object{"name": "Below", "parentId": top.id}), "id")
	bot := text(w.must(201, w.portal(rootID, below), "POST", "/v1/portal/agents", object{"name": "bot"}), "agent", "id")
	inherits := text(w.admin(201, "POST", "/tenants/"+below+"/api-keys", object{"name": "k", "agentId": bot}), "key")
	wants := func(when string, gateway, portal int) {
		t.Helper()
		for _, key := range []string{top.key, inherits} {
			if got := w.call(key, "GET", "/v1/models", ""); got.Code != gateway {
				t.Errorf("%s: the key gets %d: %s", when, got.Code, got.Body)
			}
		}
		if got := w.call(top.owner, "GET", "/v1/portal/me", ""); got.Code != portal {
			t.Errorf("%s: the portal token gets %d: %s", when, got.Code, got.Body)
		}
	}
	wants("at first", 200, 200)
	for range 2 {
		if got := w.admin(200, "PATCH", "/tenants/"+top.id, object{"status": "inactive"}); text(got, "status") != "inactive" {
			t.Error(got)
		}
		wants("switched off", 401, 403)
		w.admin(200, "PUT", "/tenants/"+top.id, object{"status": "active"})
		wants("switched on", 200, 200)
	}
	if got := w.admin(200, "GET", "/tenants?status=inactive", nil); at(got, "total") != 0.0 {
		t.Error(got)
	}
	w.admin(400, "DELETE", "/tenants/"+top.id, nil)
	w.admin(400, "DELETE", "/tenants/"+top.id+"?confirm=false", nil)
	w.admin(409, "DELETE", "/tenants/"+top.id+"?confirm=true", nil)
	wants("not deleted", 200, 200)
	w.admin(204, "DELETE", "/tenants/"+below+"?confirm=true", nil)
	w.admin(204, "DELETE", "/tenants/"+top.id+"?confirm=true", nil)
	wants("deleted", 401, 403)
	w.admin(404, "GET", "/tenants/"+top.id, nil)
	if got := w.admin(200, "GET", "/tenants", nil); at(got, "total") != 0.0 || len(at(got, "tenants").([]any)) != 0 {
		t.Error(got)
	}
	w.ok(w.store.View(t.Context(), func(r entity.Reader) error {
		if sealed, err := r.Secret("provider/" + top.agent); err != nil || sealed != nil {
			t.Errorf("the key of the agent's provider outlives the tenant: %x, %v", sealed, err)
		}
		h, err := r.Head(entity.ID(top.id))
		w.ok(err)
		buried, err := r.Manifest(h.CID())
		w.ok(err)
		last, err := r.Manifest(buried.PrevCID())
		w.ok(err)
		if last.Properties["status"] != "inactive" {
			t.Errorf("who restores the tenant has one with %v", last.Properties)
		}
		return nil
	}))
	// Its slug is free again.
	w.admin(201, "POST", "/tenants", object{"name": "Another", "orgSlug": "top"})
}

// Tenants are listed newest first, by pages; what is said of one is what was set.
func TestTenants(t *testing.T) {
	w := newRig(t)
	for i := range 5 {
		w.admin(201, "POST", "/tenants", object{"name": fmt.Sprintf(" House %d ", i)})
		w.clock.Advance(time.Second)
	}
	got := w.admin(200, "GET", "/tenants?limit=2&offset=1", nil)
	if at(got, "total") != 5.0 || text(got, "tenants", 0, "name") != "House 3" || text(got, "tenants", 1, "name") != "House 2" || at(got, "tenants", 2) != nil {
		t.Error(got)
	}
	id := text(got, "tenants", 0, "id")
	w.admin(200, "PATCH", "/tenants/"+id, object{"name": "Renamed", "orgSlug": "renamed"})
	w.admin(409, "PATCH", "/tenants/"+id, object{"orgSlug": "house-1"})
	w.admin(409, "POST", "/tenants", object{"name": "x", "orgSlug": "renamed"})
	if got := w.admin(200, "GET", "/tenants/"+id, nil); text(got, "name") != "Renamed" || text(got, "orgSlug") != "renamed" || at(got, "providerConfig") != nil || at(got, "apiKeyCount") != 0.0 {
		t.Error(got)
	}
	ann := w.user("Ann", "uk_"+strings.Repeat("a", 64))
	hers := w.admin(201, "POST", "/tenants", object{"name": "Hers", "ownerId": ann})
	if me := w.must(200, w.portal(ann, text(hers, "id")), "GET", "/v1/portal/me", nil); text(me, "user", "role") != "owner" {
		t.Error(me)
	}
	w.must(403, w.portal(rootID, text(hers, "id")), "GET", "/v1/portal/me", nil)
}

// Keys of a tenant's agents: made for one of its agents, counted, void when they
// are revoked, gone when that is for good.
func TestKeys(t *testing.T) {
	w := newRig(t)
	up := llmtest.New(t, llmtest.Say("Hello"))
	h := w.newHouse("House", object{"provider": "openai", "baseUrl": up.URL + "/v1", "model": "m-1"})
	other := w.newHouse("Other", nil)
	keys := "/tenants/" + h.id + "/api-keys"
	if got := w.ask(h.key); got.Code != 200 {
		t.Fatal(got.Body)
	}
	w.admin(404, "POST", keys, object{"name": "x", "agentId": other.agent})
	w.admin(404, "DELETE", keys+"/"+other.keyID, nil)
	second := w.admin(201, "POST", keys, object{"name": "second", "agentId": h.agent})
	if got := w.admin(200, "GET", keys, nil); len(at(got, "apiKeys").([]any)) != 2 || strings.Contains(fmt.Sprint(got), h.key) || text(got, "apiKeys", 0, "agentName") != "bot" {
		t.Error(got)
	}
	w.must(201, h.owner, "POST", "/v1/portal/agents", object{"name": "second bot"})
	w.admin(400, "POST", keys, object{"name": "which"})
	w.admin(204, "DELETE", keys+"/"+h.keyID, nil)
	if got := w.ask(h.key); got.Code != 401 {
		t.Errorf("a revoked key gets %d", got.Code)
	}
	if got := w.ask(text(second, "key")); got.Code != 200 {
		t.Errorf("another key gets %d", got.Code)
	}
	if got := w.admin(200, "GET", "/tenants/"+h.id, nil); at(got, "apiKeyCount") != 1.0 {
		t.Error(got)
	}
	if got := w.admin(200, "GET", keys, nil); text(got, "apiKeys", 1, "status") != "revoked" {
		t.Error(got)
	}
	w.admin(204, "DELETE", keys+"/"+h.keyID+"?permanent=true", nil)
	w.admin(404, "DELETE", keys+"/"+h.keyID, nil)
	if got := w.admin(200, "GET", keys, nil); len(at(got, "apiKeys").([]any)) != 1 {
		t.Error(got)
	}
}

// Sign-ups follow the setting, invitations do not; a server that was started
// closed stays closed.
func TestSignups(t *testing.T) {
	w := newRig(t)
	signUp := func(name string) int {
		return w.call("", "POST", "/v1/portal/auth/signup", fmt.Sprintf(`{"email":"%s@example.com","password":%q}`, name, password)).Code
	}
	if got := w.admin(200, "GET", "/settings", nil); at(got, "signupsEnabled") != true || at(got, "updatedAt") != nil || at(got, "updatedByAdminId") != nil {
		t.Error(got)
	}
	if got := signUp("ann"); got != 201 {
		t.Error(got)
	}
	if got := w.admin(200, "PUT", "/settings", object{"signupsEnabled": false}); at(got, "signupsEnabled") != false || text(got, "updatedAt") != "2026-01-01T00:00:00.000Z" || text(got, "updatedByAdminId") != string(rootID) {
		t.Error(got)
	}
	if got := signUp("bob"); got != 403 {
		t.Error(got)
	}
	h := w.newHouse("House", nil)
	invite := w.must(201, h.owner, "POST", "/v1/portal/invites", object{})
	w.must(201, "", "POST", "/v1/portal/auth/signup", object{"email": "guest@example.com", "password": password, "inviteToken": text(invite, "token")})
	w.admin(200, "PUT", "/settings", object{"signupsEnabled": true})
	if got := signUp("bob"); got != 201 {
		t.Error(got)
	}

	closed := newRig(t, func(o *auth.Options) { o.NoSignups = true })
	if got := closed.admin(200, "GET", "/settings", nil); at(got, "signupsEnabled") != false {
		t.Error(got)
	}
	closed.admin(400, "PUT", "/settings", object{"signupsEnabled": true})
	if got := closed.must(200, "", "GET", "/v1/beta/signups-enabled", nil); at(got, "signupsEnabled") != false {
		t.Error(got)
	}
	closed.must(403, "", "POST", "/v1/portal/auth/signup", object{"email": "eve@example.com", "password": password})
}

// The default embedder is one of the providers, or a kind with a key; never both,
// and the key goes where it was given for, or nowhere.
func TestDefaultEmbedder(t *testing.T) {
	w := newRig(t)
	id := text(w.admin(201, "POST", "/providers", object{"name": "P", "type": "openai"}), "id")
	own := w.admin(200, "PUT", "/settings", object{"defaultEmbedderProvider": "openai", "defaultEmbedderModel": "text-embedding-3-small", "defaultEmbedderApiKey": "sk-embed"})
	if text(own, "defaultEmbedderApiKey") != "••••••••" || text(own, "defaultEmbedderProvider") != "openai" {
		t.Error(own)
	}
	delete(own, "updatedAt")
	if again := w.admin(200, "PUT", "/settings", own); text(again, "defaultEmbedderApiKey") != "••••••••" {
		t.Errorf("what a client sends back changes the key: %v", again)
	}
	if moved := w.admin(200, "PUT", "/settings", object{"defaultEmbedderBaseUrl": "https://elsewhere.example/v1"}); moved["defaultEmbedderApiKey"] != nil {
		t.Errorf("the key goes elsewhere: %v", moved)
	}
	if got := w.admin(200, "PUT", "/settings", object{"defaultEmbedderProviderId": id}); got["defaultEmbedderProvider"] != nil || text(got, "defaultEmbedderProviderId") != id || text(got, "defaultEmbedderModel") == "" {
		t.Error(got)
	}
	if got := w.admin(200, "PUT", "/settings", object{"defaultEmbedderProviderId": ""}); got["defaultEmbedderProviderId"] != nil || got["defaultEmbedderModel"] != nil {
		t.Error(got)
	}
}

// Of many defaults that are set at once one is left, and of many grants none is
// lost.
func TestAtOnce(t *testing.T) {
	w := newRig(t)
	const n = 8
	providers, tenants := make([]string, n), make([]string, n)
	for i := range n {
		providers[i] = text(w.admin(201, "POST", "/providers", object{"name": fmt.Sprint("P", i), "type": "openai"}), "id")
		tenants[i] = text(w.admin(201, "POST", "/tenants", object{"name": fmt.Sprint("T", i)}), "id")
	}
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			if out := w.call(rootKey, "POST", "/v1/admin/providers/"+providers[i]+"/default", ""); out.Code != 200 {
				t.Error(out.Body)
			}
			if out := w.call(rootKey, "POST", "/v1/admin/providers/"+providers[0]+"/tenants", `{"tenantId":"`+tenants[i]+`"}`); out.Code != 201 {
				t.Error(out.Body)
			}
		})
	}
	group.Wait()
	defaults := 0
	for _, p := range w.admin(200, "GET", "/providers", nil)["list"].([]any) {
		if at(p, "isDefault") == true {
			defaults++
		}
	}
	if defaults != 1 {
		t.Errorf("%d defaults", defaults)
	}
	if got := w.admin(200, "GET", "/providers/"+providers[0]+"/tenants", nil); len(at(got, "tenants").([]any)) != n {
		t.Error(got)
	}
}

// asText is JSON of a value.
func asText(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
