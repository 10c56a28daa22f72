package ui

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"stemma/api/wire"
)

func serve(t *testing.T, dist fstest.MapFS) http.Handler {
	t.Helper()
	v, err := of(dist)
	if err != nil {
		t.Fatal(err)
	}
	return wire.New(wire.Options{Ops: v.Operations()})
}

func get(h http.Handler, path, encoding string) *http.Response {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every path of the application is its page, with a nonce of its own and a policy
// that lets nothing else in.
func TestPage(t *testing.T) {
	h := serve(t, fstest.MapFS{"index.html": {Data: []byte(`<meta name="csp-nonce" content="` + placeholder + `">`)}})
	nonces := map[string]bool{}
	for _, path := range []string{"/", "/signup?invite=abc", "/app", "/app/e/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/app/explore?q=type%3Anote"} {
		r := get(h, path, "")
		policy := r.Header.Get("Content-Security-Policy")
		nonce := regexp.MustCompile(`'nonce-([^']+)'`).FindStringSubmatch(policy)
		if r.StatusCode != 200 || nonce == nil || text(t, r) != `<meta name="csp-nonce" content="`+nonce[1]+`">` || nonces[nonce[1]] {
			t.Errorf("%s: %d, %s", path, r.StatusCode, policy)
			continue
		}
		nonces[nonce[1]] = true
		if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, r.Header)
		}
	}
}

// Assets are for ever, packed for who can unpack; others are not there.
func TestAssets(t *testing.T) {
	script := strings.Repeat("console.log(1);", 100)
	h := serve(t, fstest.MapFS{"assets/main-3f2a.js": {Data: []byte(script)}, "assets/dot-1.bin": {Data: []byte{1}}, "secret.txt": {Data: []byte("x")}})
	r := get(h, "/assets/main-3f2a.js", "gzip, br")
	if r.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/javascript") || r.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("%v", r.Header)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); err != nil || string(b) != script {
		t.Errorf("%s, %v", b, err)
	}
	if r := get(h, "/assets/main-3f2a.js", ""); r.Header.Get("Content-Encoding") != "" || text(t, r) != script {
		t.Errorf("plain: %v", r.Header)
	}
	if r := get(h, "/assets/dot-1.bin", "gzip"); r.Header.Get("Content-Encoding") != "" || r.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("a small file of no known kind: %v", r.Header)
	}
	for _, path := range []string{"/assets/none.js", "/assets/", "/assets/../secret.txt", "/assets/secret.txt", "/secret.txt"} {
		if r := get(h, path, ""); r.StatusCode != 404 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

// Without a build the page says how to make one.
func TestNotBuilt(t *testing.T) {
	h := serve(t, fstest.MapFS{".gitkeep": {}})
	if r := get(h, "/app/runs", ""); r.StatusCode != 200 || !strings.Contains(text(t, r), "make ui build") {
		t.Errorf("%d", r.StatusCode)
	}
}

// What is in the binary can be served, whatever was built.
func TestBuilt(t *testing.T) {
	if _, err := New(); err != nil {
		t.Fatal(err)
	}
}
