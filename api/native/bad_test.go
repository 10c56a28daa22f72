package native_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"stemma/api/wire"
	"stemma/api/wire/wiretest"
	"stemma/entity"
)

// fault is one bad request to an operation and the status of its answer. What
// is left empty is as in the operation's good request.
type fault struct {
	name    string
	path    string // with the query
	body    string
	stream  io.Reader // sent in place of body, of unknown length
	length  int64     // claimed in place of the body's
	headers []string  // key, value, key, value; an empty value takes one away
	status  int
}

// badRow is what the table has for one operation: a request that is answered
// well, from which faults are made for every operation alike, and the faults
// that only this one can meet. Variables are those of fixture.
type badRow struct {
	path, body string
	headers    []string                                  // of the good request, as those of a fault
	status     int                                       // of the good request; 0: 200
	before     func(*testing.T, *rig, map[string]string) // makes more variables than fixture; nil: none
	faults     []fault
}

// Every operation has a row, every row an operation; every bad request is
// answered with its status and an error in the documented shape, and leaves
// both logs as they were.
func TestBadInput(t *testing.T) {
	w := newRig(t, rigOptions{})
	doc := wiretest.Describe(t, w.ops)
	rows := badRows()
	for i := range w.ops {
		op := &w.ops[i]
		row, ok := rows[op.ID]
		if !ok {
			t.Errorf("%s has no row in the table of bad input", op.ID)
			continue
		}
		delete(rows, op.ID)
		t.Run(op.ID, func(t *testing.T) { w.tryRow(t, doc, op, row) })
	}
	for id := range rows {
		t.Errorf("the row %s has no operation", id)
	}
}

func (w *rig) tryRow(t *testing.T, doc *wiretest.Described, op *wire.Operation, row badRow) {
	vars := fixture(t, w)
	if row.before != nil {
		row.before(t, w, vars)
	}
	row.path, row.body, row.headers = fill(vars, row.path), fill(vars, row.body), slices.Clone(row.headers)
	for i := range row.headers {
		row.headers[i] = fill(vars, row.headers[i])
	}
	faults := slices.Concat(row.faults, authFaults(op))
	for _, f := range doc.Faults(t, op, row.path, row.body) {
		faults = append(faults, fault{name: f.Name, path: f.Path, body: f.Body, headers: f.Headers, status: f.Status})
	}
	if row.body != "" && op.MaxBody >= 0 { // an upload is no JSON
		faults = append(faults, bodyFaults(op)...)
	}
	before := w.seqs()
	for _, f := range faults {
		out := w.try(op, row, f, vars)
		checkFault(t, f, out)
		if now := w.seqs(); now != before {
			t.Fatalf("%s: the logs went from %d to %d", f.name, before, now)
		}
	}
	want := max(row.status, http.StatusOK)
	if out := w.call(op.Method, row.path, row.body, row.headers...); out.Code != want {
		t.Errorf("the good request is answered with %d, not %d: %s", out.Code, want, out.Body)
	}
}

