package wire

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stemma/entity"
)

func TestGzip(t *testing.T) {
	long := strings.Repeat("text ", 1000)
	h := New(Options{Ops: []Operation{
		reply("/long", OK(map[string]any{"t": long})), reply("/short", OK(map[string]any{"t": "short"})),
		reply("/block", Bytes("application/vnd.ipld.dag-cbor", []byte(long))), reply("/text", Bytes("text/plain", []byte(long))),
		reply("/encoded", Bytes("text/plain", []byte(long)).WithHeader("Content-Encoding", "br")),
	}})
	cases := []struct {
		path, accept string
		compressed   bool
	}{
		{"/long", "gzip", true}, {"/long", "br, GZIP;q=0.5", true}, {"/long", "*", true}, {"/text", "deflate, gzip", true},
		{"/long", "", false}, {"/long", "gzip;q=0", false}, {"/long", "gzip; q=0.0, *", false}, {"/long", "br", false},
		{"/short", "gzip", false}, {"/block", "gzip", false}, {"/encoded", "gzip", false},
	}
	for _, c := range cases {
		w := call(h, "GET", c.path, "", "Accept-Encoding", c.accept)
		name := c.path + " " + c.accept
		equal(t, name, w.Header().Get("Content-Encoding") == "gzip", c.compressed)
		equal(t, name+" length", w.Header().Get("Content-Length"), fmt.Sprint(w.Body.Len()))
		if !c.compressed {
			continue
		}
		equal(t, name+" vary", w.Header().Get("Vary"), "Accept-Encoding")
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil || !strings.Contains(string(plain), long) {
			t.Errorf("%s: %v, %d bytes", name, err, len(plain))
		}
	}
	equal(t, "vary without compression", call(h, "GET", "/long", "").Header().Get("Vary"), "Accept-Encoding")
}

// TestEventStream: what is sent arrives while the handler still runs, in the
// form that browsers read.
func TestEventStream(t *testing.T) {
	seen := make(chan struct{})
	op := reply("/events", &Reply{Stream: func(w http.ResponseWriter, r *http.Request) error {
		s := NewEventStream(w, r)
		if err := s.Send("1", "create", []byte(`{"a":1}`)); err != nil {
			return err
		}
		if err := s.Send("", "", []byte("two\nlines\r\nand\rmore")); err != nil {
			return err
		}
		if err := s.Flush(); err != nil {
			return err
		}
		<-seen
		return s.Comment("still\nhere")
	}})
	server := httptest.NewServer(New(Options{Ops: []Operation{op}}))
	defer server.Close()
	req, _ := http.NewRequest("GET", server.URL+"/events", nil)
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	equal(t, "type", resp.Header.Get("Content-Type"), "text/event-stream; charset=utf-8")
	equal(t, "headers", []string{resp.Header.Get("Cache-Control"), resp.Header.Get("X-Accel-Buffering"), resp.Header.Get("Content-Encoding")}, []string{"no-cache, no-transform", "no", ""})
	want := "id: 1\nevent: create\ndata: {\"a\":1}\n\ndata: two\ndata: lines\ndata: and\ndata: more\n\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(resp.Body, got); err != nil {
		t.Fatal(err)
	}
	equal(t, "events", string(got), want)
	close(seen)
	rest, err := io.ReadAll(resp.Body)
	equal(t, "rest", []any{string(rest), err}, []any{": still here\n\n", nil})
}

