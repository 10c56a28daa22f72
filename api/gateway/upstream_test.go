package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stemma/api/llm/llmtest"
	"stemma/api/llm/provider"
	"stemma/entity"
)

// endless sends pieces until the caller has had enough.
func endless(contentType, piece string) llmtest.Answer {
	return func(w http.ResponseWriter, _ *http.Request, _ *llmtest.Request) {
		w.Header().Set("Content-Type", contentType)
		for {
			if _, err := io.WriteString(w, piece); err != nil {
				return
			}
		}
	}
}

// Whatever a provider does before its answer begins, the client gets an error
// with the reason, in the format that it speaks, with the same status in one
// piece and streamed; the run says the same; and it is tried again where that may
// help.
func TestProviderFailsBeforeItsAnswer(t *testing.T) {
	first := llmtest.Chunk(`{"content":"x"}`, "")
	for name, c := range map[string]struct {
		answer func(*llmtest.Upstream) llmtest.Answer
		status int
		says   string
		tries  int
		stream string // when the failure is of streams, or of answers in one piece, alone
	}{
		"stalls":                  {func(u *llmtest.Upstream) llmtest.Answer { return u.Stall() }, 502, "did not answer within 50ms", 1, ""},
		"fails":                   {is(llmtest.JSON(500, `{"error":{"message":"oops"}}`)), 502, "the provider failed (500): oops", 3, ""},
		"fails with a text":       {is(llmtest.JSON(503, `{"error":"busy"}`)), 502, "the provider failed (503): busy", 3, ""},
		"fails as Gemini":         {is(llmtest.JSON(500, `[{"error":{"code":500,"message":"internal","status":"INTERNAL"}}]`)), 502, "internal", 3, ""},
		"fails with HTML":         {is(llmtest.Body(504, "text/html", "<html><body>Gateway Timeout</body></html>")), 502, "<html>", 3, ""},
		"refuses the key":         {is(llmtest.JSON(401, `{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}`)), 502, "does not accept the key", 1, ""},
		"refuses the request":     {is(llmtest.JSON(400, `{"error":{"message":"too long","code":"context_length_exceeded"}}`)), 400, "too long", 1, ""},
		"has no such model":       {is(llmtest.JSON(404, `{"error":{"message":"no such model"}}`)), 502, "no such model", 1, ""},
		"is at its limit":         {is(llmtest.JSON(429, `{"error":{"message":"slow down"}}`, "Retry-After", "1")), 429, "slow down", 3, ""},
		"is at its limit long":    {is(llmtest.JSON(429, `{"error":{"message":"slow down"}}`, "Retry-After", "600")), 429, "slow down", 1, ""},
		"redirects":               {is(llmtest.Body(302, "text/plain", "elsewhere", "Location", "http://169.254.169.254/")), 502, "302", 1, ""},
		"sends HTML":              {is(llmtest.Body(200, "text/html", "<h1>Welcome</h1>")), 502, "not a JSON object", 1, ""},
		"sends 200 with an error": {is(llmtest.JSON(200, `{"error":{"message":"overloaded","type":"overloaded_error"}}`)), 502, "overloaded", 3, ""},
		"sends an array":          {is(llmtest.JSON(200, `[1,2]`)), 502, "not a JSON object", 1, ""},
		"sends nothing":           {is(llmtest.JSON(200, ``)), 502, "not a JSON object", 1, ""},
		"sends no choices":        {is(llmtest.JSON(200, `{"id":"x"}`)), 502, "no choices", 1, "no"},
		"sends 100 MB":            {is(endless("application/json", strings.Repeat(" ", 1<<16))), 502, "which is the limit", 1, ""},
		"says it sends 100 MB":    {is(llmtest.Body(200, "application/json", "{", "Content-Length", "104857600")), 502, "104857600 bytes", 1, ""},
		"cuts the connection":     {is(func(http.ResponseWriter, *http.Request, *llmtest.Request) { panic(http.ErrAbortHandler) }), 502, "cannot be reached", 3, ""},
		"cuts before an event":    {is(llmtest.Cut()), 502, "EOF", 3, "yes"},
		"streams nothing":         {is(llmtest.Events()), 502, "before its first event", 3, "yes"},
		"streams an error":        {is(llmtest.Events("data: {\"error\":{\"message\":\"bad day\"}}\n\n")), 502, "bad day", 3, "yes"},
		"streams 100 MB":          {is(endless("text/event-stream", strings.Repeat("x", 1<<16))), 502, "an event of more than", 1, "yes"},
		"streams comments alone":  {is(endless("text/event-stream", ": "+strings.Repeat("x", 1<<10)+"\n\n")), 502, "which is the limit", 1, "yes"},
		"streams no JSON":         {is(llmtest.Events("data: hello\n\n", first)), 502, "not a JSON object", 1, "yes"},
	} {
		for _, stream := range []bool{false, true} {
			if c.stream == "yes" && !stream || c.stream == "no" && stream {
				continue
			}
			t.Run(fmt.Sprintf("%s/%v", name, stream), func(t *testing.T) {
				w := newRig(t, rigOptions{client: provider.Options{First: firstOf(name), Failures: 1000, MaxAnswer: 4 << 20, MaxStream: 4 << 20, MaxEvent: 1 << 20}})
				w.up.Script(c.answer(w.up))
				for path, body := range map[string]object{"/v1/chat/completions": say("Hi"), "/v1/messages": {"max_tokens": 9, "messages": []object{{"role": "user", "content": "Hi"}}}} {
					before := len(w.up.Seen())
					if body["stream"] = stream; !stream {
						delete(body, "stream")
					}
					out := w.call("POST", path, body)
					got := decode(t, out.Body.Bytes())
					if out.Code != c.status || !strings.Contains(text(got, "error", "message"), c.says) {
						t.Errorf("%s: %d %s", path, out.Code, out.Body)
					}
					if isMessage := path == "/v1/messages"; isMessage != (text(got, "type") == "error") || !isMessage && text(got, "error", "code") == "" {
						t.Errorf("%s: not an error of its format: %s", path, out.Body)
					}
					if c.status == 429 && out.Header().Get("Retry-After") == "" {
						t.Errorf("no Retry-After: %v", out.Header())
					}
					if n := len(w.up.Seen()) - before; n != c.tries {
						t.Errorf("it was tried %d times, not %d", n, c.tries)
					}
					if p := w.lastRun().Properties; p["status"] != "failed" || p["status_code"] != int64(c.status) || !strings.Contains(text(p, "error"), c.says) || p["partial"] != nil {
						t.Errorf("the run says %v", p)
					}
				}
			})
		}
	}
}

