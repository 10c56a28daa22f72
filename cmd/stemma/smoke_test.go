package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What the runner says of smoke tests is handed on, and what is no answer is told as
// such; nobody else than an operator asks it.
func TestSmokeRunner(t *testing.T) {
	var asked []string
	runner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL.RequestURI(), body)))
		switch r.URL.Path {
		case "/base/smoke-tests":
			fmt.Fprint(w, `{"runs":[{"id":"r 1","status":"passed"}]}`)
		case "/base/smoke-tests/r 1":
			fmt.Fprint(w, `{"id":"r 1","status":"passed"}`)
		case "/base/smoke-tests/run":
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"id":"r2"}`)
		case "/base/smoke-tests/html":
			fmt.Fprint(w, `<p>no</p>`)
		case "/base/smoke-tests/broken":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			http.NotFound(w, r)
		}
	}))
	defer runner.Close()
	s, err := openServer(t.Context(), serverOptions{data: t.TempDir(), bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, cacheBytes: 1 << 20, smokeRunner: runner.URL + "/base/"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		key, method, path string
		status            int
		says              string
	}{
		{testKey, "GET", "/smoke-tests?limit=5", 200, `{"runs":[{"id":"r 1","status":"passed"}]}`},
		{testKey, "GET", "/smoke-tests/r%201", 200, `{"id":"r 1","status":"passed"}`},
		{testKey, "POST", "/smoke-tests/run", 200, `{"id":"r2"}`},
		{testKey, "GET", "/smoke-tests/html", 502, "something else than JSON"},
		{testKey, "GET", "/smoke-tests/broken", 502, "answered 500"},
		{testKey, "GET", "/smoke-tests/none", 404, "has no such run"},
		{"uk_" + strings.Repeat("9", 64), "GET", "/smoke-tests", 401, ""},
	} {
		if out := callAs(s, c.key, c.method, "/v1/admin"+c.path, ""); out.Code != c.status || !strings.Contains(out.Body.String(), c.says) {
			t.Errorf("%s %s: %d %s, want %d and %q", c.method, c.path, out.Code, out.Body, c.status, c.says)
		}
	}
	if got, want := strings.Join(asked[:3], "; "), "GET /base/smoke-tests?limit=5; GET /base/smoke-tests/r%201; POST /base/smoke-tests/run {}"; got != want || len(asked) != 6 {
		t.Errorf("the runner was asked %s (%d times), want %s", got, len(asked), want)
	}
	alone, err := openServer(t.Context(), serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, cacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	if out := callAs(alone, testKey, "POST", "/v1/admin/smoke-tests/run", ""); out.Code != 503 || !strings.Contains(out.Body.String(), "--smoke-runner") {
		t.Errorf("without a runner: %d %s", out.Code, out.Body)
	}
	runner.Close()
	if out := callAs(s, testKey, "GET", "/v1/admin/smoke-tests", ""); out.Code != 502 {
		t.Errorf("a runner that is gone: %d %s", out.Code, out.Body)
	}
}
