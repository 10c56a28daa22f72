package provider_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/api/provider"
	"stemma/entity"
)

// scripted is a provider that answers as the test says, and a client of it whose
// waits cost nothing.
func scripted(t *testing.T, o provider.Options, answer http.HandlerFunc) (*provider.Client, *[]time.Duration) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	waits := &[]time.Duration{}
	o.BaseURL, o.Key, o.Model = server.URL+"/v1", "secret", "m-1"
	o.Sleep = func(ctx context.Context, d time.Duration) error { *waits = append(*waits, d); return ctx.Err() }
	o.Jitter = func(d time.Duration) time.Duration { return d }
	c, err := provider.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, waits
}

// chunks writes an event stream.
func chunks(w http.ResponseWriter, data ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, d := range data {
		fmt.Fprintf(w, "data: %s\n\n", d)
	}
}

func delta(d string) string { return `{"choices":[{"index":0,"delta":` + d + `}]}` }

const stop = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`

func ask(ctx context.Context, c *provider.Client) (provider.Answer, []string, error) {
	var told []string
	a, err := c.Stream(ctx, provider.Request{Messages: []provider.Message{{Role: provider.User, Text: "hi"}}}, func(e provider.Event) error {
		told = append(told, fmt.Sprintf("%d %d %s%s %s", e.Kind, e.Index, e.ID, e.Name, e.Text))
		return nil
	})
	return a, told, err
}

func TestStreamAsks(t *testing.T) {
	var got map[string]any
	c, _ := scripted(t, provider.Options{}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &got); err != nil || r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s %v %s", r.URL, r.Header, body)
		}
		chunks(w, stop, "[DONE]")
	})
	_, err := c.Stream(t.Context(), provider.Request{
		Messages: []provider.Message{
			{Role: provider.System, Text: "be short"}, {Role: provider.User, Text: "hi"},
			{Role: provider.Assistant, Calls: []provider.Call{{ID: "c1", Name: "look", Arguments: `{"q":1}`}}}, {Role: provider.ToolRole, CallID: "c1", Text: "{}"},
		},
		Tools: []provider.Tool{{Name: "look", Description: "looks", Parameters: json.RawMessage(`{"type":"object"}`)}}, NoCalls: true,
	}, func(provider.Event) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	want := `{"messages":[{"content":"be short","role":"system"},{"content":"hi","role":"user"},{"content":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{\"q\":1}","name":"look"},"id":"c1","type":"function"}]},{"content":"{}","role":"tool","tool_call_id":"c1"}],"model":"m-1","stream":true,"stream_options":{"include_usage":true},"tool_choice":"none","tools":[{"function":{"description":"looks","name":"look","parameters":{"type":"object"}},"type":"function"}]}`
	if text, _ := json.Marshal(got); string(text) != want {
		t.Errorf("sent\n%s\nwant\n%s", text, want)
	}
}

func TestStreamTellsAndCollects(t *testing.T) {
	for name, c := range map[string]struct {
		data   []string
		told   []string
		answer provider.Answer
	}{
		"text, with the usage behind it": {
			[]string{delta(`{"role":"assistant","content":""}`), delta(`{"content":"Hé"}`), delta(`{"content":"llo"}`), stop, `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}`, "[DONE]"},
			[]string{"1 0  Hé", "1 0  llo"},
			provider.Answer{Text: "Héllo", Finish: provider.FinishStop, Usage: provider.Usage{Input: 3, Output: 2}},
		},
		"two calls, in pieces and mixed": {
			[]string{
				delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":""}}]}`), delta(`{"tool_calls":[{"index":1,"id":"b","function":{"name":"y","arguments":"{\"q\""}}]}`),
				delta(`{"tool_calls":[{"index":0,"function":{"arguments":"{}"}},{"index":1,"function":{"arguments":":1}"}}]}`), `{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}`, "[DONE]",
			},
			[]string{"3 0 ax ", "3 1 by ", `4 1  {"q"`, "4 0  {}", "4 1  :1}"},
			provider.Answer{Calls: []provider.Call{{ID: "a", Name: "x", Arguments: "{}"}, {ID: "b", Name: "y", Arguments: `{"q":1}`}}, Finish: provider.FinishCalls},
		},
		"two calls without an index, and stop for a reason": {
			[]string{delta(`{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{}"}},{"id":"b","function":{"name":"y","arguments":"{}"}}]}`), stop, "[DONE]"},
			[]string{"3 0 ax ", "4 0  {}", "3 1 by ", "4 1  {}"},
			provider.Answer{Calls: []provider.Call{{ID: "a", Name: "x", Arguments: "{}"}, {ID: "b", Name: "y", Arguments: "{}"}}, Finish: provider.FinishCalls},
		},
		"thoughts, and an end without DONE": {
			[]string{delta(`{"reasoning_content":"hm"}`), delta(`{"content":"yes"}`), `{"choices":[{"delta":{},"finish_reason":"odd"}]}`},
			[]string{"2 0  hm", "1 0  yes"},
			provider.Answer{Text: "yes", Finish: provider.FinishUnknown},
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, _ := scripted(t, provider.Options{}, func(w http.ResponseWriter, _ *http.Request) { chunks(w, c.data...) })
			a, told, err := ask(t.Context(), client)
			if err != nil || !slices.Equal(told, c.told) || fmt.Sprint(a) != fmt.Sprint(c.answer) {
				t.Errorf("%+v %q %v", a, told, err)
			}
		})
	}
}