func TestEventStreamFlushesByItself(t *testing.T) {
	w := httptest.NewRecorder()
	s := NewEventStream(w, nil)
	piece := bytes.Repeat([]byte("x"), 1000)
	for range flushFrom/1000 + 1 {
		if err := s.Send("1", "", piece); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.Body.Len(); n < flushFrom {
		t.Errorf("%d bytes are out", n)
	}
	for _, id := range []string{"a\nb", "a\rb", "a\x00b"} {
		if err := s.Send(id, "", nil); entity.KindOf(err) != entity.KindInternal {
			t.Errorf("id %q: %v", id, err)
		}
	}
}

// TestStalledReader: a client that reads nothing is dropped. The pipe holds
// nothing, so that the deadline is the only way out, however short it is.
func TestStalledReader(t *testing.T) {
	over, lines := make(chan error, 1), make(logLines, 8)
	h := New(Options{WriteTimeout: time.Millisecond, Ops: []Operation{reply("/events", &Reply{Stream: func(w http.ResponseWriter, r *http.Request) error {
		s := NewEventStream(w, r)
		var err error
		for err == nil {
			_ = s.Send("1", "", []byte("x"))
			err = s.Flush()
		}
		over <- err
		return err
	}}), reply("/large", OK(strings.Repeat("x", 1<<20)))}, Logger: slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	conn := servePipes(t, h).dial(t)
	fmt.Fprint(conn, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
	equal(t, "kind", entity.KindOf(<-over), entity.KindCanceled)
	contains(t, "log", <-lines, "kind=canceled")
	<-lines // the access log

	conn = servePipes(t, h).dial(t)
	fmt.Fprint(conn, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	contains(t, "log", <-lines, "the caller did not take the answer")
	<-lines
}

// logLines is a writer of a log that can be waited for.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestDeadlineEndsWithTheAnswer: a connection that served a stream serves on.
func TestDeadlineEndsWithTheAnswer(t *testing.T) {
	h := New(Options{Ops: []Operation{reply("/large", OK(strings.Repeat("x", 1<<20))), whoami(AuthNone)}})
	var deadlines []time.Time
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(deadlineSpy{w, &deadlines}, r) })
	server := httptest.NewServer(spy)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	for _, path := range []string{"/large", "/none"} {
		resp, err := client.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		equal(t, path, err, nil)
	}
	server.Close()
	equal(t, "deadlines", []any{len(deadlines), deadlines[0].IsZero(), deadlines[1].IsZero()}, []any{2, false, true})
}

type deadlineSpy struct {
	http.ResponseWriter
	set *[]time.Time
}

func (d deadlineSpy) SetWriteDeadline(t time.Time) error {
	*d.set = append(*d.set, t)
	return nil
}

func TestETag(t *testing.T) {
	cid, _ := entity.ParseCID(aCID)
	tag := ETag(cid)
	equal(t, "tag", tag, `"`+aCID+`"`)
	for header, want := range map[string]bool{
		"": false, tag: true, "W/" + tag: true, "*": true, `"other"`: false, `"other", ` + tag: true, `"a",W/` + tag + `,"b"`: true, aCID: true, `""`: false, ",": false,
	} {
		equal(t, header, NotModified(header, tag), want)
	}
}

func TestPage(t *testing.T) {
	all := []int{0, 1, 2, 3, 4}
	for _, c := range []struct {
		offset, limit int
		items         []int
		more          bool
	}{{0, 2, []int{0, 1}, true}, {3, 2, []int{3, 4}, false}, {3, 9, []int{3, 4}, false}, {5, 2, []int{}, false}, {99, 2, []int{}, false}, {0, 0, []int{}, true}, {1, int(^uint(0) >> 1), []int{1, 2, 3, 4}, false}} {
		items, p := Page(all, c.offset, c.limit)
		equal(t, "page", []any{items, p}, []any{c.items, Pagination{c.offset, c.limit, len(c.items), c.more}})
	}
	items, p := PageOf(all, 10, 4)
	equal(t, "fetched one more", []any{items, p}, []any{all[:4], Pagination{10, 4, 4, true}})
	items, p = PageOf(all, 0, 5)
	equal(t, "fetched all", []any{items, p}, []any{all, Pagination{0, 5, 5, false}})
}

// TestCanceledCaller: who went away gets a 499 that only the log sees.
func TestCanceledCaller(t *testing.T) {
	op := Op(Operation{Method: "GET", Path: "/", ID: "x"}, func(ctx context.Context, _ *struct{}) (*Reply, error) { return nil, ctx.Err() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	New(Options{Ops: []Operation{op}}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	equal(t, "status", w.Code, 499)
}
