package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"stemma/api/native"
	"stemma/entity"
	"stemma/events/syncclient"
)

// mirrored is a server with something in it, and its address.
func mirrored(t *testing.T) (*server, string) {
	t.Helper()
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s.handler)
	t.Cleanup(func() {
		h.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range 5 {
		out := askHandler(s.handler, "POST", "/entities", fmt.Sprintf(`{"type":"note","properties":{"label":"note %d"}}`, i), testKey)
		if out.Code != http.StatusCreated {
			t.Fatalf("status %d: %s", out.Code, out.Body)
		}
	}
	return s, h.URL
}

func askHandler(h http.Handler, method, target, body, key string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Authorization", "ApiKey "+key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A mirror is made, verified, made up to date, and served read-only: the same
// events under the same numbers, a key that reads, and no way to write.
func TestMirrorCommand(t *testing.T) {
	source, url := mirrored(t)
	dir := filepath.Join(t.TempDir(), "copy")
	for range 2 {
		var out, errs bytes.Buffer
		c := mirrorCmd{URL: url, Dir: dir, Network: "both", Once: true}
		if err := c.Run(t.Context(), &streams{out: &out, err: &errs}); err != nil {
			t.Fatalf("%v\n%s", err, &errs)
		}
		want := fmt.Sprintf("main: event %d of %[1]d;", source.stores[0].Seq())
		if !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "test: event 1 of 1;") {
			t.Errorf("it printed %q; want %q", &out, want)
		}
		askHandler(source.handler, "POST", "/entities", `{"type":"note"}`, testKey) // for the second time
	}
	var out bytes.Buffer
	if err := (&verifyCmd{dataFlags: dataFlags{Data: dir}}).Run(t.Context(), &streams{out: &out, err: &out}); err != nil {
		t.Errorf("verify: %v", err)
	}
	options := serverOptions{data: dir, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20}
	if s, err := openServer(t.Context(), options); err == nil {
		t.Error("it is served for writing", s.Close())
	} else if !strings.Contains(err.Error(), "is a mirror of "+url) {
		t.Errorf("served for writing: %v", err)
	}
	options.readOnly = true
	var key string
	for range 2 {
		s, err := openServer(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		if key == "" {
			key = s.keys[entity.Main]
		} else if again := s.keys[entity.Main]; again != "" {
			t.Errorf("the second start made the key %q", again)
		}
		wantReadOnlyMirror(t, source, s, url, key)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

var commitTime = regexp.MustCompile(`"ts":"[^"]*"`)

func wantReadOnlyMirror(t *testing.T, source, copied *server, url, key string) {
	t.Helper()
	// The source has one change more, of after the second run.
	feed := fmt.Sprintf("/events?limit=100&cursor=%d", copied.stores[0].Seq()+1)
	for _, target := range []string{feed, "/entities?limit=100"} {
		was, is := askHandler(source.handler, "GET", target, "", testKey), askHandler(copied.handler, "GET", target, "", key)
		if target != feed {
			if is.Code != was.Code {
				t.Errorf("GET %s: status %d, of the source %d", target, is.Code, was.Code)
			}
			continue
		}
		a, b := commitTime.ReplaceAllString(was.Body.String(), ""), commitTime.ReplaceAllString(is.Body.String(), "")
		if a, _, _ := strings.Cut(a, `"latest"`); !strings.HasPrefix(b, a) || is.Code != http.StatusOK {
			t.Errorf("GET %s: status %d\n%s\nof the source:\n%s", target, is.Code, b, a)
		}
	}
	seq := copied.stores[0].Seq()
	for _, key := range []string{"", key, testKey} {
		out := askHandler(copied.handler, "POST", "/entities", `{"type":"note"}`, key)
		if out.Code != http.StatusForbidden || !strings.Contains(out.Body.String(), "this is a read-only mirror of "+url+"; write there") {
			t.Errorf("a write: status %d: %s", out.Code, out.Body)
		}
	}
	for _, network := range []string{"main", "test"} {
		if out := askHandler(copied.handler, "POST", "/query", `{"path":"type:note"}`, key, "X-Arke-Network", network); out.Code != http.StatusOK {
			t.Errorf("a query with the reader's key on %s: status %d: %s", network, out.Code, out.Body)
		}
	}
	if out := askHandler(copied.handler, "POST", "/query", `{"path":"type:note"}`, testKey); out.Code != http.StatusUnauthorized {
		t.Errorf("the source's key opens the mirror: status %d", out.Code)
	}
	if copied.stores[0].Seq() != seq {
		t.Error("serving it has changed the log")
	}
}

// Every operation of the server whose permission only reads is answered by a
// read-only one, and no other.
func TestReadsAreMarked(t *testing.T) {
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), readOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	reading := map[string]bool{"view": true, "query": true, "execute": true, "similar": true, "list": true, "read": true, "download": true, "tip": true}
	for _, op := range native.New(time.Now).Operations() {
		_, verb, _ := strings.Cut(op.Permission, ":")
		if op.Method != http.MethodGet && op.Reads != reading[verb] {
			t.Errorf("%s %s (%s) has Reads %v", op.Method, op.Path, op.Permission, op.Reads)
		}
	}
	if out := askHandler(s.handler, "POST", "/entities", `{}`, testKey); out.Code != http.StatusForbidden || !strings.Contains(out.Body.String(), "this server is read-only") {
		t.Errorf("status %d: %s", out.Code, out.Body)
	}
}

// With --serve the copy is read while it grows, and ends when it is told to.
func TestMirrorServes(t *testing.T) {
	source, url := mirrored(t)
	ctx, stop := context.WithCancel(t.Context())
	out, ended := newTranscript(), make(chan struct{})
	var result error
	go func() {
		defer close(ended)
		c := mirrorCmd{URL: url, Dir: t.TempDir(), Network: "main", Serve: "127.0.0.1:0"}
		result = c.Run(ctx, &streams{out: out, err: newTranscript()})
	}()
	defer func() { stop(); <-ended }()
	address := out.await(ended, regexp.MustCompile(`served on (\S+)`))
	if address == "" {
		t.Fatalf("it ended with %v: %s", result, out)
	}
	var at entity.Seq // the copy has it
	for range 3 {
		made := askHandler(source.handler, "POST", "/entities", `{"type":"note"}`, testKey)
		if made.Code != http.StatusCreated {
			t.Fatal(made.Body)
		}
		for want := source.stores[0].Seq(); at < want; {
			var page struct {
				Cursor entity.Seq
			}
			resp, err := http.Get(fmt.Sprintf("%s/events?since=%d&wait=60", address, at))
			if err != nil {
				t.Fatal(err)
			}
			err = json.NewDecoder(resp.Body).Decode(&page)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK || page.Cursor <= at {
				t.Fatalf("after event %d: status %d, cursor %d, %v", at, resp.StatusCode, page.Cursor, err)
			}
			at = page.Cursor
		}
	}
	stop()
	<-ended
	if result != nil {
		t.Errorf("told to stop, it ended with %v", result)
	}
}

// A source that cannot be followed is an error that says so.
func TestMirrorCommandErrors(t *testing.T) {
	_, url := mirrored(t)
	for name, c := range map[string]mirrorCmd{
		"the server's address":          {URL: "stemma.example"},
		"there is no":                   {URL: url + "/elsewhere"},
		"Missing or invalid":            {URL: url, Key: "uk_00000000000000000000"},
		"a mirror needs a directory":    {URL: url, Dir: ownStore(t)},
		"cannot listen on nowhere:1:2 ": {URL: url, Serve: "nowhere:1:2"},
	} {
		if c.Dir == "" {
			c.Dir = t.TempDir()
		}
		c.Network, c.Once = "both", true
		var out bytes.Buffer
		err := c.Run(t.Context(), &streams{out: &out, err: &out})
		if err == nil || !strings.Contains(userText(err), strings.TrimSpace(name)) {
			t.Errorf("want %q: %v", name, err)
		}
	}
}

// ownStore is a directory with a server's own stores.
func ownStore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s, err := openServer(t.Context(), serverOptions{data: dir, bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// upload makes a file with content, and gives its content's CID.
func upload(t *testing.T, h http.Handler, name string, content []byte) string {
	t.Helper()
	body := fmt.Sprintf(`{"key":%q,"filename":%q,"content_type":"text/plain","size":%d}`, name, name, len(content))
	made := askHandler(h, "POST", "/files", body, testKey)
	var file struct {
		ID         string
		Properties struct{ CID string }
	}
	if err := json.Unmarshal(made.Body.Bytes(), &file); err != nil || made.Code != http.StatusCreated {
		t.Fatalf("status %d: %s", made.Code, made.Body)
	}
	sent := askHandler(h, "POST", "/files/"+file.ID+"/content", string(content), testKey, "Content-Type", "text/plain")
	if err := json.Unmarshal(sent.Body.Bytes(), &file); err != nil || sent.Code != http.StatusOK || file.Properties.CID == "" {
		t.Fatalf("status %d: %s", sent.Code, sent.Body)
	}
	return file.Properties.CID
}

// Contents of files are copied too, and checked: one that is not what its CID
// says ends the mirror before the event that names it.
func TestMirrorContents(t *testing.T) {
	source, _ := mirrored(t)
	var cids []string
	for i := range 5 {
		cids = append(cids, upload(t, source.handler, fmt.Sprint("page ", i), bytes.Repeat([]byte{byte('a' + i)}, 200_000*i)))
	}
	lying := true
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lying && strings.HasSuffix(r.URL.Path, cids[3]) {
			_, _ = w.Write([]byte("another page"))
			return
		}
		source.handler.ServeHTTP(w, r)
	}))
	defer front.Close()
	c := mirrorCmd{URL: front.URL, Dir: t.TempDir(), Network: "main", Once: true}
	var out bytes.Buffer
	err := c.Run(t.Context(), &streams{out: &out, err: &out})
	if err == nil || !errors.Is(err, syncclient.ErrBlock) || !strings.Contains(userText(err), cids[3]) {
		t.Fatalf("a lie about content: %v", err)
	}
	wantContents(t, c.Dir, cids, 3)
	lying = false
	if err := c.Run(t.Context(), &streams{out: &out, err: &out}); err != nil {
		t.Fatal(err)
	}
	wantContents(t, c.Dir, cids, 5)
}

// wantContents fails unless the first n contents can be downloaded from the
// copy, and no version names another.
func wantContents(t *testing.T, dir string, cids []string, n int) {
	t.Helper()
	s, err := openServer(t.Context(), serverOptions{data: dir, logger: slog.New(slog.DiscardHandler), readOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, c := range cids {
		want := http.StatusOK
		if i >= n {
			want = http.StatusNotFound
		}
		out := askHandler(s.handler, "GET", "/ipfs/"+c+"?format=raw", "", "")
		if out.Code != want || want == http.StatusOK && entity.SumRaw(out.Body.Bytes()).String() != c {
			t.Errorf("content %d: status %d, %d bytes; want %d", i, out.Code, out.Body.Len(), want)
		}
	}
}
