package wire

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stemma/entity"
)

type noteInput struct {
	Note string         `json:"note"`
	All  map[string]any `json:"all"`
}

// TestBadBodies: whatever is wrong with a body is a clear error of the
// documented shape, and nothing reaches the handler.
func TestBadBodies(t *testing.T) {
	op := Op(Operation{Method: "DELETE", Path: "/e", ID: "e", MaxBody: 4 << 10}, func(context.Context, *noteInput) (*Reply, error) {
		t.Error("the handler was called")
		return nil, nil
	})
	h := New(Options{Ops: []Operation{op}})
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	cases := []struct {
		name, body string
		headers    []string
		status     int
		want       string
	}{
		{"not JSON", `{"note":`, nil, 400, "Malformed JSON: the text ends where a value should be (at byte 8)"},
		{"not JSON at all", `note=1`, nil, 400, "Malformed JSON"},
		{"two values", `{} {}`, nil, 400, "there is more text after the value"},
		{"duplicate key", `{"note":"a","note":"b"}`, nil, 400, `the key \"note\" is given twice in one object`},
		{"invalid UTF-8", "{\"note\":\"\xff\"}", nil, 400, "not valid UTF-8"},
		{"unpaired surrogate", `{"note":"\ud800"}`, nil, 400, "surrogates come in pairs"},
		{"number past float64", `{"all":{"n":1e999}}`, nil, 400, "outside the range of a 64-bit float"},
		{"nested too deep", `{"all":` + deep + `}`, nil, 400, "nested deeper than 72 levels"},
		{"nested past any stack", strings.Repeat("[", 4000), nil, 400, "nested deeper than 72 levels"},
		{"too large", `{"note":"` + strings.Repeat("x", 4<<10) + `"}`, nil, 413, "the body is larger than the limit of 4 KiB (4096 bytes)"},
		{"form", `a=b`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "send application/json in UTF-8"},
		{"other charset", `{}`, []string{"Content-Type", "application/json; charset=latin1"}, 415, "send application/json in UTF-8"},
		{"nonsense type", `{}`, []string{"Content-Type", ";;"}, 415, "send application/json in UTF-8"},
		{"compressed", `{}`, []string{"Content-Encoding", "gzip"}, 415, "without Content-Encoding"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := call(h, "DELETE", "/e", c.body, c.headers...)
			equal(t, "status", w.Code, c.status)
			contains(t, "body", w.Body.String(), c.want)
			contains(t, "body", w.Body.String(), fmt.Sprintf(`"status":%d`, c.status))
			if c.status == 400 {
				equal(t, "issues", len(problems(t, w)), 1)
			}
		})
	}
}

func TestGoodBodies(t *testing.T) {
	var got noteInput
	h := echo(t, "/e", func(in *noteInput) { got = *in })
	for _, headers := range [][]string{nil, {"Content-Type", "application/json"}, {"Content-Type", `application/JSON;charset="utf-8"`}, {"Content-Encoding", "identity"}} {
		got = noteInput{}
		equal(t, "status", call(h, "POST", "/e", `{"note":"n"}`, headers...).Code, 204)
		equal(t, "input", got, noteInput{Note: "n"})
	}
	// No body is {}, whatever its type is said to be.
	equal(t, "no body", call(h, "POST", "/e", "", "Content-Type", "text/plain").Code, 204)
	// The tree of an open field may be as deep as a manifest allows, inside a body.
	deep := strings.Repeat(`{"a":`, entity.MaxDepth) + "1" + strings.Repeat("}", entity.MaxDepth)
	equal(t, "deep", call(h, "POST", "/e", `{"all":`+deep+`}`).Code, 204)
}

