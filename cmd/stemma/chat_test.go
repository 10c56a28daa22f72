package main

import (
	"fmt"
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