// What goes wrong after the first byte is told at once, with what had come.
func TestStreamBreaks(t *testing.T) {
	var many []string
	for i := range 65 {
		many = append(many, delta(fmt.Sprintf(`{"tool_calls":[{"index":%d}]}`, i)))
	}
	for name, c := range map[string]struct {
		data []string
		kind entity.Kind
	}{
		"an error in the stream": {[]string{delta(`{"content":"so"}`), `{"error":{"message":"overloaded"}}`}, entity.KindUnavailable},
		"broken off":             {[]string{delta(`{"content":"so"}`)}, entity.KindUnavailable},
		"no JSON":                {[]string{delta(`{"content":"so"}`), "nonsense"}, entity.KindInternal},
		"another shape":          {[]string{delta(`{"content":"so"}`), `{"choices":7}`}, entity.KindInternal},
		"too much":               {[]string{delta(`{"content":"so"}`), delta(`{"content":"` + strings.Repeat("x", 2000) + `"}`)}, entity.KindInternal},
		"too many calls":         {append([]string{delta(`{"content":"so"}`)}, many...), entity.KindInternal},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			client, _ := scripted(t, provider.Options{MaxAnswer: 1000}, func(w http.ResponseWriter, _ *http.Request) { asked++; chunks(w, c.data...) })
			a, _, err := ask(t.Context(), client)
			if entity.KindOf(err) != c.kind || err == nil || !strings.HasPrefix(a.Text, "so") || asked != 1 {
				t.Errorf("%+v, %v, asked %d times", a, err, asked)
			}
		})
	}
}

func TestStreamTriesAgainBeforeTheFirstByte(t *testing.T) {
	statuses := []int{429, 503, 200}
	c, waits := scripted(t, provider.Options{Tries: 3}, func(w http.ResponseWriter, _ *http.Request) {
		status := statuses[0]
		statuses = statuses[1:]
		if status != 200 {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			return
		}
		chunks(w, stop, "[DONE]")
	})
	if _, _, err := ask(t.Context(), c); err != nil || !slices.Equal(*waits, []time.Duration{7 * time.Second, 7 * time.Second}) {
		t.Errorf("%v, waited %v", err, *waits)
	}
	for status, kind := range map[int]entity.Kind{
		400: entity.KindInvalid, 413: entity.KindInvalid, 401: entity.KindUnavailable, 404: entity.KindUnavailable, 302: entity.KindUnavailable, 429: entity.KindRateLimited, 500: entity.KindUnavailable,
	} {
		asked := 0
		c, _ := scripted(t, provider.Options{Tries: 2}, func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.Header().Set("Location", "http://192.0.2.1/")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "the reason, and no secret")
		})
		want := 1
		if status == 429 || status == 500 {
			want = 2
		}
		_, _, err := ask(t.Context(), c)
		var e *entity.Error
		if !errors.As(err, &e) || e.Kind != kind || asked != want || strings.Contains(e.Message, "reason") || !strings.Contains(err.Error(), "the reason") {
			t.Errorf("%d: %v, asked %d times", status, err, asked)
		}
	}
}

