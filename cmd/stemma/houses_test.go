package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/api/auth/audit"
	"stemma/api/portal"
	"stemma/api/wire"
	"stemma/entity"
)

// houses is a server with two tenants that must know nothing of one another:
// Ann's, which Mia is in, with everything in it that there can be, and Eve's.
type houses struct {
	*server
	t      *testing.T
	portal http.Handler
	ops    []wire.Operation

	ann, mia, eve resident
	// ids and blocks are the names of all that is Ann's tenant's.
	ids    []string
	blocks []string
	things map[string]string // ids by what they are of

	provider string // the operator's, that is open to Ann's tenant
}

// resident is somebody with a token.
type resident struct{ id, token, tenant string }

// marker is in everything that is written in Ann's tenant.
const marker = "alphaSECRET"

func newHouses(t *testing.T) *houses {
	t.Helper()
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, cacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w := &houses{server: s, t: t, things: map[string]string{}}
	var networks []portal.Network
	for i, st := range s.stores {
		networks = append(networks, portal.Network{Store: st, Scopes: s.networks[i].Scopes})
	}
	w.ops = portal.New(portal.Options{Networks: networks, Auth: s.auth, Box: s.llm.box, Now: time.Now}).Operations()
	w.portal = wire.New(wire.Options{Ops: w.ops, Authenticate: s.auth.Authenticate})
	w.eve = w.signUp(object{"tenantName": "Eve's", "email": "eve@example.com"})
	if err := s.audit.Flush(t.Context()); err != nil { // that she came, which is no change of Ann's
		t.Fatal(err)
	}
	before := s.stores[0].Seq()
	w.ann = w.signUp(object{"tenantName": marker + " house", "email": "ann" + marker + "@example.com"})
	w.furnish()
	w.names(before)
	return w
}

func (w *houses) signUp(body object) resident {
	w.t.Helper()
	body["password"] = "correct horse"
	_, got := w.must(201, "", "POST", "/v1/portal/auth/signup", body)
	in := func(a, b string) string { return got[a].(object)[b].(string) }
	return resident{in("user", "id"), got["token"].(string), in("tenant", "id")}
}

// call sends a request with a credential, which is a token, a key or "".
func (w *houses) call(credential, method, path string, body any) *httptest.ResponseRecorder {
	w.t.Helper()
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			w.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, "http://stemma"+path, bytes.NewReader(data))
	if data != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	switch {
	case strings.HasPrefix(credential, "uk_"), strings.HasPrefix(credential, "ak_"):
		r.Header.Set("Authorization", "ApiKey "+credential)
	case credential != "":
		r.Header.Set("Authorization", "Bearer "+credential)
	}
	out := httptest.NewRecorder()
	if strings.HasPrefix(path, "/v1/portal") || strings.HasPrefix(path, "/v1/beta") {
		w.portal.ServeHTTP(out, r)
	} else {
		w.handler.ServeHTTP(out, r)
	}
	return out
}

// must is call for a request that has to be answered with the status, or well
// where that is 0.
func (w *houses) must(status int, credential, method, path string, body any) (int, object) {
	w.t.Helper()
	out := w.call(credential, method, path, body)
	if status != out.Code && (status != 0 || out.Code >= 300) {
		w.t.Fatalf("%s %s %v: %d, want %d: %.500s", method, path, body, out.Code, status, out.Body)
	}
	var got object
	_ = json.Unmarshal(out.Body.Bytes(), &got)
	return out.Code, got
}

// made is an id that an answer has, under a name.
func (w *houses) made(name string, path string, body object, at ...string) string {
	w.t.Helper()
	_, got := w.must(0, w.ann.token, "POST", path, body)
	for len(at) > 1 {
		got, at = got[at[0]].(object), at[1:]
	}
	w.things[name] = got[at[0]].(string)
	return w.things[name]
}