func is(a llmtest.Answer) func(*llmtest.Upstream) llmtest.Answer {
	return func(*llmtest.Upstream) llmtest.Answer { return a }
}

// firstOf is how long an answer is waited for: a blink where it never comes.
func firstOf(name string) time.Duration {
	if name == "stalls" {
		return 50 * time.Millisecond
	}
	return 0
}

// A provider that breaks off in the middle of a stream: the client has what came,
// an error in its format and no sign of the end, and the run says partial and
// what had come.
func TestProviderFailsInTheMiddle(t *testing.T) {
	first := llmtest.Chunk(`{"role":"assistant","content":"So far"}`, "")
	for name, c := range map[string]struct {
		answer func(*llmtest.Upstream) llmtest.Answer
		says   string
	}{
		"dies":          {is(llmtest.Cut(first)), "broke off"},
		"ends early":    {is(llmtest.Events(first)), "before the answer was complete"},
		"stalls":        {func(u *llmtest.Upstream) llmtest.Answer { return u.Stall(first) }, "stopped sending"},
		"malformed":     {is(llmtest.Events(first, "data: {\"choices\":[{\"delta\":\n\n")), "not a JSON object"},
		"wrong types":   {is(llmtest.Events(first, "data: {\"choices\":7}\n\n")), "not a JSON object"},
		"says an error": {is(llmtest.Events(first, "data: {\"error\":{\"message\":\"bad day\"}}\n\n")), "bad day"},
		"100 MB":        {is(endlessAfter(first)), "which is the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			idle := time.Minute
			if name == "stalls" {
				idle = 50 * time.Millisecond
			}
			w := newRig(t, rigOptions{client: provider.Options{Idle: idle, MaxStream: 4 << 20}})
			w.up.Script(c.answer(w.up))
			out := w.call("POST", "/v1/chat/completions", streamed(say("Hi")))
			got := out.Body.String()
			last := got[strings.LastIndex(strings.TrimSpace(got), "\n\n")+2:]
			if out.Code != 200 || !strings.HasPrefix(got, first) || strings.Contains(got, "[DONE]") || !strings.HasPrefix(last, `data: {"error":{"code":"`) || !strings.Contains(last, c.says) {
				t.Errorf("%d, ends with %s", out.Code, last)
			}
			r := w.lastRun()
			if p := r.Properties; p["status"] != "failed" || p["partial"] != true || p["tokens_counted"] != true || !strings.HasPrefix(text(r.steps[1], "output"), "So far") || text(r.steps[1], "partial") == "" {
				t.Errorf("%v %v", p, r.steps[1])
			}
			out = w.call("POST", "/v1/messages", streamed(object{"max_tokens": 9, "messages": []object{{"role": "user", "content": "Hi"}}}))
			if got := out.Body.String(); !strings.Contains(got, "So far") || !strings.Contains(got, "event: error\ndata: {\"error\":{\"message\":") || strings.Contains(got, "message_stop") {
				t.Errorf("as messages: %.2000s", got)
			}
		})
	}
}

