package wire

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

// A read-only router refuses what may write, before it looks at the caller or
// the body, and answers everything else.
func TestReadOnly(t *testing.T) {
	ran := ""
	op := func(method, path string, reads bool) Operation {
		return Op(Operation{Method: method, Path: path, ID: method + path, Auth: AuthOptional, Reads: reads}, func(context.Context, *struct{}) (*Reply, error) {
			ran = method + " " + path
			return NoContent(), nil
		})
	}
	raw := Handle(Operation{Method: "POST", Path: "/raw", ID: "raw"}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = "POST /raw" }))
	ops := []Operation{
		op("GET", "/things", false), op("POST", "/things", false), op("PUT", "/things", false), op("PATCH", "/things", false),
		op("DELETE", "/things", false), op("POST", "/query", true), raw,
	}
	why := "this is a read-only mirror of https://stemma.example; write there"
	h := New(Options{Ops: ops, ReadOnly: why, Authenticate: authenticate})
	for _, row := range []struct {
		method, path string
		refused      bool
	}{
		{"GET", "/things", false}, {"HEAD", "/things", false}, {"POST", "/query", false},
		{"POST", "/things", true}, {"PUT", "/things", true}, {"PATCH", "/things", true}, {"DELETE", "/things", true}, {"POST", "/raw", true},
	} {
		for _, credential := range []string{"Bearer ann", "nonsense"} {
			ran = ""
			w := call(h, row.method, row.path, "", "Authorization", credential)
			switch {
			case row.refused && (w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), why) || ran != ""):
				t.Errorf("%s %s: status %d, ran %q: %s", row.method, row.path, w.Code, ran, w.Body)
			case !row.refused && credential == "Bearer ann" && (w.Code != http.StatusNoContent || ran == ""):
				t.Errorf("%s %s: status %d, ran %q: %s", row.method, row.path, w.Code, ran, w.Body)
			}
		}
	}
	if w := call(h, "POST", "/nowhere", ""); w.Code != http.StatusNotFound {
		t.Errorf("what is not there: status %d", w.Code)
	}
}
