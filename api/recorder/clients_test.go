package recorder_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

const (
	clients = "../../testdata/recorder/js"
	calls   = "../../testdata/recorder/calls"
)

// scripted answers as the files of testdata/recorder/calls say: by path, model
// and whether a stream is asked for.
func scripted(t *testing.T) http.HandlerFunc {
	answer := func(w http.ResponseWriter, name string) {
		a, err := txtar.ParseFile(filepath.Join(calls, name+".txtar"))
		if err != nil {
			t.Error(err)
			return
		}
		var status int
		var kind string
		for _, f := range a.Files {
			switch f.Name {
			case "answer":
				if _, err := fmt.Sscan(string(f.Data), &status, &kind); err != nil {
					t.Error(err)
				}
			case "response":
				w.Header().Set("Content-Type", kind)
				w.Header().Set("X-Request-Id", "req_theirs")
				w.Header().Set("Request-Id", "req_theirs")
				w.WriteHeader(status)
				_, _ = w.Write(f.Data)
				_, _ = w.Write([]byte("\n")) // the blank line behind the last event
			}
		}
	}
	return func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		var body struct {
			Model  string
			Stream bool
		}
		_ = json.Unmarshal(text, &body)
		if !strings.Contains(r.Header.Get("Authorization")+r.Header.Get("X-Api-Key"), theirKey) {
			t.Errorf("%s came without the provider's key: %v", r.URL, r.Header)
		}
		name := map[string]string{
			"/v1/chat/completions gpt-4o false": "openai-chat", "/v1/chat/completions gpt-4o-mini false": "openai-chat-tools", "/v1/chat/completions gpt-4o true": "openai-chat-stream",
			"/v1/responses o4-mini false": "openai-responses", "/v1/responses o4-mini true": "openai-responses-stream", "/v1/models  false": "openai-models",
			"/v1/chat/completions wrong-key false": "openai-error", "/v1/messages claude-sonnet-4-20250514 false": "anthropic-messages", "/v1/messages claude-haiku-4-5 true": "anthropic-stream",
		}[fmt.Sprint(r.URL.Path, " ", body.Model, " ", body.Stream)]
		if name == "" {
			t.Errorf("nobody scripted %s %s", r.URL, text)
			return
		}
		answer(w, name)
	}
}

// npm openai and @anthropic-ai/sdk work through the proxy as they do at the
// provider, in both forms of the key, and every call is recorded with its model,
// tokens, tool calls and cost.
func TestPublishedClients(t *testing.T) {
	if _, err := os.Stat(filepath.Join(clients, "node_modules", "openai")); err != nil {
		t.Fatalf("%s has no node_modules: run make test (it runs npm ci there): %v", clients, err)
	}
	p := newProxyRig(t, scripted(t))
	cmd := exec.CommandContext(t.Context(), "node", "clients.mjs", p.url, annKey, theirKey)
	cmd.Dir = clients
	var stderr strings.Builder
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("node clients.mjs: %v\n%s\n%s", err, got, stderr.String())
	}
	want := ""
	for _, form := range []string{"path", "header"} {
		for _, line := range []string{
			"chat Hello! 1200 \"req_theirs\"", `tools ["{\"city\":\"Perth\"}","{\"city\":\"Hobart\"}"]`, "stream One, two. 13", "response Good day. 123", "response stream Good day. 123",
			`models ["gpt-4o"]`, "error AuthenticationError 401 invalid_api_key",
		} {
			want += form + " " + line + "\n"
		}
	}
	for _, form := range []string{"path", "header"} {
		want += form + " message [\"thinking\",\"text\",\"tool_use\"] 50\n" + form + " stream Let me look. {\"city\":\"Perth\"} tool_use 40\n"
	}
	if norm := strings.ReplaceAll(string(got), `"req_theirs"`, "req_theirs"); norm != strings.ReplaceAll(want, `"req_theirs"`, "req_theirs") {
		t.Errorf("the clients say\n%s\nwant\n%s", norm, want)
	}
	p.recorded(t, 18)
	found := map[string]int{}
	for _, item := range p.must(t, 200, "GET", "/api/monitoring/runs?agent=node&limit=100", "")["runs"].([]any) {
		d := p.must(t, 200, "GET", "/api/monitoring/runs/"+at(item, "run_id").(string), "")
		if at(d, "integrity", "valid") != true || d["partial"] != false {
			t.Errorf("%v: %v %v", d["run_id"], d["integrity"], d["partial"])
		}
		calls, _ := at(d, "steps", 0, "tool_calls").([]any)
		found[fmt.Sprint(at(d, "steps", 0, "model"), " ", d["status"], " ", d["total_tokens"], " ", d["total_cost_cents"], " ", len(calls))]++
	}
	for _, line := range []string{
		"gpt-4o-2024-08-06 completed 1200 0.4 0", "gpt-4o-mini-2024-07-18 completed 80 0.00255 2", "gpt-4o-2024-08-06 completed 13 0.00625 0", "<nil> completed <nil> <nil> 0",
		"wrong-key failed <nil> <nil> 0", "claude-sonnet-4-20250514 completed 650 0.189 1", "claude-haiku-4-5-20251001 completed 65 0.0225 1",
	} {
		if found[line] != 2 {
			t.Errorf("%q is recorded %d times, want 2; there are %v", line, found[line], found)
		}
	}
	if n := found["o4-mini-2025-04-16 completed 123 0.04224 1"]; n != 4 {
		t.Errorf("responses are recorded %d times, want 4; there are %v", n, found)
	}
	noSecrets(t, p)
}
