package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"stemma/entity"
	"stemma/entity/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tenantA = entity.ID("01KDVR00000000000000TENANA")
	tenantB = entity.ID("01KDVR00000000000000TENANB")
	ann     = entity.ID("01KDVR00000000000000000ANN")
	note    = entity.ID("01KDVR0000000000000000NTE0")
)

var now = time.Unix(1_800_000_000, 0)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Network: entity.Main})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	_, err = s.Update(t.Context(), entity.Actor{UserID: ann, Method: entity.MethodManual}, func(tx entity.Tx) error {
		for _, id := range []entity.ID{tenantA, tenantB} {
			if _, err := tx.Create(entity.Draft{ID: id, Type: "tenant", Properties: entity.Properties{"label": "t"}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tenants: ann is of A, the note of both.
func tenants(_ entity.Reader, id entity.ID) ([]entity.ID, error) {
	switch id {
	case ann:
		return []entity.ID{tenantA}, nil
	case note:
		return []entity.ID{tenantA, tenantB}, nil
	}
	return nil, entity.NotFound("test", "nobody")
}

func denied(who, target entity.ID, op string) Entry {
	return Entry{First: now, What: What{Network: entity.Main, Action: Denied, Principal: who, Target: target, Op: op, Reason: "forbidden", Addr: netip.MustParseAddr("192.0.2.1")}}
}

// entries are what a tenant's chain has.
func entries(t *testing.T, s entity.Store, tenant entity.ID) (out []string) {
	t.Helper()
	err := s.View(t.Context(), func(r entity.Reader) error {
		for ref, err := range r.Chain(tenant, Chain, 1) {
			if err != nil {
				return err
			}
			b, err := r.Block(ref.CID)
			if err != nil {
				return err
			}
			block, _, err := entity.OpenChainBlock(b)
			if err != nil {
				return err
			}
			for _, e := range block.Body["entries"].([]any) {
				e := e.(map[string]any)
				out = append(out, fmt.Sprintf("%d %v %v %v x%v dropped %v", ref.N, e["action"], e["principal"], e["op"], e["count"], e["dropped"]))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// An entry is in the chain of every tenant it concerns, once; like ones are
// counted; one that concerns nobody is a line of the log.
func TestRecord(t *testing.T) {
	s := openStore(t)
	var log bytes.Buffer
	r := New(Options{Stores: []entity.Store{s}, Tenants: tenants, Logger: slog.New(slog.NewTextHandler(&log, nil)), Interval: time.Hour})
	defer r.Close()
	r.Record(Entry{First: now, What: What{Network: entity.Main, Action: Login, Principal: ann, Kind: "user", Op: "login"}})
	r.Record(denied(ann, note, "updateEntity"))
	r.Record(denied(ann, note, "updateEntity"))
	r.Record(denied("", note, "updateEntity"))
	r.Record(denied("01KDVR0000000000000000N0NE", "", "getEntity"))
	before := s.Seq()
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Seq() != before+2 {
		t.Errorf("%d changes for two tenants", s.Seq()-before)
	}
	same(t, "A", entries(t, s, tenantA),
		"1 auth.login "+string(ann)+" login x1 dropped <nil>", "1 access.denied "+string(ann)+" updateEntity x2 dropped <nil>", "1 access.denied  updateEntity x1 dropped <nil>")
	same(t, "B", entries(t, s, tenantB),
		"1 access.denied "+string(ann)+" updateEntity x2 dropped <nil>", "1 access.denied  updateEntity x1 dropped <nil>")
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "N0NE") || !strings.Contains(text, "ip=192.0.2.1") {
		t.Errorf("logged: %s", text)
	}
	r.Record(denied(ann, "", "x"))
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, s, tenantA); len(got) != 4 || !strings.HasPrefix(got[3], "2 ") {
		t.Errorf("the second block: %v", got)
	}
}

// What there is no room for is counted, in the metric and in the next entry.
func TestNothingIsLostInSilence(t *testing.T) {
	s := openStore(t)
	registry := prometheus.NewRegistry()
	r := New(Options{Stores: []entity.Store{s}, Tenants: tenants, Registry: registry, Interval: time.Hour, Queue: 8})
	r.writing.Lock() // nothing leaves the queue
	for i := range 20 {
		r.Record(denied(ann, "", fmt.Sprint("op", i)))
	}
	r.Record(denied(ann, "", "op0"))
	r.writing.Unlock()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	got := entries(t, s, tenantA)
	if len(got) != 8 || !strings.HasSuffix(got[0], "op0 x2 dropped 12") || !strings.HasSuffix(got[7], "op7 x1 dropped <nil>") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	metrics, err := registry.Gather()
	if err != nil || len(metrics) != 1 || metrics[0].GetName() != "stemma_audit_dropped_total" || metrics[0].GetMetric()[0].GetCounter().GetValue() != 12 {
		t.Errorf("the metric says %v, %v", metrics, err)
	}
}

// broken fails until it is mended.
type broken struct {
	entity.Store
	mu   sync.Mutex
	down bool
}

func (b *broken) Update(ctx context.Context, by entity.Actor, fn func(entity.Tx) error) (entity.Seq, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return 0, entity.Internal("test", errors.New("broken"))
	}
	return b.Store.Update(ctx, by, fn)
}

// What a store does not take is written when it does, and logged when it never
// does.
func TestStoreThatFails(t *testing.T) {
	s := openStore(t)
	b := &broken{Store: s, down: true}
	var log bytes.Buffer
	r := New(Options{Stores: []entity.Store{b}, Tenants: tenants, Logger: slog.New(slog.NewTextHandler(&log, nil)), Interval: time.Hour})
	r.Record(denied(ann, "", "first"))
	if err := r.Flush(t.Context()); err == nil {
		t.Error("the failure is not told")
	}
	r.Record(denied(ann, "", "first"))
	b.down = false
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "mended", entries(t, s, tenantA), "1 access.denied "+string(ann)+" first x2 dropped <nil>")
	b.down = true
	r.Record(denied(ann, "", "last"))
	if err := r.Close(); err == nil || !strings.Contains(log.String(), "op=last") {
		t.Errorf("%v, logged: %s", err, &log)
	}
}

// Batches go out by themselves, when time has passed or the queue fills, and
// recording never waits for one.
func TestByItself(t *testing.T) {
	s := openStore(t)
	for name, o := range map[string]Options{"by time": {Interval: time.Millisecond}, "by size": {Interval: time.Hour, Queue: 4}} {
		o.Stores, o.Tenants = []entity.Store{s}, tenants
		r := New(o)
		var wg sync.WaitGroup
		before := s.Seq()
		for i := range 4 {
			wg.Go(func() { r.Record(denied(ann, "", fmt.Sprint(name, i))) })
		}
		wg.Wait()
		if err := s.Wait(t.Context(), before); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	var none *Recorder
	none.Record(denied(ann, "", "x"))
	if err := errors.Join(none.Flush(t.Context()), none.Close()); err != nil {
		t.Error(err)
	}
}

func BenchmarkRecord(b *testing.B) {
	r := New(Options{Interval: time.Hour})
	defer r.Close()
	e := denied(ann, note, "updateEntity")
	b.ReportAllocs()
	for b.Loop() {
		r.Record(e)
	}
}
