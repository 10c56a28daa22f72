package wire

import (
	"net/http"
	"strings"
	"testing"

	"stemma/entity"
)

// Where no operation matches, the error is rendered by the view whose operations
// alone lie below the longest beginning of the path, also for a method that is not
// served; where views share it, as the router does.
func TestUnmatchedIsTheViews(t *testing.T) {
	view := func(name string) ErrorBody {
		return func(*entity.Error, int, string, string) any { return map[string]string{"view": name} }
	}
	one, two := view("one"), view("two")
	var ops []Operation
	for _, o := range []struct {
		path string
		body ErrorBody
	}{
		{"/api/runs", one}, {"/api/runs/{id}", one}, {"/api/runs/{id}/steps", one}, {"/proxy/{key}/{path}", one}, {"/v1/portal/x", two}, {"/v1/chat", one}, {"/entities/{id}", nil},
	} {
		ops = append(ops, Handle(Operation{Method: "GET", Path: o.path, ID: "op" + o.path, ErrorBody: o.body}, http.NotFoundHandler()))
	}
	h := New(Options{Ops: ops})
	for path, want := range map[string]string{
		"/api": "one", "/api/": "one", "/api/nothing": "one", "/api/nothing/at/all": "one", "/api/runs/7/what": "one", "/proxy": "one", "/proxy/k": "one", "/api%2Fnothing": "one",
		"/v1": "", "/v1/nothing": "", "/v1/portal": "two", "/v1/portal/y": "two", "/v1/chat/x": "one", "/": "", "/nothing": "", "/entities": "", "/entities/7/8": "", "/apis": "",
	} {
		out := call(h, "GET", path, "")
		if got := strings.Contains(out.Body.String(), `"view"`); out.Code != http.StatusNotFound || got != (want != "") || want != "" && !strings.Contains(out.Body.String(), want) {
			t.Errorf("GET %s: %d %s; want a 404 by %q", path, out.Code, out.Body, want)
		}
	}
	if out := call(h, "PUT", "/api/runs", "{}"); out.Code != http.StatusMethodNotAllowed || !strings.Contains(out.Body.String(), `"one"`) {
		t.Errorf("PUT: %d %s", out.Code, out.Body)
	}
	if out := call(h, "PUT", "/entities/7", "{}"); out.Code != http.StatusMethodNotAllowed || !strings.Contains(out.Body.String(), `METHOD_NOT_ALLOWED`) {
		t.Errorf("PUT: %d %s", out.Code, out.Body)
	}
}
