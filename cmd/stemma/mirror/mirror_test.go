package mirror_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stemma/cmd/stemma/mirror"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/events/syncclient"
	"stemma/graph"
)

// What was mirrored is the same, on either network, and goes on where it was.
func TestCopies(t *testing.T) {
	for _, network := range []entity.Network{entity.Main, entity.Test} {
		t.Run(string(network), func(t *testing.T) {
			s := newSource(t)
			w := newWriter(s.stores[network], 1)
			copied := newMirror(t, network)
			if r := s.mustOnce(t, copied); r.To != 0 {
				t.Errorf("of an empty source: %+v", r)
			}
			for range 2 {
				w.write(t, 60)
				r := s.mustOnce(t, copied)
				if want := s.stores[network].Seq(); r.To != want || r.Latest != want || r.Bytes == 0 {
					t.Errorf("report %+v; want event %d", r, want)
				}
				wantSame(t, s.stores[network], copied)
			}
			if r := s.mustOnce(t, copied); r.From != r.To || r.Bytes != 0 {
				t.Errorf("up to date already, and did %+v", r)
			}
		})
	}
}

// A mirror that follows has everything that is written meanwhile.
func TestFollowsWhileWritten(t *testing.T) {
	s := newSource(t)
	copied := newMirror(t, entity.Main)
	w := newWriter(s.main(), 2)
	w.write(t, 20)
	ctx, stop := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() {
		_, err := mirror.Run(ctx, copied, mirror.Options{Source: s.client(t, syncclient.Options{})})
		if entity.KindOf(err) != entity.KindCanceled {
			t.Errorf("the mirror ended with %v", err)
		}
	})
	for range 10 {
		w.write(t, 15)
		if err := copied.Wait(t.Context(), s.main().Seq()-1); err != nil {
			t.Error(err)
		}
		wantSame(t, s.main(), copied)
	}
	stop()
	ended.Wait()
}

// A source that dies, in the middle of an answer or between two, is waited for.
func TestSourceDiesAndRestarts(t *testing.T) {
	s := newSource(t)
	w := newWriter(s.main(), 3)
	var cuts atomic.Int64
	s.lie(func(real http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n := cuts.Add(1); n%3 != 0 {
				w = &cutWriter{ResponseWriter: w, left: int(n) * 997}
			}
			real.ServeHTTP(w, r)
		})
	})
	copied := newMirror(t, entity.Main)
	restarts := 0
	client := s.client(t, syncclient.Options{Retry: syncclient.Retry{
		First: time.Millisecond, Most: time.Millisecond,
		Notify: func(err error, _ time.Duration) {
			if restarts++; restarts%2 == 1 {
				s.kill() // what was cut off is gone altogether
				return
			}
			s.start()
		},
	}})
	for range 2 {
		w.write(t, 60)
		restarts = 0
		if _, err := mirror.Run(t.Context(), copied, mirror.Options{Source: client, Once: true}); err != nil {
			t.Fatal(err)
		}
		if restarts < 4 {
			t.Errorf("only %d failures: the test does not test", restarts)
		}
		wantSame(t, s.main(), copied)
	}
}

// cutWriter breaks the connection after so many bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *cutWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		_, _ = w.ResponseWriter.Write(p[:max(len(p)+w.left, 0)])
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return w.ResponseWriter.Write(p)
}

// A source that goes silent is asked again; one that is slow is not.
func TestSlowSource(t *testing.T) {
	s := newSource(t)
	newWriter(s.main(), 4).write(t, 30)
	var requests atomic.Int64
	s.lie(func(real http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests.Add(1) <= 2 {
				<-r.Context().Done() // silent until the client goes away
				return
			}
			real.ServeHTTP(tricklingWriter{w}, r)
		})
	})
	copied := newMirror(t, entity.Main)
	client := s.client(t, syncclient.Options{Stall: 250 * time.Millisecond})
	if _, err := mirror.Run(t.Context(), copied, mirror.Options{Source: client, Once: true}); err != nil {
		t.Fatal(err)
	}
	if requests.Load() < 4 {
		t.Errorf("%d requests", requests.Load())
	}
	wantSame(t, s.main(), copied)
}

// tricklingWriter sends its answer in pieces of 100 bytes.
type tricklingWriter struct{ http.ResponseWriter }

func (w tricklingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w tricklingWriter) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = w.ResponseWriter.Write(p[n:min(n+100, len(p))])
		n += m
		_ = http.NewResponseController(w.ResponseWriter).Flush()
	}
	return n, err
}

