package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/versions/attest"
	"stemma/versions/attest/arweave"
)

var testWallet = filepath.Join(root, "versions", "attest", "arweave", "testdata", "one.json")

// permaweb is an upload service and a gateway: what is uploaded can be read.
type permaweb struct {
	*httptest.Server
	mu    sync.Mutex
	items map[string]*arweave.Item
	tried []string
	// hold, when set, keeps the answers to uploads back until it is closed; the
	// ids of what came are sent to came.
	hold chan struct{}
	came chan string
}

func newPermaweb(t *testing.T) *permaweb {
	p := &permaweb{items: map[string]*arweave.Item{}, came: make(chan string, 10)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/tx", p.upload(t))
	mux.HandleFunc("GET /raw/{id}", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if i := p.items[r.PathValue("id")]; i != nil {
			_, _ = w.Write(i.Data)
			return
		}
		http.NotFound(w, r)
	})
	mux.HandleFunc("POST /graphql", p.index)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *permaweb) upload(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		i, err := arweave.Parse(b)
		if err == nil {
			err = i.Verify()
		}
		if err != nil {
			t.Errorf("uploaded: %v", err)
			return
		}
		p.mu.Lock()
		_, there := p.items[i.ID()]
		p.items[i.ID()] = i
		p.tried = append(p.tried, i.ID())
		hold := p.hold
		p.mu.Unlock()
		p.came <- i.ID()
		if hold != nil {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		}
		if there {
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, "Data item with ID %s has already been uploaded to this service!", i.ID())
			return
		}
		fmt.Fprintf(w, `{"id":%q,"version":"0.1.0"}`, i.ID())
	}
}

func (p *permaweb) index(w http.ResponseWriter, r *http.Request) {
	var ask struct{ Variables struct{ ID string } }
	_ = json.NewDecoder(r.Body).Decode(&ask) // of nothing there is nothing
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.items[ask.Variables.ID]
	if i == nil {
		fmt.Fprint(w, `{"data":{"transaction":null}}`)
		return
	}
	text := base64.RawURLEncoding.EncodeToString
	tags := []map[string]string{}
	for _, t := range i.Tags {
		tags = append(tags, map[string]string{"name": t.Name, "value": t.Value})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"transaction": map[string]any{
		"anchor": "", "recipient": "", "signature": text(i.Signature), "owner": map[string]string{"key": text(i.Owner)}, "tags": tags,
	}}})
}

// holding keeps answers back from now on, or gives them.
func (p *permaweb) holding(hold chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = hold
}

func (p *permaweb) uploads() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.tried...)
}

func (p *permaweb) flags() arweaveFlags {
	return arweaveFlags{Upload: p.URL + "/v1", Wallet: testWallet, Gateway: p.URL, Interval: time.Hour}
}

// attesting is a server whose log can be waited for, with what it has logged.
type attesting struct {
	*server
	t     *testing.T
	lines *transcript
}

func openAttesting(t *testing.T, data string, flags arweaveFlags) attesting {
	t.Helper()
	lines := newTranscript()
	s, err := openServer(t.Context(), serverOptions{
		data: data, bootstrapKey: testKey, logger: slog.New(slog.NewTextHandler(lines, nil)), maxBody: 1 << 20, noSearch: true, publicURL: "https://stemma.example", arweave: flags,
	})
	if err != nil {
		t.Fatal(err)
	}
	return attesting{s, t, lines}
}

// write makes entities and waits until they are attested; it gives the id of the
// last.
func (s attesting) write(n int) string {
	s.t.Helper()
	var made struct{ ID string }
	for i := range n {
		out := askHandler(s.handler, "POST", "/entities", fmt.Sprintf(`{"type":"note","properties":{"label":"note %d"}}`, i), testKey)
		if out.Code != http.StatusCreated || json.Unmarshal(out.Body.Bytes(), &made) != nil {
			s.t.Fatalf("status %d: %s", out.Code, out.Body)
		}
	}
	if _, err := s.attest.WaitCheckpoint(s.t.Context(), int64(s.stores[0].Seq())-1); err != nil {
		s.t.Fatal(err)
	}
	return made.ID
}

// object is an answer of status 200.
func (s attesting) object(path string) map[string]any {
	s.t.Helper()
	out := askHandler(s.handler, "GET", path, "", testKey)
	var body map[string]any
	if err := json.Unmarshal(out.Body.Bytes(), &body); out.Code != http.StatusOK || err != nil {
		s.t.Fatalf("%s: status %d: %s", path, out.Code, out.Body)
	}
	return body
}

func (s attesting) close() {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Fatal(err)
	}
}

var anchoredLine = regexp.MustCompile(`msg="checkpoint anchored on Arweave" size=(\d+)`)

