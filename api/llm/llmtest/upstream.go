package llmtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Request is a request that the provider was sent.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// Object is the request's body.
func (r *Request) Object() map[string]any {
	var v map[string]any
	_ = json.Unmarshal(r.Body, &v) // a test that wants one sees that it is not there
	return v
}

// Answer answers one request.
type Answer func(w http.ResponseWriter, r *http.Request, seen *Request)

// Upstream is the provider.
type Upstream struct {
	*httptest.Server
	mu      sync.Mutex
	script  []Answer
	seen    []*Request
	forgets bool
	gone    chan struct{} // receives when a caller of [Stall] has hung up
}

// New starts a provider that gives the answers in turn, the last of them for
// ever, and ends with the test.
func New(t testing.TB, script ...Answer) *Upstream {
	t.Helper()
	u := &Upstream{script: script, gone: make(chan struct{}, 64)}
	u.Server = httptest.NewServer(u)
	t.Cleanup(u.Server.Close)
	return u
}

// Script replaces what is left of the script.
func (u *Upstream) Script(script ...Answer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.script = script
}

// Seen are the requests so far.
func (u *Upstream) Seen() []*Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]*Request(nil), u.seen...)
}

// Last is the last request; nil for none.
func (u *Upstream) Last() *Request {
	all := u.Seen()
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// HungUp waits until a caller that was kept waiting has hung up.
func (u *Upstream) HungUp(t testing.TB) {
	t.Helper()
	select {
	case <-u.gone:
	case <-t.Context().Done():
		t.Fatal("the caller did not hang up")
	}
}

func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	seen := &Request{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header.Clone(), Body: body}
	u.mu.Lock()
	if !u.forgets {
		u.seen = append(u.seen, seen)
	}
	if len(u.script) == 0 {
		u.mu.Unlock()
		http.Error(w, "the script is over", http.StatusTeapot)
		return
	}
	answer := u.script[0]
	if len(u.script) > 1 {
		u.script = u.script[1:]
	}
	u.mu.Unlock()
	answer(w, r, seen)
}

// Forget has it keep no requests: for loads of them.
func (u *Upstream) Forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forgets, u.seen = true, nil
}
