package main

import (
	"errors"
	"fmt"
	"testing"

	"stemma/api/llm/llmtest"
	"stemma/entity"
)

// Analytics of portal and operator count what a tenant's agents were asked and what
// its people have recorded, told of or seen by the proxy, and tell the two apart; with
// rollup the operator sees them of the tenants below.
func TestAnalyticsOfAllUsage(t *testing.T) {
	up := llmtest.New(t, llmtest.Say("Hello, you."))
	s := knowingServer(t, serverOptions{bootstrapKey: testKey, llm: llmFlags{LLM: up.URL + "/v1", LLMKind: "openai", LLMModel: "m-1"}, noSearch: true, noAttest: true,
		recorder: recorderFlags{Providers: []string{"mine=" + up.URL + "/v1"}, Prices: []string{"m-1=10,10"}}})
	defer s.Close()
	operator, user := caller{t, s, "Bearer " + testKey}, caller{t, s, "ApiKey " + testKey}
	me := operator.must(200, "GET", "/v1/portal/me", "")
	first, acme := me["user"].(map[string]any)["id"].(string), me["tenant"].(map[string]any)["id"].(string)
	above := operator.must(201, "POST", "/v1/admin/tenants", `{"name":"Above"}`)["id"].(string)
	if _, err := s.stores[0].Update(t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		relate := func(from string, p entity.Predicate, to string) error {
			_, err := tx.Put(entity.ID(from), entity.Any, func(m *entity.Manifest) error {
				m.Relationships = append(m.Relationships, entity.Relationship{Predicate: p, Peer: entity.ID(to), PeerType: entity.TypeTenant})
				return nil
			})
			return err
		}
		return errors.Join(relate(first, entity.PredicateTenant, acme), relate(acme, entity.PredicateParent, above))
	}); err != nil {
		t.Fatal(err)
	}

	if out := askModel(s, s.llm.key, `{"messages":[{"role":"user","content":"One"}]}`); out.Code != 200 {
		t.Fatal(out.Code, out.Body)
	}
	recorder := caller{t, s, ""}
	key := user.must(201, "POST", "/api/api-keys", `{}`)["key"].(string)
	recorder.must(200, "POST", "/proxy/"+key+"/bot/mine/chat/completions", `{"model":"m-1","messages":[{"role":"user","content":"Two"}]}`)
	recorder.auth = "ApiKey " + key
	run := recorder.must(201, "POST", "/api/v1/batch", `{"records":[{"ref":"r","agent_name":"bot","run":{"trigger_type":"api"}},{"run_id":"r","complete":{"status":"failed","total_tokens":7}}]}`)
	if run == nil {
		t.Fatal("nothing is recorded")
	}
	s.llm.runs.Flush()
	s.recorder.Flush()

	sum := func(path string) string {
		t.Helper()
		got := operator.must(200, "GET", path, "")
		return fmt.Sprint(got["totalRequests"], got["totalTokens"], got["errorRate"], got["estimatedCostUSD"])
	}
	for path, want := range map[string]string{
		"/v1/portal/analytics/summary":                                                  "3 57 0.3333333333333333 0.0005",
		"/v1/portal/analytics/summary?source=gateway":                                   "1 25 0 0.00025",
		"/v1/portal/analytics/summary?source=recorder":                                  "2 32 0.5 0.00025",
		"/v1/portal/analytics/summary?rollup=true":                                      "3 57 0.3333333333333333 0.0005",
		"/v1/admin/analytics/summary":                                                   "3 57 0.3333333333333333 0.0005",
		"/v1/admin/analytics/summary?source=recorder":                                   "2 32 0.5 0.00025",
		"/v1/admin/analytics/summary?tenant_id=" + acme:                                 "3 57 0.3333333333333333 0.0005",
		"/v1/admin/analytics/summary?tenant_id=" + acme + "&rollup=true&source=gateway": "1 25 0 0.00025",
		"/v1/admin/analytics/summary?tenant_id=" + above:                                "0 0 0 0",
		"/v1/admin/analytics/summary?tenant_id=" + above + "&rollup=true":               "3 57 0.3333333333333333 0.0005",
	} {
		if got := sum(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	models := operator.must(200, "GET", "/v1/portal/analytics/models?source=recorder", "")["models"].([]any)
	if len(models) != 2 {
		t.Errorf("models of what was recorded: %v", models)
	}
}