// try sends the good request with the fault in it.
func (w *rig) try(op *wire.Operation, row badRow, f fault, vars map[string]string) *httptest.ResponseRecorder {
	path, body := row.path, row.body
	if f.path != "" {
		path = fill(vars, f.path)
	}
	if f.body != "" {
		body = fill(vars, f.body)
	}
	if f.stream == nil && f.length == 0 {
		return w.call(op.Method, path, body, slices.Concat(row.headers, f.headers)...)
	}
	r := httptest.NewRequest(op.Method, "http://stemma"+path, strings.NewReader(body))
	if f.stream != nil {
		r.Body, r.ContentLength = io.NopCloser(f.stream), -1
	} else {
		r.ContentLength = f.length
	}
	r.Header.Set("Authorization", "ApiKey "+ownerKey)
	setHeaders(r, row.headers)
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

// checkFault looks at one answer: the status, and the shape of the error that
// the clients of the specification read.
func checkFault(t *testing.T, f fault, out *httptest.ResponseRecorder) {
	t.Helper()
	if out.Code != f.status {
		t.Errorf("%s: status %d, want %d: %.300s", f.name, out.Code, f.status, out.Body)
		return
	}
	if f.status < 400 {
		return
	}
	var e struct {
		Error, Code, Message string
		RequestID            string `json:"request_id"`
		Status               int
		Details              struct{ Issues []entity.Issue }
	}
	if err := jsonInto(out.Body.Bytes(), &e); err != nil {
		t.Errorf("%s: %v in %s", f.name, err, out.Body)
		return
	}
	switch {
	case out.Header().Get("Content-Type") != "application/json":
		t.Errorf("%s: Content-Type %q", f.name, out.Header().Get("Content-Type"))
	case e.Error == "" || e.Error != e.Message || e.Code == "" || e.Status != out.Code:
		t.Errorf("%s: not the documented shape: %s", f.name, out.Body)
	case e.RequestID == "" || e.RequestID != out.Header().Get("X-Request-Id"):
		t.Errorf("%s: request_id %q, header %q", f.name, e.RequestID, out.Header().Get("X-Request-Id"))
	case out.Code == http.StatusConflict && e.Code == "CAS_FAILURE":
		checkConflict(t, out.Body.Bytes())
	case e.Error == "Validation failed" && len(e.Details.Issues) == 0:
		t.Errorf("%s: it does not say what failed: %s", f.name, out.Body)
	}
	for _, issue := range e.Details.Issues {
		if issue.Message == "" {
			t.Errorf("%s: an issue without a message: %s", f.name, out.Body)
		}
	}
}

const (
	unknownID  = wiretest.UnknownID
	unknownCID = wiretest.UnknownCID
)

func jsonInto(text []byte, v any) error { return json.NewDecoder(bytes.NewReader(text)).Decode(v) }

// fill puts variables into a template of the table.
func fill(vars map[string]string, text string) string { return wiretest.Fill(vars, text) }

// writes tells whether an operation needs a right that a reader has not.
func writes(op *wire.Operation) bool {
	_, verb, _ := strings.Cut(op.Permission, ":")
	if op.Permission == "user:credentials" { // one's own
		return false
	}
	return op.Auth == wire.AuthRequired && !slices.Contains([]string{"", "view", "query", "execute", "similar", "list", "tip"}, verb)
}

// authFaults are wrong credentials, for an operation that looks at them, and a
// network that there is not.
func authFaults(op *wire.Operation) []fault {
	faults := []fault{{name: "no such network", headers: []string{"X-Arke-Network", "moon"}, status: 400}}
	if op.Auth == wire.AuthNone {
		return faults
	}
	for name, header := range map[string]string{
		"an API key behind Bearer": "Bearer " + ownerKey,
		"an unknown key":           "ApiKey uk_" + strings.Repeat("f", 64),
		"no key behind ApiKey":     "ApiKey",
		"a key alone":              ownerKey,
		"Basic":                    "Basic b2xnYTpwYXNz",
		"bytes":                    "ApiKey \xff\xfe",
	} {
		faults = append(faults, fault{name: name, headers: []string{"Authorization", header}, status: 401})
	}
	faults = append(faults, fault{name: "on behalf of another", headers: []string{"Authorization", "ApiKey " + ownerKey, "X-On-Behalf-Of", string(readerID)}, status: 403})
	if op.Auth != wire.AuthOptional {
		faults = append(faults, fault{name: "no credential", headers: []string{"Authorization", ""}, status: 401})
	}
	switch {
	case op.ID == "createEntities": // decided for each item
		faults = append(faults, fault{name: "a key for looking", headers: []string{"Authorization", "ApiKey " + lookKey}, status: 207})
	case strings.HasPrefix(op.Permission, "service:") && op.ID != "createService": // the operator's, and nobody else's to know of
		faults = append(faults, fault{name: "a key for looking", headers: []string{"Authorization", "ApiKey " + lookKey}, status: 404})
	case op.ID == "deleteChatSession": // another's, and nobody else's to know of
		faults = append(faults, fault{name: "a key for looking", headers: []string{"Authorization", "ApiKey " + lookKey}, status: 404})
	case writes(op):
		faults = append(faults, fault{name: "a key for looking", headers: []string{"Authorization", "ApiKey " + lookKey}, status: 403})
	}
	return faults
}

// bodyFaults are bodies longer than the operation takes.
func bodyFaults(op *wire.Operation) []fault {
	limit := op.MaxBody
	if limit == 0 {
		limit = wire.DefaultMaxBody
	}
	return []fault{
		{name: "a length past the limit", length: limit + 1, status: 413},
		{name: "a stream past the limit", stream: io.MultiReader(strings.NewReader(`{"note":"`), endless{}), status: 413},
	}
}

// endless is a body that goes on for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("a"), len(p))), nil }

func TestBadPathsAndMethods(t *testing.T) {
	w := newRig(t, rigOptions{})
	for _, f := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 404}, {"GET", "/entity", 404}, {"PATCH", "/entities/x", 405}, {"GET", "/entities", 405},
		{"POST", "/entities/", 404}, {"GET", "//entities", 404}, {"GET", "/entities/%2e%2e/tip", 400}, {"GET", "/entities/%00/tip", 400},
		{"DELETE", "/events", 405}, {"BREW", "/entities", 405},
	} {
		out := w.call(f.method, f.path, "")
		checkFault(t, fault{name: f.method + " " + f.path, status: f.status}, out)
	}
}
