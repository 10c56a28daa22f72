package portal_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"stemma/api/wire"
	"stemma/api/wire/wiretest"
)

// Every operation has a row; every bad request is answered with its status, says
// what would be right, and leaves the log as it was.
func TestBadInput(t *testing.T) {
	ops := newRig(t).ops
	doc := wiretest.Describe(t, ops)
	rows := opRows()
	for i := range ops {
		op := &ops[i]
		row, ok := rows[op.ID]
		if !ok {
			t.Errorf("%s has no row", op.ID)
			continue
		}
		t.Run(op.ID, func(t *testing.T) { tryRow(t, doc, op, row) })
	}
}

func tryRow(t *testing.T, doc *wiretest.Described, op *wire.Operation, row opRow) {
	w := newWorld(t)
	if row.before != nil {
		row.before(w)
	}
	by := row.by
	if by == "" {
		by = owner
	}
	path, body := wiretest.Fill(w.vars, row.path), wiretest.Fill(w.vars, row.body)
	faults := append(anyFaults(row), row.faults...)
	for _, f := range doc.Faults(t, op, "/v1/portal"+path, body) {
		faults = append(faults, fault{name: f.Name, path: strings.TrimPrefix(f.Path, "/v1/portal"), body: f.Body, headers: f.Headers, status: f.Status})
	}
	before := w.store.Seq()
	for _, f := range faults {
		to, with := path, body
		if f.path != "" {
			to = f.path
		}
		if f.body != "" {
			with = f.body
		}
		out := w.send(op.Method, to, with, append([]string{"Authorization", w.callers[by], "Cookie", row.cookie}, f.headers...)...)
		if out.Code != f.status {
			t.Errorf("%s: status %d, want %d: %.300s", f.name, out.Code, f.status, out.Body)
			continue
		}
		checkError(t, f.name, out)
		if !strings.Contains(out.Body.String(), f.says) {
			t.Errorf("%s: it does not say %q: %s", f.name, f.says, out.Body)
		}
		if now := w.store.Seq(); now != before {
			t.Fatalf("%s: the log went from %d to %d", f.name, before, now)
		}
	}
	if out := w.send(op.Method, path, body, "Authorization", w.callers[by], "Cookie", row.cookie); out.Code != max(row.status, 200) {
		t.Errorf("the good request is answered with %d: %s", out.Code, out.Body)
	}
}

// anyFaults are those of every operation.
func anyFaults(row opRow) []fault {
	faults := []fault{{name: "no such network", headers: []string{"X-Arke-Network", "moon"}, status: 400}}
	if !row.public {
		for name, header := range map[string]string{
			"no credential": "", "an unknown key": "Bearer loom_sk_" + strings.Repeat("A", 32), "a key alone": "loom_sk_" + strings.Repeat("A", 32),
			"no token": "Bearer", "Basic": "Basic b2xnYTpwYXNz", "bytes": "Bearer \xff\xfe", "text": "Bearer x.y.z",
		} {
			faults = append(faults, fault{name: name, headers: []string{"Authorization", header}, status: 401})
		}
	}
	if row.body != "" && !strings.HasPrefix(row.body, "--") { // an upload has bounds of its own
		faults = append(faults, fault{name: "too much", body: `{"name":"` + strings.Repeat("a", wire.DefaultMaxBody) + `"}`, status: 413})
	}
	return faults
}

// checkError looks at the shape of an error of this view.
func checkError(t *testing.T, name string, out *httptest.ResponseRecorder) {
	t.Helper()
	var e wire.OpenAIErrorResponse
	dec := json.NewDecoder(strings.NewReader(out.Body.String()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		t.Errorf("%s: %v in %s", name, err, out.Body)
		return
	}
	if e.Error.Code == "" || e.Error.Type == "" || e.Error.Request == "" || e.Error.Message == "" || e.Error.Message == "Validation failed" {
		t.Errorf("%s: not the documented shape: %s", name, out.Body)
	}
	if out.Code >= 500 || e.Error.Type == "server_error" {
		t.Errorf("%s: the server's fault: %s", name, out.Body)
	}
}