// TestBodyOfUnknownLength: a body in chunks is bounded as well.
func TestBodyOfUnknownLength(t *testing.T) {
	op := Op(Operation{Method: "POST", Path: "/e", ID: "e", MaxBody: 100}, func(_ context.Context, in *noteInput) (*Reply, error) { return OK(in), nil })
	l := servePipes(t, New(Options{Ops: []Operation{op}}))
	for body, status := range map[string]int{`{"note":"n"}`: 200, `{"note":"` + strings.Repeat("x", 200) + `"}`: 413} {
		conn := l.dial(t)
		go fmt.Fprintf(conn, "POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		equal(t, "status of "+string(text), resp.StatusCode, status)
	}
}

// TestSlowBody: a client that announces a body and does not send it gets a
// clear error. The pipe never delivers the rest, so that the deadline is the
// only way out, however short it is.
func TestSlowBody(t *testing.T) {
	op := Op(Operation{Method: "POST", Path: "/e", ID: "e"}, func(context.Context, *noteInput) (*Reply, error) {
		t.Error("the handler was called")
		return nil, nil
	})
	l := servePipes(t, New(Options{Ops: []Operation{op}, BodyTimeout: time.Millisecond}))
	conn := l.dial(t)
	fmt.Fprint(conn, "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"no")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	equal(t, "status", resp.StatusCode, http.StatusRequestTimeout)
	contains(t, "body", string(text), "the body did not arrive within 1ms")
	equal(t, "the connection is over", resp.Close, true)
}

// TestDeadlineEndsWithTheBody: once a body was read its deadline is lifted. The
// handler works past it; were it still set, the server's own reader would fail
// and cancel the request. Time is that of a bubble: nobody waits.
func TestDeadlineEndsWithTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		op := Op(Operation{Method: "POST", Path: "/e", ID: "e"}, func(ctx context.Context, in *noteInput) (*Reply, error) {
			select {
			case <-time.After(2 * defaultTimeout):
			case <-ctx.Done():
				t.Error("the request was canceled")
			}
			return OK(in), nil
		})
		conn := servePipes(t, New(Options{Ops: []Operation{op}})).dial(t)
		answers := bufio.NewReader(conn)
		for range 2 {
			fmt.Fprint(conn, "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{\"note\":\"n\"}")
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			equal(t, "answer", string(text), `{"note":"n","all":{}}`)
		}
	})
}

// TestGivenUpBody: a connection that closes in the middle is a bad request at
// most, never an internal error.
func TestGivenUpBody(t *testing.T) {
	failed := make(chan error, 1)
	op := Op(Operation{Method: "POST", Path: "/e", ID: "e"}, func(context.Context, *noteInput) (*Reply, error) { return nil, nil })
	h := New(Options{Ops: []Operation{op}, ErrorBody: func(err *entity.Error, status int, code, id string) any {
		failed <- err
		return ArkeError(err, status, code, id)
	}})
	conn := servePipes(t, h).dial(t)
	fmt.Fprint(conn, "POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	conn.Close()
	kind := entity.KindOf(<-failed)
	if kind != entity.KindCanceled && kind != entity.KindInvalid {
		t.Errorf("kind %v", kind)
	}
}

func TestUpload(t *testing.T) {
	type in struct {
		Body Upload `body:"raw"`
	}
	read := func(_ context.Context, in *in) (*Reply, error) {
		b, err := io.ReadAll(in.Body)
		if err != nil {
			return nil, err
		}
		return OK(map[string]any{"type": in.Body.ContentType, "length": in.Body.Length, "text": string(b)}), nil
	}
	bounded := Op(Operation{Method: "POST", Path: "/bounded", ID: "bounded", MaxBody: 10}, read)
	free := Op(Operation{Method: "POST", Path: "/free", ID: "free", MaxBody: -1}, read)
	h := New(Options{Ops: []Operation{bounded, free}, MaxBody: 5, BodyTimeout: time.Millisecond})
	equal(t, "answer", call(h, "POST", "/bounded", "0123456789", "Content-Type", "text/plain").Body.String(), `{"length":10,"text":"0123456789","type":"text/plain"}`)
	equal(t, "without limit", call(h, "POST", "/free", strings.Repeat("x", 100)).Code, 200)
	equal(t, "too large", call(h, "POST", "/bounded", "0123456789a").Code, 413)
	equal(t, "empty", call(h, "POST", "/bounded", "").Body.String(), `{"length":0,"text":"","type":""}`)

	l := servePipes(t, h)
	conn := l.dial(t)
	go fmt.Fprint(conn, "POST /bounded HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "too large in chunks", resp.StatusCode, 413)

	conn = l.dial(t)
	fmt.Fprint(conn, "POST /free HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01")
	if resp, err = http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatal(err)
	}
	equal(t, "stalled", resp.StatusCode, http.StatusRequestTimeout)
}
