package search_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
	"stemma/query/search"
	"stemma/query/search/embed"
)

// service is an embedder that can be down, wrong or picky: the built-in one
// behind a service's manners.
type service struct {
	space embed.Space
	real  *embed.Lexical
	down  atomic.Bool
	short atomic.Bool // of the wrong dimension
	gate  chan struct{}
	asked atomic.Int64 // documents
}

func newService(model string, dims int) *service {
	return &service{space: embed.Space{Provider: "test", Model: model, Dimensions: dims}, real: embed.NewLexical(embed.LexicalOptions{Dimensions: dims})}
}

func (s *service) Space() embed.Space { return s.space }

func (s *service) Embed(ctx context.Context, p embed.Purpose, texts []string) ([][]float32, error) {
	if s.gate != nil && p == embed.Document {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s.down.Load() {
		return nil, entity.Errorf(entity.KindUnavailable, "test.Embed", "down")
	}
	for _, t := range texts {
		if strings.Contains(t, "unspeakable") {
			return nil, entity.Invalid("test.Embed", "not this")
		}
	}
	if p == embed.Document {
		s.asked.Add(int64(len(texts)))
	}
	out, err := s.real.Embed(ctx, p, texts)
	for i := range out {
		if s.short.Load() {
			out[i] = out[i][:s.space.Dimensions/2]
		}
	}
	return out, err
}

// until waits for something that comes about by itself.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in vain: " + what)
		}
	}
}

func missing(r search.Results) string { return strings.Join(r.Missing, ",") }

// An embedder that is down, or gives vectors of the wrong dimension, keeps nobody
// from finding by text; answers say what is missing, and it is made up for.
func TestEmbedderDown(t *testing.T) {
	for name, broken := range map[string]func(*service) *atomic.Bool{
		"down":            func(s *service) *atomic.Bool { return &s.down },
		"wrong dimension": func(s *service) *atomic.Bool { return &s.short },
	} {
		t.Run(name, func(t *testing.T) {
			s := newService("a", 32)
			broken(s).Store(true)
			r := newRig(t, search.Options{Embedder: s})
			id := r.create("note", entity.Properties{"label": "the river bridge"})
			until(t, "the embedder fails", func() bool {
				r.wait()
				return len(r.search(search.Query{Text: "bridge"}).Hits) == 1
			})
			for _, mode := range []search.Mode{search.Hybrid, search.Meaning} {
				got := r.search(search.Query{Text: "bridge", Mode: mode})
				if len(got.Hits) != 1 || missing(got) != search.PartMeaning {
					t.Errorf("in mode %s: %+v", mode, got)
				}
			}
			like, err := r.index.Similar(t.Context(), search.SimilarQuery{ID: id, Limit: 5})
			if err != nil || missing(like) != search.PartMeaning {
				t.Errorf("similar: %+v, %v", like, err)
			}
			broken(s).Store(false)
			until(t, "it is made up for", func() bool { return r.index.Status().Embedded == 1 })
			until(t, "nothing is missing", func() bool { return missing(r.search(search.Query{Text: "brigde", Mode: search.Meaning})) == "" })
			if got := r.search(search.Query{Text: "brigde", Mode: search.Meaning}); len(got.Hits) != 1 {
				t.Errorf("by meaning: %+v", got)
			}
		})
	}
}

// A text that the embedder refuses stops nothing: it alone has no vector.
func TestRefused(t *testing.T) {
	r := newRig(t, search.Options{Embedder: newService("a", 32)})
	for i := range 20 {
		label := fmt.Sprint("bridge ", i)
		if i == 7 {
			label = "unspeakable bridge"
		}
		r.create("note", entity.Properties{"label": label})
	}
	r.wait()
	if s := r.index.Status(); s.Embedded != 19 || s.Documents != 20 {
		t.Errorf("%+v", s)
	}
	if got := r.search(search.Query{Text: "unspeakable"}); len(got.Hits) == 0 {
		t.Error("it is not found by its words")
	}
}

