package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"stemma/api/llm/llmtest"
	"stemma/api/llm/provider"
	"stemma/api/llm/turn"
)

// A key sees the calls of its agent, with what they cost, and of no other.
func TestAnalytics(t *testing.T) {
	price := func(provider.Kind, string) (turn.Price, bool) { return turn.Price{Input: 1e6, Output: 1e6}, true }
	w := newRig(t, rigOptions{turn: turn.Options{Price: price}}, llmtest.Say("Hello there"))
	_, workspace := w.newTenant("Neighbour", nil)
	other := w.newKey(workspace, w.newAgent(workspace, nil, object{"provider": "openai", "base_url": w.up.URL + "/v1", "model": "m-1"}))
	for range 3 {
		if out := w.call("POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"Hi"}]}`); out.Code != 200 {
			t.Fatal(out.Body)
		}
	}
	w.up.Script(llmtest.JSON(400, `{"error":{"message":"no"}}`))
	if out := w.call("POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"Hi"}]}`); out.Code < 400 {
		t.Fatal(out.Body)
	}
	w.runs.Flush()
	read := func(key, path string, into any) {
		t.Helper()
		out := w.call("GET", path, nil, "Authorization", "Bearer "+key)
		if out.Code != 200 || out.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %s", path, out.Code, out.Body)
		}
		w.ok(json.Unmarshal(out.Body.Bytes(), into))
	}
	var sum, theirs, first, last object
	read(w.key, "/v1/analytics/summary", &sum)
	read(other, "/v1/analytics/summary", &theirs)
	usage, _ := sum["totalTokens"].(float64)
	if sum["totalRequests"] != 4.0 || sum["errorRate"] != 0.25 || usage == 0 || sum["estimatedCostUSD"] != usage || sum["p50LatencyMs"] == nil || theirs["totalRequests"] != 0.0 {
		t.Errorf("%v; another's %v", sum, theirs)
	}
	var points []object
	read(w.key, "/v1/analytics/timeseries?window=1&bucket=5", &points)
	n := 0.0
	for _, p := range points {
		n += p["requests"].(float64)
	}
	if n != 4 {
		t.Errorf("a series of %v calls: %v", n, points)
	}
	read(w.key, "/v1/traces?limit=3", &first)
	read(w.key, "/v1/traces?limit=3&cursor="+fmt.Sprint(first["nextCursor"]), &last)
	if a, b := first["traces"].([]any), last["traces"].([]any); len(a) != 3 || len(b) != 1 || last["nextCursor"] != nil || text(first, "traces", 0, "status") != "failed" || text(b[0].(object), "model") != "m-1" {
		t.Errorf("%v\n%v", first, last)
	}
	read(other, "/v1/traces", &first)
	if len(first["traces"].([]any)) != 0 {
		t.Errorf("another key sees %v", first)
	}
}

// Every bad request of these operations says what would be right.
func TestBadAnalytics(t *testing.T) {
	w := newRig(t, rigOptions{})
	for _, b := range []struct{ path, says string }{
		{"/v1/traces?limit=0", "1"}, {"/v1/traces?limit=201", "200"}, {"/v1/traces?limit=many", "limit"}, {"/v1/traces?cursor=x", "nextCursor"}, {"/v1/traces?cursor=AAAA", "nextCursor"},
		{"/v1/analytics/summary?window=0", "1"}, {"/v1/analytics/summary?window=87841", "87840"}, {"/v1/analytics/summary?window=day", "window"},
		{"/v1/analytics/timeseries?window=0", "1"}, {"/v1/analytics/timeseries?bucket=7", "multiple of 5"}, {"/v1/analytics/timeseries?bucket=0", "5"}, {"/v1/analytics/timeseries?bucket=hour", "bucket"},
		{"/v1/analytics/timeseries?window=87840&bucket=5", "2000"},
	} {
		out := w.call("GET", b.path, nil)
		var got object
		if err := json.Unmarshal(out.Body.Bytes(), &got); err != nil || out.Code != 400 || !strings.Contains(text(got, "error", "message"), b.says) {
			t.Errorf("%s: %d %s", b.path, out.Code, out.Body)
		}
	}
}
