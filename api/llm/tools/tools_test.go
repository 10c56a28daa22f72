package tools

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A token goes to the host that it is for, whatever that host answers.
func TestTokenStays(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was called, with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	set := New(Options{}).Open(t.Context(), []Endpoint{{Name: "calendar", URL: server.URL, Token: "secret"}}, nil)
	if asked == 0 || len(set.Failed) != 1 || len(set.Tools) != 0 {
		t.Errorf("asked %d times; failed: %v; tools: %v", asked, set.Failed, set.Tools)
	}
	if err := set.Close(); err != nil {
		t.Error(err)
	}
}
