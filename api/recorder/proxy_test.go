package recorder_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"stemma/api/recorder"
	"stemma/api/wire"
	"stemma/entity"
)

// Every method, path, query, header and body goes on as it came, and the answer
// comes back as it is, in both forms; of this server the provider sees nothing.
func TestProxyIsTransparent(t *testing.T) {
	p := newProxyRig(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := w.Header()
		h["X-Request-Id"] = []string{"theirs"}
		h["X-Two"] = []string{"a", "b"}
		h["Content-Type"] = []string{"application/x-thing"}
		h["Access-Control-Allow-Origin"] = []string{"https://their.example"}
		h["Date"] = nil
		w.WriteHeader(418)
		_, _ = w.Write(append([]byte("\x00\xff"), body...))
	})
	direct := func(method, uri, body string, h http.Header) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, p.upstream.URL+uri, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = h.Clone()
		resp, err := plainClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		out, _ := io.ReadAll(resp.Body)
		return resp, string(out)
	}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		for _, uri := range []string{"/v1/x", "/v1/files/a%2Fb/c%20d", "/v1/models?x=1;y=2&z=%zz&key=AIza", "/v1//double/", "/"} {
			for _, form := range []string{"/proxy/" + annKey + "/my%20agent/openai", "/proxy/openai", "/proxy/" + annUser + "/a/mine"} {
				body := "\xff\x00 bytes"
				if method == "GET" || method == "HEAD" {
					body = ""
				}
				h := http.Header{"Authorization": {"Bearer " + theirKey}, "User-Agent": {"their-sdk/1"}, "X-Custom": {"1", "2"}, "Accept-Encoding": {"br, gzip"},
					"X-Forwarded-For": {"192.0.2.7"}, "Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "Tracestate": {"a=1, b=2", "c=3"}}
				want, wantBody := direct(method, uri, body, h)
				expected := p.last()
				ours := h.Clone()
				if !strings.Contains(form, "_") {
					ours.Set("X-Api-Key", annKey)
					ours.Set("X-Agent-Name", "a")
				}
				ours.Set("X-Arkna-Session-Id", "")
				r, err := http.NewRequestWithContext(t.Context(), method, p.url+form+uri, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header = ours
				resp, err := plainClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				got, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != want.StatusCode || string(got) != wantBody || fmt.Sprint(resp.Header) != fmt.Sprint(want.Header) {
					t.Errorf("%s %s%s: %d %v %q, want %d %v %q", method, form, uri, resp.StatusCode, resp.Header, got, want.StatusCode, want.Header, wantBody)
				}
				saw := p.last()
				if saw.method != expected.method || saw.uri != expected.uri || saw.host != expected.host || !bytes.Equal(saw.body, expected.body) || fmt.Sprint(saw.header) != fmt.Sprint(expected.header) {
					t.Errorf("%s %s%s: the provider saw %v, want %v", method, form, uri, saw, expected)
				}
				if whole := fmt.Sprint(saw); strings.Contains(whole, annKey) || strings.Contains(whole, annUser) {
					t.Errorf("%s %s%s: the provider saw our key: %s", method, form, uri, whole)
				}
			}
		}
	}
}