// While the vectors of a new space are made, those of the old one serve; what was
// made is kept over a restart, and in the end the old ones are gone.
func TestSpaceChanges(t *testing.T) {
	dir := t.TempDir()
	old := newService("old", 32)
	r := newRig(t, search.Options{Dir: dir, Embedder: old})
	for i := range 600 { // more than two batches
		r.create("note", entity.Properties{"label": fmt.Sprint("river bridge ", i)})
	}
	r.wait()
	if err := r.index.Close(); err != nil {
		t.Fatal(err)
	}
	serves := func(want, building string) {
		t.Helper()
		got := r.search(search.Query{Text: "rivre", Mode: search.Meaning, Limit: 5})
		if s := r.index.Status(); s.Serving != want || s.Building != building || len(got.Hits) != 5 || missing(got) != "" {
			t.Fatalf("%+v: %+v", s, got)
		}
	}
	next := newService("next", 48)
	next.gate = make(chan struct{})
	r.open(search.Options{Dir: dir, Embedder: next, Former: []search.Embedder{newService("other", 8), old}})
	until(t, "the old space is whole", func() bool {
		return missing(r.search(search.Query{Text: "rivre", Mode: search.Meaning})) == ""
	})
	serves("test/old/32", "test/next/48")
	next.gate <- struct{}{} // one batch
	until(t, "a batch is in", func() bool { return next.asked.Load() > 0 && r.index.Status().Waiting < 600 })
	late := r.create("note", entity.Properties{"label": "a very late submarine"})
	until(t, "the old space goes on", func() bool {
		got := r.search(search.Query{Text: "submarnie", Mode: search.Meaning})
		return len(got.Hits) > 0 && got.Hits[0].ID == late
	})
	if err := r.index.Close(); err != nil {
		t.Fatal(err)
	}
	before := next.asked.Load()
	close(next.gate)
	r.open(search.Options{Dir: dir, Embedder: next, Former: []search.Embedder{old}})
	until(t, "the new space serves", func() bool { return r.index.Status().Serving == "test/next/48" })
	r.wait()
	serves("test/next/48", "")
	if again := next.asked.Load() - before; again > 600-before+1 {
		t.Errorf("%d were embedded again, after %d before", again, before)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "vectors", "*", "*.log")); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// contents are the texts of files, by key; those without one cannot be read.
type contents struct {
	mu    sync.Mutex
	texts map[string]string
}

func (c *contents) Text(_ context.Context, file entity.Properties, limit int) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, ok := c.texts[file["key"].(string)]
	if !ok {
		return "", entity.Errorf(entity.KindUnavailable, "test.Text", "the bucket does not answer")
	}
	return text[:min(len(text), limit)], nil
}

// A file is found by its content; by its properties while that cannot be read,
// and by it when it can.
func TestContents(t *testing.T) {
	c := &contents{texts: map[string]string{"a": "all about bridges", "huge": strings.Repeat("spam ", 10<<20)}}
	var now atomic.Int64
	r := newRig(t, search.Options{Contents: c, Clock: func() time.Time { return time.Unix(now.Load(), 0) }})
	a := r.create(entity.TypeFile, entity.Properties{"label": "one", "key": "a"})
	r.create(entity.TypeFile, entity.Properties{"label": "two", "key": "huge"})
	b := r.create(entity.TypeFile, entity.Properties{"label": "three", "key": "b"})
	r.wait()
	got := r.search(search.Query{Text: "bridge", Highlights: true})
	if len(got.Hits) != 1 || got.Hits[0].ID != a || got.Hits[0].Highlights[0].Field != search.FieldContent {
		t.Errorf("%+v", got.Hits)
	}
	if got := r.search(search.Query{Text: "three"}); len(got.Hits) != 1 || got.Hits[0].ID != b {
		t.Errorf("%+v", got.Hits)
	}
	c.mu.Lock()
	c.texts["b"] = "tunnels"
	c.mu.Unlock()
	now.Store(3600)
	r.create("note", nil) // which wakes it: the test's clock moves no timer
	until(t, "it is tried again", func() bool { return len(r.search(search.Query{Text: "tunnel"}).Hits) == 1 })
}