// A provider that says nothing is given up, and one whose caller is gone is told
// so: its request ends.
func TestStreamEnds(t *testing.T) {
	for name, c := range map[string]struct {
		options provider.Options
		first   bool // something comes before the silence
		kind    entity.Kind
	}{
		"silent from the start": {provider.Options{Silence: time.Millisecond}, false, entity.KindTimeout},
		"silent after a while":  {provider.Options{Silence: 50 * time.Millisecond}, true, entity.KindTimeout},
		"given up":              {provider.Options{}, true, entity.KindCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{}, 1)
			client, _ := scripted(t, c.options, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if c.first {
					chunks(w, delta(`{"content":"so"}`))
					w.(http.Flusher).Flush()
				}
				<-r.Context().Done()
				ended <- struct{}{}
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := client.Stream(ctx, provider.Request{}, func(provider.Event) error {
				if c.kind == entity.KindCanceled {
					cancel()
				}
				return nil
			})
			if err == nil || entity.KindOf(err) != c.kind {
				t.Error(err)
			}
			if c.first {
				<-ended
			}
		})
	}
}

// What the caller cannot take ends the stream with the caller's error.
func TestStreamHandsBackTheCallersError(t *testing.T) {
	mine := errors.New("mine")
	c, _ := scripted(t, provider.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		chunks(w, delta(`{"content":"a"}`), delta(`{"content":"b"}`), stop)
	})
	told := 0
	a, err := c.Stream(t.Context(), provider.Request{}, func(provider.Event) error { told++; return mine })
	if !errors.Is(err, mine) || told != 1 || a.Text != "a" {
		t.Errorf("%+v %v, told %d times", a, err, told)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]provider.Options{
		"nothing": {}, "no model": {BaseURL: "https://x/v1"}, "no scheme": {BaseURL: "x/v1", Model: "m"}, "a file": {BaseURL: "file:///x", Model: "m"},
		"a password": {BaseURL: "https://a:b@x", Model: "m"}, "a query": {BaseURL: "https://x/v1?key=1", Model: "m"},
	} {
		if _, err := provider.New(o); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// transport answers from memory.
type transport []byte

func (tr transport) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(strings.NewReader(string(tr)))}, nil
}

// Whatever a provider sends: no panic, an answer that is what was told, and
// within its bound.
func FuzzStream(f *testing.F) {
	for _, s := range []string{
		"data: " + delta(`{"content":"a"}`) + "\n\ndata: [DONE]\n\n", "data:" + stop, ": hi\r\ndata: {\r\ndata: }\r\n\r\n", "data: " + delta(`{"tool_calls":[{"index":9,"id":"a","function":{"name":"n","arguments":"{"}}]}`) + "\n\n",
		"data: {\"error\":1}\n\n", "event: x\nid: 1\ndata\n\n", "data: " + delta(`{"content":"\ud800"}`) + "\n\n" + stop,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := provider.New(provider.Options{BaseURL: "http://x", Model: "m", Transport: transport(body), MaxAnswer: 1 << 10})
		if err != nil {
			t.Fatal(err)
		}
		var text string
		calls := map[int]string{}
		a, err := c.Stream(t.Context(), provider.Request{}, func(e provider.Event) error {
			switch e.Kind {
			case provider.TextDelta:
				text += e.Text
			case provider.CallDelta:
				calls[e.Index] += e.Text
			}
			return nil
		})
		if err == nil && a.Finish == "" || len(text) > 1<<10 {
			t.Errorf("%+v, %v", a, err)
		}
		if err == nil && a.Text != text {
			t.Errorf("told %q, answered %q", text, a.Text)
		}
		for i, call := range a.Calls {
			if err == nil && call.Arguments != calls[i] {
				t.Errorf("call %d: told %q, answered %q", i, calls[i], call.Arguments)
			}
		}
	})
}
