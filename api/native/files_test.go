package native_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/api/wire"
	"stemma/entity"
)

// wantFault looks at an error, and that no content and no version came of it.
func (w *rig) wantFault(t *testing.T, name string, status int, send func() *httptest.ResponseRecorder) {
	t.Helper()
	seqs, stored := w.seqs(), w.stored(t)
	checkFault(t, fault{name: name, status: status}, send())
	if w.seqs() != seqs || w.stored(t) != stored {
		t.Errorf("%s: it changed something", name)
	}
}

// Bodies that are not what was declared, each with the length that was promised
// or with none.
func TestUploadOfOtherLength(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, _ := w.newFile(t, 10)
	for _, n := range []int{0, 1, 9, 11, 1000, 1 << 20} {
		w.wantFault(t, fmt.Sprint(n, " bytes, declared"), 400, func() *httptest.ResponseRecorder { return w.upload(id, repeat(n)) })
		w.wantFault(t, fmt.Sprint(n, " bytes, of unknown length"), 400, func() *httptest.ResponseRecorder {
			return w.uploadStream(t.Context(), id, strings.NewReader(repeat(n)))
		})
	}
	w.wantFault(t, "bytes without end", 400, func() *httptest.ResponseRecorder { return w.uploadStream(t.Context(), id, endless{}) })
	if out := w.uploadStream(t.Context(), id, strings.NewReader(repeat(10))); out.Code != 200 {
		t.Errorf("10 bytes of unknown length: %d %s", out.Code, out.Body)
	}
}

// The limit is the server's: it holds for what is declared and for what a file
// from before it was lowered still declares.
func TestUploadLimit(t *testing.T) {
	w := newRig(t, rigOptions{maxFile: 1000})
	w.wantFault(t, "declared past the limit", 400, func() *httptest.ResponseRecorder {
		return w.call("POST", "/files", `{"key":"1","filename":"a","content_type":"text/plain","size":1001}`)
	})
	id, tip := w.newFile(t, 1000)
	w.wantFault(t, "changed past the limit", 400, func() *httptest.ResponseRecorder {
		return w.call("PUT", "/files/"+id, encode(t, object{"expect_tip": tip, "size": 1001}))
	})
	w.must(t, 200, "PUT", "/entities/"+id, object{"expect_tip": tip, "properties": object{"size": 1001}})
	w.wantFault(t, "a file past the limit", 413, func() *httptest.ResponseRecorder { return w.upload(id, repeat(1001)) })
	w.wantFault(t, "a stream for it", 413, func() *httptest.ResponseRecorder { return w.uploadStream(t.Context(), id, endless{}) })
}

// An upload that is given up, by a cut connection or by the caller, leaves
// nothing, and the next one succeeds.
func TestUploadGivenUp(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, _ := w.newFile(t, 1<<20)
	w.wantFault(t, "cut", 400, func() *httptest.ResponseRecorder {
		body, sender := io.Pipe()
		go func() {
			_, _ = sender.Write([]byte(repeat(300_000)))
			sender.CloseWithError(io.ErrUnexpectedEOF)
		}()
		return w.uploadStream(t.Context(), id, body)
	})
	w.wantFault(t, "canceled", 499, func() *httptest.ResponseRecorder {
		ctx, cancel := context.WithCancel(t.Context())
		body, sender := io.Pipe()
		go func() {
			_, _ = sender.Write([]byte(repeat(300_000)))
			cancel()
			sender.CloseWithError(context.Canceled)
		}()
		return w.uploadStream(ctx, id, body)
	})
	w.mustUpload(t, id, repeat(1<<20))
}

// A real connection: a body that stalls is given up after the time there is for
// a piece of it, one whose connection is cut at once. Neither leaves anything.
func TestUploadStalls(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, _ := w.newFile(t, 1<<20)
	over := make(chan struct{}, 1)
	handler := wire.New(wire.Options{Ops: w.ops, Authenticate: w.auth.Authenticate, BodyTimeout: 50 * time.Millisecond})
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(out, r)
		over <- struct{}{}
	}))
	defer server.Close()
	stored := w.stored(t)
	for _, cut := range []bool{false, true} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /files/%s/content HTTP/1.1\r\nHost: stemma\r\nAuthorization: ApiKey %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
			id, ownerKey, 1<<20, repeat(300_000))
		if !cut {
			answer, err := io.ReadAll(conn)
			if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 408 ")) {
				t.Errorf("stalled: %.200s, %v", answer, err)
			}
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		<-over
		if got := w.stored(t); got != stored {
			t.Errorf("cut %v: %d contents are kept, %d were", cut, got, stored)
		}
	}
	w.mustUpload(t, id, repeat(1<<20))
}

