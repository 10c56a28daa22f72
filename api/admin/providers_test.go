package admin_test

import (
	"strings"
	"testing"

	"stemma/api/llm/llmtest"
	"stemma/entity"
)

// name has an agent name one of the operator's providers, past every check, as
// whoever may edit the agent can by other views.
func (w *rig) name(agent, provider string) {
	w.t.Helper()
	w.update(func(tx entity.Tx) error {
		_, err := tx.Put(entity.ID(agent), entity.Any, func(m *entity.Manifest) error {
			m.Properties["provider_config"] = map[string]any{"gateway_provider_id": provider}
			return nil
		})
		return err
	})
}

// An agent answers through a provider of the operator's while that is granted to
// its tenant or open to all, and is refused before and after, without the provider
// being asked or anything else standing in for it.
func TestGrants(t *testing.T) {
	w := newRig(t)
	up := llmtest.New(t, llmtest.Say("Hello"))
	made := w.admin(201, "POST", "/providers", object{"name": "Shared", "type": "openai", "baseUrl": up.URL + "/v1", "model": "m-1", "apiKey": "sk-shared"})
	id := text(made, "id")
	ours, others := w.newHouse("Ours", nil), w.newHouse("Others", nil)
	names := object{"providerConfig": object{"gatewayProviderId": id}}
	w.must(400, ours.owner, "PUT", "/v1/portal/agents/"+ours.agent, names)
	w.admin(201, "POST", "/providers/"+id+"/tenants", object{"tenantId": ours.id})
	w.must(200, ours.owner, "PUT", "/v1/portal/agents/"+ours.agent, names)
	w.must(400, others.owner, "PUT", "/v1/portal/agents/"+others.agent, names)
	w.name(others.agent, id)
	below := text(w.admin(201, "POST", "/tenants", object{"name": "Below", "parentId": ours.id}), "id")

	asked := 0
	wants := func(when, key string, status int) {
		t.Helper()
		out := w.ask(key)
		if out.Code != status || (status == 200) != strings.Contains(out.Body.String(), "Hello") {
			t.Errorf("%s: %d %s", when, out.Code, out.Body)
		}
		if status == 200 {
			asked++
			if got := up.Last().Header.Get("Authorization"); got != "Bearer sk-shared" {
				t.Errorf("%s: the provider got %q", when, got)
			}
		}
		if n := len(up.Seen()); n != asked {
			t.Errorf("%s: the provider was asked %d times, not %d", when, n, asked)
		}
	}
	wants("granted", ours.key, 200)
	wants("not granted", others.key, 403)
	if got := w.admin(200, "GET", "/providers/"+id+"/tenants", nil); text(got, "tenants", 0, "id") != ours.id || at(got, "tenants", 1) != nil {
		t.Error(got)
	}
	w.admin(204, "DELETE", "/providers/"+id+"/tenants/"+ours.id, nil)
	w.admin(404, "DELETE", "/providers/"+id+"/tenants/"+ours.id, nil)
	wants("taken back", ours.key, 403)
	w.admin(200, "PUT", "/providers/"+id+"/availability", object{"tenantAvailable": true})
	wants("open to all", ours.key, 200)
	wants("open to all", others.key, 200)
	w.admin(200, "PUT", "/providers/"+id+"/availability", object{"tenantAvailable": false})
	wants("closed", others.key, 403)

	// A tenant's own configuration may name it, and what is below inherits it.
	w.admin(201, "POST", "/providers/"+id+"/tenants", object{"tenantId": ours.id})
	w.admin(201, "POST", "/providers/"+id+"/tenants", object{"tenantId": ours.id})
	got := w.admin(200, "PUT", "/tenants/"+ours.id+"/provider-config", object{"gatewayProviderId": id})
	if text(got, "providerConfig", "gatewayProviderId") != id {
		t.Error(got)
	}
	agent := text(w.must(201, w.portal(rootID, below), "POST", "/v1/portal/agents", object{"name": "bot"}), "agent", "id")
	key := text(w.admin(201, "POST", "/tenants/"+below+"/api-keys", object{"name": "k", "agentId": agent}), "key")
	wants("inherited", key, 200)
	w.admin(400, "PUT", "/tenants/"+others.id+"/provider-config", object{"gatewayProviderId": id})
	w.admin(204, "DELETE", "/tenants/"+ours.id+"/provider-config", nil)
	if got := w.admin(200, "GET", "/tenants/"+ours.id, nil); got["providerConfig"] != nil {
		t.Error(got)
	}
	wants("by the agent itself", ours.key, 200)
	w.admin(204, "DELETE", "/providers/"+id, nil)
	w.admin(404, "GET", "/providers/"+id, nil)
	wants("deleted", ours.key, 403)
	if list := w.admin(200, "GET", "/providers", nil)["list"].([]any); len(list) != 0 {
		t.Error(list)
	}
}

