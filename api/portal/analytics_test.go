package portal_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"stemma/api/llm/runs"
	"stemma/entity"
)

// analyticsRows are those of traces and analytics.
var analyticsRows = map[string]opRow{
	"portalListTraces": {path: "/traces?limit=5", faults: []fault{
		{name: "of another's agent", path: "/traces?agent_id=$otheragent", status: 404, says: "there is no agent"},
		{name: "a cursor of no form", path: "/traces?cursor=x", status: 400, says: "nextCursor"},
		{name: "a cursor of another list", path: "/traces?cursor=AAAA", status: 400, says: "nextCursor"},
		{name: "201", path: "/traces?limit=201", status: 400, says: "200"},
	}},
	"portalGetTrace": {path: "/traces/$trace", theirs: true, faults: []fault{
		{name: "another's", path: "/traces/$othertrace", status: 404, says: "there is no trace"},
		{name: "an agent", path: "/traces/$agent", status: 404},
		{name: "nobody", path: "/traces/$nobody", status: 404},
	}},
	"portalSummary":    {path: "/analytics/summary?window=1&rollup=true", faults: windowFaults("summary")},
	"portalAgentUsage": {path: "/analytics/agents?window=1", faults: windowFaults("agents")[:3]},
	"portalTimeseries": {path: "/analytics/timeseries?window=1&bucket=5", faults: append([]fault{
		{name: "no whole bucket", path: "/analytics/timeseries?bucket=7", status: 400, says: "multiple of 5"},
		{name: "many points", path: "/analytics/timeseries?window=87840&bucket=5", status: 400, says: "2000"},
		{name: "a bucket of nothing", path: "/analytics/timeseries?bucket=0", status: 400},
	}, windowFaults("timeseries")...)},
	"portalModels": {path: "/analytics/models", faults: windowFaults("models")},
}

func windowFaults(of string) []fault {
	return []fault{
		{name: "no window", path: "/analytics/" + of + "?window=0", status: 400},
		{name: "a hundred years", path: "/analytics/" + of + "?window=876000", status: 400},
		{name: "a window of text", path: "/analytics/" + of + "?window=day", status: 400},
		{name: "another source", path: "/analytics/" + of + "?source=proxy", status: 400, says: "gateway, recorder"},
		{name: "a rollup of text", path: "/analytics/" + of + "?rollup=maybe", status: 400},
	}
}

// asked has a turn of an agent recorded as the gateway does: 100 ms long, with
// 10 tokens in and 5 out, but for what is given.
func (w *rig) asked(in, of string, facts object) string {
	w.t.Helper()
	p := entity.Properties{
		"label": "Chat with bot", "status": runs.Completed, "status_code": int64(200), "model": "m-1", "provider": "openai", "tenant": in, "key": "k",
		"started_at": entity.FormatTime(w.clock.Now()), "completed_at": entity.FormatTime(w.clock.Now()),
		"latency_ms": 100.0, "overhead_ms": 1.5, "ttfb_ms": 50.0, "prompt_tokens": int64(10), "completion_tokens": int64(5),
		"rag": map[string]any{"chunks": int64(3), "retrieval_ms": 2.0, "stage_failed": "none", "fallback": false},
	}
	maps.Copy(p, facts)
	place := w.place(in, of)
	run := &runs.Run{Network: entity.Main, Agent: entity.ID(of), AgentLabel: "bot", Box: place.Box, Collection: place.Workspace, Started: w.clock.Now(), Properties: p, Entries: []runs.Entry{
		{Kind: runs.Start, At: w.clock.Now(), Properties: map[string]any{"trigger_type": "api"}, Sealed: map[string]any{"input": "Where is it?"}},
		{Kind: runs.Step, At: w.clock.Now(), Properties: map[string]any{"sequence": int64(1), "model": "m-1"}, Sealed: map[string]any{"output": "Here."}},
		{Kind: runs.End, At: w.clock.Now(), Properties: map[string]any{"steps": int64(1)}},
	}}
	_, err := w.store.Update(w.t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		run.ID = tx.NewID()
		return nil
	})
	w.ok(err)
	recorder := runs.New(runs.Options{Stores: []entity.Store{w.store}})
	recorder.Record(run)
	w.ok(recorder.Close())
	return string(run.ID)
}