// Without a key nothing is recorded; with one of another form it is the
// provider's; with ours that proves nothing, nothing goes on.
func TestProxyKeys(t *testing.T) {
	p := newProxyRig(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) })
	before := p.main().Seq()
	for _, headers := range [][]string{{}, {"X-Api-Key", "sk-ant-theirs"}} {
		if resp, _ := p.send(t, "POST", "/proxy/anthropic/v1/messages", `{}`, headers...); resp.StatusCode != 200 {
			t.Errorf("%v: %d", headers, resp.StatusCode)
		}
		if len(headers) > 0 && p.last().header.Get("X-Api-Key") != "sk-ant-theirs" {
			t.Errorf("their key is gone: %v", p.last().header)
		}
	}
	p.service.Flush()
	if p.main().Seq() != before {
		t.Error("something was recorded without a key")
	}
	calls := len(p.got)
	for name, c := range map[string]struct {
		path    string
		headers []string
		status  int
	}{
		"an unknown key in the path":  {"/proxy/ark_live_" + strings.Repeat("9", 64) + "/a/openai/v1/x", nil, 401},
		"a short key in the path":     {"/proxy/ark_live_x/a/openai/v1/x", nil, 401},
		"an unknown key in a header":  {"/proxy/openai/v1/x", []string{"X-Api-Key", "ark_live_" + strings.Repeat("9", 64)}, 401},
		"a short key in a header":     {"/proxy/openai/v1/x", []string{"X-Api-Key", "ark_live_x"}, 401},
		"no such provider":            {"/proxy/nobody/v1/x", nil, 404},
		"no such provider, with key":  {"/proxy/" + annKey + "/a/nobody/v1/x", nil, 404},
		"a long agent":                {"/proxy/" + annKey + "/" + strings.Repeat("a", 201) + "/openai/v1/x", nil, 400},
		"an agent of bytes":           {"/proxy/" + annKey + "/%ff/openai/v1/x", nil, 400},
		"no such network":             {"/proxy/openai/v1/x", []string{"X-Arke-Network", "moon"}, 400},
		"our key as the provider's":   {"/proxy/" + annKey + "/a/openai/v1/x", []string{"Authorization", "Bearer " + annKey}, 200},
		"our key as theirs, unlooked": {"/proxy/openai/v1/x", []string{"Authorization", "Bearer " + annKey}, 200},
	} {
		resp, body := p.send(t, "POST", c.path, `{}`, c.headers...)
		if resp.StatusCode != c.status {
			t.Errorf("%s: %d %s, want %d", name, resp.StatusCode, body, c.status)
		}
		if c.status == 200 {
			if whole := fmt.Sprint(p.last()); strings.Contains(whole, annKey) {
				t.Errorf("%s: the provider saw it: %s", name, whole)
			}
			calls++
			continue
		}
		out := httptest.NewRecorder()
		out.Code, out.Body = resp.StatusCode, bytes.NewBufferString(body)
		out.Header().Set("X-Request-Id", resp.Header.Get("X-Request-Id"))
		checkError(t, name, out)
	}
	if len(p.got) != calls {
		t.Errorf("%d calls went on, want %d", len(p.got), calls)
	}
	p.service.Flush()
}

