package portal_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/api/auth"
	"stemma/api/llm/agent"
	"stemma/api/llm/provider"
	"stemma/entity"
)

// A sign-up makes user, tenant, workspace and membership in one transaction.
func TestSignUpIsOneTransaction(t *testing.T) {
	w := newRig(t)
	before := w.store.Seq()
	ann := w.signUp("ann")
	w.ok(w.store.View(t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(before) {
			w.ok(err)
			types := []string{}
			for _, c := range rec.Changes {
				types = append(types, c.Type)
			}
			if got := fmt.Sprint(types); got != "[user tenant collection]" || rec.Last() != r.Seq() {
				t.Errorf("%s in a record, of %d to %d", got, before, r.Seq())
			}
		}
		return nil
	}))
	me := w.must(200, ann.token, "GET", "/me", nil)
	if text(me, "user", "email") != "ann@example.com" || text(me, "user", "role") != "owner" || text(me, "tenant", "orgSlug") != "ann-s-house" {
		t.Error(me)
	}
	w.must(409, "", "POST", "/auth/signup", object{"email": "ANN@example.com", "password": password})
	w.must(409, "", "POST", "/auth/signup", object{"email": "ann@example.com", "password": "wrong horse"})
	if got := w.must(200, "", "POST", "/auth/login", object{"email": "ann@example.com", "password": password}); text(got, "tenant", "id") != ann.tenant || text(got, "tenants", 0, "role") != "owner" {
		t.Error(got)
	}
	w.must(401, "", "POST", "/auth/login", object{"email": "ann@example.com", "password": "wrong horse"})
	w.must(401, "", "POST", "/auth/login", object{"email": "nobody@example.com", "password": password})
	if second := w.signUp("ann.s"); text(w.must(200, second.token, "GET", "/settings", nil), "orgSlug") == "" {
		t.Error("no slug")
	}
}

// An invitation lets in as many as it says, also when all come at once.
func TestInviteIsNotRaced(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	const places, guests = 3, 9
	invite := w.must(201, ann.token, "POST", "/invites", object{"maxUses": places})
	token := text(invite, "token")
	if want := "https://portal.example/signup?invite=" + token; text(invite, "inviteUrl") != want {
		t.Error(invite)
	}
	var in sync.WaitGroup
	codes := make([]int, guests)
	for i := range guests {
		in.Go(func() {
			codes[i] = w.call("", "POST", "/auth/signup", object{"email": fmt.Sprintf("guest%d@example.com", i), "password": password, "inviteToken": token}).Code
		})
	}
	in.Wait()
	let := 0
	for _, c := range codes {
		switch c {
		case 201:
			let++
		case 400:
		default:
			t.Errorf("status %d", c)
		}
	}
	members := w.must(200, ann.token, "GET", "/members", nil)["members"].([]any)
	got := w.must(200, ann.token, "GET", "/invites", nil)
	if let != places || len(members) != 1+places || at(got, "invites", 0, "useCount") != float64(places) || at(got, "invites", 0, "isActive") != false {
		t.Errorf("%d let in, %d members, %v", let, len(members), got)
	}
}

func TestInvites(t *testing.T) {
	w := newRig(t)
	ann, eve := w.signUp("ann"), w.signUp("eve")
	invite := w.must(201, ann.token, "POST", "/invites", object{"expiresInHours": 1})
	token := text(invite, "token")
	info := w.must(200, "", "GET", "/invites/"+token+"/info", nil)
	if text(info, "tenantName") != "ann's house" || at(info, "isValid") != true {
		t.Error(info)
	}
	// Who has an account joins with its password, and with no other.
	w.must(409, "", "POST", "/auth/signup", object{"email": "eve@example.com", "password": "wrong horse", "inviteToken": token})
	both := w.must(201, "", "POST", "/auth/signup", object{"email": "eve@example.com", "password": password, "inviteToken": token})
	if text(both, "tenant", "id") != ann.tenant || len(both["tenants"].([]any)) != 2 {
		t.Error(both)
	}
	// Once more uses nothing up.
	w.must(201, "", "POST", "/auth/signup", object{"email": "eve@example.com", "password": password, "inviteToken": token})
	if got := w.must(200, ann.token, "GET", "/invites", nil); at(got, "invites", 0, "useCount") != float64(1) {
		t.Error(got)
	}
	w.clock.Advance(time.Hour)
	if info := w.must(200, "", "GET", "/invites/"+token+"/info", nil); at(info, "isValid") != false {
		t.Error("valid after its time", info)
	}
	w.must(400, "", "POST", "/auth/signup", object{"email": "max@example.com", "password": password, "inviteToken": token})
	second := w.must(201, ann.token, "POST", "/invites", object{})
	w.must(404, eve.token, "DELETE", "/invites/"+text(second, "id"), nil) // of another tenant
	w.must(204, ann.token, "DELETE", "/invites/"+text(second, "id"), nil)
	w.must(204, ann.token, "DELETE", "/invites/"+text(second, "id"), nil)
	w.must(404, "", "GET", "/invites/"+text(second, "token")+"/info", nil)
	w.must(400, "", "POST", "/auth/signup", object{"email": "max@example.com", "password": password, "inviteToken": text(second, "token")})
	w.must(404, "", "GET", "/invites/nonsense/info", nil)
}

