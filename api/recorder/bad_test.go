package recorder_test

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"stemma/api/wire"
	"stemma/api/wire/wiretest"
	"stemma/entity"
	"stemma/entity/access"
)

// Every operation has a row, every row an operation; every bad request is
// answered with its status and says what would be right, and leaves the log as
// it was.
func TestBadInput(t *testing.T) {
	w := newRig(t)
	seen := map[string]bool{}
	for i := range w.ops {
		op := &w.ops[i]
		row, ok := opRows[op.ID]
		if !ok {
			if !strings.HasPrefix(op.ID, "proxy") {
				t.Errorf("%s has no row", op.ID)
			}
			continue
		}
		seen[op.ID] = true
		t.Run(op.ID, func(t *testing.T) { w.tryRow(t, op, row) })
	}
	for id := range opRows {
		if !seen[id] {
			t.Errorf("the row %s has no operation", id)
		}
	}
}

func (w *rig) tryRow(t *testing.T, op *wire.Operation, row opRow) {
	vars := w.fixture(t)
	key := annKey
	if row.user {
		key = annUser
	}
	before := [2]entity.Seq{w.main().Seq(), w.stores[entity.Test].Seq()}
	for _, f := range slices.Concat(row.faults, anyFaults(row)) {
		path, body := row.path, row.body
		if f.path != "" {
			path = f.path
		}
		if f.body != "" {
			body = f.body
		}
		out := w.call(op.Method, wiretest.Fill(vars, path), wiretest.Fill(vars, body), append([]string{"X-Api-Key", key}, f.headers...)...)
		if out.Code != f.status {
			t.Errorf("%s: status %d, want %d: %.300s", f.name, out.Code, f.status, out.Body)
			continue
		}
		row.check(t, f.name, out)
		if !strings.Contains(out.Body.String(), f.says) {
			t.Errorf("%s: it does not say %q: %s", f.name, f.says, out.Body)
		}
		if now := [2]entity.Seq{w.main().Seq(), w.stores[entity.Test].Seq()}; now != before {
			t.Fatalf("%s: the logs went from %d to %d", f.name, before, now)
		}
	}
	if out := w.call(op.Method, wiretest.Fill(vars, row.path), wiretest.Fill(vars, row.body), "X-Api-Key", key); out.Code != max(row.status, 200) {
		t.Errorf("the good request is answered with %d: %s", out.Code, out.Body)
	}
}

// anyFaults are those of every operation.
func anyFaults(row opRow) []fault {
	faults := []fault{
		{name: "no such network", headers: []string{"X-Arke-Network", "moon"}, status: 400},
		{name: "no credential", headers: []string{"X-Api-Key", ""}, status: 401},
		{name: "a key alone", headers: []string{"X-Api-Key", "", "Authorization", annKey}, status: 401},
	}
	if row.body == "" {
		return faults
	}
	for name, body := range map[string]string{
		"cut short": `{"a":`, "no JSON": "a=b", "two values": "{} {}", "a duplicate key": `{"status":"a","status":"b"}`,
		"invalid UTF-8": "{\"input\":\"\xff\"}", "an array": "[]", "text": `"x"`, "deep": strings.Repeat(`{"metadata":`, 200) + "1" + strings.Repeat("}", 200),
		"a huge number": `{"metadata":{"a":1e999}}`,
	} {
		faults = append(faults, fault{name: name, body: body, status: 400})
	}
	faults = append(faults, fault{name: "plain text", headers: []string{"Content-Type", "text/plain"}, status: 415})
	if row.otlp {
		return faults
	}
	return append(faults, fault{name: "compressed", headers: []string{"Content-Encoding", "gzip"}, status: 415},
		fault{name: "too much", body: `{"input":"` + strings.Repeat("a", wire.DefaultMaxBody) + `"}`, status: 413})
}

// checkError looks at the shape of an error of this view.
func checkError(t *testing.T, name string, out *httptest.ResponseRecorder) {
	t.Helper()
	var e struct {
		Error, Code string
		Status      int
		RequestID   string `json:"request_id"`
		Details     []struct{ Field, Message string }
	}
	dec := json.NewDecoder(strings.NewReader(out.Body.String()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		t.Errorf("%s: %v in %s", name, err, out.Body)
		return
	}
	if e.Error == "" || e.Code == "" || e.Status != out.Code || e.RequestID != out.Header().Get("X-Request-Id") {
		t.Errorf("%s: not the documented shape: %s", name, out.Body)
	}
	if e.Error == "Validation failed" {
		t.Errorf("%s: it does not say what failed: %s", name, out.Body)
	}
}

// The actions that operations say they take are those of the tables, and the
// document can be printed.
func TestOperations(t *testing.T) {
	ops := newRig(t).ops
	for _, op := range ops {
		if op.Permission != "" && !access.Registered(access.Action(op.Permission)) {
			t.Errorf("%s takes %s, which is not in the tables of package access", op.ID, op.Permission)
		}
		if op.ErrorBody == nil {
			t.Errorf("%s renders errors as another view does", op.ID)
		}
	}
	doc, err := wire.Document(wire.Info{Title: "recorder", Version: "1"}, ops)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"/proxy/{key}/{agent}/{provider}/{path}"`, `"/proxy/{provider}/{path}"`, `"/api/v1/runs/{runId}/steps"`, `"/v1/traces"`, `"application/x-protobuf"`, `"partialSuccess"`, `"X-Agent-Name"`, `"step_hash"`} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("the document has no %s", want)
		}
	}
}
