package admin_test

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/api/auth"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/api/wire/wiretest"
	"stemma/entity"
	"stemma/entity/access"
)

// fixture makes what the rows are about.
func (w *rig) fixture() map[string]string {
	w.t.Helper()
	h := w.newHouse("House", nil)
	other := text(w.admin(201, "POST", "/tenants", object{"name": "Other"}), "id")
	p := text(w.admin(201, "POST", "/providers", object{"name": "P", "type": "openai", "apiKey": "sk-p"}), "id")
	w.admin(201, "POST", "/providers/"+p+"/tenants", object{"tenantId": other})
	w.must(201, "", "POST", "/v1/beta/signup", object{"email": "beta@example.com"})
	beta := text(w.admin(200, "GET", "/beta/signups", nil), "signups", 0, "id")
	return map[string]string{"beta": beta, "nobody": nobody, "tenant": h.id, "agent": h.agent, "key": h.key, "keyid": h.keyID, "other": other, "provider": p}
}

// called makes $trace where a row is about one: the built-in model is asked, which
// takes its time.
func (w *rig) called(row opRow, vars map[string]string) {
	w.t.Helper()
	if !strings.Contains(row.path, "$trace") {
		return
	}
	if out := w.ask(vars["key"]); out.Code != 200 {
		w.t.Fatal(out.Body)
	}
	w.runs.Flush()
	vars["trace"] = text(w.admin(200, "GET", "/traces", nil), "traces", 0, "id")
}

// token logs the operator in.
func (w *rig) token() string {
	w.t.Helper()
	return text(w.must(200, "", "POST", "/v1/admin/auth/login", object{"username": "admin", "password": rootKey}), "token")
}

const (
	strangerKey = "uk_1111111111111111111111111111111111111111111111111111111111111111"
	memberKey   = "uk_2222222222222222222222222222222222222222222222222222222222222222"
	ownerKey    = "uk_3333333333333333333333333333333333333333333333333333333333333333"
)

// callers are who tries every operation: a credential, further headers, and the
// status that turns them away; 0 lets them in.
func (w *rig) callers(vars map[string]string) map[string]struct {
	credential string
	headers    []string
	status     int
} {
	w.t.Helper()
	w.user("Stranger", strangerKey)
	member, owner := w.user("Member", memberKey), w.user("Owner", ownerKey)
	service := ""
	w.update(func(tx entity.Tx) error {
		_, err := tx.Put(entity.ID(vars["tenant"]), entity.Any, func(m *entity.Manifest) error {
			tenant.Seat(m, member, tenant.RoleMember, w.clock.Now())
			tenant.Seat(m, owner, tenant.RoleOwner, w.clock.Now())
			return nil
		})
		if err != nil {
			return err
		}
		v, err := tx.Create(entity.Draft{Type: entity.TypeService, Properties: entity.Properties{"label": "Service"}})
		if err != nil {
			return err
		}
		h, err := tx.Head(v.Manifest.ID)
		if err != nil {
			return err
		}
		service, _, err = w.auth.MintKey(tx, h, access.Principal{ID: rootID, System: true}, auth.KeySpec{Label: "s"})
		return err
	})
	w.clock.Advance(-auth.AdminTokenLifetime)
	old := w.token()
	w.clock.Advance(auth.AdminTokenLifetime)
	good := w.token()
	head, payload, _ := strings.Cut(good, ".")
	claims, signature, _ := strings.Cut(payload, ".")
	other := w.portal(owner, vars["tenant"])
	_, others, _ := strings.Cut(other, ".")
	otherClaims, _, _ := strings.Cut(others, ".")
	flipped := "A"
	if strings.HasPrefix(signature, flipped) {
		flipped = "B"
	}
	type caller = struct {
		credential string
		headers    []string
		status     int
	}
	return map[string]caller{
		"nobody": {"", nil, 401}, "a key of no form": {"uk_x", nil, 401}, "an unknown key": {"uk_" + strings.Repeat("9", 64), nil, 401},
		"a stranger": {strangerKey, nil, 403}, "a member": {memberKey, nil, 403}, "a tenant's owner": {ownerKey, nil, 403},
		"a member's portal token": {w.portal(member, vars["tenant"]), nil, 403}, "an owner's portal token": {other, nil, 403},
		"the operator's portal token": {w.portal(rootID, vars["tenant"]), nil, 403}, "an agent": {vars["key"], nil, 403},
		"the operator, for looking only": {lookKey, nil, 403}, "an expired token": {old, nil, 401},
		"a tampered signature": {head + "." + claims + "." + flipped + signature[1:], nil, 401}, "tampered claims": {head + "." + otherClaims + "." + signature, nil, 401},
		"a token without a signature": {head + "." + claims + ".", nil, 401}, "a service for somebody": {service, []string{"X-On-Behalf-Of", string(rootID)}, 403},
		"the operator": {rootKey, nil, 0}, "the operator, for administering only": {onlyKey, nil, 0}, "a service": {service, nil, 0}, "a token": {good, nil, 0},
	}
}

