package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"stemma/entity"
)

// whoami answers who calls, at each level of authentication.
func whoami(auth Auth) Operation {
	return Op(Operation{Method: "GET", Path: "/" + auth.String(), ID: auth.String(), Auth: auth}, func(ctx context.Context, _ *struct{}) (*Reply, error) {
		name, _ := ctx.Value(callerKey{}).(string)
		return OK(map[string]any{"caller": name, "network": string(NetworkOf(ctx)), "auth": OperationOf(ctx).Auth.String(), "id": RequestID(ctx)}), nil
	})
}

func TestAuth(t *testing.T) {
	h := New(Options{Authenticate: authenticate, Ops: []Operation{whoami(AuthNone), whoami(AuthOptional), whoami(AuthRequired), whoami(AuthJWTOnly)}})
	cases := []struct {
		path, credential string
		status           int
		caller           string
	}{
		{"/none", "", 200, ""}, {"/none", "Bearer ann", 200, ""}, {"/none", "nonsense", 200, ""},
		{"/optional", "", 200, ""}, {"/optional", "Bearer ann", 200, "ann"}, {"/optional", "nonsense", 401, ""},
		{"/required", "", 401, ""}, {"/required", "Bearer ann", 200, "ann"}, {"/required", "nonsense", 401, ""},
		{"/jwt-only", "", 401, ""}, {"/jwt-only", "Bearer ann", 200, "ann"}, {"/jwt-only", "nonsense", 401, ""},
		{"/none", "Bearer newcomer", 200, ""}, {"/optional", "Bearer newcomer", 200, "newcomer"},
		{"/required", "Bearer newcomer", 403, ""}, {"/jwt-only", "Bearer newcomer", 200, "newcomer"},
	}
	for _, c := range cases {
		w := call(h, "GET", c.path, "", "Authorization", c.credential, "X-Request-Id", "req-1234")
		equal(t, c.path+" "+c.credential, w.Code, c.status)
		if c.status == 200 {
			equal(t, c.path, w.Body.String(), `{"auth":"`+c.path[1:]+`","caller":"`+c.caller+`","id":"req-1234","network":"main"}`)
		} else if c.status == 403 {
			contains(t, c.path, w.Body.String(), "POST /auth/register")
		} else {
			contains(t, c.path, w.Body.String(), "Unauthorized: Missing or invalid authentication token")
		}
	}
	equal(t, "nobody can be known", call(New(Options{Ops: []Operation{whoami(AuthRequired)}}), "GET", "/required", "").Code, 401)
}

