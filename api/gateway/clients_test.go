package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stemma/api/llm/llmtest"
	"stemma/api/llm/provider"
)

const javascript = "../../testdata/manifests/js"

// chatty answers by what the user said last, as a provider that has everything.
func chatty(u **llmtest.Upstream) llmtest.Answer {
	return func(w http.ResponseWriter, r *http.Request, seen *llmtest.Request) {
		if strings.HasSuffix(seen.Path, "/embeddings") {
			vectors := `[{"object":"embedding","index":0,"embedding":[0.5,-1]},{"object":"embedding","index":1,"embedding":[0.25,2]}]`
			if strings.Contains(string(seen.Body), "b64") {
				vectors = `[{"object":"embedding","index":0,"embedding":"AAAAPwAAgL8="}]`
			}
			llmtest.JSON(200, `{"object":"list","model":"e-1","data":`+vectors+`,"usage":{"prompt_tokens":4,"total_tokens":4}}`)(w, r, seen)
			return
		}
		if strings.HasSuffix(seen.Path, "/responses") {
			llmtest.JSON(200, `{"id":"resp_1","object":"response","created_at":1700000000,"status":"completed","model":"m-1","output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello from responses","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}`)(w, r, seen)
			return
		}
		last, result := "", ""
		messages, _ := seen.Object()["messages"].([]any)
		for _, m := range messages {
			content := text(m, "content")
			if content == "" {
				content = text(m, "content", 0, "text")
			}
			switch text(m, "role") {
			case "user":
				last, result = content, ""
			case "tool":
				result = content
			}
		}
		answers := map[string]llmtest.Answer{
			"hello":   llmtest.Say("Hello, you."),
			"weather": llmtest.Call("weather", `{"city":"Bern"}`),
			"fail":    llmtest.JSON(500, `{"error":{"message":"the model fell over","type":"server_error"}}`),
			"limit":   llmtest.JSON(429, `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, "Retry-After", "77"),
			"break":   llmtest.Cut(llmtest.Chunk(`{"role":"assistant","content":"So far"}`, "")),
			"hang":    (*u).Stall(llmtest.Chunk(`{"role":"assistant","content":"So far"}`, "")),
		}
		answer := answers[last]
		if result != "" {
			answer = llmtest.Say("It is " + result + ".")
		}
		answer(w, r, seen)
	}
}

// The published clients talk to the server, unmodified: chats, streams, tools,
// embeddings, errors, and hanging up, which the provider hears of.
func TestPublishedClients(t *testing.T) {
	for _, name := range []string{"openai", "@anthropic-ai/sdk", "ai", "@ai-sdk/openai-compatible"} {
		if _, err := os.Stat(filepath.Join(javascript, "node_modules", name)); err != nil {
			t.Fatalf("%s has no %s: run make test (it runs npm ci there): %v", javascript, name, err)
		}
	}
	var up *llmtest.Upstream
	w := newRig(t, rigOptions{client: provider.Options{Failures: 1000}})
	up = w.up
	up.Script(chatty(&up))
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "llm.mjs", server.URL, w.key)
	cmd.Dir = javascript
	var stderr strings.Builder
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("node llm.mjs: %v\n%s\n%s", err, got, stderr.String())
	}
	if string(got) != wantClients {
		t.Errorf("the clients print\n%s\nwant\n%s", got, wantClients)
	}
	for range 2 { // openai's and Anthropic's abort
		up.HungUp(t)
	}
}

const wantClients = `openai chat: Hello, you. 25 scripted
openai stream: Hello, you. stop
openai stream helper: Hello, you. 25
openai tool: {"name":"weather","arguments":"{\"city\":\"Bern\"}"}
openai tool result: It is sunny.
openai runTools, streamed: It is rainy.
openai embeddings: [[0.5,-1],[0.25,2]] 4
openai embeddings, base64: [0.5,-1]
openai responses: Hello from responses 7
openai models: ["m-1"] m-1
openai 502: InternalServerError 502 server_error 502 the provider failed (500): the model fell over
openai 429: RateLimitError 429 rate_limit_exceeded 429 the provider refuses (429): slow down
openai 400: BadRequestError 400 validation_error 400 Validation failed: temperature must be a number
openai 401: AuthenticationError 401 invalid_api_key 401 The provided API key is invalid or has been revoked.
openai breaks off: APIError undefined provider_error the provider's answer broke off: unexpected EOF So far
openai abort: done
anthropic message: [{"type":"text","text":"Hello, you."}] end_turn {"input_tokens":20,"output_tokens":5}
anthropic stream: Hello, you. 2 end_turn 5
anthropic tool: tool_use weather {"city":"Bern"}
anthropic tool, streamed: {"city":"Bern"}
anthropic tool result: It is sunny.
anthropic 502: InternalServerError 502 api_error 502 {"type":"error","error":{"type":"api_error","message":"the provider failed (500): the model fell over"},"request_id":"req_"}
anthropic 401: AuthenticationError 401 authentication_error 401 {"type":"error","error":{"type":"authentication_error","message":"The provided API key is invalid or has been revoked."},"request_id":"req_"}
anthropic models: ["m-1"]
anthropic abort: APIUserAbortError undefined undefined Request was aborted.
ai generateText: Hello, you. stop 25
ai streamText: Hello, you. stop 25
ai tools, streamed: It is snowy in Bern.
ai embedMany: [[0.5,-1],[0.25,2]] 4
ai 502: APICallError undefined undefined the provider failed (500): the model fell over
`