// Who is removed is out at once, whatever their token says; the last owner stays.
func TestMembers(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	bob := w.join(ann, "bob")
	w.must(400, ann.token, "PATCH", "/members/"+ann.id, object{"role": "member"})
	w.must(400, ann.token, "DELETE", "/members/"+ann.id, nil)
	w.must(400, ann.token, "POST", "/tenants/"+ann.tenant+"/leave", nil)
	w.must(403, bob.token, "PATCH", "/members/"+bob.id, object{"role": "owner"})
	if got := w.must(200, ann.token, "PATCH", "/members/"+bob.id, object{"role": "owner"}); text(got, "role") != "owner" || text(got, "email") != "bob@example.com" || text(got, "joinedAt") == "" {
		t.Error(got)
	}
	w.must(200, bob.token, "PATCH", "/members/"+ann.id, object{"role": "member"})
	w.must(403, ann.token, "POST", "/invites", object{})
	w.must(204, ann.token, "POST", "/tenants/"+ann.tenant+"/leave", nil)
	w.must(403, ann.token, "GET", "/me", nil)
	w.must(403, "", "POST", "/auth/login", object{"email": "ann@example.com", "password": password}) // in no tenant
	eve := w.join(bob, "eve")
	w.must(204, bob.token, "DELETE", "/members/"+eve.id, nil)
	w.must(403, eve.token, "GET", "/agents", nil)
	w.must(404, bob.token, "DELETE", "/members/"+eve.id, nil)
	w.must(404, bob.token, "POST", "/tenants/"+bob.id+"/leave", nil)
}

// A tenant is switched to only by who is in it.
func TestSwitch(t *testing.T) {
	w := newRig(t)
	ann, bob := w.signUp("ann"), w.signUp("bob")
	w.must(403, bob.token, "POST", "/auth/switch-tenant", object{"tenantId": ann.tenant})
	sub := w.must(201, ann.token, "POST", "/subtenants", object{"name": "Attic"})
	id := text(sub, "subtenant", "id")
	there := personOf(w.must(200, ann.token, "POST", "/auth/switch-tenant", object{"tenantId": id}))
	if there.tenant != id || text(sub, "subtenant", "parentId") != ann.tenant {
		t.Error(there, sub)
	}
	w.agent(there, object{"name": "below"})
	if got := w.must(200, ann.token, "GET", "/agents", nil); len(got["agents"].([]any)) != 0 {
		t.Error("agents of a tenant below are listed above", got)
	}
	if got := w.must(200, ann.token, "GET", "/subtenants", nil); text(got, "subtenants", 0, "name") != "Attic" {
		t.Error(got)
	}
}

