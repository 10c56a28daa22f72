package arweave

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// testLog is a transparency log that signs a checkpoint for each size.
type testLog struct {
	mu      sync.Mutex
	signer  note.Signer
	hashes  []tlog.Hash
	size    int64
	grew    chan struct{}
	anchors []Anchored
	fail    error // what Add answers
}

func newLog(t testing.TB) *testLog {
	t.Helper()
	skey, _, err := note.GenerateKey(nil, "log.example/tlog")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return &testLog{signer: signer, grew: make(chan struct{})}
}

func (l *testLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

// grow adds entries.
func (l *testLog) grow(t testing.TB, n int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		more, err := tlog.StoredHashes(l.size, fmt.Appendf(nil, "entry %d", l.size), l)
		if err != nil {
			t.Fatal(err)
		}
		l.hashes = append(l.hashes, more...)
		l.size++
	}
	close(l.grew)
	l.grew = make(chan struct{})
}

// checkpoint is the newest.
func (l *testLog) checkpoint() (string, error) {
	root, err := tlog.TreeHash(l.size, l)
	if err != nil {
		return "", err
	}
	text, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", l.signer.Name(), l.size, root)}, l.signer)
	return string(text), err
}

func (l *testLog) Newest(ctx context.Context, after int64) (string, error) {
	for {
		l.mu.Lock()
		grew := l.grew
		if l.size > after {
			defer l.mu.Unlock()
			return l.checkpoint()
		}
		l.mu.Unlock()
		select {
		case <-grew:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (l *testLog) Latest() (size int64, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.anchors); n > 0 {
		return l.anchors[n-1].Size, l.anchors[n-1].At
	}
	return 0, time.Time{}
}

func (l *testLog) Add(_ context.Context, a Anchored) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	l.anchors = append(l.anchors, a)
	return nil
}

func (l *testLog) anchored() []Anchored {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.anchors)
}

func (l *testLog) failWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// checkpointOf is the checkpoint of a log of so many entries.
func checkpointOf(t testing.TB, n int) string {
	t.Helper()
	l := newLog(t)
	l.grow(t, n)
	text, err := l.checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// answer is what the service does with an upload.
type answer func(s *uploads, w http.ResponseWriter, r *http.Request, i *Item)

// uploads is an upload service: an HTTP server that checks what it is given as
// Turbo does, and then does what the script says, and behind its end what a
// good one does.
type uploads struct {
	t         *testing.T
	mu        sync.Mutex
	script    []answer
	refusals  int               // connections that it refuses first
	tried     []string          // the id of each upload
	at        []time.Time       // when it came
	published map[string][]byte // what it has, by id
	asked     int               // for the status of an item
	dialed    chan net.Conn
	down      chan struct{}
}

// receipts is the answer of a service that has the item.
func receipts(s *uploads, w http.ResponseWriter, _ *http.Request, i *Item) {
	if s.publish(i) {
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "Data item with ID %s has already been uploaded to this service!", i.ID())
		return
	}
	fmt.Fprintf(w, `{"id":%q,"owner":%q,"dataCaches":["arweave.net"],"fastFinalityIndexes":[],"deadlineHeight":1310000,"timestamp":%d,"version":"0.1.0"}`, i.ID(), addressOf(i.Owner), time.Now().UnixMilli())
}

// publish tells whether the item was there before.
func (s *uploads) publish(i *Item) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, there := s.published[i.ID()]
	s.published[i.ID()] = encode(s.t, i)
	return there
}

func (s *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id, ok := strings.CutSuffix(r.URL.Path, "/status"); ok && r.Method == http.MethodGet {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		if _, ok := s.published[path.Base(id)]; !ok {
			http.Error(w, "TX doesn't exist", http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"status":"CONFIRMED"}`)
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v1/tx" || r.Header.Get("Content-Type") != "application/octet-stream" || r.ContentLength < 0 {
		s.t.Errorf("%s %s of %d bytes of %s", r.Method, r.URL, r.ContentLength, r.Header.Get("Content-Type"))
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	i, err := Parse(body)
	if err == nil {
		err = i.Verify()
	}
	if err != nil {
		s.t.Errorf("an item that is none was uploaded: %v", err)
		http.Error(w, "Data item parsing error!", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.tried, s.at = append(s.tried, i.ID()), append(s.at, time.Now())
	do := answer(receipts)
	if len(s.script) > 0 {
		do, s.script = s.script[0], s.script[1:]
	}
	s.mu.Unlock()
	do(s, w, r, i)
}

// Accept, Close and Addr make a listener of it: connections are pipes, so that
// time stands still in no test but passes at once.
func (s *uploads) Accept() (net.Conn, error) {
	select {
	case c := <-s.dialed:
		return c, nil
	case <-s.down:
		return nil, net.ErrClosed
	}
}
func (s *uploads) Close() error   { return nil }
func (s *uploads) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (s *uploads) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	s.mu.Lock()
	refuse := s.refusals > 0
	s.refusals = max(0, s.refusals-1)
	s.mu.Unlock()
	if refuse {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	select {
	case s.dialed <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *uploads) state() (tried []string, at []time.Time, published int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tried), slices.Clone(s.at), len(s.published)
}

// shelf is one that outlives an anchorer; a store's clock does not stand still in
// a bubble.
type shelf struct {
	item []byte
	fail error
}

func (s *shelf) Get(context.Context) ([]byte, error) { return s.item, s.fail }
func (s *shelf) Put(_ context.Context, item []byte) error {
	if s.fail == nil {
		s.item = item
	}
	return s.fail
}

// rig is a log, a shelf and a service, in a bubble of their own time.
type rig struct {
	t       *testing.T
	log     *testLog
	shelf   *shelf
	service *uploads
	lines   *bytes.Buffer // of the log, read when all is at rest
	logger  *slog.Logger
	metrics *prometheus.Registry
	wallet  *Wallet
	client  *http.Transport
}

// bubble runs a test in its own time, with what it needs.
func bubble(t *testing.T, script []answer, fn func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		service := &uploads{t: t, script: script, published: map[string][]byte{}, dialed: make(chan net.Conn), down: make(chan struct{})}
		server := &http.Server{Handler: service, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
		served := make(chan error, 1)
		go func() { served <- server.Serve(service) }()
		lines := &bytes.Buffer{}
		client := &http.Transport{DialContext: service.dial}
		fn(&rig{t: t, log: newLog(t), shelf: &shelf{}, service: service, lines: lines, logger: slog.New(slog.NewTextHandler(lines, nil)), wallet: wallet(t, "one"), client: client})
		client.CloseIdleConnections()
		close(service.down)
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// start begins to anchor; the caller closes.
func (r *rig) start() *Anchorer {
	r.t.Helper()
	r.metrics = prometheus.NewRegistry()
	a, err := Start(Options{Log: r.log, Shelf: r.shelf, Wallet: r.wallet, Upload: "http://upload.example/v1/", Transport: r.client, Logger: r.logger, Registry: r.metrics})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// after lets time pass, and all come to rest.
func (r *rig) after(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// metric is the value of a metric, with its label.
func (r *rig) metric(name, result string) float64 {
	r.t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != name || result != "" && m.GetLabel()[0].GetValue() != result {
				continue
			}
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	r.t.Fatalf("there is no metric %s of %q", name, result)
	return 0
}
