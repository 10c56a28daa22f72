package retrieval_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"stemma/api/llm/retrieval"
	"stemma/entity"
	"stemma/files/extract"
	"stemma/query/search/embed"
)

// counting counts the texts that are embedded to be found.
type counting struct {
	retrieval.Embedder
	mu    sync.Mutex
	texts int
}

func (c *counting) Embed(ctx context.Context, p embed.Purpose, texts []string) ([][]float32, error) {
	if p == embed.Document {
		c.mu.Lock()
		c.texts += len(texts)
		c.mu.Unlock()
	}
	return c.Embedder.Embed(ctx, p, texts)
}

func book(chapters int) string {
	var b strings.Builder
	for i := range chapters {
		fmt.Fprintf(&b, "Chapter %d tells of animal number%d. It eats grass and hides from eagles, and nobody has seen it since.\n\n", i, i)
	}
	return b.String()
}

// A book, whose chunks are more than a transaction takes, is written in several,
// also under the eyes of the follower: every chunk once, in order, each to be
// found; and the follower embeds nothing that is embedded already.
func TestLargeFile(t *testing.T) {
	w := newRig(t)
	embedder := &counting{Embedder: embed.NewLexical(embed.LexicalOptions{})}
	w.base = retrieval.New(retrieval.Options{Blobs: w.blobs, Texts: extract.New(extract.Options{MaxText: 4 << 20}), Embedder: embedder})
	w.update(func(tx entity.Tx) error {
		_, err := tx.Put(w.kb, entity.Any, func(m *entity.Manifest) error {
			m.Properties["settings"] = map[string]any{"chunk_tokens": int64(40), "overlap_tokens": int64(0)}
			return nil
		})
		return err
	})
	ctx, stop := context.WithCancel(t.Context())
	var over sync.WaitGroup
	over.Go(func() { w.base.Follow(ctx, w.Store, slog.New(slog.DiscardHandler)) })
	before := w.Seq()
	id := w.add("book.txt", book(8000), retrieval.Split{Size: 40, Overlap: 0})
	w.refreshed()
	stop()
	over.Wait()
	set := retrieval.SetOf(w.manifest(id))
	if set.Count < 5000 || w.Seq()-before < 4 {
		t.Fatalf("%d chunks in %d commits", set.Count, w.Seq()-before)
	}
	if embedder.texts != int(set.Count) {
		t.Errorf("%d texts were embedded for %d chunks", embedder.texts, set.Count)
	}
	err := w.View(t.Context(), func(r entity.Reader) error {
		all, err := retrieval.Files(r, w.kb)
		if err != nil {
			return err
		}
		page, total, err := retrieval.Page(r, all, int(set.Count)-3, 10)
		if total != int(set.Count) || len(page) != 3 || page[2].Index != set.Count-1 || !strings.Contains(page[1].Content, "number7999") {
			t.Errorf("the last of %d: %v", total, page)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 4321, 7999} {
		if got := w.ask(fmt.Sprintf("number%d", n), 1); len(got) != 1 || !strings.Contains(got[0].Content, fmt.Sprintf("number%d.", n)) {
			t.Errorf("number %d: %v", n, got)
		}
	}
}

// refreshed has looked at all files once more.
func (w *rig) refreshed() {
	w.Helper()
	if n, err := w.base.Refresh(context.Background(), w.Store, w.kb); n != 0 || err != nil {
		w.Fatal(n, err)
	}
}

// A file whose chunks were not written, as the server died behind it, gets them.
func TestInterrupted(t *testing.T) {
	w := newRig(t)
	d, err := w.base.Read(t.Context(), retrieval.Upload{Name: "a.txt", Content: strings.NewReader("Herons stand in the reeds.")}, retrieval.DefaultSplit)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	err = w.base.Add(ctx, w.Store, []*retrieval.Document{d}, func() error {
		w.update(func(tx entity.Tx) error { return d.Create(tx, w.kb) })
		stop()
		return nil
	})
	if entity.KindOf(err) != entity.KindCanceled || len(w.ask("herons", 1)) != 0 {
		t.Error(err)
	}
	if n, err := w.base.Refresh(t.Context(), w.Store, w.kb); n != 1 || err != nil {
		t.Error(n, err)
	}
	if got := w.ask("herons", 1); len(got) != 1 {
		t.Error(got)
	}
}
