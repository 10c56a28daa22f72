package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/versions/attest/witness"
)

// place is an address at which one server after the other serves.
type place struct {
	*httptest.Server
	mu      sync.Mutex
	handler http.Handler
}

func newPlace(t *testing.T) *place {
	p := &place{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		h := p.handler
		p.mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *place) serve(h http.Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handler = h
}

// looksAt is one look of the command, and the reason of its alarm.
func looksAt(t *testing.T, url, state string) (out string, reason witness.Reason, err error) {
	t.Helper()
	out, errs, err := runs(t, &witnessCmd{URLs: []string{url}, State: state, Once: true, Interval: time.Minute})
	var alarm *witness.Alarm
	if errors.As(err, &alarm) {
		t.Fatalf("the alarm is told twice: %v", err)
	}
	var rewritten *historyRewritten
	if !errors.As(err, &rewritten) {
		return out, "", err
	}
	m := regexp.MustCompile(`HISTORY WAS REWRITTEN \((\w+)\)`).FindStringSubmatch(errs)
	if m == nil || strings.Count(errs, "stemma.example/tlog\n") != 2 || !strings.Contains(errs, "evidence-") {
		t.Fatalf("the alarm does not show both checkpoints:\n%s", errs)
	}
	return out, witness.Reason(m[1]), err
}

// A real server that grows, restarts and is away is watched; one that goes on from
// an older copy of its directory, with the same key, is found out: at the same
// size, at a larger one, and while it is still smaller.
func TestWitness(t *testing.T) {
	at, state, data := newPlace(t), t.TempDir(), t.TempDir()
	s := openAttesting(t, data, arweaveFlags{})
	at.serve(s.handler)
	s.write(5)
	if out, reason, err := looksAt(t, at.URL, state); err != nil || reason != "" || !strings.Contains(out, "trusting, on first use") || !strings.Contains(out, s.attest.VerifierKey()) || !strings.Contains(out, "remembered from here on") {
		t.Errorf("first: %s%v", out, err)
	}
	s.close()
	copies := map[string]string{}
	for _, name := range []string{"shrank", "forked", "inconsistent"} {
		copies[name] = t.TempDir()
		if err := os.CopyFS(copies[name], os.DirFS(data)); err != nil {
			t.Fatal(err)
		}
	}
	at.serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	if _, reason, err := looksAt(t, at.URL, state); err == nil || reason != "" || !strings.Contains(err.Error(), "cannot be watched now") {
		t.Errorf("away: %v", err)
	}
	s = openAttesting(t, data, arweaveFlags{})
	at.serve(s.handler)
	if out, _, err := looksAt(t, at.URL, state); err != nil || !strings.Contains(out, "as before") {
		t.Errorf("restarted: %s%v", out, err)
	}
	s.write(300)
	if out, _, err := looksAt(t, at.URL, state); err != nil || !strings.Contains(out, "they begin with") {
		t.Errorf("grown: %s%v", out, err)
	}
	for name, more := range map[string]int{"shrank": 200, "forked": 300, "inconsistent": 301} {
		other := openAttesting(t, copies[name], arweaveFlags{})
		at.serve(other.handler)
		other.write(more)
		if _, reason, err := looksAt(t, at.URL, state); string(reason) != name {
			t.Errorf("%s: %q, %v", name, reason, err)
		}
		if code := run(t.Context(), []string{"witness", at.URL, "--state", state, "--once"}, io.Discard, io.Discard); code != rewrittenCode {
			t.Errorf("%s: exit code %d", name, code)
		}
		other.close()
	}
	at.serve(s.handler)
	s.write(1)
	if out, _, err := looksAt(t, at.URL, state); err != nil || !strings.Contains(out, "they begin with") {
		t.Errorf("the honest one again: %s%v", out, err)
	}
	s.close()
}

// Of two logs that are followed the one that is rewritten raises the alarm, and
// runs the command, while the other is watched on.
func TestWitnessFollows(t *testing.T) {
	good, bad, data := newPlace(t), newPlace(t), t.TempDir()
	s := openAttesting(t, t.TempDir(), arweaveFlags{})
	defer s.close()
	good.serve(s.handler)
	s.write(1)
	honest := openAttesting(t, data, arweaveFlags{})
	honest.write(1)
	honest.close()
	rewound := t.TempDir()
	if err := os.CopyFS(rewound, os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	honest = openAttesting(t, data, arweaveFlags{})
	bad.serve(honest.handler)
	honest.write(2)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, errs, told := newTranscript(), newTranscript(), filepath.Join(t.TempDir(), "told")
	c := &witnessCmd{URLs: []string{good.URL, bad.URL}, State: t.TempDir(), Interval: time.Millisecond, Exec: `cat > ` + told + `; echo "ran for $STEMMA_ALARM_REASON"`}
	ended := make(chan struct{})
	var failed error
	go func() {
		defer close(ended)
		failed = c.Run(ctx, &streams{out: out, err: errs})
	}()
	for _, url := range []string{good.URL, bad.URL} {
		if out.await(ended, regexp.MustCompile(regexp.QuoteMeta(url)+`/tlog: (\d+) changes; remembered`)) == "" {
			t.Fatalf("%s is not watched:\n%s%s", url, out, errs)
		}
	}
	other := openAttesting(t, rewound, arweaveFlags{})
	other.write(3)
	bad.serve(other.handler)
	if reason := errs.await(ended, regexp.MustCompile(`ran for (\w+)`)); reason != "inconsistent" {
		t.Errorf("the command ran for %q:\n%s", reason, errs)
	}
	s.write(1)
	if out.await(ended, regexp.MustCompile(regexp.QuoteMeta(good.URL)+`/tlog: (\d+) changes; they begin`)) == "" {
		t.Errorf("the other is not watched on:\n%s", out)
	}
	cancel()
	<-ended
	var rewritten *historyRewritten
	if !errors.As(failed, &rewritten) || len(rewritten.logs) != 1 || rewritten.logs[0] != bad.URL+"/tlog" {
		t.Errorf("it ended with %v", failed)
	}
	if text, err := os.ReadFile(told); err != nil || !bytes.Contains(text, []byte(`"reason":"inconsistent"`)) {
		t.Errorf("the command was told %s: %v", text, err)
	}
	honest.close()
	other.close()
}
