package native_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"stemma/api/auth"
	"stemma/api/native"
	"stemma/api/wire"
	"stemma/entity"
)

const javascript = "../../testdata/manifests/js"

// published is the handler behind a real URL, which its tokens name, with the
// real clock: clients verify by their own.
func published(t *testing.T) (url string, logIn func(network entity.Network) (access, user string)) {
	t.Helper()
	w := newRig(t, rigOptions{})
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) { handler.ServeHTTP(out, r) }))
	t.Cleanup(server.Close)
	a, err := auth.New(auth.Options{Stores: []entity.Store{w.stores[entity.Main], w.stores[entity.Test]}, Issuer: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	handler = wire.New(wire.Options{Ops: native.New(time.Now).WithAuth(a).Operations(), Authenticate: a.Authenticate})
	return server.URL, func(network entity.Network) (string, string) {
		r := httptest.NewRequest("POST", "/auth/signup", strings.NewReader(account))
		r.Header.Set("X-Arke-Network", string(network))
		out := httptest.NewRecorder()
		handler.ServeHTTP(out, r)
		if out.Code != http.StatusCreated {
			t.Fatalf("%d: %s", out.Code, out.Body)
		}
		body := decode(t, out.Body.Bytes())
		return body["access_token"].(string), at(body, "user", "id").(string)
	}
}

// npm jose verifies our tokens by nothing but the server's URL, and no other.
func TestJoseVerifiesOurTokens(t *testing.T) {
	if _, err := os.Stat(filepath.Join(javascript, "node_modules", "jose")); err != nil {
		t.Fatalf("%s has no node_modules: run make test (it runs npm ci there): %v", javascript, err)
	}
	url, logIn := published(t)
	elsewhere, logInElsewhere := published(t)
	access, user := logIn(entity.Main)
	test, testUser := logIn(entity.Test)
	foreign, _ := logInElsewhere(entity.Main)
	cmd := exec.CommandContext(t.Context(), "node", "jose.mjs", url, access, test, foreign, access[:len(access)-6], "eyJhbGciOiJub25lIn0.e30.")
	cmd.Dir = javascript
	var stderr strings.Builder
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("node jose.mjs: %v\n%s", err, stderr.String())
	}
	want := "verified EdDSA " + user + " main\nverified EdDSA " + testUser + " test\nrefused ERR_JWKS_NO_MATCHING_KEY\nrefused ERR_JWS_SIGNATURE_VERIFICATION_FAILED\nrefused ERR_JOSE_ALG_NOT_ALLOWED\n"
	if string(got) != want {
		t.Errorf("npm jose prints of tokens of %s and one of %s\n%swant\n%s", url, elsewhere, got, want)
	}
}

// So does coreos/go-oidc.
func TestGoOIDCVerifiesOurTokens(t *testing.T) {
	url, logIn := published(t)
	access, user := logIn(entity.Main)
	provider, err := oidc.NewProvider(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	token, err := provider.Verifier(&oidc.Config{ClientID: url}).Verify(t.Context(), access)
	if err != nil || token.Subject != user || token.Issuer != url {
		t.Errorf("%+v, %v", token, err)
	}
	for name, c := range map[string]struct {
		config oidc.Config
		token  string
	}{
		"another audience": {oidc.Config{ClientID: "another"}, access},
		"later":            {oidc.Config{ClientID: url, Now: func() time.Time { return time.Now().Add(time.Hour) }}, access},
		"cut short":        {oidc.Config{ClientID: url}, access[:len(access)-6]},
	} {
		if _, err := provider.Verifier(&c.config).Verify(t.Context(), c.token); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}
