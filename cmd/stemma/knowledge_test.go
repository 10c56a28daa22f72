package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func portalCall(s *server, key, method, path, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://stemma/v1/portal"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	out := httptest.NewRecorder()
	s.handler.ServeHTTP(out, r)
	return out
}

// The first user's key opens the portal as the owner of the tenant that the first
// start with --llm-url has made.
func TestFirstUserOwnsTheFirstTenant(t *testing.T) {
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, cacheBytes: 1 << 20, llm: llmFlags{LLM: builtInLLM}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := portalCall(s, testKey, "GET", "/me", "", "")
	if body := out.Body.String(); out.Code != http.StatusOK || !strings.Contains(body, `"role":"owner"`) || !strings.Contains(body, `"name":"Default"`) || !strings.Contains(body, `"name":"Assistant"`) {
		t.Errorf("%d %s", out.Code, out.Body)
	}
}
