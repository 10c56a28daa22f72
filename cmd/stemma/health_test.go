package main

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stemma/api/admin"
	"stemma/entity"
)

// callAs is a request to a server with a key.
func callAs(s *server, key, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://stemma"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "ApiKey "+key)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// Health names all that follows a log, which catches up, and says what is there; it
// is the operator's alone.
func TestHealth(t *testing.T) {
	s, err := openServer(t.Context(), serverOptions{data: t.TempDir(), bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, cacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	call := func(key, method, path, body string) *httptest.ResponseRecorder {
		return callAs(s, key, method, path, body)
	}
	if out := call(testKey, "POST", "/entities", `{"type":"note","properties":{"label":"n"}}`); out.Code != 201 {
		t.Fatal(out.Body)
	}
	if out := call("uk_"+strings.Repeat("9", 64), "GET", "/v1/admin/health", ""); out.Code != 401 {
		t.Errorf("%d for a stranger", out.Code)
	}
	behind := true
	for end := time.Now().Add(time.Minute); behind; {
		out := call(testKey, "GET", "/v1/admin/health", "")
		var got admin.Health
		if err := json.Unmarshal(out.Body.Bytes(), &got); err != nil || out.Code != 200 || len(got.Networks) != 2 {
			t.Fatalf("%d, %v: %s", out.Code, err, out.Body)
		}
		n := got.Networks[0]
		names := map[string]bool{}
		behind = n.AttestedSize == nil || *n.AttestedSize < int64(n.Seq)
		for _, f := range n.Followers {
			names[f.Name] = true
			behind = behind || f.Lag > 0
		}
		for _, name := range []string{"graph", "listing", "usage", "search-text", "search-meaning", "attest"} {
			if !names[name] {
				t.Fatalf("%s is not among what follows: %s", name, out.Body)
			}
		}
		if n.Network != entity.Main || n.Problem != nil || n.Entities < 2 || n.AttestHalted || got.Networks[1].AttestedSize != nil || len(n.Storage) != 3 || got.Version == "" || got.StartedAt == "" {
			t.Fatal(out.Body)
		}
		if behind && time.Now().After(end) {
			t.Fatalf("it is still behind: %s", out.Body)
		}
	}
}