// furnish makes everything that a tenant can have, each with the marker in it.
func (w *houses) furnish() {
	w.t.Helper()
	w.must(200, w.ann.token, "PATCH", "/v1/portal/settings", object{
		"provider": "openai", "apiKey": "sk-" + marker, "baseUrl": "https://" + strings.ToLower(marker) + ".example/v1", "systemPrompt": marker, "orgSlug": "alpha-house",
		"skills": []object{{"type": "function", "function": object{"name": marker}}}, "mcpEndpoints": []object{{"name": marker, "url": "https://tools.example"}}, "availableModels": []string{marker},
	})
	agent := w.made("agent", "/v1/portal/agents", object{"name": marker, "systemPrompt": marker, "conversationsEnabled": true, "providerConfig": object{"provider": "ollama", "apiKey": "sk-" + marker}}, "agent", "id")
	w.made("key", "/v1/portal/api-keys", object{"name": marker, "agentId": agent}, "id")
	w.made("loom", "/v1/portal/api-keys", object{"name": marker, "agentId": agent}, "key")
	w.made("invite", "/v1/portal/invites", object{}, "id")
	w.made("token", "/v1/portal/invites", object{}, "token")
	w.made("subtenant", "/v1/portal/subtenants", object{"name": marker}, "subtenant", "id")
	w.made("partition", "/v1/portal/partitions", object{"external_id": marker, "title": marker}, "uuid")
	_, head := w.must(200, w.ann.token, "GET", "/entities/"+agent+"/collection", nil)
	w.things["workspace"] = head["collection_id"].(string)
	in := object{"predicate": "tenant", "peer": w.ann.tenant, "peer_type": "tenant"}
	w.made("base", "/collections", object{"label": marker, "properties": object{"kind": "knowledge_base"}, "relationships": []object{in}}, "id")
	w.made("note", "/entities", object{"type": "note", "collection": w.things["base"], "properties": object{"label": marker, "text": marker}}, "id")
	w.made("group", "/groups", object{"label": marker, "tenant": w.ann.tenant}, "id")
	_, granted := w.must(201, testKey, "POST", "/entities", object{"type": "provider", "properties": object{"label": marker, "kind": "ollama"}, "relationships": []object{{"predicate": "available_to", "peer": w.ann.tenant}}})
	w.provider = granted["id"].(string)
	w.mia = w.signUp(object{"email": "mia" + marker + "@example.com", "inviteToken": w.things["token"]})
	w.talk(agent)
}

// talk has the agent asked by a client: a run, and a conversation. The provider
// is not there; what was asked is kept all the same by the one that is built in.
func (w *houses) talk(agent string) {
	w.t.Helper()
	w.must(200, w.ann.token, "PUT", "/v1/portal/agents/"+agent, object{"providerConfig": object{"provider": ""}})
	w.must(200, w.ann.token, "PATCH", "/v1/portal/settings", object{"provider": ""})
	w.must(200, w.things["loom"], "POST", "/v1/chat/completions", object{"messages": []object{{"role": "user", "content": marker}}, "conversation_id": marker, "partition_id": marker})
	w.llm.runs.Flush() // the run is written after the answer
	w.must(200, w.ann.token, "PATCH", "/v1/portal/settings", object{"provider": "openai", "apiKey": "sk-" + marker})
	_, got := w.must(200, w.ann.token, "GET", "/v1/portal/conversations", nil)
	w.things["conversation"] = got["conversations"].([]any)[0].(object)["id"].(string)
}

// written is what the log has after a number, but the audit's entries, which the
// server writes once a second.
func (w *houses) written(after entity.Seq) (list []entity.Change) {
	w.t.Helper()
	err := w.stores[0].View(w.t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(after) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				if c.Chain != audit.Chain {
					list = append(list, c)
				}
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// names reads off the log what is Ann's tenant's: all that was written after a
// change, but for people, whom everybody may know.
func (w *houses) names(after entity.Seq) {
	w.t.Helper()
	people := map[entity.ID]bool{}
	err := w.stores[0].View(w.t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(after) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				if c.Type == entity.TypeUser || people[c.ID] {
					people[c.ID] = true
					continue
				}
				if !slices.Contains(w.ids, string(c.ID)) {
					w.ids = append(w.ids, string(c.ID))
				}
				w.blocks = append(w.blocks, c.CID().String())
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