var errKilled = errors.New("killed")

// killedStore dies before or after the n-th transaction that it is given.
type killedStore struct {
	*store.Store
	n     int
	after bool
}

func (k *killedStore) Update(ctx context.Context, by entity.Actor, fn func(entity.Tx) error) (entity.Seq, error) {
	if k.n--; k.n == 0 && !k.after {
		return 0, errKilled
	}
	seq, err := k.Store.Update(ctx, by, fn)
	if k.n == 0 && err == nil {
		err = errKilled
	}
	return seq, err
}

// A mirror that is killed at any boundary of a transaction goes on exactly
// there when it is opened again.
func TestResumesAtEveryTransaction(t *testing.T) {
	s := newSource(t)
	newWriter(s.main(), 5).write(t, 14)
	for _, after := range []bool{false, true} {
		dir := t.TempDir()
		open := func() *store.Store {
			st, err := store.Open(store.Options{Dir: dir, Projections: projections()})
			if err != nil {
				t.Fatal(err)
			}
			return st
		}
		kills := 0
		for done := false; !done; {
			st := open()
			_, err := s.once(t, &killedStore{Store: st, n: 1 + kills%2, after: after})
			switch {
			case errors.Is(err, errKilled):
				kills++
			case err != nil:
				t.Fatal(err)
			default:
				done = true
			}
			if err == nil {
				wantSame(t, s.main(), st)
			} else {
				wantPrefix(t, s.main(), st, st.Seq())
			}
			if _, err := st.Check(t.Context(), nil); err != nil {
				t.Error(err)
			}
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			if kills > 100 {
				t.Fatal("it makes no progress")
			}
		}
		if kills < 6 {
			t.Errorf("only %d kills: the test does not test", kills)
		}
	}
}

// A store that is no mirror, or of the other network, is left alone.
func TestRefusesOtherStores(t *testing.T) {
	s := newSource(t)
	newWriter(s.main(), 6).write(t, 3)
	own := newMirror(t, entity.Main)
	newWriter(own, 7).write(t, 3)
	before := own.Seq()
	_, err := s.once(t, own)
	if entity.KindOf(err) != entity.KindInvalid || !strings.Contains(err.Error(), "a mirror needs a directory for itself") {
		t.Errorf("a store of its own: %v", err)
	}
	if own.Seq() != before {
		t.Error("it was written to")
	}
	other := openStore(t, store.Options{Network: entity.Test}, graph.New())
	_, err = mirror.Run(t.Context(), other, mirror.Options{Source: s.client(t, syncclient.Options{Network: entity.Main}), Once: true})
	if entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("a store of the other network: %v", err)
	}
}

// A mirror is of all that there is, or it says why it is not.
func TestWithheld(t *testing.T) {
	s := newSource(t)
	newWriter(s.main(), 9).write(t, 3)
	by := entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}
	if _, err := s.main().Update(t.Context(), by, func(tx entity.Tx) error {
		_, err := tx.Create(entity.Draft{Type: entity.TypeCollection, Properties: entity.Properties{"label": "c", "visibility": "private"}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	copied := newMirror(t, entity.Main)
	_, err := s.once(t, copied) // without a key
	if entity.KindOf(err) != entity.KindForbidden || !strings.Contains(err.Error(), "somebody who may view everything") {
		t.Errorf("a source that withholds: %v", err)
	}
	if copied.Seq() != 0 {
		t.Errorf("the mirror has %d changes with a gap among them", copied.Seq())
	}
}

// A store knows of what it is the mirror, and a source may move.
func TestSourceOf(t *testing.T) {
	s := newSource(t)
	newWriter(s.main(), 8).write(t, 3)
	copied := newMirror(t, entity.Main)
	source := func() (of string) {
		err := copied.View(t.Context(), func(r entity.Reader) (err error) {
			of, err = mirror.SourceOf(r)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return of
	}
	if of := source(); of != "" {
		t.Errorf("before it is a mirror: %q", of)
	}
	s.mustOnce(t, copied)
	if of := source(); of != "http://source.test" {
		t.Errorf("a mirror of %q", of)
	}
	moved, err := syncclient.New("http://moved.test/stemma", syncclient.Options{HTTP: &http.Client{Transport: http.NewFileTransport(http.Dir(t.TempDir()))}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mirror.Run(t.Context(), copied, mirror.Options{Source: moved, Once: true}); entity.KindOf(err) != entity.KindNotFound {
		t.Errorf("a source that is not there: %v", err)
	}
}
