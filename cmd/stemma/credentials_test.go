package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stemma/entity"
)

func TestPublicURL(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080", "[::1]:80": "http://[::1]:80", "0.0.0.0:8080": "http://localhost:8080", "[::]:8080": "http://localhost:8080",
	} {
		at, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&credentialFlags{}).publicURL(at); got != want {
			t.Errorf("%s: %s", addr, got)
		}
		if got := (&credentialFlags{PublicURL: "https://stemma.example/"}).publicURL(at); got != "https://stemma.example" {
			t.Errorf("given: %s", got)
		}
	}
}

func TestCredentialSettings(t *testing.T) {
	long := strings.Repeat("s", 32)
	for name, c := range map[string]struct {
		flags credentialFlags
		good  bool
	}{
		"nothing":               {credentialFlags{}, true},
		"everything":            {credentialFlags{PublicURL: "https://a", JWTSecret: long, OIDCIssuer: []string{"https://b", "http://127.0.0.1:1", "http://localhost:1/x"}, OIDCAudience: "c"}, true},
		"a plain public URL":    {credentialFlags{PublicURL: "http://10.0.0.1:8080"}, true},
		"no URL":                {credentialFlags{PublicURL: "a"}, false},
		"a URL with a query":    {credentialFlags{PublicURL: "https://a?b"}, false},
		"a URL with a password": {credentialFlags{PublicURL: "https://a:b@c"}, false},
		"a URL of files":        {credentialFlags{PublicURL: "file:///a"}, false},
		"a short secret":        {credentialFlags{JWTSecret: long[1:]}, true},
		"an issuer in the open": {credentialFlags{OIDCIssuer: []string{"http://b"}, OIDCAudience: "c"}, false},
		"a client":              {credentialFlags{OIDCIssuer: []string{"https://b"}, OIDCClient: "c", OIDCSecret: "s", OIDCName: "B"}, true},
		"a client of nobody":    {credentialFlags{OIDCClient: "c"}, false},
		"a secret of nobody":    {credentialFlags{OIDCIssuer: []string{"https://b"}, OIDCAudience: "c", OIDCSecret: "s"}, false},
		"a name of nobody":      {credentialFlags{OIDCName: "B"}, false},
		"no audience":           {credentialFlags{OIDCIssuer: []string{"https://b"}}, false},
	} {
		if err := c.flags.check(); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The server joins it all: an account, its token, its audit, and the same
// account after a restart.
func TestAccountsOutliveTheServer(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	var token string
	call := func(s *server, method, path, body string, headers ...string) map[string]any {
		t.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		out := httptest.NewRecorder()
		s.handler.ServeHTTP(out, r)
		var answer map[string]any
		if err := json.Unmarshal(out.Body.Bytes(), &answer); err != nil || out.Code >= http.StatusBadRequest {
			t.Fatalf("%s %s: %d %s", method, path, out.Code, out.Body)
		}
		return answer
	}
	const account = `{"email":"eve@example.com","password":"correct horse"}`
	for _, path := range []string{"/auth/signup", "/auth/login"} {
		s, err := openServer(context.Background(), serverOptions{data: dir, publicURL: "https://stemma.example", logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			call(s, "GET", "/users/me", "", "Authorization", "Bearer "+token)
		}
		token = call(s, "POST", path, account)["access_token"].(string)
		if me := call(s, "GET", "/users/me", "", "Authorization", "Bearer "+token); me["type"] != entity.TypeUser {
			t.Errorf("%v", me)
		}
		if got := call(s, "GET", "/.well-known/openid-configuration", ""); got["issuer"] != "https://stemma.example" {
			t.Errorf("%v", got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, action := range []string{"auth.signup", "auth.login"} {
		if !strings.Contains(log.String(), "msg=audit network=main action="+action+" ") {
			t.Errorf("the log has no %s: %s", action, &log)
		}
	}
}
