package recorder_test

import (
	"fmt"
	"net/http"
	"testing"
)

// The trace context of a call through the proxy goes on to the provider as it
// came, and the call is found beside what its program exports of the trace; what
// is no trace context goes on too, and names none.
func TestProxyCarriesTraces(t *testing.T) {
	p := newProxyRig(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"model":"gpt-4o","choices":[{"message":{"content":"Hi."}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	})
	parent := "00-" + traceOne + "-" + spanID(7) + "-01"
	named := p.start(t)
	for i, c := range []struct {
		header, state string
		more          []string
		traced        bool
	}{
		{parent, "vendor=a:1,other=2", nil, true},
		{parent, "", []string{"X-Arkna-Run-Id", named}, true},
		{"00-" + traceOne + "-0000000000000000-01", "", nil, false},
		{"00-ZZZ7651916cd43dd8448eb211c80319c-" + spanID(7) + "-01", "x=1", nil, false},
		{"nonsense", "=", nil, false},
	} {
		headers := append([]string{"X-Api-Key", annKey, "Traceparent", c.header}, c.more...)
		if c.state != "" {
			headers = append(headers, "Tracestate", c.state)
		}
		p.send(t, "POST", "/proxy/openai/v1/chat/completions", `{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}`, headers...)
		p.service.Flush()
		if saw := p.last().header; saw.Get("Traceparent") != c.header || saw.Get("Tracestate") != c.state {
			t.Errorf("%d: the provider saw %v", i, saw)
		}
		name := named
		if c.more == nil {
			name = at(p.must(t, 200, "GET", "/api/monitoring/runs?agent=llm-proxy&limit=1", ""), "runs", 0, "run_id").(string)
		}
		d := p.must(t, 200, "GET", "/api/monitoring/runs/"+name, "")
		step := at(d, "steps", 0)
		if c.traced != (at(step, "trace_id") == traceOne) || c.traced != (at(step, "parent_span_id") == spanID(7)) || at(step, "metadata", "traceparent") != c.header {
			t.Errorf("%d: the step has %v", i, step)
		}
		if c.more == nil && (c.traced != (d["trace_id"] == traceOne) || c.traced != (d["parent_span_id"] == spanID(7))) {
			t.Errorf("%d: the run has %v %v", i, d["trace_id"], d["parent_span_id"])
		}
		if c.state != "" && at(step, "metadata", "tracestate") != c.state {
			t.Errorf("%d: the step has %v", i, at(step, "metadata"))
		}
		p.clock.Advance(1e9)
	}
	p.export(t, span(traceOne, 7, 0, "root", 0, 1, nil))
	p.must(t, 200, "PATCH", "/api/v1/runs/"+named, `{"status":"completed","output":"o"}`)
	list := p.must(t, 200, "GET", "/api/monitoring/runs?trace_id="+traceOne, "")["runs"].([]any)
	if len(list) != 3 {
		t.Fatalf("the trace has %d runs", len(list))
	}
	for _, item := range list {
		m := p.manifest(t, at(item, "entity_id").(string))
		if at(item, "run_id") != named && m["trace_id"] != traceOne || at(item, "run_id") == named && at(m["trace_ids"], 0) != traceOne {
			t.Errorf("the manifest has %v", m)
		}
	}
	if out := p.call("GET", "/api/monitoring/runs?trace_id="+traceTwo, ""); out.Body.String() != `{"runs":[],"has_more":false,"next_cursor":null}` {
		t.Errorf("another trace has %s", out.Body)
	}
}
