package search_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"stemma/entity"
	"stemma/query/search"
	"stemma/query/search/embed"
)

// deaf is an embedder that answers for documents, and not for queries.
type deaf struct {
	embed.Lexical
	asked atomic.Int64
}

func (d *deaf) Embed(ctx context.Context, p embed.Purpose, texts []string) ([][]float32, error) {
	if p == embed.Query && d.asked.Add(1) > 0 {
		return nil, entity.Errorf(entity.KindUnavailable, "deaf", "nothing is heard")
	}
	return d.Lexical.Embed(ctx, p, texts)
}

// While nothing is written only queries learn that the embedder is down: one
// waits for it, and for a while no other does.
func TestEmbedderRests(t *testing.T) {
	var now atomic.Int64
	now.Store(1_800_000_000)
	e := &deaf{Lexical: *embed.NewLexical(embed.LexicalOptions{Dimensions: 64})}
	r := newRig(t, search.Options{Embedder: e, Clock: func() time.Time { return time.Unix(now.Load(), 0) }})
	id := r.create("note", entity.Properties{"label": "a lighthouse"})
	r.wait()
	for _, asked := range []int64{1, 1, 2, 2} {
		if asked > e.asked.Load() && asked > 1 {
			now.Add(6)
		}
		got := r.search(search.Query{Text: "lighthouse"})
		if len(got.Hits) != 1 || got.Hits[0].ID != id || !slices.Equal(got.Missing, []string{search.PartMeaning}) {
			t.Errorf("found %v, missing %v", got.Hits, got.Missing)
		}
		if _, err := r.index.Predicates(t.Context(), []string{"a"}, []entity.Predicate{"b"}); err != nil {
			t.Error(err)
		}
		if n := e.asked.Load(); n != asked {
			t.Errorf("the embedder was asked %d times, not %d", n, asked)
		}
	}
}