// A stream comes piece by piece: each is with the caller before the provider
// sends the next.
func TestProxyStreams(t *testing.T) {
	next := make(chan struct{})
	p := newProxyRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%d\"}}]}\n\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
		fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	})
	for i, path := range []string{"/proxy/" + annKey + "/a/openai/v1/chat/completions", "/proxy/openai/v1/chat/completions"} {
		resp, err := plainClient.Post(p.url+path, "application/json", strings.NewReader(`{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"count"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			buf := make([]byte, 4096)
			n, err := resp.Body.Read(buf)
			if err != nil || !strings.Contains(string(buf[:n]), fmt.Sprintf(`"content":"%d"`, i)) {
				t.Fatalf("piece %d is %q, %v", i, buf[:n], err)
			}
			next <- struct{}{}
		}
		if rest, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(rest), "[DONE]") {
			t.Errorf("%q %v", rest, err)
		}
		resp.Body.Close()
		if d := p.recorded(t, 1); i == 0 && (d["output"] != "01234" || at(d, "steps", 0, "partial") != nil || d["input"] != "count") {
			t.Errorf("%v", d)
		}
	}
}

// A recording that breaks off is marked, and says what had come.
func TestProxyPartial(t *testing.T) {
	gone := make(chan struct{})
	p := newProxyRig(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"half\"}}]}\n\n")
		w.(http.Flusher).Flush()
		switch r.URL.Path {
		case "/v1/break/chat/completions":
			panic(http.ErrAbortHandler)
		case "/v1/leave/chat/completions":
			<-r.Context().Done()
			close(gone)
		}
	})
	base := "/proxy/" + annKey + "/a/openai/v1"
	const ask = `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"x"}]}`
	p.send(t, "POST", base+"/break/chat/completions", ask)
	d := p.recorded(t, 1)
	if d["status"] != "failed" || d["partial"] != true || at(d, "steps", 0, "output") != "half" || at(d, "steps", 0, "partial") != "the answer broke off" || at(d, "steps", 0, "model") != "gpt-4o-2024-08-06" {
		t.Errorf("broken: %v", d)
	}
	if d["total_tokens"] != nil || d["total_cost_cents"] != nil {
		t.Errorf("what is not known is %v and %v", d["total_tokens"], d["total_cost_cents"])
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "POST", p.url+base+"/leave/chat/completions", strings.NewReader(ask))
	resp, err := plainClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := resp.Body.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	p.clock.Advance(time.Second)
	cancel()
	resp.Body.Close()
	<-gone // the provider is told too
	d = p.recorded(t, 2)
	if d["partial"] != true || at(d, "steps", 0, "partial") != "the caller went away before the answer's end" {
		t.Errorf("left: %v", d)
	}
	p.clock.Advance(time.Second)
	p.send(t, "POST", base+"/chat/completions", ask)
	if d = p.recorded(t, 3); at(d, "steps", 0, "partial") != "the stream stopped without its end" {
		t.Errorf("without an end: %v", d)
	}
}

// A provider that is not there is 502, and a recording; what the provider's URL
// holds does not show.
func TestProxyUnreachable(t *testing.T) {
	p := newProxyRig(t, func(http.ResponseWriter, *http.Request) {})
	p.upstream.Close()
	resp, body := p.send(t, "POST", "/proxy/"+annKey+"/a/google/v1beta/models/gemini-2.5-pro:generateContent?key="+theirKey, `{}`)
	if resp.StatusCode != 502 || !strings.Contains(body, "could not be reached") || strings.Contains(body, theirKey) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	d := p.recorded(t, 1)
	if d["status"] != "failed" || d["error_type"] != "upstream_unreachable" || at(d, "steps", 0, "model") != "gemini-2.5-pro" {
		t.Errorf("%v", d)
	}
	noSecrets(t, p)
}

// noSecrets looks for keys in all that is stored in the open.
func noSecrets(t *testing.T, p *proxyRig) {
	t.Helper()
	err := p.main().View(t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				b, err := r.Block(c.CID())
				if err != nil {
					return err
				}
				for _, secret := range []string{theirKey, annKey} {
					if bytes.Contains(b, []byte(secret)) {
						t.Errorf("a block of %s holds %s: %q", c.Type, secret, b)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A key that is part of a path is in no line of the log.
func TestProxyKeyIsNotLogged(t *testing.T) {
	var log bytes.Buffer
	w := newRig(t)
	handler := wire.New(wire.Options{Ops: w.ops, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	r := httptest.NewRequest("POST", "http://stemma/proxy/"+annKey+"/a/openai/v1/x", nil)
	r.Header.Set("X-Arke-Network", "moon") // refused before the view is asked
	handler.ServeHTTP(httptest.NewRecorder(), r)
	if log.Len() == 0 || strings.Contains(log.String(), annKey) {
		t.Errorf("the log says %s", log.String())
	}
}

// A recording that cannot be made harms no call.
func TestProxyOutlivesItsRecorder(t *testing.T) {
	p := newProxyRig(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"model":"m"}`) })
	p.must(t, 201, "POST", "/api/api-keys", `{}`, "X-Api-Key", annUser)
	// Rules that nobody can read: nothing may be recorded.
	_, err := p.main().Update(t.Context(), entity.Actor{UserID: annID, Method: entity.MethodManual}, func(tx entity.Tx) error {
		id, err := tx.Secret("recorder/collection/" + string(annID))
		if err != nil {
			return err
		}
		_, err = tx.Put(entity.ID(id), entity.Any, func(m *entity.Manifest) error {
			m.Properties["masking"] = []any{map[string]any{"name": "x", "pattern": "("}}
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before := p.main().Seq()
	for range 20 {
		if resp, body := p.send(t, "POST", "/proxy/"+annKey+"/a/openai/v1/chat/completions", `{}`); resp.StatusCode != 200 || body != `{"model":"m"}` {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
	}
	p.service.Flush()
	if p.main().Seq() != before {
		t.Error("it was recorded unmasked")
	}
	// And a server that records no more still forwards.
	if err := p.service.Close(); err != nil {
		t.Fatal(err)
	}
	if resp, _ := p.send(t, "POST", "/proxy/"+annKey+"/a/openai/v1/chat/completions", `{}`); resp.StatusCode != 200 {
		t.Error(resp.StatusCode)
	}
}

// A body past what is kept passes whole, and is marked as cut in the recording.
func TestProxyBound(t *testing.T) {
	p := newProxyRig(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	big := strings.Repeat("0123456789abcdef", 3<<20/16)
	resp, body := p.send(t, "POST", "/proxy/"+annKey+"/a/mine/v1/audio", big, "Content-Type", "audio/wav")
	if resp.StatusCode != 200 || body != big {
		t.Fatalf("%d, %d bytes of %d", resp.StatusCode, len(body), len(big))
	}
	d := p.recorded(t, 1)
	if at(d, "steps", 0, "partial") != "of the answer: it is longer than what is kept of a call" || fmt.Sprint(at(d, "steps", 0, "metadata", "response_bytes")) != fmt.Sprint(len(big)) {
		t.Errorf("%v", at(d, "steps", 0))
	}
	if sum := at(d, "steps", 0, "response", "sha256_of_kept"); sum == nil {
		t.Errorf("%v", at(d, "steps", 0, "response"))
	}
}

// What is encoded on its way is recorded plain, and passes as it is.
func TestProxyEncodings(t *testing.T) {
	const answer = `{"model":"gpt-4o","choices":[{"message":{"content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}`
	encode := map[string]func(io.Writer) io.WriteCloser{
		"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"br":   func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
	}
	n := 0
	for name, writer := range encode {
		var packed bytes.Buffer
		z := writer(&packed)
		fmt.Fprint(z, answer)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		p := newProxyRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", name)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(packed.Bytes())
		})
		resp, body := p.send(t, "POST", "/proxy/"+annKey+"/a/openai/v1/chat/completions", `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`, "Accept-Encoding", name)
		if body != packed.String() || resp.Header.Get("Content-Encoding") != name {
			t.Errorf("%s: %v %q", name, resp.Header, body)
		}
		d := p.recorded(t, 1)
		if d["output"] != "hello" || fmt.Sprint(d["total_tokens"]) != "15" || fmt.Sprint(d["total_cost_cents"]) != "0.0075" {
			t.Errorf("%s: %v", name, d)
		}
		n++
	}
}

// What is masked is masked in calls too, whole and in pieces.
func TestProxyMasks(t *testing.T) {
	p := newProxyRig(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte("stream")) {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"write to ann@sec\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ret.example\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
			return
		}
		fmt.Fprint(w, `{"model":"gpt-4o","choices":[{"message":{"content":"ann@secret.example","tool_calls":[{"id":"c","function":{"name":"t","arguments":"{\"to\":\"ann@secret.example\"}"}}]}}]}`)
	})
	p.must(t, 200, "PUT", "/api/monitoring/masking", `{"rules":[{"name":"mail","pattern":"email"},{"name":"text","path":"$.request.messages[*].name"}]}`, "X-Api-Key", annUser)
	for i, stream := range []string{"", `"stream":true,`} {
		p.clock.Advance(time.Second)
		p.send(t, "POST", "/proxy/"+annKey+"/a/openai/v1/chat/completions", `{"model":"gpt-4o",`+stream+`"messages":[{"role":"user","name":"Zelda","content":"ann@secret.example"}]}`)
		d := p.recorded(t, i+1)
		if at(d, "steps", 0, "request", "messages", 0, "name") != "[masked]" || d["input"] != "[masked]" || !strings.HasSuffix(d["output"].(string), "[masked]") {
			t.Errorf("%v", d)
		}
	}
	err := p.main().View(t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				b, err := r.Block(c.CID())
				if err != nil {
					return err
				}
				if bytes.Contains(b, []byte("secret.example")) || bytes.Contains(b, []byte("Zelda")) {
					t.Errorf("a block has it: %q", b)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A call may be a step of a run that the program keeps itself.
func TestProxyJoinsRun(t *testing.T) {
	p := newProxyRig(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"model":"gpt-4o","choices":[{"message":{"content":"x"}}]}`)
	})
	name := p.start(t)
	p.send(t, "POST", "/proxy/openai/v1/chat/completions", `{"model":"gpt-4o","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}]}`, "X-Api-Key", annKey, "X-Arkna-Run-Id", name, "Authorization", "Bearer "+theirKey)
	if p.last().header.Get("X-Arkna-Run-Id") != "" {
		t.Error("the header went on")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		seq := p.main().Seq()
		d := p.must(t, 200, "GET", "/api/monitoring/runs/"+name, "")
		if len(d["steps"].([]any)) == 1 {
			if at(d, "steps", 0, "output") != "x" || at(d, "context_packets", 0, "system_prompt") != "be brief" || d["status"] != "running" {
				t.Errorf("%v", d)
			}
			break
		}
		if err := p.main().Wait(ctx, seq); err != nil {
			t.Fatal(err)
		}
	}
	noSecrets(t, p)
}

func TestProxyTest(t *testing.T) {
	p := newProxyRig(t, func(w http.ResponseWriter, r *http.Request) {
		for _, key := range []string{r.Header.Get("Authorization"), r.Header.Get("X-Api-Key"), r.Header.Get("X-Goog-Api-Key")} {
			if strings.TrimPrefix(key, "Bearer ") == "good" {
				fmt.Fprint(w, `{}`)
				return
			}
		}
		w.WriteHeader(401)
	})
	for _, provider := range []string{"openai", "anthropic", "google", "openrouter", "mine"} {
		for key, want := range map[string]bool{"good": true, "bad": false} {
			p.clock.Advance(time.Minute)
			out := p.call("POST", "/proxy/test", `{"provider":"`+provider+`","apiKey":"`+key+`"}`, "X-Api-Key", "")
			if d := decode(t, out.Body.Bytes()); out.Code != 200 || d["success"] != want || d["provider"] != provider || want && d["message"] != "Connection verified" {
				t.Errorf("%s %s: %d %s", provider, key, out.Code, out.Body)
			}
		}
	}
	for _, body := range []string{`{}`, `{"provider":"openai"}`, `{"provider":"nobody","apiKey":"x"}`, `{"provider":"openai","apiKey":"a\nb"}`, `{"provider":1,"apiKey":"x"}`} {
		if out := p.call("POST", "/proxy/test", body); out.Code != 400 {
			t.Errorf("%s: %d %s", body, out.Code, out.Body)
		} else {
			checkError(t, body, out)
		}
	}
	limited := false
	for range 40 {
		limited = limited || p.call("POST", "/proxy/test", `{"provider":"openai","apiKey":"bad"}`).Code == 429
	}
	if !limited {
		t.Error("keys can be tried without end")
	}
}

func TestParseProvider(t *testing.T) {
	for _, bad := range []string{"", "x", "=http://a", "a/b=http://a", "x=ftp://a", "x=http://", "x=klingon+http://a", "x=http://u:p@a", "x=http://a?b", "test=http://a"} {
		if p, err := recorder.ParseProvider(bad); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Errorf("%q: %+v %v", bad, p, err)
		}
	}
	p, err := recorder.ParseProvider("groq=anthropic+https://api.groq.com/openai/")
	if err != nil || p.Base != "https://api.groq.com/openai" || p.Dialect != "anthropic" {
		t.Errorf("%+v %v", p, err)
	}
}