// The default answers for agents for which nobody names a provider, where it is
// open to their tenant; there is one, or none.
func TestDefaultProvider(t *testing.T) {
	w := newRig(t)
	up := llmtest.New(t, llmtest.Say("Hello"))
	h := w.newHouse("House", nil)
	answers := func(when string, by bool) {
		t.Helper()
		out := w.ask(h.key)
		if out.Code != 200 || strings.Contains(out.Body.String(), "Hello") != by {
			t.Errorf("%s: %d %s", when, out.Code, out.Body)
		}
	}
	answers("without", false) // the built-in model does, and says so
	make := func(name string) string {
		return text(w.admin(201, "POST", "/providers", object{"name": name, "type": "openai", "baseUrl": up.URL + "/v1", "model": "m-1", "isDefault": true}), "id")
	}
	first := make("First")
	answers("not open", false)
	w.admin(201, "POST", "/providers/"+first+"/tenants", object{"tenantId": h.id})
	answers("granted", true)
	second := make("Second")
	answers("another is", false)
	if got := w.admin(200, "POST", "/providers/"+first+"/default", nil); at(got, "isDefault") != true {
		t.Error(got)
	}
	answers("it again", true)
	w.admin(200, "PUT", "/providers/"+second, object{"isDefault": false})
	answers("what is not the default is not", true)
	w.admin(200, "PUT", "/providers/"+first, object{"isDefault": false})
	answers("none", false)
	w.admin(200, "POST", "/providers/"+first+"/default", nil)
	w.admin(204, "DELETE", "/providers/"+first, nil)
	answers("deleted", false)
	if got := w.admin(200, "GET", "/providers/"+second, nil); at(got, "isDefault") != false {
		t.Error(got)
	}
}

// What is left out of a change stays; a key goes where it was given for, and to
// nowhere else.
func TestProviderKey(t *testing.T) {
	w := newRig(t)
	up, elsewhere := llmtest.New(t, llmtest.Say("Hello")), llmtest.New(t, llmtest.Say("Hello"))
	made := w.admin(201, "POST", "/providers", object{"name": "P", "description": "d", "type": "openai", "baseUrl": up.URL + "/v1", "model": "m-1", "apiKey": "sk-kept", "availableModels": []string{"m-1", "m-2"}, "tenantAvailable": true})
	id := text(made, "id")
	if text(made, "apiKey") != "••••••••" || text(made, "type") != "openai" || text(made, "availableModels", 1) != "m-2" || at(made, "deployment") != nil {
		t.Error(made)
	}
	h := w.newHouse("House", object{"gatewayProviderId": id})
	sent := func(when string, to *llmtest.Upstream, want string) {
		t.Helper()
		if out := w.ask(h.key); out.Code != 200 {
			t.Errorf("%s: %d %s", when, out.Code, out.Body)
			return
		}
		if got := to.Last(); got == nil || got.Header.Get("Authorization") != want {
			t.Errorf("%s: %v, want %q", when, got, want)
		}
	}
	sent("at first", up, "Bearer sk-kept")
	// What a client was shown comes back whole, and is the same.
	again := w.admin(200, "PUT", "/providers/"+id, made)
	for name := range made {
		if name != "updatedAt" && asText(t, again[name]) != asText(t, made[name]) {
			t.Errorf("%s was %v and is %v", name, made[name], again[name])
		}
	}
	sent("sent back", up, "Bearer sk-kept")
	w.admin(200, "PUT", "/providers/"+id, object{"name": "Renamed"})
	sent("renamed", up, "Bearer sk-kept")
	if got := w.admin(200, "PUT", "/providers/"+id, object{"baseUrl": elsewhere.URL + "/v1"}); got["apiKey"] != nil {
		t.Error(got)
	}
	sent("moved", elsewhere, "")
	w.admin(200, "PUT", "/providers/"+id, object{"apiKey": "sk-new"})
	sent("a new key", elsewhere, "Bearer sk-new")
	w.admin(200, "PUT", "/providers/"+id, object{"apiKey": ""})
	sent("no key", elsewhere, "")
	got := w.admin(200, "PUT", "/providers/"+id, object{"type": "azure", "baseUrl": "https://x.openai.azure.com", "deployment": "d", "deploymentMap": object{"m-1": "one"}, "apiVersion": "2024-10-21", "description": "", "availableModels": []string{}})
	if text(got, "type") != "azure" || text(got, "deploymentMap", "m-1") != "one" || got["description"] != nil || len(got["availableModels"].([]any)) != 0 || text(got, "name") != "Renamed" {
		t.Error(got)
	}
}

