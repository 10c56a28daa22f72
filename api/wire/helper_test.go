package wire

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"stemma/entity"
)

const (
	anID  = "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK"
	testI = "IIKHM05BX9NKE0S24TZCDKWFDF"
)

var aCID = entity.SumBlock([]byte("a")).String()

// callerKey is where the tests' Authenticate puts the caller's name.
type callerKey struct{}

// authenticate knows "Bearer <name>", of whom newcomer is not registered; any
// other credential is wrong.
func authenticate(r *http.Request) (context.Context, Standing, error) {
	cred := r.Header.Get("Authorization")
	if cred == "" {
		return r.Context(), Anonymous, nil
	}
	name, ok := strings.CutPrefix(cred, "Bearer ")
	if !ok {
		return r.Context(), Anonymous, &entity.Error{Kind: entity.KindUnauthenticated, Op: "test"}
	}
	standing := Registered
	if name == "newcomer" {
		standing = Unregistered
	}
	return context.WithValue(r.Context(), callerKey{}, name), standing, nil
}

// call sends one request to a handler. headers are key, value, key, value.
func call(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, target, nil)
	} else {
		r = httptest.NewRequest(method, target, strings.NewReader(body))
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// echo is a router with one operation at POST /echo/{id}, or the path given,
// that hands its input to see.
func echo[In any](t *testing.T, path string, see func(*In)) http.Handler {
	t.Helper()
	return New(Options{Ops: []Operation{Op(Operation{Method: "POST", Path: path, ID: "echo"}, func(_ context.Context, in *In) (*Reply, error) {
		see(in)
		return NoContent(), nil
	})}})
}

// problems are the issues of a 400 as "path.0.name: message".
func problems(t *testing.T, w *httptest.ResponseRecorder) []string {
	t.Helper()
	var body struct {
		Error   string
		Details struct{ Issues []entity.Issue }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
	}
	out := []string{}
	for _, is := range body.Details.Issues {
		var path []string
		for _, p := range is.Path {
			path = append(path, string(AppendValue(nil, p)))
		}
		out = append(out, strings.ReplaceAll(strings.Join(path, "."), `"`, "")+": "+is.Message)
	}
	return out
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %#v\nwant %#v", what, got, want)
	}
}

func contains(t *testing.T, what, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%s: %q is not in\n%s", what, want, got)
	}
}

// pipes is a listener whose connections are pipes in memory: no port, no
// buffer, and deadlines that work.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

// servePipes serves h on pipes until the test ends.
func servePipes(t *testing.T, h http.Handler) *pipes {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: h}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-over
	})
	return l
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// dial gives the client's end of a new connection.
func (l *pipes) dial(t *testing.T) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	l.conns <- server
	t.Cleanup(func() { client.Close() })
	return client
}
