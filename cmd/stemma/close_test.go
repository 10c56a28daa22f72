package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"stemma/entity"
	"stemma/entity/store"
)

// A reader that is at it when the store closes reads to its end: closing takes
// the files away only then. Whoever comes later is refused.
func TestCloseWaitsForReaders(t *testing.T) {
	s, err := store.Open(store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Update(t.Context(), loader, func(tx entity.Tx) error {
		for range 200 {
			if _, err := tx.Create(entity.Draft{Type: "note"}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var left atomic.Bool
	closed := make(chan error, 1)
	err = s.View(t.Context(), func(r entity.Reader) error {
		go func() {
			err := s.Close()
			if !left.Load() {
				err = errors.Join(err, errors.New("Close returned before the reader did"))
			}
			closed <- err
		}()
		for s.Ready() == nil {
			runtime.Gosched()
		}
		for range 50 {
			for record, err := range r.Log(0) {
				if err != nil {
					return err
				}
				for _, c := range record.Changes {
					if _, err := r.Block(c.CID()); err != nil {
						return err
					}
				}
			}
		}
		left.Store(true)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"View": s.View(t.Context(), func(entity.Reader) error { return nil }),
		"Update": func() error {
			_, err := s.Update(t.Context(), loader, func(entity.Tx) error { return nil })
			return err
		}(),
		"Check": func() error {
			_, err := s.Check(t.Context(), nil)
			return err
		}(),
	} {
		if entity.KindOf(err) != entity.KindUnavailable {
			t.Errorf("%s of a closed store: %v", name, err)
		}
	}
}

// A server that was opened, used and closed leaves no goroutine behind.
func TestNoGoroutineLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for _, dir := range []string{"", t.TempDir()} {
		s, err := openServer(t.Context(), serverOptions{data: dir, bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		front := httptest.NewServer(s.handler)
		for i := range 3 {
			if status, body := call(t, http.MethodPost, front.URL+"/entities", testKey, fmt.Sprintf(`{"type":"note","properties":{"n":%d}}`, i)); status != http.StatusCreated {
				t.Fatal(status, body)
			}
		}
		stream := listen(t, front)
		for _, path := range []string{"/events", "/metrics", "/openapi.json", "/events?since=1"} {
			if status, body := call(t, http.MethodGet, front.URL+path, testKey, ""); status != http.StatusOK {
				t.Fatal(path, status, body)
			}
		}
		front.CloseClientConnections()
		io.Copy(io.Discard, stream)
		front.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	}
	goleak.VerifyNone(t, before)
}

// listen opens an event stream and reads its first event.
func listen(t *testing.T, front *httptest.Server) io.Reader {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front.URL+"/events?since=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := front.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	var first [64]byte
	if n, err := io.ReadFull(res.Body, first[:]); err != nil || !strings.Contains(string(first[:n]), "id: 1") {
		t.Fatalf("%q %v", first[:n], err)
	}
	return res.Body
}
