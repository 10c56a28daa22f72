package runs_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/api/llm/runs"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/entity/storetest"
)

// gate is a store that takes nothing until it is opened.
type gate struct {
	entity.Store
	open chan struct{}
	err  func() error // refuses; nil for not
}

func (g *gate) Update(ctx context.Context, by entity.Actor, fn func(entity.Tx) error) (entity.Seq, error) {
	<-g.open
	if g.err != nil {
		if err := g.err(); err != nil {
			return 0, err
		}
	}
	return g.Store.Update(ctx, by, fn)
}

func open(t *testing.T) (*store.Store, *entity.IDSource) {
	t.Helper()
	s, err := store.Open(store.Options{Network: entity.Main, Entropy: storetest.Entropy(1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, entity.NewIDSource(time.Now, storetest.Entropy(2))
}

func newRun(ids *entity.IDSource, output string) *runs.Run {
	return &runs.Run{Network: entity.Main, ID: ids.New(entity.Main), Agent: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Started: time.Now(), Properties: entity.Properties{"label": "Chat"}, Entries: []runs.Entry{
		{Kind: runs.Start, At: time.Now()}, {Kind: runs.Step, At: time.Now(), Properties: map[string]any{"model": "m"}, Sealed: map[string]any{"output": output}}, {Kind: runs.End, At: time.Now()},
	}}
}

// Law: when the queue is full who records waits, and nothing is lost; Close
// writes what is left.
func TestFullQueue(t *testing.T) {
	s, ids := open(t)
	g := &gate{Store: s, open: make(chan struct{})}
	r := runs.New(runs.Options{Stores: []entity.Store{g}, Queue: 10})
	var all sync.WaitGroup
	done := make(chan struct{}, 100)
	for range 100 {
		run := newRun(ids, "x")
		all.Go(func() {
			r.Record(run)
			done <- struct{}{}
		})
	}
	for range 10 { // have room, of those that the writer has not taken
		<-done
	}
	close(g.open)
	all.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if n := s.Seq(); n != 400 {
		t.Errorf("100 runs with 3 blocks each are %d changes", n)
	}
}

// A store that is full is tried until it is not; a run that cannot be written
// takes none of its batch with it; texts are cut until a block fits.
func TestRefused(t *testing.T) {
	s, ids := open(t)
	full := 3
	g := &gate{Store: s, open: make(chan struct{}), err: func() error {
		if full--; full >= 0 {
			return entity.Errorf(entity.KindFull, "test", "full")
		}
		return nil
	}}
	r := runs.New(runs.Options{Stores: []entity.Store{g}, Retry: time.Microsecond})
	bad := newRun(ids, "x")
	bad.Agent = ""
	bad.ID = "no id"
	long := newRun(ids, strings.Repeat("\x01<é", 1<<20))
	for _, run := range []*runs.Run{newRun(ids, "a"), bad, long, newRun(ids, "b")} {
		r.Record(run)
	}
	close(g.open)
	r.Flush()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if n := s.Seq(); n != 12 {
		t.Errorf("3 runs with 3 blocks each are %d changes", n)
	}
	err := s.View(t.Context(), func(v entity.Reader) error {
		for ref, err := range v.Chain(long.ID, runs.Chain, 2) {
			if err != nil {
				return err
			}
			raw, err := v.Block(ref.CID)
			if err != nil {
				return err
			}
			var b entity.ChainBlock
			if err := entity.DecodeBlock(raw, &b); err != nil {
				return err
			}
			if text, _ := b.Body["output"].(string); ref.N == 2 && (b.Body["partial"] == nil || len(text) < 100_000) {
				t.Errorf("a text of %d bytes, partial %v", len(text), b.Body["partial"])
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