// Every edit of an agent is a version; the tip that is expected counts.
func TestAgents(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	made := w.must(201, ann.token, "POST", "/agents", object{
		"name": "bot", "systemPrompt": "Be kind.", "providerConfig": object{"provider": "openai", "apiKey": "sk-secret-1", "model": "m"},
		"skills": []any{object{"type": "function", "function": object{"name": "f"}}}, "mergePolicies": object{"system_prompt": "append"}, "conversationsEnabled": true,
	})["agent"].(object)
	id := text(made, "id")
	if at(made, "providerConfig", "hasApiKey") != true || text(made, "mergePolicies", "system_prompt") != "append" || at(made, "conversations_enabled") != true || at(made, "conversation_token_limit") != float64(4000) {
		t.Error(made)
	}
	w.keyIs(id, "sk-secret-1")
	put := func(status int, body object) object { return w.must(status, ann.token, "PUT", "/agents/"+id, body) }
	second := put(200, object{"expect_tip": made["cid"], "systemPrompt": "", "knowledgeBaseRef": "docs", "conversationTokenLimit": 10})["agent"].(object)
	if second["systemPrompt"] != nil || second["ver"] != float64(2) || text(second, "knowledgeBaseRef") != "docs" || at(second, "skills", 0, "function", "name") != "f" {
		t.Error(second)
	}
	put(409, object{"expect_tip": made["cid"], "name": "late"})
	w.keyIs(id, "sk-secret-1") // as neither kind nor address changed
	put(200, object{"providerConfig": object{"model": "m2"}})
	w.keyIs(id, "sk-secret-1")
	put(200, object{"providerConfig": object{"baseUrl": "https://elsewhere.example/v1"}})
	w.keyIs(id, "")
	put(200, object{"providerConfig": object{"apiKey": "sk-secret-2"}})
	w.keyIs(id, "sk-secret-2")
	if got := put(200, object{"providerConfig": object{"provider": ""}}); at(got, "agent", "providerConfig") != nil {
		t.Error(got)
	}
	w.keyIs(id, "")
	w.noSecret("sk-secret-1", "sk-secret-2")
	w.must(204, ann.token, "DELETE", "/agents/"+id, nil)
	w.must(404, ann.token, "GET", "/agents/"+id, nil)
}

// keyIs makes sure of the key that is kept, sealed, for an entity, and that it is
// for the address that the entity names.
func (w *rig) keyIs(id, want string) {
	w.t.Helper()
	w.ok(w.store.View(w.t.Context(), func(r entity.Reader) error {
		h, err := r.Head(entity.ID(id))
		w.ok(err)
		m, err := r.Manifest(h.CID())
		w.ok(err)
		config := m.Properties["provider_config"]
		if settings, ok := m.Properties["settings"].(map[string]any); ok {
			config = settings["provider_config"]
		}
		tree, _ := config.(map[string]any)
		c, err := provider.ConfigOf(tree)
		w.ok(err)
		if c == nil {
			c = &provider.Config{}
		}
		if got, err := provider.Credential(r, w.box, entity.ID(id), c); err != nil || got != want {
			w.t.Errorf("the key is %q, %v; want %q", got, err, want)
		}
		return nil
	}))
}

// noSecret makes sure that no block of the log has a text.
func (w *rig) noSecret(secrets ...string) {
	w.t.Helper()
	w.ok(w.store.View(w.t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			w.ok(err)
			for _, c := range rec.Changes {
				b, err := r.Block(c.CID())
				w.ok(err)
				for _, s := range secrets {
					if strings.Contains(string(b), s) {
						w.t.Errorf("%s stands in a block of %s %s", s, c.Type, c.ID)
					}
				}
			}
		}
		return nil
	}))
}

// Keys open the gateway as their agent, are shown once, and are void when they
// are revoked.
func TestKeys(t *testing.T) {
	w := newRig(t)
	ann, eve := w.signUp("ann"), w.signUp("eve")
	id := w.agent(ann, object{})
	w.must(404, ann.token, "POST", "/api-keys", object{"name": "k", "agentId": w.agent(eve, object{})})
	made := w.must(201, ann.token, "POST", "/api-keys", object{"name": "k", "agentId": id})
	key := text(made, "key")
	if !strings.HasPrefix(key, "loom_sk_") || len(key) != 40 || text(made, "keyPrefix") != key[:12] || text(made, "status") != "active" {
		t.Error(made)
	}
	listed := w.call(ann.token, "GET", "/api-keys", nil)
	if strings.Contains(listed.Body.String(), key[12:]) || !strings.Contains(listed.Body.String(), key[:12]) || !strings.Contains(listed.Body.String(), `"agentName":"bot"`) {
		t.Error(listed.Body)
	}
	w.noSecret(key, key[12:])
	if p, err := w.who(key); err != nil || string(p) != id {
		t.Error(p, err)
	}
	w.must(404, eve.token, "DELETE", "/api-keys/"+text(made, "id"), nil)
	w.must(204, ann.token, "DELETE", "/api-keys/"+text(made, "id"), nil)
	if _, err := w.who(key); entity.KindOf(err) != entity.KindUnauthenticated {
		t.Error("a revoked key:", err)
	}
	if got := w.must(200, ann.token, "GET", "/api-keys", nil); text(got, "apiKeys", 0, "status") != "revoked" {
		t.Error(got)
	}
	w.must(204, ann.token, "DELETE", "/api-keys/"+text(made, "id"), nil)
}

