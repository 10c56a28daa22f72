package native_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stemma/api/provider"
)

// asked is what a model is asked, in OpenAI's wire format.
type asked struct {
	Messages []struct {
		Role    string
		Content string
		Calls   []any  `json:"tool_calls"`
		CallID  string `json:"tool_call_id"`
	}
	Tools []struct {
		Function struct {
			Name       string
			Parameters json.RawMessage
		}
	}
	Choice string `json:"tool_choice"`
}

func (a *asked) last() (role, content string) {
	m := a.Messages[len(a.Messages)-1]
	return m.Role, m.Content
}

// chatty is a language model behind OpenAI's wire format that does as it is told:
// "call NAME INPUT", a line for each call, makes it call tools, and then it says
// what came of it; "count" is answered with the number of messages, "break" with an
// error half way, and "hang" half, until nobody listens. Else it says what it was
// told.
func chatty(w http.ResponseWriter, r *http.Request) {
	var a asked
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	role, said := a.last()
	w.Header().Set("Content-Type", "text/event-stream")
	if role == "tool" {
		say(w, "It gave ", fmt.Sprintf("%.120s", said))
		return
	}
	switch {
	case said == "count":
		say(w, fmt.Sprint(len(a.Messages)))
		return
	case strings.HasPrefix(said, "break"):
		send(w, `{"choices":[{"delta":{"content":"So far"}}]}`)
		send(w, `{"error":{"message":"overloaded"}}`)
		return
	case strings.HasPrefix(said, "hang"):
		send(w, `{"choices":[{"delta":{"content":"So far"}}]}`)
		<-r.Context().Done()
		return
	}
	for i, line := range strings.Split(said, "\n") {
		words := strings.SplitN(line, " ", 3)
		if words[0] != "call" || len(words) < 3 {
			say(w, "You said ", said)
			return
		}
		begin, rest := words[2][:len(words[2])/2], words[2][len(words[2])/2:]
		send(w, `{"choices":[{"delta":{"tool_calls":[{"index":%d,"id":"call_%d_%d","type":"function","function":{"name":%q,"arguments":""}}]}}]}`, i, len(a.Messages), i, words[1])
		send(w, `{"choices":[{"delta":{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}}]}`, i, quoted(begin))
		send(w, `{"choices":[{"delta":{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}}]}`, i, quoted(rest))
	}
	send(w, `{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}`)
	finish(w)
}

func say(w http.ResponseWriter, pieces ...string) {
	for _, p := range pieces {
		send(w, `{"choices":[{"delta":{"content":%s}}]}`, quoted(p))
	}
	send(w, `{"choices":[{"delta":{},"finish_reason":"stop"}]}`)
	finish(w)
}

func finish(w http.ResponseWriter) {
	send(w, `{"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":10}}`)
	send(w, "[DONE]")
}

func send(w http.ResponseWriter, format string, args ...any) {
	fmt.Fprintf(w, "data: "+format+"\n\n", args...)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// near is a transport to a handler without a network.
type near http.HandlerFunc

func (n near) RoundTrip(r *http.Request) (*http.Response, error) {
	out := httptest.NewRecorder()
	n(out, r)
	return out.Result(), nil
}

// far is a transport to a server, whatever the URL says.
type far string

func (f far) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = strings.TrimPrefix(string(f), "http://")
	return http.DefaultTransport.RoundTrip(r)
}

// chattyModel is the real client of a model that the transport leads to.
func chattyModel(to http.RoundTripper) (*provider.Client, error) {
	if to == nil {
		to = near(chatty)
	}
	return provider.New(provider.Options{BaseURL: "http://model.example/v1", Model: "chatty", Transport: to, Tries: 1})
}

const chatName = "0b4e2f9a-7c1d-4e5f-8a6b-1c2d3e4f5a6b"

// chatFixture makes a chat of the owner: $chat is its entity, $pending another in
// which the call $call waits for the answer $question in the message $answer.
func chatFixture(t *testing.T, w *rig, vars map[string]string) {
	t.Helper()
	w.chats++
	vars["chat"] = w.chat(t, fmt.Sprintf("%08x-1111-4111-8111-111111111111", w.chats), ownerKey, "hello")
	vars["pending"] = fmt.Sprintf("%08x-2222-4222-8222-222222222222", w.chats)
	w.chat(t, vars["pending"], ownerKey, `call create_entity {"type":"note"}`)
	m := at(w.must(t, 200, "GET", "/chat/sessions/"+vars["pending"], nil), "messages", 1)
	vars["answer"] = at(m, "id").(string)
	vars["call"] = at(m, "parts", 1, "toolCallId").(string)
	vars["question"] = at(m, "parts", 1, "approval", "id").(string)
}

// chat says something in somebody's chat and gives its entity.
func (w *rig) chat(t *testing.T, name, key, text string) string {
	t.Helper()
	out := w.tell(name, key, said("m-"+text[:3], text))
	if out.Code != http.StatusOK {
		t.Fatalf("%d: %s", out.Code, out.Body)
	}
	session := w.call("GET", "/chat/sessions/"+name, "", "Authorization", "ApiKey "+key)
	return decode(t, session.Body.Bytes())["entityId"].(string)
}

// said is the body of a request with a user's message.
func said(id, text string) string {
	return `{"messages":[{"id":` + quoted(id) + `,"role":"user","parts":[{"type":"text","text":` + quoted(text) + `}]}]}`
}

func (w *rig) tell(name, key, body string) *httptest.ResponseRecorder {
	return w.call("POST", "/chat", body, "Authorization", "ApiKey "+key, "X-Chat-ID", name)
}

// frames are the frames of an answer.
func frames(t *testing.T, body string) (out []object) {
	t.Helper()
	for event := range strings.SplitSeq(strings.TrimRight(body, "\n"), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok {
			t.Fatalf("no frame: %q", event)
		}
		if data != "[DONE]" {
			out = append(out, decode(t, []byte(data)))
		}
	}
	if !strings.HasSuffix(body, "data: [DONE]\n\n") {
		t.Errorf("the stream does not end: %q", body)
	}
	return out
}

// types are the types of frames, in order.
func types(frames []object) string {
	var out []string
	for _, f := range frames {
		out = append(out, f["type"].(string))
	}
	return strings.Join(out, " ")
}
