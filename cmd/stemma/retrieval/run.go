package retrieval

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/mapping"
	index "github.com/blevesearch/bleve_index_api"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/query/search"
	"stemma/query/search/embed"
)

// system is something that ranks documents for a text.
type system struct {
	name   string
	search func(ctx context.Context, text string) ([]string, error)
}

// Run measures everything on a collection and prints the table. The scores are
// in the order of the table: Bleve's defaults first.
func Run(ctx context.Context, c *Collection, out io.Writer) (scores []*Score, err error) {
	plain, err := bleveSystem("Bleve, out of the box", c, bleve.NewIndexMapping())
	if err != nil {
		return nil, err
	}
	tuned := bleve.NewIndexMapping()
	tuned.DefaultAnalyzer, tuned.ScoringModel = en.AnalyzerName, index.BM25Scoring
	english, err := bleveSystem("Bleve, BM25 and English", c, tuned)
	if err != nil {
		return nil, err
	}
	ours, done, err := openOurs(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()

	for _, s := range append([]system{plain, english}, ours...) {
		score := &Score{Name: s.name}
		for _, q := range c.Queries {
			if len(c.Grades[q.ID]) == 0 {
				continue
			}
			ranking, err := s.search(ctx, q.Text)
			if err != nil {
				return nil, fmt.Errorf("%s: query %s: %w", s.name, q.ID, err)
			}
			score.add(ranking, c.Grades[q.ID])
		}
		scores = append(scores, score)
	}
	print(out, c, scores)
	return scores, nil
}

func print(out io.Writer, c *Collection, scores []*Score) {
	fmt.Fprintf(out, "%d documents, %d queries\n\n", len(c.Documents), len(scores[0].NDCG))
	fmt.Fprintf(out, "%-26s %8s %11s   %s\n", "", "nDCG@10", "recall@100", "queries better, worse than the first line")
	for _, s := range scores {
		better, worse := s.against(scores[0])
		fmt.Fprintf(out, "%-26s %8.4f %11.4f   %d, %d\n", s.Name, mean(s.NDCG), mean(s.Recall), better, worse)
	}
}

func bleveSystem(name string, c *Collection, m *mapping.IndexMappingImpl) (system, error) {
	x, err := bleve.NewMemOnly(m)
	if err != nil {
		return system{}, err
	}
	b := x.NewBatch()
	for _, d := range c.Documents {
		if err := b.Index(d.ID.String(), map[string]any{"title": d.Title, "author": d.Author, "text": d.Text}); err != nil {
			return system{}, err
		}
	}
	return system{name: name, search: func(ctx context.Context, text string) (ids []string, err error) {
		r, err := x.SearchInContext(ctx, bleve.NewSearchRequestOptions(bleve.NewMatchQuery(text), depthRecall, 0, false))
		if err != nil {
			return nil, err
		}
		for _, hit := range r.Hits {
			ids = append(ids, hit.ID)
		}
		return ids, nil
	}}, x.Batch(b)
}

// openOurs gives a store with the documents as entities, and the ways to search
// it.
func openOurs(ctx context.Context, c *Collection) (ways []system, done func() error, err error) {
	s, err := store.Open(store.Options{})
	if err != nil {
		return nil, nil, err
	}
	x, err := search.Open(search.Options{Store: s, Embedder: embed.NewLexical(embed.LexicalOptions{})})
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	done = func() error { return errors.Join(x.Close(), s.Close()) }
	names := make(map[entity.ID]string)
	by := entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodImport}
	last, err := s.Update(ctx, by, func(tx entity.Tx) error {
		clear(names)
		for _, d := range c.Documents {
			v, err := tx.Create(entity.Draft{Type: "paper", Properties: entity.Properties{"label": d.Title, "author": d.Author, "text": d.Text}})
			if err != nil {
				return err
			}
			names[v.Manifest.ID] = d.ID.String()
		}
		return nil
	})
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	waiting, stop := context.WithTimeout(ctx, 5*time.Minute)
	defer stop()
	if err := x.Wait(waiting, last); err != nil {
		return nil, nil, errors.Join(err, done())
	}
	for _, w := range []struct {
		name string
		mode search.Mode
	}{{"full text", search.Text}, {"lexical vectors", search.Meaning}, {"both", search.Hybrid}} {
		ways = append(ways, system{name: w.name, search: func(ctx context.Context, text string) (ids []string, err error) {
			r, err := x.Search(ctx, search.Query{Text: text, Mode: w.mode, Limit: depthRecall})
			if err == nil && len(r.Missing) > 0 {
				err = fmt.Errorf("without %v", r.Missing)
			}
			for _, h := range r.Hits {
				ids = append(ids, names[h.ID])
			}
			return ids, err
		}})
	}
	return ways, done, nil
}
