package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stemma/api"
	"stemma/api/wire"
	"stemma/entity"
)

// view is a table of one row.
type view struct{}

func (view) Operations() []wire.Operation {
	return []wire.Operation{wire.Handle(wire.Operation{
		Method: "GET", Path: "/things/{id}", ID: "getThing", Tag: "Things", Summary: "Get a thing", Success: []wire.Success{{Status: 200}},
	}, http.NotFoundHandler())}
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

// What is served is what the documents list, those themselves included.
func TestDocumentsListTheTable(t *testing.T) {
	var broken error
	ops := api.Operations(api.System{Ready: func() error { return broken }, Metrics: http.NotFoundHandler()}, view{})
	h := wire.New(wire.Options{Ops: ops})
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	if err := json.Unmarshal(get(t, h, "/openapi.json").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	reference := get(t, h, "/ops-reference").Body.String()
	for _, op := range ops {
		if doc.Paths[op.Path][strings.ToLower(op.Method)] == nil {
			t.Errorf("the OpenAPI document lacks %s %s", op.Method, op.Path)
		}
		if !strings.Contains(reference, op.Method+" "+op.Path) {
			t.Errorf("the reference lacks %s %s", op.Method, op.Path)
		}
	}
	if doc.OpenAPI[:4] != "3.1." {
		t.Errorf("version %s", doc.OpenAPI)
	}
	if got := get(t, h, "/healthz").Code; got != 200 {
		t.Errorf("healthz: %d", got)
	}
	if got := get(t, h, "/readyz").Code; got != 200 {
		t.Errorf("readyz: %d", got)
	}
	broken = entity.Errorf(entity.KindUnavailable, "test", "the disk is gone")
	if got := get(t, h, "/readyz"); got.Code != 503 || !strings.Contains(got.Body.String(), "the disk is gone") {
		t.Errorf("readyz of a broken server: %d %s", got.Code, got.Body)
	}
}
