package admin_test

import (
	"fmt"
	"testing"
	"time"

	"stemma/api/llm/llmtest"
	"stemma/entity"
)

// What the operator is shown of calls is what they were: of all tenants or of
// one, also when that is gone, by time and by model, and page by page.
func TestAnalytics(t *testing.T) {
	w := newRig(t)
	up := llmtest.New(t, llmtest.Say("Hello"))
	config := object{"provider": "openai", "baseUrl": up.URL + "/v1", "model": "m-1"}
	ours, others := w.newHouse("Ours", config), w.newHouse("Others", nil)
	ask := func(key string, times, status int) {
		t.Helper()
		for range times {
			w.clock.Advance(time.Second)
			if out := w.ask(key); out.Code != status {
				t.Fatalf("%d %s", out.Code, out.Body)
			}
		}
	}
	ask(ours.key, 3, 200)
	w.clock.Advance(time.Hour)
	ask(others.key, 2, 200)
	up.Script(llmtest.JSON(400, `{"error":{"message":"your fault"}}`))
	ask(ours.key, 1, 400)
	w.runs.Flush()

	all, one := w.admin(200, "GET", "/analytics/summary", nil), w.admin(200, "GET", "/analytics/summary?tenant_id="+ours.id, nil)
	if at(all, "totalRequests") != 6.0 || at(one, "totalRequests") != 4.0 || at(one, "totalErrors") != 1.0 || at(one, "errorRate") != 0.25 || at(one, "totalTokens") != 75.0 {
		t.Errorf("%v\n%v", all, one)
	}
	if at(one, "estimatedCostUSD") != 0.0 || at(one, "unpricedRequests") != 3.0 {
		t.Errorf("only what failed has a known cost, of nothing: %v", one)
	}
	series := w.admin(200, "GET", "/analytics/timeseries?window=2&bucket=60", nil)["list"].([]any)
	counted := 0.0
	for _, p := range series {
		n, _ := at(p, "requests").(float64)
		counted += n
	}
	if len(series) != 3 || counted != 6 || at(series[1], "requests") != 3.0 || text(series[2], "bucket") != "2026-01-01T01:00:00.000Z" {
		t.Error(series)
	}
	if got := w.admin(200, "GET", "/analytics/timeseries?window=1&bucket=5&tenant_id="+others.id, nil)["list"].([]any); at(got[len(got)-1], "requests") != 2.0 {
		t.Error(got)
	}
	if got := w.admin(200, "GET", "/analytics/models", nil); text(got, "models", 0, "model") != "m-1" || at(got, "models", 0, "requests") != 4.0 || text(got, "models", 1, "model") != "stemma/extract" {
		t.Error(got)
	}

	if got := w.admin(200, "GET", "/analytics/tenants?window=1", nil); text(got, "tenants", 0, "id") != ours.id || at(got, "tenants", 0, "requests") != 4.0 || text(got, "tenants", 1, "id") != others.id || at(got, "tenants", 2) != nil {
		t.Error(got)
	}

	seen, cursor := []string{}, ""
	for page := 0; page == 0 || cursor != ""; page++ {
		got := w.admin(200, "GET", fmt.Sprintf("/traces?limit=4&cursor=%s", cursor), nil)
		for _, trace := range got["traces"].([]any) {
			seen = append(seen, text(trace, "tenant_id")+" "+fmt.Sprint(at(trace, "status_code")))
		}
		cursor = text(got, "nextCursor")
	}
	want := []string{ours.id + " 400", others.id + " 200", others.id + " 200", ours.id + " 200", ours.id + " 200", ours.id + " 200"}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("traces of %v, want %v", seen, want)
	}
	w.admin(204, "DELETE", "/tenants/"+others.id+"?confirm=true", nil)
	got := w.admin(200, "GET", "/traces?tenant_id="+others.id, nil)
	if traces := got["traces"].([]any); len(traces) != 2 || got["nextCursor"] != nil {
		t.Error(got)
	}
	id := text(got, "traces", 0, "id")
	if detail := w.admin(200, "GET", "/traces/"+id, nil); text(detail, "model") != "stemma/extract" || text(detail, "steps", 0, "kind") != "start" {
		t.Error(detail)
	}
}

// Texts that a tenant has sealed are not opened for the operator.
func TestSealedTrace(t *testing.T) {
	w := newRig(t)
	h := w.newHouse("House", nil)
	w.must(200, h.owner, "PUT", "/v1/portal/settings", object{"sealContent": true})
	if out := w.ask(h.key); out.Code != 200 {
		t.Fatal(out.Body)
	}
	w.runs.Flush()
	id := text(w.admin(200, "GET", "/traces", nil), "traces", 0, "id")
	steps, _ := w.admin(200, "GET", "/traces/"+id, nil)["steps"].([]any)
	sealed := 0
	for _, s := range steps {
		if at(s, "sealed") == true {
			sealed++
			if text(s, "problem") == "" || at(s, "body", "input") != nil || at(s, "body", "output") != nil {
				t.Error(s)
			}
		}
	}
	if sealed == 0 {
		t.Error(steps)
	}
}

// Prices are set whole, as a version, and only in place of those that one has
// seen.
func TestPrices(t *testing.T) {
	w := newRig(t)
	none := w.admin(200, "GET", "/prices", nil)
	if none["cid"] != nil || len(none["prices"].([]any)) != 0 || len(none["listPrices"].([]any)) == 0 {
		t.Error(none)
	}
	first := w.admin(200, "PUT", "/prices", object{"prices": []object{{"model": "m-1", "input": 1, "output": 2.5, "cachedInput": 0.5}, {"provider": "ollama", "model": "*", "input": 0, "output": 0}}})
	if text(first, "updatedByAdminId") != string(rootID) || at(first, "ver") != 1.0 || at(first, "prices", 0, "cachedInput") != 0.5 || text(first, "prices", 1, "provider") != "ollama" {
		t.Error(first)
	}
	second := w.admin(200, "PUT", "/prices", object{"prices": []object{{"model": "m-2", "input": 3, "output": 4}}, "expect_tip": text(first, "cid")})
	if at(second, "ver") != 2.0 || at(second, "prices", 1) != nil {
		t.Error(second)
	}
	w.admin(409, "PUT", "/prices", object{"prices": []object{}, "expect_tip": text(first, "cid")})
	if got := w.admin(200, "GET", "/prices", nil); text(got, "prices", 0, "model") != "m-2" || text(got, "cid") != text(second, "cid") {
		t.Error(got)
	}
	w.ok(w.store.View(t.Context(), func(r entity.Reader) error {
		n := 0
		for h, err := range r.Heads() {
			w.ok(err)
			if h.Type == "price_table" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d tables of prices", n)
		}
		return nil
	}))
}