// who is the principal of a key.
func (w *rig) who(key string) (id entity.ID, err error) {
	w.ok(w.store.View(w.t.Context(), func(r entity.Reader) error {
		p, e := auth.Resolve(r, key, w.clock.Now())
		id, err = p.ID, e
		return nil
	}))
	return id, err
}

func TestSettings(t *testing.T) {
	w := newRig(t)
	ann, eve := w.signUp("ann"), w.signUp("eve")
	got := w.must(200, ann.token, "PATCH", "/settings", object{"name": "House", "orgSlug": "the-house", "provider": "azure", "baseUrl": "https://x.openai.azure.com", "apiKey": "az-secret", "deployment": "d", "availableModels": []string{"m"}, "limits": object{"usdPerDay": 2.5}})
	if text(got, "name") != "House" || text(got, "providerConfig", "provider") != "azure" || at(got, "providerConfig", "hasApiKey") != true || at(got, "limits", "usdPerDay") != 2.5 {
		t.Error(got)
	}
	w.keyIs(ann.tenant, "az-secret")
	w.noSecret("az-secret")
	w.must(409, eve.token, "PUT", "/settings", object{"orgSlug": "the-house"})
	got = w.must(200, ann.token, "PUT", "/settings/providers", object{"providerConfig": object{"provider": "ollama", "baseUrl": ""}})
	if text(got, "providerConfig", "provider") != "ollama" || at(got, "providerConfig", "hasApiKey") != false || at(got, "availableModels", 0) != "m" {
		t.Error(got)
	}
	for name, body := range map[string]object{
		"an unknown kind":     {"provider": "robots"},
		"azure without a URL": {"provider": "azure"},
		"a URL with a query":  {"provider": "openai", "baseUrl": "https://x.example/?a=b"},
		"a closed provider":   {"gatewayProviderId": ann.tenant},
		"both":                {"provider": "openai", "providerConfig": object{"provider": "openai"}},
		"a nameless skill":    {"skills": []any{object{"type": "function"}}},
		"a secret endpoint":   {"mcpEndpoints": []any{object{"name": "x", "url": "https://x.example", "headers": object{"Authorization": "Bearer x"}}}},
		"a slug with a space": {"orgSlug": "a b c"},
	} {
		if out := w.call(ann.token, "PUT", "/settings", body); out.Code != 400 || !strings.Contains(out.Body.String(), `"type":"invalid_request_error"`) {
			t.Errorf("%s: %d %s", name, out.Code, out.Body)
		}
	}
	// An agent inherits what the tenant says.
	id := w.agent(ann, object{})
	resolved := w.must(200, ann.token, "GET", "/agents/"+id+"/resolved", nil)
	if text(resolved, "resolved", "providerConfig", "provider") != "ollama" || text(resolved, "resolved", "inheritanceChain", 1, "name") != "House" {
		t.Error(resolved)
	}
}

// A tenant that was made by another view has its workspace made by need.
func TestTenantOfAnotherView(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	var id entity.ID
	_, err := w.store.Update(t.Context(), entity.Actor{UserID: entity.ID(ann.id), Method: entity.MethodManual}, func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: entity.TypeTenant, Properties: entity.Properties{"label": "Made elsewhere"}, Relationships: []entity.Relationship{{Predicate: "owner", Peer: entity.ID(ann.id), PeerType: entity.TypeUser}}})
		if err == nil {
			id = v.Manifest.ID
		}
		return err
	})
	w.ok(err)
	there := personOf(w.must(200, ann.token, "POST", "/auth/switch-tenant", object{"tenantId": string(id)}))
	if got := w.must(200, there.token, "GET", "/agents", nil); len(got["agents"].([]any)) != 0 {
		t.Error(got)
	}
	bot := w.agent(there, object{})
	w.ok(w.store.View(t.Context(), func(r entity.Reader) error {
		got, err := agent.Resolve(r, entity.ID(bot))
		if err != nil || got.Tenant != id {
			t.Error(got, err)
		}
		return nil
	}))
	if out := w.call(there.token, "GET", "/nothing", nil); out.Code != http.StatusNotFound {
		t.Error(out.Code)
	}
}
