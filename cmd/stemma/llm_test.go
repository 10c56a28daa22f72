package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stemma/api/llm/llmtest"
)

func askModel(s *server, key, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://stemma/v1/chat/completions", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+key)
	out := httptest.NewRecorder()
	s.handler.ServeHTTP(out, r)
	return out
}

// The first start with --llm-url makes an agent and tells its clients' key; it
// holds after a start, which tells none; what was said and sealed is still there,
// and the run is written down before the server has ended.
func TestFirstAgent(t *testing.T) {
	up := llmtest.New(t, llmtest.Say("Hello, you."))
	o := serverOptions{data: t.TempDir(), bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, cacheBytes: 1 << 20,
		llm: llmFlags{LLM: up.URL + "/v1", LLMKind: "openai", LLMModel: "m-1", LLMKey: "sk-flag"}}
	s, err := openServer(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	s.llm.greet(&told, "127.0.0.1:8080")
	key := regexp.MustCompile(`loom_sk_[A-Za-z0-9_-]{32}`).FindString(told.String())
	out := askModel(s, key, `{"messages":[{"role":"user","content":"One"}],"conversation_id":"c"}`)
	if out.Code != http.StatusOK || !strings.Contains(out.Body.String(), "Hello, you.") || up.Last().Header.Get("Authorization") != "Bearer sk-flag" {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
	before := s.stores[0].Seq()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(o.data, "master.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("master.key: %v, %v", info, err)
	}
	if s, err = openServer(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.stores[0].Seq() <= before {
		t.Error("the run was not written before the end")
	}
	told.Reset()
	if s.llm.greet(&told, "x"); told.Len() > 0 {
		t.Errorf("a second start tells %s", &told)
	}
	out = askModel(s, key, `{"messages":[{"role":"user","content":"Two"}],"conversation_id":"c"}`)
	if out.Code != http.StatusOK || !strings.Contains(string(up.Last().Body), `"content":"One"`) {
		t.Errorf("%d %s; the provider is sent %s", out.Code, out.Body, up.Last().Body)
	}
}

// Settings that cannot be are refused before anything is opened.
func TestLLMFlags(t *testing.T) {
	for name, c := range map[string]struct {
		flags llmFlags
		says  string
	}{
		"nothing":            {llmFlags{LLMKind: "openai"}, ""},
		"the built-in model": {llmFlags{LLM: "extract", LLMKind: "openai"}, ""},
		"a provider":         {llmFlags{LLM: "http://127.0.0.1:1/v1", LLMKind: "openai", LLMModel: "m"}, ""},
		"a key alone":        {llmFlags{LLMKind: "openai", LLMKey: "k"}, "need --llm-url"},
		"no model":           {llmFlags{LLM: "http://a/v1", LLMKind: "openai"}, "needs --llm-model"},
		"no URL":             {llmFlags{LLM: "ollama", LLMKind: "openai", LLMModel: "m"}, "must be a URL"},
		"a short master key": {llmFlags{LLMKind: "openai", MasterKey: "00"}, "64 hexadecimal digits"},
	} {
		err := c.flags.check()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