// What the log has is anchored, and every answer about it says where; what came
// later is not. What stands outside is read back and compared.
func TestAnchored(t *testing.T) {
	web, data := newPermaweb(t), t.TempDir()
	s := openAttesting(t, data, arweaveFlags{})
	note := s.write(5)
	if head := s.object("/attestations/head"); head["tx"] != nil || head["arweave_url"] != nil {
		t.Errorf("head, not anchored: %v", head)
	}
	s.close()

	s = openAttesting(t, data, web.flags())
	size := s.lines.await(nil, anchoredLine)
	tx := web.uploads()[0]
	head := s.object("/attestations/head")
	if head["tx"] != tx || head["arweave_url"] != web.URL+"/"+tx || fmt.Sprint(head["anchored_size"]) != size || fmt.Sprint(head["tree_size"]) != size {
		t.Errorf("head: %v; anchored %s at %s", head, tx, size)
	}
	later := s.write(1)
	for target, want := range map[string]any{
		"/entities/" + note + "/attestation": tx, "/versions/" + note + "/1/attestation": tx, "/entities/" + later + "/attestation": nil,
	} {
		if got := s.object(target); got["arweave_tx"] != want || (got["arweave_url"] == nil) != (want == nil) {
			t.Errorf("%s: %v", target, got)
		}
	}
	item := web.items[tx]
	c, err := attest.ParseCheckpoint(string(item.Data), head["verifier_key"].(string))
	if err != nil || fmt.Sprint(c.Size) != size || item.Tag("Origin") != c.Origin || item.Tag("Size") != size || item.Tag("Root") != c.Root.String() || item.Tag("App-Name") != "Stemma" {
		t.Errorf("anchored: %+v, tags %v: %v", c, item.Tags, err)
	}

	verify := func(want, status string) {
		t.Helper()
		got := s.object("/attestations/verify/" + tx + "?check=gateway")
		published, _ := got["published"].(map[string]any)
		if got["arweave_tx"] != tx || got["cid_valid"] != true || published["status"] != status {
			t.Errorf("%s: %v", want, got)
		}
	}
	if got := s.object("/attestations/verify/" + tx); got["published"] != nil || got["included"] != true {
		t.Errorf("not asked for: %v", got)
	}
	verify("as it is", "signed")
	web.mu.Lock()
	forged := *item
	forged.Data = []byte(strings.Replace(string(item.Data), "\n"+size+"\n", "\n1\n", 1))
	web.items[tx] = &forged
	web.mu.Unlock()
	verify("forged", "differs")
	web.mu.Lock()
	delete(web.items, tx)
	web.mu.Unlock()
	verify("gone", "missing")
	web.Close()
	verify("away", "unknown")
	s.close()
	if got := web.uploads(); len(got) != 1 {
		t.Errorf("uploaded: %v", got)
	}
}

// With no time between them, anchors follow the log, each once.
func TestAnchorsFollow(t *testing.T) {
	web := newPermaweb(t)
	flags := web.flags()
	flags.Interval = time.Nanosecond
	s := openAttesting(t, t.TempDir(), flags)
	for range 3 {
		note := s.write(2)
		size := fmt.Sprint(s.stores[0].Seq())
		s.lines.await(nil, regexp.MustCompile(`checkpoint anchored on Arweave" size=(`+size+`)\b`))
		if got := s.object("/entities/" + note + "/attestation"); got["arweave_tx"] == nil || web.items[got["arweave_tx"].(string)].Tag("Size") != size {
			t.Errorf("at %s: %v", size, got)
		}
	}
	s.close()
	seen := map[string]bool{}
	for _, id := range web.uploads() {
		if seen[web.items[id].Tag("Size")] {
			t.Errorf("size %s was anchored twice", web.items[id].Tag("Size"))
		}
		seen[web.items[id].Tag("Size")] = true
	}
}

// A server that is killed when its item is published and the receipt is not here
// yet uploads the same item when it starts again, and no other. While the
// service says nothing, writes and the end of the server are not held up.
func TestAnchorKilled(t *testing.T) {
	web, data := newPermaweb(t), t.TempDir()
	args := []string{"--arweave-upload-url", web.URL + "/v1/tx", "--arweave-wallet", testWallet, "--arweave-gateway", web.URL, "--bootstrap-key", testKey}
	never := make(chan struct{})
	defer close(never)
	web.holding(never)
	p := serve(t, data, args...)
	id := <-web.came
	p.url(t)
	p.kill()

	p = serve(t, data, args...)
	if again := <-web.came; again != id {
		t.Errorf("%s was uploaded first, then %s", id, again)
	}
	url := p.url(t)
	if status, text, err := ask(t.Context(), "POST", url+"/entities", testKey, `{"type":"note"}`); err != nil || status != http.StatusCreated {
		t.Errorf("a write meanwhile: %d %s %v", status, text, err)
	}
	if _, text, err := ask(t.Context(), "GET", url+"/attestations/head", "", ""); err != nil || !strings.Contains(text, `"tx":null`) {
		t.Errorf("the head names what is not known to be published: %s %v", text, err)
	}
	p.stop(t)

	web.holding(nil)
	p = serve(t, data, args...)
	url = p.url(t)
	if p.stderr.await(p.ended, anchoredLine) == "" {
		t.Fatalf("it is not anchored:\n%s", p.stderr)
	}
	if _, text, err := ask(t.Context(), "GET", url+"/attestations/head", "", ""); err != nil || !strings.Contains(text, `"tx":"`+id+`"`) {
		t.Errorf("the head: %s %v", text, err)
	}
	if _, text, err := ask(t.Context(), "GET", url+"/metrics", "", ""); err != nil || !strings.Contains(text, `stemma_arweave_steps_total{result="anchored"} 1`) || !strings.Contains(text, "stemma_arweave_underway 0") {
		t.Errorf("metrics: %v\n%s", err, text)
	}
	p.stop(t)
	web.mu.Lock()
	defer web.mu.Unlock()
	for _, tried := range web.tried {
		if tried != id {
			t.Errorf("uploaded: %v", web.tried)
		}
	}
	if len(web.items) != 1 {
		t.Errorf("%d items are published", len(web.items))
	}
}