// Every operation lets in whom it should, and nobody else; who is turned away
// changes nothing.
func TestMatrix(t *testing.T) {
	tried := 0
	for _, op := range newRig(t).ops {
		row, ok := opRows[op.ID]
		if !ok {
			t.Errorf("%s has no row", op.ID)
			continue
		}
		first := newRig(t)
		made := first.fixture()
		first.called(row, made)
		for name, c := range first.callers(made) {
			w, vars := first, made
			if c.status == 0 && op.Method != "GET" { // what was made is changed by who is let in
				w = newRig(t)
				vars = w.fixture()
				c = w.callers(vars)[name]
			}
			want := c.status
			switch {
			case row.public:
				want = 200
			case want == 0:
				want = max(row.status, 200)
			}
			if op.ID == "adminChangePassword" && name == "a service" {
				want = 403 // it is the first user's
			}
			before := w.store.Seq()
			out := w.call(c.credential, op.Method, "/v1/admin"+wiretest.Fill(vars, row.path), wiretest.Fill(vars, row.body), c.headers...)
			if out.Code != want {
				t.Errorf("%s by %s: %d, want %d: %.300s", op.ID, name, out.Code, want, out.Body)
			}
			if out.Code >= 400 {
				checkError(t, op.ID+" by "+name, out)
				if w.store.Seq() != before {
					t.Errorf("%s by %s was refused and wrote", op.ID, name)
				}
			}
			tried++
		}
	}
	if tried < 400 {
		t.Errorf("only %d were tried", tried)
	}
}

// Every operation has a row, every row an operation; every bad request is answered
// with its status and says what would be right, and leaves the log as it was.
func TestBadInput(t *testing.T) {
	seen := map[string]bool{}
	ops := newRig(t).ops
	doc := wiretest.Describe(t, ops)
	for i := range ops {
		op := &ops[i]
		row, ok := opRows[op.ID]
		if !ok {
			t.Errorf("%s has no row", op.ID)
			continue
		}
		seen[op.ID] = true
		t.Run(op.ID, func(t *testing.T) {
			w := newRig(t)
			vars := w.fixture()
			w.called(row, vars)
			before := w.store.Seq()
			path, body := "/v1/admin"+wiretest.Fill(vars, row.path), wiretest.Fill(vars, row.body)
			for _, f := range slices.Concat(row.faults, anyFaults(row), described(t, doc, op, path, body)) {
				path, body := path, body
				if f.path != "" {
					path = "/v1/admin" + wiretest.Fill(vars, f.path)
				}
				if f.body != "" {
					body = wiretest.Fill(vars, f.body)
				}
				w.clock.Advance(time.Minute) // the limits of log-ins are another test's
				out := w.call(rootKey, op.Method, path, body, f.headers...)
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
			out := w.call(rootKey, op.Method, path, body)
			if out.Code != max(row.status, 200) {
				t.Errorf("the good request is answered with %d: %s", out.Code, out.Body)
			}
		})
	}
	for id := range opRows {
		if !seen[id] {
			t.Errorf("the row %s has no operation", id)
		}
	}
}

// anyFaults are those of every operation.
func anyFaults(row opRow) []fault {
	faults := []fault{{name: "no such network", headers: []string{"X-Arke-Network", "moon"}, status: 400}}
	if !row.public {
		faults = append(faults, fault{name: "no credential", headers: []string{"Authorization", ""}, status: 401},
			fault{name: "a scheme that is not spoken", headers: []string{"Authorization", "Basic " + rootKey}, status: 401})
	}
	if row.body != "" {
		faults = append(faults, fault{name: "too much", body: `{"name":"` + strings.Repeat("a", wire.DefaultMaxBody) + `"}`, status: 413})
	}
	return faults
}

// described are those that the document tells of an operation.
func described(t *testing.T, doc *wiretest.Described, op *wire.Operation, path, body string) (faults []fault) {
	for _, f := range doc.Faults(t, op, path, body) {
		faults = append(faults, fault{name: f.Name, path: strings.TrimPrefix(f.Path, "/v1/admin"), body: f.Body, headers: f.Headers, status: f.Status})
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
	if e.Error.Code == "" || e.Error.Message == "" || e.Error.Type == "" || e.Error.Request != out.Header().Get("X-Request-Id") || e.Error.Message == "Validation failed" {
		t.Errorf("%s: not the documented shape: %s", name, out.Body)
	}
	if out.Code >= 500 {
		t.Errorf("%s: the server's fault: %s", name, out.Body)
	}
}

// The actions that operations say they take are those of the tables, and the
// document can be printed and has every operation.
func TestOperations(t *testing.T) {
	ops := newRig(t).ops
	for _, op := range ops {
		if op.Permission != "" && !access.Registered(access.Action(op.Permission)) {
			t.Errorf("%s takes %s, which is not in the tables of package access", op.ID, op.Permission)
		}
		if op.Permission == "" && !opRows[op.ID].public {
			t.Errorf("%s takes nothing", op.ID)
		}
		if op.ErrorBody == nil {
			t.Errorf("%s renders errors as another view does", op.ID)
		}
	}
	doc, err := wire.Document(wire.Info{Title: "admin", Version: "1"}, ops)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range ops {
		if !strings.Contains(string(doc), `"`+op.Path+`"`) || !strings.Contains(string(doc), `"`+op.ID+`"`) {
			t.Errorf("the document has no %s %s", op.Method, op.Path)
		}
	}
}
