package recorder_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// npm @opentelemetry/exporter-trace-otlp-http and -proto, unmodified, record with
// nothing but a URL and a header: all at once in gzip and span by span; they
// understand what they are told of spans that are rejected, and a call through the
// proxy is found beside the trace that it was made in.
func TestPublishedExporters(t *testing.T) {
	if _, err := os.Stat(filepath.Join(clients, "node_modules", "@opentelemetry", "exporter-trace-otlp-proto")); err != nil {
		t.Fatalf("%s has no node_modules: run make test (it runs npm ci there): %v", clients, err)
	}
	p := newProxyRig(t, scripted(t))
	cmd := exec.CommandContext(t.Context(), "node", "otel.mjs", p.url, annKey, theirKey)
	cmd.Dir = clients
	cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+p.url+"/v1/traces", "OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-api-key="+annKey)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node otel.mjs: %v\n%s\n%s", err, out, stderr.String())
	}
	p.service.Flush()
	got := map[string]string{}
	for line := range strings.Lines(string(out)) {
		for _, what := range []string{"batch", "proxied", "late", "simple", "wrong key"} {
			if format, rest, ok := strings.Cut(strings.TrimSpace(line), " "+what+" "); ok {
				got[format+" "+what] = rest
			}
		}
	}
	const want = `clerk completed 2026-01-01T00:00:00.500Z 5000ms 2400 0.75 "Is there a blue one?" "No, there is none." true true 1:reasoning 2:completion stock=error`
	for _, format := range []string{"json", "protobuf"} {
		for _, what := range []string{"batch", "simple"} {
			trace, warnings, _ := strings.Cut(got[format+" "+what], " ")
			if warnings != "0" {
				t.Fatalf("%s %s: %s warnings in\n%s", format, what, warnings, out)
			}
			runs := p.must(t, 200, "GET", "/api/monitoring/runs?trace_id="+trace, "")["runs"].([]any)
			if n := map[string]int{"batch": 2, "simple": 1}[what]; len(runs) != n {
				t.Fatalf("%s %s: %d runs, want %d", format, what, len(runs), n)
			}
			for _, item := range runs {
				d := p.must(t, 200, "GET", "/api/monitoring/runs/"+at(item, "run_id").(string), "")
				if at(item, "agent_name") == "node-proxied" {
					if d["parent_span_id"] == nil || at(d, "steps", 0, "metadata", "tracestate") != "shop=1" {
						t.Errorf("the call through the proxy has %v", d)
					}
					continue
				}
				if told := toldRun(d); told != want {
					t.Errorf("%s %s:\n%s, want\n%s", format, what, told, want)
				}
				call := at(d, "tool_calls", 0)
				if at(call, "arguments", "colour") != "blue" || at(call, "error_message") != "no such colour" || at(call, "metadata", "events", 0, "attributes", "exception.type") != "RangeError" {
					t.Errorf("%s %s: the tool call has %v", format, what, call)
				}
			}
		}
		if got[format+" proxied"] != "200" {
			t.Errorf("%s: the call through the proxy is answered %s", format, got[format+" proxied"])
		}
		if late := got[format+" late"]; !strings.Contains(late, `\"rejectedSpans\":`) || !strings.Contains(late, "has ended (completed) and takes nothing more") {
			t.Errorf("%s: of a late span the exporter says %s", format, late)
		}
		if wrong := got[format+" wrong key"]; !strings.HasPrefix(wrong, "1 401 ") {
			t.Errorf("%s: of a wrong key the exporter says %s", format, wrong)
		}
	}
	if whole := fmt.Sprint(p.got); strings.Contains(whole, annKey) {
		t.Error("the provider saw our key")
	}
}