// Everything that an index has on disk may be torn, or be of another store.
func TestMadeAnew(t *testing.T) {
	dir := t.TempDir()
	lexical := embed.NewLexical(embed.LexicalOptions{Dimensions: 32})
	r := newRig(t, search.Options{Dir: dir, Embedder: lexical})
	r.create("note", entity.Properties{"label": "bridge"})
	r.wait()
	if err := r.index.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"text/root.bolt", "vectors/*/*.log", "vectors/serving"} {
		paths, err := filepath.Glob(filepath.Join(dir, name))
		if err != nil || len(paths) != 1 {
			t.Fatalf("%s: %v %v", name, paths, err)
		}
		if err := os.WriteFile(paths[0], []byte("torn"), 0o600); err != nil {
			t.Fatal(err)
		}
		r.open(search.Options{Dir: dir, Embedder: lexical})
		r.wait()
		if got := r.search(search.Query{Text: "bridge"}); len(got.Hits) != 1 || missing(got) != "" {
			t.Errorf("after %s was torn: %+v", name, got)
		}
		if err := r.index.Close(); err != nil {
			t.Fatal(err)
		}
	}
	other := newRig(t, search.Options{Dir: dir, Embedder: lexical})
	other.create("note", entity.Properties{"label": "tunnel"})
	other.wait()
	if err := other.index.Close(); err != nil {
		t.Fatal(err)
	}
	r.open(search.Options{Dir: dir, Embedder: lexical})
	r.wait()
	if got := r.search(search.Query{Text: "bridge tunnel"}); len(got.Hits) != 1 || got.Hits[0].Label != "bridge" {
		t.Errorf("of another store: %+v", got)
	}
}

// Who waits for what will not come is told so.
func TestWait(t *testing.T) {
	registry := prometheus.NewRegistry()
	r := newRig(t, search.Options{Registry: registry, Embedder: newService("a", 16)})
	r.create("note", entity.Properties{"label": "bridge"})
	r.wait()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.index.Wait(ctx, r.last+1) }()
	stop()
	if err := <-ended; entity.KindOf(err) != entity.KindCanceled {
		t.Errorf("canceled: %v", err)
	}
	late, stop := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer stop()
	if err := r.index.Wait(late, r.last+1); entity.KindOf(err) != entity.KindTimeout {
		t.Errorf("too late: %v", err)
	}
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || len(families[0].Metric) != 2 || families[0].Metric[0].Gauge.GetValue() != 0 {
		t.Errorf("%v, %v", families, err)
	}
	go func() { ended <- r.index.Wait(context.Background(), r.last+1) }()
	if err := r.index.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; entity.KindOf(err) != entity.KindUnavailable {
		t.Errorf("closed: %v", err)
	}
	if _, err := r.index.Search(t.Context(), search.Query{Text: "bridge", Limit: 1}); entity.KindOf(err) != entity.KindUnavailable {
		t.Errorf("searched after it was closed: %v", err)
	}
}

// Searches, writes and restarts of the embedder at the same time: nothing that is
// deleted is ever found after its delete was answered.
func TestTogether(t *testing.T) {
	s := newService("a", 16)
	r := newRig(t, search.Options{Embedder: s})
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			word := fmt.Sprint("worker", w)
			for i := range 15 {
				var id entity.ID
				seq, err := r.store.Update(t.Context(), actor, func(tx entity.Tx) error {
					v, err := tx.Create(entity.Draft{Type: "note", Properties: entity.Properties{"label": word}})
					if err == nil {
						id = v.Manifest.ID
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				if err := r.index.Wait(t.Context(), seq); err != nil {
					t.Error(err)
				}
				got, err := r.index.Search(t.Context(), search.Query{Text: word, Limit: 10})
				if err != nil || len(got.Hits) == 0 || got.Hits[0].ID != id {
					t.Errorf("%s %d: %+v, %v", word, i, got.Hits, err)
				}
				if _, err := r.store.Update(t.Context(), actor, func(tx entity.Tx) error {
					_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
						m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: actor.UserID, OriginalVer: m.Ver})
						return nil
					})
					return err
				}); err != nil {
					t.Error(err)
				}
				if got, err := r.index.Search(t.Context(), search.Query{Text: word, Limit: 10}); err != nil || len(got.Hits) > 0 && got.Hits[0].Label == word {
					t.Errorf("%s %d was deleted: %+v, %v", word, i, got.Hits, err)
				}
			}
		})
	}
	group.Wait()
}
