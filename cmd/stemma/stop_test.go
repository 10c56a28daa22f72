package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"stemma/api"
)

// stopFlags allow requests an hour to finish: a test that waited for the grace
// to pass would not end.
var stopFlags = []string{"--bootstrap-key", testKey, "--grace", "1h"}

// SIGTERM: a request under way is answered, a stream ends at once,
// nobody new is let in, and the exit code is 0.
func TestStop(t *testing.T) {
	p := serve(t, t.TempDir(), stopFlags...)
	url := p.url(t)
	stream := open(t, http.MethodGet, url+"/events", nil, "Accept", "text/event-stream")
	body, rest := io.Pipe()
	created := make(chan *http.Response, 1)
	go func() { created <- open(t, http.MethodPost, url+"/entities", body, "Expect", "100-continue") }()
	if _, err := rest.Write([]byte(`{"type":"note",`)); err != nil { // taken: the server asked for it
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if p.stderr.await(p.ended, stopping) == "" {
		t.Fatalf("the server ended without a word: %v\n%s", p.err, p.stderr)
	}
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Errorf("the stream did not end well: %v", err)
	}
	if _, err := rest.Write([]byte(`"properties":{}}`)); err != nil {
		t.Fatal(err)
	}
	rest.Close()
	res := <-created
	var entity struct{ CID string }
	if err := json.NewDecoder(res.Body).Decode(&entity); err != nil || res.StatusCode != http.StatusCreated || entity.CID == "" {
		t.Errorf("the request under way was answered %d %v", res.StatusCode, err)
	}
	<-p.ended
	if p.err != nil {
		t.Errorf("exit: %v\n%s", p.err, p.stderr)
	}
	if res, err := http.Get(url + "/healthz"); err == nil {
		res.Body.Close()
		t.Error("the server that ended is still there")
	}
}

// A request that does not finish within the grace is cut off, and the server
// leaves with code 0 all the same.
func TestStopCutsOff(t *testing.T) {
	p := serve(t, t.TempDir(), "--bootstrap-key", testKey, "--grace", "0s")
	url := p.url(t)
	body, rest := io.Pipe()
	cut := make(chan error, 1)
	go func() {
		_, err := patient.Do(request(t, http.MethodPost, url+"/entities", body, "Expect", "100-continue"))
		cut <- err
	}()
	if _, err := rest.Write([]byte(`{"type":`)); err != nil {
		t.Fatal(err)
	}
	p.stop(t)
	rest.CloseWithError(io.ErrUnexpectedEOF) // the client would wait for the rest of the body
	if err := <-cut; err == nil {
		t.Error("half a request was answered")
	}
}

// patient asks for leave to send a body, and waits for it for ever: a body that
// begins to be read has arrived.
var patient = http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: math.MaxInt64}}

func request(t *testing.T, method, url string, body io.Reader, headers ...string) *http.Request {
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		panic(err) // the test is wrong
	}
	req.Header.Set("Authorization", "ApiKey "+testKey)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// open sends a request and gives the answer's head. It may be called from any
// goroutine.
func open(t *testing.T, method, url string, body io.Reader, headers ...string) *http.Response {
	res, err := patient.Do(request(t, method, url, body, headers...))
	if err != nil {
		t.Error(err)
		return &http.Response{Body: http.NoBody}
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// The document that needs no server is the one that the server gives.
func TestOpenAPI(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"openapi"}, &out, &errs); code != 0 || errs.Len() > 0 {
		t.Fatalf("openapi: %d %s", code, &errs)
	}
	var doc struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]json.RawMessage
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") || doc.Info.Version != api.Version || len(doc.Paths) < 30 {
		t.Errorf("OpenAPI %s of version %s with %d paths", doc.OpenAPI, doc.Info.Version, len(doc.Paths))
	}
	p := serve(t, t.TempDir(), stopFlags...)
	res := open(t, http.MethodGet, p.url(t)+"/openapi.json", nil)
	served, err := io.ReadAll(res.Body)
	if err != nil || strings.TrimSpace(string(served)) != strings.TrimSpace(out.String()) {
		t.Errorf("the server gives another document: %d and %d bytes, %v", len(served), out.Len(), err)
	}
	p.stop(t)
}
