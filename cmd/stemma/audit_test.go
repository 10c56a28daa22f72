package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
)

// caller sends requests to a server in somebody's name.
type caller struct {
	*testing.T
	s    *server
	auth string // the header Authorization
}

func (c caller) call(method, path, body string) (status int, answer map[string]any) {
	c.Helper()
	r := httptest.NewRequest(method, "http://stemma"+path, strings.NewReader(body))
	if c.auth != "" {
		r.Header.Set("Authorization", c.auth)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	out := httptest.NewRecorder()
	c.s.handler.ServeHTTP(out, r)
	if out.Body.Len() > 0 {
		if err := json.Unmarshal(out.Body.Bytes(), &answer); err != nil {
			c.Fatalf("%s %s: %v in %s", method, path, err, out.Body)
		}
	}
	return out.Code, answer
}

func (c caller) must(status int, method, path, body string) map[string]any {
	c.Helper()
	got, answer := c.call(method, path, body)
	if got != status {
		c.Fatalf("%s %s %s: %d, want %d: %v", method, path, body, got, status, answer)
	}
	return answer
}

func signUp(t *testing.T, s *server, name string) (c caller, id string) {
	t.Helper()
	anybody := caller{T: t, s: s}
	e := anybody.must(201, "POST", "/auth/signup", fmt.Sprintf(`{"email":"%s@example.com","password":"correct horse","label":"%s"}`, name, name))
	return caller{t, s, "Bearer " + e["access_token"].(string)}, e["user"].(map[string]any)["id"].(string)
}

// A tenant's account has its members' log-ins and keys, and every refusal that
// is about what it has, also of those who were told that there is nothing; it
// is read by who manages the tenant and by nobody else, and no other tenant
// has a line of it.
func TestAuditOfTenant(t *testing.T) {
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: "uk_operator_of_the_audit", logger: slog.New(slog.NewTextHandler(io.Discard, nil)), maxBody: 1 << 20, cacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ann, annID := signUp(t, s, "ann")
	bob, bobID := signUp(t, s, "bob")
	eve, eveID := signUp(t, s, "eve")
	tenant := ann.must(201, "POST", "/tenants", `{"label":"Ann's"}`)["id"].(string)
	other := eve.must(201, "POST", "/tenants", `{"label":"Eve's"}`)["id"].(string)
	ann.must(201, "POST", "/tenants/"+tenant+"/members", `{"user_id":"`+bobID+`","role":"member"}`)
	coll := ann.must(201, "POST", "/collections", `{"label":"c","tenant":"`+tenant+`"}`)["id"].(string)
	note := ann.must(201, "POST", "/entities", `{"type":"note","collection":"`+coll+`"}`)["id"].(string)

	caller{T: t, s: s}.must(200, "POST", "/auth/login", `{"email":"bob@example.com","password":"correct horse"}`)
	caller{T: t, s: s}.must(401, "POST", "/auth/login", `{"email":"bob@example.com","password":"wrong horse"}`)
	bob.must(403, "PUT", "/entities/"+note, `{"expect_tip":"x"}`)
	eve.must(404, "GET", "/entities/"+note, "")
	caller{T: t, s: s}.must(404, "GET", "/entities/"+note, "")
	key := bob.must(201, "POST", "/users/me/keys", `{}`)["key"].(string)
	keyed := caller{t, s, "ApiKey " + key}
	for range 3 {
		keyed.must(200, "GET", "/entities/"+note, "")
	}
	flush := func() {
		t.Helper()
		if err := s.auth.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := s.audit.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	flush()

	lines := func(c caller, of, filter string) (out []string) {
		t.Helper()
		for _, e := range c.must(200, "GET", "/tenants/"+of+"/audit"+filter, "")["entries"].([]any) {
			entry := e.(map[string]any)["entry"].(map[string]any)
			out = append(out, fmt.Sprintf("%v by %v at %v x%v", entry["action"], entry["principal"], entry["target"], entry["count"]))
		}
		slices.Sort(out)
		return out
	}
	got := lines(ann, tenant, "")
	for _, want := range []string{
		fmt.Sprintf("auth.login by %s at %s x1", bobID, bobID),
		fmt.Sprintf("access.denied by %s at %s x1", bobID, note),
		fmt.Sprintf("access.denied by %s at %s x1", eveID, note),
		fmt.Sprintf("access.denied by  at %s x1", note),
		fmt.Sprintf("key.created by %s at %s x1", bobID, bobID),
		fmt.Sprintf("key.used by %s at <nil> x3", bobID),
	} {
		if !slices.Contains(got, want) {
			t.Errorf("the account lacks %q:\n%s", want, strings.Join(got, "\n"))
		}
	}
	if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, "auth.login_failed") }) {
		t.Errorf("no failed log-in in\n%s", strings.Join(got, "\n"))
	}
	if only := lines(ann, tenant, "?action=access.denied"); len(only) != 3 {
		t.Errorf("only refusals: %v", only)
	}
	for _, about := range []struct {
		id   string
		want int
	}{{eveID, 1}, {note, 3}, {coll, 0}} {
		if only := lines(ann, tenant, "?action=access.denied&about="+about.id); len(only) != about.want {
			t.Errorf("only refusals about %s: %v", about.id, only)
		}
	}
	for _, line := range lines(eve, other, "") {
		if strings.Contains(line, note) || strings.Contains(line, bobID) || strings.Contains(line, annID) {
			t.Errorf("Eve's tenant reads %q", line)
		}
	}

	// It is nobody's but who manages the tenant's: not by the endpoint, not in the
	// feed, not block by block.
	bob.must(403, "GET", "/tenants/"+tenant+"/audit", "")
	eve.must(404, "GET", "/tenants/"+tenant+"/audit", "")
	block := ann.must(200, "GET", "/tenants/"+tenant+"/audit", "")["entries"].([]any)[0].(map[string]any)["cid"].(string)
	for name, c := range map[string]caller{"ann": ann, "bob": bob, "eve": eve} {
		feed := c.must(200, "GET", "/events?kind=append&entity="+tenant, "")["events"].([]any)
		status, _ := c.blob("/ipfs/" + block + "?format=raw")
		if manages := name == "ann"; (len(feed) > 0) != manages || (status == 200) != manages {
			t.Errorf("%s: %d appends in the feed, the block %d", name, len(feed), status)
		}
	}

	// The account is a chain: each block links to the one before.
	if err := s.stores[0].View(t.Context(), func(r entity.Reader) error {
		n, prev := int64(0), entity.CID{}
		for at, err := range r.Chain(entity.ID(tenant), "audit", 1) {
			if err != nil {
				return err
			}
			data, err := r.Block(at.CID)
			if err != nil {
				return err
			}
			b, _, err := entity.OpenChainBlock(data)
			if err != nil {
				return err
			}
			if n++; b.N != n || b.PrevCID() != prev {
				t.Errorf("block %d is number %d after %s", n, b.N, b.PrevCID())
			}
			prev = at.CID
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// blob is call for an answer that is not JSON.
func (c caller) blob(path string) (status int, body []byte) {
	r := httptest.NewRequest("GET", "http://stemma"+path, nil)
	r.Header.Set("Authorization", c.auth)
	out := httptest.NewRecorder()
	c.s.handler.ServeHTTP(out, r)
	return out.Code, out.Body.Bytes()
}