func endlessAfter(first string) llmtest.Answer {
	more := endless("text/event-stream", llmtest.Chunk(`{"content":"`+strings.Repeat("x", 1<<15)+`"}`, ""))
	return func(w http.ResponseWriter, r *http.Request, seen *llmtest.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, first)
		more(w, r, seen)
	}
}

// A provider that answers a stream in one piece is streamed all the same.
func TestProviderThatDoesNotStream(t *testing.T) {
	w := newRig(t, rigOptions{}, llmtest.JSON(200, `{"id":"x","object":"chat.completion","created":1,"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"All at once"},"finish_reason":"stop"}]}`))
	got := w.call("POST", "/v1/chat/completions", streamed(say("Hi"))).Body.String()
	want := `data: {"choices":[{"delta":{"content":"All at once","role":"assistant"},"finish_reason":"stop","index":0}],"created":1,"id":"x","model":"m-1","object":"chat.completion.chunk"}` + "\n\ndata: [DONE]\n\n"
	if got != want {
		t.Errorf("%s", got)
	}
	if p := w.lastRun().Properties; p["tokens_counted"] != true || p["completion_tokens"] != int64(3) {
		t.Errorf("%v", p)
	}
}

// A provider that nobody can reach, and one that failed too often: it is left
// alone, and asked again when the time is over.
func TestBreaker(t *testing.T) {
	w := newRig(t, rigOptions{client: provider.Options{Failures: 3, Tries: 1, Cooldown: time.Hour}}, llmtest.JSON(500, `{}`))
	for range 5 {
		w.chat(502, say("Hi"))
	}
	if n := len(w.up.Seen()); n != 3 {
		t.Errorf("it was asked %d times, not 3", n)
	}
	got := w.chat(502, say("Hi"))
	if !strings.Contains(text(got, "error", "message"), "is left alone for 1h0m0s") {
		t.Error(got)
	}
}

// Tries wait longer each time, and as long as the provider asks.
func TestBackOff(t *testing.T) {
	w := newRig(t, rigOptions{client: provider.Options{Tries: 4, Random: func() float64 { return 0.5 }}},
		llmtest.JSON(500, `{}`), llmtest.JSON(429, `{}`, "Retry-After", "3"), llmtest.JSON(503, `{}`), llmtest.Say("Hello"))
	w.chat(200, say("Hi"))
	if got := fmt.Sprint(w.slept); got != "[375ms 3s 1.5s]" {
		t.Errorf("the tries waited %s", got)
	}
}

// What a tenant configures cannot reach into the server's own network.
func TestForeignProvidersArePublic(t *testing.T) {
	w := newRig(t, rigOptions{client: provider.Options{Foreign: provider.ForeignTransport(false)}}, llmtest.Say("never"))
	got := w.chat(400, say("Hi"))
	if !strings.Contains(text(got, "error", "message"), "not public") || len(w.up.Seen()) > 0 {
		t.Error(got)
	}
}

