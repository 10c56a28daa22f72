package wire

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// What is not there is told in the words of the view that it would be in.
func TestAreas(t *testing.T) {
	own := func(path string, body ErrorBody) Operation {
		op := whoami(AuthNone)
		op.Path, op.ErrorBody = path, body
		return op
	}
	h := New(Options{Ops: []Operation{
		own("/v1/portal/agents/{id}", OpenAIError), own("/v1/chat", OpenAIError), own("/{other}/x", OpenAIError), own("/api/runs", OpenAIError), own("/api/keys/all", nil), own("/things", nil),
	}})
	for path, openAI := range map[string]bool{
		"/v1/nothing": true, "/v1": true, "/v1/portal/agents/1/2": true, "/v1/": true, "/v1//x": true, "/v2/y": false, "/things/1": false,
		"/api/nothing": false, "/api/runs/1": true, "/api/keys/none": false, "/": false, "//": false,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if got := strings.HasPrefix(w.Body.String(), `{"error":{"code":"not_found"`); w.Code != 404 || got != openAI {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/chat", nil))
	if w.Code != 405 || !strings.HasPrefix(w.Body.String(), `{"error":{"code":"method_not_allowed"`) || w.Header().Get("Allow") == "" {
		t.Error(w.Code, w.Body, w.Header())
	}
}
