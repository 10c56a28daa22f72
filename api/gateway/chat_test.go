package gateway_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"stemma/api/llm/llmtest"
	"stemma/api/llm/provider"
	"stemma/entity"
)

// A chat in one piece: the provider is sent the client's fields as they came,
// the agent's model and the provider's key; the client gets the provider's
// answer and headers; the run says what it took.
func TestChat(t *testing.T) {
	w := newRig(t, rigOptions{agent: object{"system_prompt": "Be brief."}}, llmtest.Say("Hello, you."))
	out := w.call("POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"Hi <there>"}],"seed":12345678901234567890,"new_field":{"x":1.0},"conversation_id":"c","partition_id":"p"}`)
	if out.Code != 200 || out.Header().Get("X-Provider") != "scripted" || out.Header().Get("X-Arachne-Conversation-ID") != "" {
		t.Fatalf("%d %v %s", out.Code, out.Header(), out.Body)
	}
	got := decode(t, out.Body.Bytes())
	if text(got, "choices", 0, "message", "content") != "Hello, you." || at(got, "usage", "total_tokens") != 25.0 || at(got, "conversation_id") != nil {
		t.Errorf("%s", out.Body)
	}
	seen := w.up.Last()
	want := `{"messages":[{"content":"Be brief.","role":"system"},{"role":"user","content":"Hi <there>"}],"model":"m-1","new_field":{"x":1.0},"seed":12345678901234567890}`
	if string(seen.Body) != want || seen.Path != "/v1/chat/completions" || seen.Header.Get("Authorization") != "Bearer "+providerKey {
		t.Errorf("the provider is sent\n%s %s %s\nwant\n%s", seen.Path, seen.Header, seen.Body, want)
	}
	r := w.lastRun()
	p := r.Properties
	if r.kinds() != "start step end" || p["status"] != "completed" || p["prompt_tokens"] != int64(20) || p["completion_tokens"] != int64(5) || p["model"] != "m-1" || p["status_code"] != int64(200) ||
		p["cost_usd"] != nil || p["tenant"] != string(w.tenant) || r.Collection() != w.workspace || p["tokens_counted"] != nil {
		t.Errorf("%s %v", r.kinds(), p)
	}
	if text(r.steps[1], "output") != "Hello, you." || !strings.Contains(text(r.steps[1], "request"), "Hi <there>") {
		t.Errorf("%v", r.steps[1])
	}
	head, _ := p["chain"].(map[string]any)
	link, _ := head["head"].(entity.Link)
	digest, _ := entity.DigestOf(link.CID)
	if p["chain_hash"] != hex.EncodeToString(digest[:]) || head["n"] != int64(3) {
		t.Errorf("the chain's head is not pinned: %v", p)
	}
	w.noSecret(providerKey, w.key)
}

// noSecret makes sure that no block of the log has a text.
func (w *rig) noSecret(secrets ...string) {
	w.t.Helper()
	w.runs.Flush()
	w.ok(w.store.View(w.t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			w.ok(err)
			for _, c := range rec.Changes {
				raw, err := r.Block(c.CID())
				w.ok(err)
				for _, s := range secrets {
					if bytes.Contains(raw, []byte(s)) {
						w.t.Errorf("%s %s has a secret in it", c.Type, c.ID)
					}
				}
			}
		}
		return nil
	}))
}

// A stream is handed on byte for byte, but for the usage that the client did not
// ask for.
func TestStream(t *testing.T) {
	w := newRig(t, rigOptions{}, llmtest.Say("Hello, you."))
	out := w.call("POST", "/v1/chat/completions", streamed(say("Hi")))
	want := llmtest.Chunk(`{"role":"assistant","content":""}`, "") + llmtest.Chunk(`{"content":"Hello, "}`, "") + llmtest.Chunk(`{"content":"you."}`, "") + llmtest.Chunk("{}", "stop") + "data: [DONE]\n\n"
	if out.Code != 200 || out.Body.String() != want || !strings.HasPrefix(out.Header().Get("Content-Type"), "text/event-stream") {
		t.Errorf("%d %v\n%s", out.Code, out.Header(), out.Body)
	}
	if at(w.up.Last().Object(), "stream_options", "include_usage") != true {
		t.Errorf("usage is not asked for: %s", w.up.Last().Body)
	}
	r := w.lastRun()
	if p := r.Properties; p["prompt_tokens"] != int64(20) || p["stream"] != true || p["ttfb_ms"] == nil || text(r.steps[1], "output") != "Hello, you." {
		t.Errorf("%v %v", p, r.steps)
	}
	body := streamed(say("Hi"))
	body["stream_options"] = object{"include_usage": true}
	if out := w.call("POST", "/v1/chat/completions", body); !strings.Contains(out.Body.String(), `"usage":{"prompt_tokens":20`) {
		t.Errorf("the usage that the client asked for is missing:\n%s", out.Body)
	}
}

// Each client's format reaches each kind of provider, in one piece and streamed.
func TestEveryFormatToEveryKind(t *testing.T) {
	answers := map[provider.Kind]llmtest.Answer{
		provider.OpenAI: llmtest.Say("Grüezi"), provider.Azure: llmtest.Say("Grüezi"), provider.Ollama: llmtest.Say("Grüezi"),
		provider.Anthropic: llmtest.AnthropicSay("Grüezi"), provider.Gemini: llmtest.GeminiSay("Grüezi"),
	}
	paths := map[provider.Kind]string{
		provider.OpenAI: "/v1/chat/completions", provider.Azure: "/openai/deployments/m-1/chat/completions?api-version=2024-10-21", provider.Ollama: "/v1/chat/completions",
		provider.Anthropic: "/v1/messages", provider.Gemini: "/v1beta/models/m-1:generateContent",
	}
	for _, kind := range provider.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			w := newRig(t, rigOptions{kind: kind}, answers[kind])
			if got := text(w.chat(200, say("Hi")), "choices", 0, "message", "content"); got != "Grüezi" {
				t.Errorf("chat: %q", got)
			}
			if got := w.up.Last().Path; got != paths[kind] {
				t.Errorf("the provider is asked at %s", got)
			}
			out := w.call("POST", "/v1/chat/completions", streamed(say("Hi"))).Body.String()
			if !strings.Contains(out, `"content":"Grüezi"`) || !strings.HasSuffix(out, "data: [DONE]\n\n") {
				t.Errorf("chat, streamed:\n%s", out)
			}
			message := object{"max_tokens": 9, "messages": []object{{"role": "user", "content": "Hi"}}}
			got := decode(t, w.call("POST", "/v1/messages", message).Body.Bytes())
			if text(got, "content", 0, "text") != "Grüezi" || text(got, "stop_reason") != "end_turn" || at(got, "usage", "output_tokens") != 5.0 {
				t.Errorf("message: %v", got)
			}
			out = w.call("POST", "/v1/messages", streamed(message)).Body.String()
			if !strings.Contains(out, `"text":"Grüezi"`) || !strings.Contains(out, `"output_tokens":5`) || !strings.HasSuffix(out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n") {
				t.Errorf("message, streamed:\n%s", out)
			}
			for _, r := range w.recorded() {
				if r.Properties["prompt_tokens"] != int64(20) || r.Properties["completion_tokens"] != int64(5) {
					t.Errorf("%v", r.Properties)
				}
			}
		})
	}
}