// TestAuthComesBeforeTheBody: who may not come in is not read.
func TestAuthComesBeforeTheBody(t *testing.T) {
	op := Op(Operation{Method: "POST", Path: "/", ID: "x", Auth: AuthRequired}, func(context.Context, *noteInput) (*Reply, error) { return nil, nil })
	r := httptest.NewRequest("POST", "/", unreadable{t})
	w := httptest.NewRecorder()
	New(Options{Ops: []Operation{op}, Authenticate: authenticate}).ServeHTTP(w, r)
	equal(t, "status", w.Code, 401)
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestNetwork(t *testing.T) {
	h := New(Options{Ops: []Operation{whoami(AuthNone)}})
	contains(t, "test", call(h, "GET", "/none", "", "X-Arke-Network", "test").Body.String(), `"network":"test"`)
	w := call(h, "GET", "/none", "", "X-Arke-Network", "prod")
	equal(t, "issues", problems(t, w), []string{"X-Arke-Network: must be main or test"})
	equal(t, "outside of a request", []any{NetworkOf(t.Context()), RequestID(t.Context()), OperationOf(t.Context())}, []any{entity.Main, "", (*Operation)(nil)})
}

func TestRequestID(t *testing.T) {
	now := func() time.Time { return time.UnixMilli(1_767_323_045_678) }
	h := New(Options{Ops: []Operation{whoami(AuthNone)}, Now: now, Entropy: strings.NewReader(strings.Repeat("\x00", 10))})
	get := func(sent string) string {
		return call(h, "GET", "/none", "", "X-Request-Id", sent).Header().Get("X-Request-Id")
	}
	equal(t, "from clock and entropy", get(""), "req_01KDYAK3SE0000000000000000")
	form := regexp.MustCompile(`^req_01KDYAK3SE[0-9A-HJKMNP-TV-Z]{16}$`)
	for _, sent := range []string{"", "short", "with space", "new\nline1", strings.Repeat("x", 129), "<script>alert"} {
		if got := get(sent); !form.MatchString(got) {
			t.Errorf("sent %q, got %q", sent, got)
		}
	}
	equal(t, "the caller's", get("trace-1.2_3"), "trace-1.2_3")
	if a, b := get(""), get(""); a == b {
		t.Errorf("two requests have the id %s", a)
	}
}

func TestNotFoundAndNotAllowed(t *testing.T) {
	h := New(Options{Ops: []Operation{constant("/x/{a}"), refusing("PUT", "/x/{a}"), refusing("DELETE", "/x/y")}})
	w := call(h, "GET", "/nowhere", "")
	equal(t, "status", w.Code, 404)
	contains(t, "body", w.Body.String(), `"error":"there is no /nowhere here`)
	contains(t, "body", w.Body.String(), `"code":"NOT_FOUND"`)
	for _, c := range [][3]string{{"POST", "/x/1", "GET, HEAD, PUT"}, {"PATCH", "/x/y", "GET, HEAD, PUT, DELETE"}, {"BREW", "/x/1", "GET, HEAD, PUT"}, {"OPTIONS", "/x/1", "GET, HEAD, PUT"}} {
		w = call(h, c[0], c[1], "")
		equal(t, c[0]+" "+c[1], w.Code, 405)
		equal(t, "Allow", w.Header().Get("Allow"), c[2])
		contains(t, "body", w.Body.String(), `"code":"METHOD_NOT_ALLOWED","status":405`)
	}
	equal(t, "unknown method of nothing", call(h, "BREW", "/nowhere", "").Code, 404)
}

func refusing(method, path string) Operation {
	return Handle(Operation{Method: method, Path: path, ID: method + path}, http.NotFoundHandler())
}

func TestCORS(t *testing.T) {
	h := New(Options{Ops: []Operation{whoami(AuthNone)}})
	w := call(h, "OPTIONS", "/none", "", "Origin", "https://a.example", "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization")
	equal(t, "preflight", w.Code, 204)
	equal(t, "origin", w.Header().Get("Access-Control-Allow-Origin"), "*")
	for _, name := range []string{"Authorization", "Content-Type", "X-Arke-Network", "X-On-Behalf-Of", "X-Chat-ID", "If-None-Match", "Last-Event-ID"} {
		contains(t, "headers", w.Header().Get("Access-Control-Allow-Headers"), name)
	}
	for _, name := range []string{"GET", "PUT", "POST", "PATCH", "DELETE"} {
		contains(t, "methods", w.Header().Get("Access-Control-Allow-Methods"), name)
	}
	w = call(h, "GET", "/none", "", "Origin", "https://a.example")
	equal(t, "origin", w.Header().Get("Access-Control-Allow-Origin"), "*")
	contains(t, "exposed", w.Header().Get("Access-Control-Expose-Headers"), "ETag")
	contains(t, "exposed", w.Header().Get("Access-Control-Expose-Headers"), "X-Request-Id")
	equal(t, "errors too", call(h, "GET", "/nowhere", "").Header().Get("Access-Control-Allow-Origin"), "*")
}

func reply(path string, r *Reply) Operation {
	return Op(Operation{Method: "GET", Path: path, ID: "x" + identifier(path)}, func(context.Context, *struct{}) (*Reply, error) { return r, nil })
}

func TestReplies(t *testing.T) {
	cid, _ := entity.ParseCID(aCID)
	etag := ETag(cid)
	h := New(Options{Ops: []Operation{
		reply("/ok", OK(map[string]any{"a": "<b>"}).WithETag(etag).WithHeader("cache-control", "no-store")),
		reply("/created", Created(struct{}{})), reply("/none", NoContent()), reply("/nil", nil), reply("/unchanged", Unchanged(etag)),
		reply("/bytes", Bytes("text/plain; charset=utf-8", []byte("hi"))), reply("/empty", &Reply{Status: 202}),
		reply("/unencodable", OK(map[string]any{"f": func() {}})),
		reply("/stream", &Reply{Status: 206, Header: http.Header{"X-A": {"b"}}, Stream: func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.WriteString(w, "piece")
			return err
		}}),
		reply("/badstream", &Reply{Header: http.Header{"Content-Type": {"text/csv"}}, Stream: func(http.ResponseWriter, *http.Request) error {
			return entity.NotFound("t", "gone")
		}}),
	}})
	cases := []struct {
		method, path string
		status       int
		body         string
		header       map[string]string
	}{
		{"GET", "/ok", 200, `{"a":"<b>"}`, map[string]string{"Content-Type": "application/json", "Content-Length": "11", "ETag": etag, "Cache-Control": "no-store"}},
		{"HEAD", "/ok", 200, `{"a":"<b>"}`, map[string]string{"Content-Length": "11"}}, // net/http drops a HEAD's body
		{"GET", "/created", 201, `{}`, nil},
		{"GET", "/none", 204, ``, map[string]string{"Content-Length": "", "Content-Type": ""}},
		{"GET", "/nil", 204, ``, nil},
		{"GET", "/unchanged", 304, ``, map[string]string{"ETag": etag, "Content-Length": ""}},
		{"GET", "/bytes", 200, `hi`, map[string]string{"Content-Type": "text/plain; charset=utf-8"}},
		{"GET", "/empty", 202, ``, map[string]string{"Content-Length": "0"}},
		{"GET", "/stream", 206, `piece`, map[string]string{"X-A": "b"}},
	}
	for _, c := range cases {
		w := call(h, c.method, c.path, "")
		equal(t, c.path, []any{w.Code, w.Body.String()}, []any{c.status, c.body})
		for k, v := range c.header {
			equal(t, c.path+" "+k, w.Header().Get(k), v)
		}
	}
	w := call(h, "GET", "/badstream", "")
	equal(t, "/badstream", []any{w.Code, w.Header().Get("Content-Type")}, []any{404, "application/json"})
	w = call(h, "GET", "/unencodable", "")
	equal(t, "/unencodable", w.Code, 500)
	contains(t, "/unencodable", w.Body.String(), "Internal server error")
}