// A client that hangs up ends the provider's call, and the run has what had come.
func TestClientHangsUp(t *testing.T) {
	w := newRig(t, rigOptions{})
	w.up.Script(w.up.Stall(llmtest.Chunk(`{"role":"assistant","content":"So far"}`, "")))
	server := httptest.NewServer(w)
	defer server.Close()
	for _, stream := range []bool{true, false} {
		if !stream {
			w.up.Script(w.up.Stall())
		}
		ctx, hangUp := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(`{"messages":[{"role":"user","content":"Hi"}],"stream":%v}`, stream)))
		w.ok(err)
		r.Header.Set("Authorization", "Bearer "+w.key)
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				return // the one in one piece is given up before its answer
			}
			defer res.Body.Close()
			_, _ = io.ReadFull(res.Body, make([]byte, 10))
			hangUp()
		}()
		if !stream {
			w.waitFor(func() bool { return len(w.up.Seen()) == 2 })
			hangUp()
		}
		<-asked
		w.up.HungUp(t)
		hangUp()
	}
	server.Close() // waits for the handlers
	all := w.recorded()
	for _, r := range all {
		p := r.Properties
		if p["status"] != "cancelled" || p["status_code"] != int64(499) || p["partial"] != true || p["stream"] == true && text(r.steps[1], "output") != "So far" {
			t.Errorf("%v %v", p, r.steps)
		}
	}
	if len(all) != 2 {
		t.Errorf("%d runs", len(all))
	}
}

// waitFor waits until something is so.
func (w *rig) waitFor(so func() bool) {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-w.t.Context().Done():
			w.t.Fatal("it never was")
		}
	}
}

// A client that takes nothing of a long answer is let go, and the provider with
// it: nothing is kept for it but what fits in the buffers.
func TestSlowClient(t *testing.T) {
	w := newRig(t, rigOptions{}, endlessAfter(""))
	server := httptest.NewServer(w.writing(100 * time.Millisecond))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	w.ok(err)
	defer conn.Close()
	body := `{"messages":[{"role":"user","content":"Hi"}],"stream":true}`
	_, err = fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", w.key, len(body), body)
	w.ok(err)
	w.waitFor(func() bool { return len(w.recorded()) == 1 }) // and reads nothing
	if p := w.lastRun().Properties; p["status"] != "cancelled" || entity.Properties(p)["partial"] != true {
		t.Errorf("%v", p)
	}
}

// Responses are handed on as they come, with the agent's prompt before the
// client's instructions, and are recorded with the tokens they tell; one that
// breaks off is cut off, and no other provider's follows it.
func TestResponses(t *testing.T) {
	events := "event: response.created\ndata: {\"type\":\"response.created\"}\n\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}\n\n"
	w := newRig(t, rigOptions{agent: object{"system_prompt": "Be brief."}}, llmtest.Events(events))
	out := w.call("POST", "/v1/responses", object{"input": "Hi", "instructions": "Rhyme.", "stream": true, "store": false})
	if out.Code != 200 || out.Body.String() != events || !strings.HasPrefix(out.Header().Get("Content-Type"), "text/event-stream") {
		t.Errorf("%d %v %s", out.Code, out.Header(), out.Body)
	}
	if got := string(w.up.Last().Body); got != `{"input":"Hi","instructions":"Be brief.\n\nRhyme.","model":"m-1","store":false,"stream":true}` {
		t.Errorf("the provider is sent %s", got)
	}
	if p := w.lastRun().Properties; p["prompt_tokens"] != int64(3) || p["completion_tokens"] != int64(4) || p["status"] != "completed" {
		t.Errorf("%v", p)
	}
	w.set(w.agent, object{"provider_config": object{"provider": "openai", "base_url": w.up.URL + "/v1", "model": "m-1", "fallbacks": []any{object{"model": "m-2"}}}})
	w.up.Script(llmtest.Cut(events[:40]))
	server := httptest.NewServer(w)
	defer server.Close()
	before := len(w.up.Seen())
	r, err := http.NewRequest("POST", server.URL+"/v1/responses", strings.NewReader(`{"input":"Hi","stream":true}`))
	w.ok(err)
	r.Header.Set("Authorization", "Bearer "+w.key)
	res, err := http.DefaultClient.Do(r)
	w.ok(err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err == nil || string(got) != events[:40] || len(w.up.Seen()) != before+1 {
		t.Errorf("%v %q, asked %d times", err, got, len(w.up.Seen())-before)
	}
	server.Close()
	if p := w.lastRun().Properties; p["status"] != "failed" || p["partial"] != true {
		t.Errorf("%v", p)
	}
}
