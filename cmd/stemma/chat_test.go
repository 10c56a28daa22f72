package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestChatSettings(t *testing.T) {
	for name, c := range map[string]struct {
		flags chatFlags
		good  bool
	}{
		"nothing":           {chatFlags{}, true},
		"everything":        {chatFlags{ChatURL: "https://a/v1", ChatKey: "k", ChatModel: "m", ChatContext: 1000, ChatStorage: 1}, true},
		"no model":          {chatFlags{ChatURL: "https://a/v1"}, false},
		"no URL":            {chatFlags{ChatModel: "m"}, false},
		"a URL of files":    {chatFlags{ChatURL: "file:///a", ChatModel: "m"}, false},
		"less than nothing": {chatFlags{ChatContext: -1}, false},
	} {
		if err := c.flags.check(); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The server joins it all: the model of the settings answers, with the key.
func TestServerChats(t *testing.T) {
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":%q},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", r.Header.Get("Authorization"))
	}))
	defer model.Close()
	o := serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), noSearch: true, chat: chatFlags{ChatURL: model.URL + "/v1", ChatModel: "m", ChatKey: "secret"}}
	s, err := openServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := askHandler(s.handler, "POST", "/chat", `{"messages":[{"id":"1","role":"user","content":"hello"}]}`, testKey)
	if out.Code != http.StatusOK || !strings.Contains(out.Body.String(), `"delta":"Bearer secret"`) || !strings.HasSuffix(out.Body.String(), "data: [DONE]\n\n") {
		t.Errorf("%d %s", out.Code, out.Body)
	}
}

// A chat that was begun with one server goes on with another one over the same
// directory: the model is told all that was said, with what it was answered when it
// compared two versions.
func TestChatGoesOnElsewhere(t *testing.T) {
	var note struct{ ID, CID string }
	var asked []string
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, string(body))
		delta, finish := `{"content":"it was one"}`, "stop"
		if len(asked) == 1 {
			finish = "tool_calls"
			delta = fmt.Sprintf(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"diff","arguments":%q}}]}`, fmt.Sprintf(`{"id":%q}`, note.ID))
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":%s,\"finish_reason\":%q}]}\n\ndata: [DONE]\n\n", delta, finish)
	}))
	defer model.Close()
	o := serverOptions{data: t.TempDir(), chat: chatFlags{ChatURL: model.URL + "/v1", ChatModel: "m"}}
	const chatID = "11111111-1111-4111-8111-111111111111"
	say := func(s *server, id, text string) string {
		body := fmt.Sprintf(`{"messages":[{"id":%q,"role":"user","content":%q}]}`, id, text)
		out := askHandler(s.handler, "POST", "/chat", body, testKey, "X-Chat-ID", chatID)
		if out.Code != http.StatusOK {
			t.Fatal(out.Code, out.Body)
		}
		return out.Body.String()
	}
	first := openAttested(t, o)
	out := askHandler(first.handler, "POST", "/entities", `{"type":"note","properties":{"label":"one"}}`, testKey)
	if err := json.Unmarshal(out.Body.Bytes(), &note); err != nil {
		t.Fatal(err)
	}
	if out := askHandler(first.handler, "PUT", "/entities/"+note.ID, `{"expect_tip":"`+note.CID+`","properties":{"label":"two"}}`, testKey); out.Code != http.StatusOK {
		t.Fatal(out.Body)
	}
	if said := say(first, "1", "what changed?"); !strings.Contains(said, `"toolName":"diff"`) || !strings.Contains(said, "it was one") {
		t.Error(said)
	}
	closeServer(t, first)
	second := openAttested(t, o)
	defer closeServer(t, second)
	say(second, "2", "and before?")
	if len(asked) != 3 {
		t.Fatalf("the model was asked %d times", len(asked))
	}
	for _, part := range []string{"what changed?", `\"from\":\"one\",\"to\":\"two\"`, "it was one", "and before?"} {
		if !strings.Contains(asked[2], part) {
			t.Errorf("the model is not told %s: %s", part, asked[2])
		}
	}
}