// TestPanics: a panic before the answer is a 500, and in the middle of one it
// cuts the connection; both are logged with the request's id.
func TestPanics(t *testing.T) {
	var log bytes.Buffer
	h := New(Options{Logger: slog.New(slog.NewJSONHandler(&log, nil)), Ops: []Operation{
		Op(Operation{Method: "GET", Path: "/before", ID: "before"}, func(context.Context, *struct{}) (*Reply, error) { panic("secret") }),
		reply("/middle", &Reply{Stream: func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "half")
			panic("secret")
		}}),
		reply("/error", &Reply{Stream: func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "half")
			return errors.New("secret")
		}}),
	}})
	w := call(h, "GET", "/before", "", "X-Request-Id", "req-before")
	equal(t, "status", w.Code, 500)
	equal(t, "nothing leaks", strings.Contains(w.Body.String(), "secret"), false)
	contains(t, "body", w.Body.String(), `"request_id":"req-before"`)
	for _, path := range []string{"/middle", "/error"} {
		func() {
			defer func() { equal(t, path, recover(), any(http.ErrAbortHandler)) }()
			call(h, "GET", path, "", "X-Request-Id", "req-"+path[1:])
		}()
	}
	for _, want := range []string{"req-before", "req-middle", "req-error", "router_test.go", `"panic":"secret"`, `"err":"wire: internal: secret"`} {
		contains(t, "log", log.String(), want)
	}
}