// A tenant sees its own calls, and with rollup the sums of the tenants below it;
// who is below sees nothing of above.
func TestAnalytics(t *testing.T) {
	w := newWorld(t) // each of the two tenants has one call
	ours, upper := w.token(owner), w.token(above)
	w.clock.Advance(time.Minute)
	w.asked(w.vars["tenant"], w.vars["agent"], object{"model": "m-2", "cost_usd": 0.25, "latency_ms": 300.0, "status": "failed"})
	sum := func(token, query string) string {
		s := w.must(200, token, "GET", "/analytics/summary"+query, nil)
		return fmt.Sprint(s["totalRequests"], s["totalTokens"], s["estimatedCostUSD"], s["errorRate"], s["avgLatencyMs"], at(s, "ragMetrics", "avgChunksRetrieved"))
	}
	for _, c := range []struct{ token, query, want string }{
		{ours, "", "2 30 0.25 0.5 200 3"}, {w.token(stranger), "", "1 15 <nil> 0 100 3"},
		{upper, "", "0 0 0 0 <nil> <nil>"}, {upper, "?rollup=true", "2 30 0.25 0.5 200 3"}, {ours, "?rollup=true", "2 30 0.25 0.5 200 3"},
	} {
		if got := sum(c.token, c.query); got != c.want {
			t.Errorf("summary%s: %s, want %s", c.query, got, c.want)
		}
	}
	models := w.must(200, upper, "GET", "/analytics/models?rollup=true", nil)
	if got := fmt.Sprintf("%v %v %v", at(models, "models", 0, "model"), at(models, "models", 1, "model"), at(models, "models", 2)); got != "m-1 m-2 <nil>" {
		t.Errorf("models %s", got)
	}
	agents := w.must(200, ours, "GET", "/analytics/agents", nil)
	if text(agents, "agents", 0, "agentId") != w.vars["agent"] || at(agents, "agents", 0, "requests") != 2.0 || at(agents, "agents", 0, "estimatedCostUSD") != 0.25 || at(agents, "agents", 1) != nil {
		t.Errorf("agents %v", agents)
	}
	if agents := w.must(200, upper, "GET", "/analytics/agents", nil); len(at(agents, "agents").([]any)) != 0 {
		t.Errorf("agents of the tenant above: %v", agents)
	}
	var points []object
	w.ok(json.Unmarshal(w.call(ours, "GET", "/analytics/timeseries?window=2&bucket=30", nil).Body.Bytes(), &points))
	n := 0.0
	for _, p := range points {
		n += p["requests"].(float64)
	}
	if len(points) != 5 || n != 2 {
		t.Errorf("%d points with %v calls: %v", len(points), n, points)
	}
}

// Pages of traces follow one another; one is opened with all that was kept sealed,
// and is gone once it is deleted, while it still counts.
func TestTraces(t *testing.T) {
	w := newWorld(t)
	ann := w.token(owner)
	w.clock.Advance(time.Minute)
	w.must(200, ann, "PATCH", "/settings", object{"sealContent": true})
	second := w.asked(w.vars["tenant"], w.vars["agent"], object{})
	page := w.must(200, ann, "GET", "/traces?limit=1", nil)
	if text(page, "traces", 0, "id") != second || at(page, "traces", 1) != nil || at(page, "traces", 0, "cost_usd") != nil || at(page, "traces", 0, "gateway_overhead_ms") != 1.5 || text(page, "traces", 0, "tenant_id") != w.vars["tenant"] {
		t.Errorf("%v", page)
	}
	if mine := w.must(200, ann, "GET", "/traces?agent_id="+w.vars["agent"], nil); text(mine, "traces", 1, "id") != w.vars["trace"] {
		t.Errorf("of one agent: %v", mine)
	}
	if none := w.must(200, ann, "GET", "/traces?agent_id="+w.agent(person{token: ann}, object{}), nil); at(none, "traces", 0) != nil {
		t.Errorf("of another: %v", none)
	}
	page = w.must(200, ann, "GET", "/traces?limit=1&cursor="+text(page, "nextCursor"), nil)
	if text(page, "traces", 0, "id") != w.vars["trace"] || page["nextCursor"] != nil {
		t.Errorf("%v", page)
	}
	out := w.call(ann, "GET", "/traces/"+second, nil)
	if body := out.Body.String(); out.Code != 200 || !strings.Contains(body, "Where is it?") || !strings.Contains(body, `"output":"Here."`) || !strings.Contains(body, `"sealed":true`) {
		t.Errorf("%d %s", out.Code, body)
	}
	_, err := w.store.Update(t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		_, err := tx.Put(entity.ID(second), entity.Any, func(m *entity.Manifest) error {
			m.Bury(entity.Tombstone{DeletedAt: entity.FormatTime(w.clock.Now()), DeletedBy: "system", OriginalVer: m.Ver})
			return nil
		})
		return err
	})
	w.ok(err)
	w.must(404, ann, "GET", "/traces/"+second, nil)
	if page = w.must(200, ann, "GET", "/traces", nil); text(page, "traces", 0, "id") != w.vars["trace"] || at(page, "traces", 1) != nil {
		t.Errorf("%v", page)
	}
	if s := w.must(200, ann, "GET", "/analytics/summary", nil); s["totalRequests"] != 2.0 {
		t.Errorf("after a deletion: %v", s)
	}
}