// A key that was given is in no answer, no manifest, no block of the log, and
// nothing that is logged; what is in the secret space of it is sealed.
func TestSecretsStaySecret(t *testing.T) {
	w := newRig(t)
	const marker = "sk-MARKER-7f3a"
	up := llmtest.New(t, llmtest.Say("Hello"))
	var answers strings.Builder
	admin := func(status int, method, path string, body any) object {
		t.Helper()
		out := w.call(rootKey, method, "/v1/admin"+path, asText(t, body))
		if out.Code != status {
			t.Fatalf("%s %s: %d %s", method, path, out.Code, out.Body)
		}
		answers.WriteString(out.Body.String())
		for name, values := range out.Header() {
			answers.WriteString(name + strings.Join(values, " "))
		}
		return w.decode(out.Body.Bytes())
	}
	provider := text(admin(201, "POST", "/providers", object{"name": "P", "type": "openai", "baseUrl": up.URL + "/v1", "model": "m-1", "apiKey": marker, "tenantAvailable": true, "isDefault": true}), "id")
	h := w.newHouse("House", nil)
	admin(200, "PUT", "/providers/"+provider, object{"apiKey": marker})
	admin(400, "PUT", "/providers/"+provider, object{"apiKey": marker, "baseUrl": "nowhere"})
	admin(400, "POST", "/providers", object{"name": "P", "type": "azure", "apiKey": marker})
	admin(400, "POST", "/providers", object{"name": 7, "type": "openai", "apiKey": marker})
	admin(200, "PUT", "/tenants/"+h.id+"/provider-config", object{"provider": "openai", "baseUrl": up.URL + "/v1", "model": "m-1", "apiKey": marker})
	admin(400, "PUT", "/tenants/"+h.id+"/provider-config", object{"provider": "none", "apiKey": marker})
	admin(200, "PUT", "/settings", object{"defaultEmbedderProvider": "openai", "defaultEmbedderModel": "e", "defaultEmbedderDimensions": 8, "defaultEmbedderApiKey": marker})
	admin(400, "PUT", "/settings", object{"defaultEmbedderProvider": "anthropic", "defaultEmbedderApiKey": marker})
	if out := w.ask(h.key); out.Code != 200 || up.Last().Header.Get("Authorization") != "Bearer "+marker {
		t.Fatalf("%d %s: the keys are not used", out.Code, out.Body)
	}
	for _, path := range []string{"/providers", "/providers/" + provider, "/providers/" + provider + "/tenants", "/tenants", "/tenants/" + h.id, "/tenants/" + h.id + "/api-keys", "/settings"} {
		out := w.call(rootKey, "GET", "/v1/admin"+path, "")
		answers.WriteString(out.Body.String())
	}
	for _, path := range []string{"/me", "/settings", "/settings/providers", "/available-providers", "/agents", "/agents/" + h.agent + "/resolved"} {
		out := w.call(h.owner, "GET", "/v1/portal"+path, "")
		if out.Code != 200 {
			t.Fatalf("%s: %d", path, out.Code)
		}
		answers.WriteString(out.Body.String())
	}
	w.ok(w.auth.Flush(t.Context()))
	for where, text := range map[string]string{"an answer": answers.String(), "the log": w.log.String()} {
		if text == "" || strings.Contains(text, marker) {
			t.Errorf("%s has the key: %s", where, text)
		}
		if strings.Contains(text, h.key) {
			t.Errorf("%s has the key of an agent", where)
		}
	}
	blocks := 0
	w.ok(w.store.View(t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			w.ok(err)
			if strings.Contains(asText(t, rec), marker) {
				t.Error("an event has the key")
			}
			for _, c := range rec.Changes {
				raw, err := r.Block(c.CID())
				w.ok(err)
				if blocks++; strings.Contains(string(raw), marker) || strings.Contains(string(raw), h.key) {
					t.Errorf("version of %s has the key", c.ID)
				}
			}
		}
		for _, name := range []string{"provider/" + provider, "provider/" + h.id, "provider/embedder"} {
			if sealed, err := r.Secret(name); err != nil || len(sealed) == 0 || strings.Contains(string(sealed), marker) {
				t.Errorf("%s is kept as %q, %v", name, sealed, err)
			}
		}
		return nil
	}))
	if blocks < 8 {
		t.Errorf("only %d blocks were looked at", blocks)
	}
}