func TestAccessLog(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		var log bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: level}))
		h := New(Options{Logger: logger, Ops: []Operation{whoami(AuthNone), reply("/broken", OK(func() {}))}})
		call(h, "GET", "/none", "")
		quiet := log.String()
		call(h, "GET", "/broken", "")
		equal(t, "a good request is of interest to who debugs", quiet != "", level == slog.LevelDebug)
		contains(t, "5xx", log.String(), `"level":"INFO","msg":"request","method":"GET","route":"/broken","status":500`)
		contains(t, "cause", log.String(), `"level":"ERROR","msg":"request failed"`)
		contains(t, "cause", log.String(), `a func() has no JSON form`)
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	entered, leave := make(chan struct{}), make(chan struct{})
	wait := Op(Operation{Method: "GET", Path: "/wait", ID: "wait"}, func(context.Context, *struct{}) (*Reply, error) {
		close(entered)
		<-leave
		return nil, nil
	})
	metrics := Handle(Operation{Method: "GET", Path: "/metrics", Hidden: true}, promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	h := New(Options{Registry: reg, Ops: []Operation{wait, metrics, whoami(AuthNone), whoami(AuthRequired)}})
	other := New(Options{Registry: reg, Ops: []Operation{reply("/other", nil)}}) // each view may have a router
	done := make(chan struct{})
	go func() {
		defer close(done)
		call(h, "GET", "/wait", "")
	}()
	<-entered
	contains(t, "in flight", call(h, "GET", "/metrics", "").Body.String(), "stemma_http_requests_in_flight 2\n") // and the question itself
	close(leave)
	<-done
	call(h, "GET", "/none", "")
	call(h, "GET", "/none", "")
	call(h, "GET", "/required", "")
	call(h, "GET", "/nowhere/1", "")
	call(h, "GET", "/nowhere/2", "")
	call(other, "GET", "/other", "")
	text := call(h, "GET", "/metrics", "").Body.String()
	for _, want := range []string{`{method="GET",route="/none",status="2xx"} 2`, `{method="GET",route="/required",status="4xx"} 1`, `{method="(any)",route="(none)",status="4xx"} 2`,
		`{method="GET",route="/other",status="2xx"} 1`, `{method="GET",route="/metrics",status="2xx"} 1`} {
		contains(t, "metrics", text, "stemma_http_request_duration_seconds_count"+want)
	}
	equal(t, "a route nobody called has no series", strings.Contains(text, `route="/none",status="5xx"`), false)
}

// TestContextOutlivesTheRequest: a goroutine that goes on may still ask.
func TestContextOutlivesTheRequest(t *testing.T) {
	var kept context.Context
	op := Op(Operation{Method: "GET", Path: "/x/{id}", ID: "x"}, func(ctx context.Context, _ *struct {
		ID string `path:"id"`
	}) (*Reply, error) {
		kept = ctx
		return nil, nil
	})
	h := New(Options{Ops: []Operation{op}})
	call(h, "GET", "/x/1", "", "X-Request-Id", "req-first")
	call(h, "GET", "/x/2", "", "X-Request-Id", "req-second")
	equal(t, "the last one", RequestID(kept), "req-second")
	child, cancel := context.WithTimeout(kept, time.Hour)
	defer cancel()
	equal(t, "of a child", RequestID(child), "req-second")
}

func TestHandleIsGuarded(t *testing.T) {
	op := Handle(Operation{Method: "GET", Path: "/raw", ID: "raw", Auth: AuthRequired}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _ := r.Context().Value(callerKey{}).(string)
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // too late, and harmless
		_, _ = io.WriteString(w, name)
	}))
	h := New(Options{Ops: []Operation{op}, Authenticate: authenticate})
	equal(t, "anonymous", call(h, "GET", "/raw", "").Code, 401)
	w := call(h, "GET", "/raw", "", "Authorization", "Bearer ann")
	equal(t, "known", []any{w.Code, w.Body.String()}, []any{418, "ann"})
}