// 10,000 files of no bytes share one content.
func TestManyEmptyFiles(t *testing.T) {
	const n = 10_000
	w := newRig(t, rigOptions{})
	next := make(chan int)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := range next {
				e := w.call("POST", "/files", `{"key":"1","filename":"empty","content_type":"text/plain","size":0}`)
				id, _ := decode(t, e.Body.Bytes())["id"].(string)
				if out := w.upload(id, ""); out.Code != 200 {
					t.Errorf("file %d: %d %s", i, out.Code, out.Body)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	if got := w.stored(t); got != 1 {
		t.Errorf("%d contents are kept", got)
	}
	if got := w.main().Seq(); got < 2*n {
		t.Errorf("%d changes, want two for each file", got)
	}
}

// Many upload to one file at once: one of them makes the version, the others
// are told that there is content, and it is that one's.
func TestUploadsToOneFile(t *testing.T) {
	w := newRig(t, rigOptions{})
	for _, equal := range []bool{true, false} {
		id, _ := w.newFile(t, 1000)
		answers := make([]*httptest.ResponseRecorder, 8)
		bodies := make([]string, len(answers))
		var all sync.WaitGroup
		for i := range answers {
			bodies[i] = repeat(1000)
			if !equal {
				bodies[i] = fmt.Sprint(i) + repeat(999)
			}
			all.Go(func() { answers[i] = w.upload(id, bodies[i]) })
		}
		all.Wait()
		won := -1
		for i, out := range answers {
			switch {
			case out.Code == 200 && won < 0:
				won = i
			case out.Code != 409 || decode(t, out.Body.Bytes())["code"] != "CONFLICT":
				t.Errorf("equal %v: %d %s", equal, out.Code, out.Body)
			}
		}
		if won < 0 {
			t.Fatal("nobody won")
		}
		if got := w.download(id).Body.String(); got != bodies[won] {
			t.Errorf("equal %v: it reads %.20q…, the winner sent %.20q…", equal, got, bodies[won])
		}
		if e := w.must(t, 200, "GET", "/files/"+id, nil); at(e, "ver") != decode(t, answers[won].Body.Bytes())["ver"] {
			t.Errorf("equal %v: version %v", equal, at(e, "ver"))
		}
	}
}

// While content is on its way the file is made to wait for other content: the
// upload is a lost compare-and-swap, whatever else has changed meanwhile is not.
func TestUploadAgainstChanges(t *testing.T) {
	w := newRig(t, rigOptions{})
	for _, c := range []struct {
		name   string
		change func(id, tip string)
		status int
	}{
		{"reupload", func(id, tip string) {
			w.must(t, 200, "POST", "/files/"+id+"/reupload", object{"expect_tip": tip, "key": "2", "content_type": "text/plain", "size": 10})
		}, 409},
		{"another size", func(id, tip string) {
			w.must(t, 200, "PUT", "/files/"+id, object{"expect_tip": tip, "size": 11})
		}, 409},
		{"another type", func(id, tip string) {
			w.must(t, 200, "PUT", "/files/"+id, object{"expect_tip": tip, "content_type": "text/html"})
		}, 409},
		{"deleted", func(id, tip string) { w.must(t, 200, "DELETE", "/entities/"+id, object{"expect_tip": tip}) }, 400},
		{"uploaded by another", func(id, _ string) { w.mustUpload(t, id, repeat(10)) }, 409},
		{"a new label", func(id, tip string) {
			w.must(t, 200, "PUT", "/files/"+id, object{"expect_tip": tip, "label": "b", "filename": "b.txt"})
		}, 200},
	} {
		id, tip := w.newFile(t, 10)
		body, sender := io.Pipe()
		go func() {
			_, _ = sender.Write([]byte(repeat(5)))
			c.change(id, tip) // the upload has read the file's entity by now: it reads the body
			_, _ = sender.Write([]byte(repeat(5)))
			_ = sender.Close()
		}()
		out := w.uploadStream(t.Context(), id, body)
		checkFault(t, fault{name: c.name, status: c.status}, out)
		if c.name == "reupload" {
			if expected, _ := checkConflict(t, out.Body.Bytes()); expected != tip {
				t.Errorf("the conflict expects %s, the upload began at %s", expected, tip)
			}
		}
		if c.status == 200 && at(decode(t, out.Body.Bytes()), "properties", "label") != "b" {
			t.Errorf("the label was lost: %s", out.Body)
		}
	}
}

// A file that was deleted is restored with its content, a version that waited
// for content that has come is not.
func TestRestoreFile(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, _ := w.newFile(t, 5)
	tip := w.mustUpload(t, id, "01234")
	w.wantFault(t, "back to waiting", 400, func() *httptest.ResponseRecorder {
		return w.call("POST", "/entities/"+id+"/restore", encode(t, object{"expect_tip": tip, "ver": 1}))
	})
	tip = w.must(t, 200, "DELETE", "/entities/"+id, object{"expect_tip": tip})["cid"].(string)
	if out := w.download(id); out.Code != 404 {
		t.Errorf("deleted: %d", out.Code)
	}
	w.must(t, 200, "POST", "/entities/"+id+"/restore", object{"expect_tip": tip})
	if out := w.download(id); out.Body.String() != "01234" {
		t.Errorf("restored: %d %s", out.Code, out.Body)
	}
}

// No route makes a version that names content which was not uploaded to that
// very file.
func TestContentIsNeverNamedByHand(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, _ := w.newFile(t, 5)
	tip := w.mustUpload(t, id, "01234")
	content := entity.SumRaw([]byte("01234")).String()
	claim := object{"key": "1", "filename": "a", "content_type": "text/plain", "size": 5, "uploaded": true, "cid": content}
	send := func(name, method, path string, body object, status int) {
		t.Helper()
		w.wantFault(t, name, status, func() *httptest.ResponseRecorder { return w.call(method, path, encode(t, body)) })
	}
	send("create", "POST", "/entities", object{"type": "file", "properties": claim}, 400)
	send("create, only the CID", "POST", "/entities", object{"type": "file", "properties": object{"cid": content}}, 400)
	send("create, only the flag", "POST", "/entities", object{"type": "file", "properties": object{"uploaded": true}}, 400)
	send("batch", "POST", "/entities/batch", object{"entities": []object{{"type": "file", "properties": claim}}}, 207)
	for name, p := range map[string]object{
		"other content": {"cid": entity.SumRaw([]byte("x")).String()}, "no content": {"cid": nil}, "another size": {"size": 4},
		"not uploaded": {"uploaded": false}, "another key": {"key": "2"}, "the key of nothing": {"key": ""},
	} {
		send("edit: "+name, "PUT", "/entities/"+id, object{"expect_tip": tip, "properties": p}, 400)
	}
	other, otherTip := w.newFile(t, 5)
	send("another file's content", "PUT", "/entities/"+other, object{"expect_tip": otherTip, "properties": claim}, 400)
	// What no rule is about is free, and so are files that hold no content at all.
	w.must(t, 200, "PUT", "/entities/"+id, object{"expect_tip": tip, "properties": object{"content_type": "text/html", "filename": "b.html", "mine": 1}})
	w.must(t, 201, "POST", "/entities", object{"type": "file", "properties": object{"label": "job.json", "size": 0, "log_data": object{"a": 1}}})
}

// Content whose directory was lost is our defect: it is told as such, with no
// detail, and never as an empty file.
func TestContentIsLost(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, _ := w.newFile(t, 5)
	w.mustUpload(t, id, "01234")
	blobs := w.blobs[entity.Main]
	if ok, err := blobs.Delete(t.Context(), entity.SumRaw([]byte("01234")), time.Now().Add(time.Hour)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	out := w.download(id)
	checkFault(t, fault{name: "lost", status: 500}, out)
	if strings.Contains(out.Body.String(), "bafkrei") {
		t.Errorf("the answer tells too much: %s", out.Body)
	}
	if _, err := blobs.Ingest(t.Context(), strings.NewReader("01234"), 5, 5); err != nil {
		t.Fatal(err)
	}
	if out := w.download(id); out.Body.String() != "01234" {
		t.Errorf("brought back: %d %s", out.Code, out.Body)
	}
}

// A disk that fills up is 507, leaves nothing, and is over when there is space.
func TestUploadToFullDisk(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, _ := w.newFile(t, 20<<20)
	w.wantFault(t, "full", 507, func() *httptest.ResponseRecorder {
		defer limitFileSize(t, 16<<20)()
		return w.upload(id, repeat(20<<20))
	})
	w.mustUpload(t, id, repeat(20<<20))
}

var errCut = errors.New("cut")

// A reader of an answer that goes away ends the download, and only that.
func TestDownloadIsCut(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, _ := w.newFile(t, 1<<20)
	w.mustUpload(t, id, repeat(1<<20))
	r := httptest.NewRequest("GET", "http://stemma/files/"+id+"/content", nil)
	out := &shortWriter{header: http.Header{}, left: 100_000}
	w.ServeHTTP(out, r)
	if out.left > 0 || out.status != 200 {
		t.Errorf("status %d, %d bytes were not asked for", out.status, out.left)
	}
	if got := w.download(id).Body.Len(); got != 1<<20 {
		t.Errorf("the next reader got %d bytes", got)
	}
}

// shortWriter takes so many bytes and no more.
type shortWriter struct {
	header       http.Header
	left, status int
}

func (s *shortWriter) Header() http.Header    { return s.header }
func (s *shortWriter) WriteHeader(status int) { s.status = status }
func (s *shortWriter) Write(p []byte) (int, error) {
	n := min(len(p), s.left)
	if s.left -= n; n < len(p) {
		return n, errCut
	}
	return n, nil
}
