package native

import (
	"cmp"
	"context"
	"slices"

	"stemma/entity"
	"stemma/entity/guard"
	"stemma/query"
	"stemma/query/search"
)

// scorer lets path queries ask the search index, about what one caller may see.
// It belongs to one query.
type scorer struct {
	index   *search.Index
	r       *guard.Reader
	visible entity.Visibility
	missing []string // what could not answer
}

// scorer is for the network's index; nil where there is none.
func (s *Service) scorer(ctx context.Context, r *guard.Reader) *scorer {
	x := s.network(ctx).Search
	if x == nil {
		return nil
	}
	return &scorer{index: x, r: r, visible: r.Visibility()}
}

// Candidates implements [query.Scorer]. By default, and with @:discover, it
// searches the collections that the text is about, and what belongs to none.
func (c *scorer) Candidates(ctx context.Context, s query.Search) ([]query.Scored, error) {
	q := search.Query{Text: s.Text, Types: s.Types, Visible: c.visible, Limit: min(s.Limit, search.MaxLimit)}
	switch s.Scope {
	case query.ScopeCollections:
		found, err := c.index.Collections(ctx, search.CollectionQuery{Text: q.Text, Visible: q.Visible, Limit: q.Limit})
		return c.scored(found), err
	case query.ScopeCollection:
		if h, err := c.r.Head(s.Collection); err != nil || h.Deleted { // nothing belongs to what is not there
			return nil, unlessKind(err, entity.KindNotFound)
		}
		q.Collections = []entity.ID{s.Collection}
	case query.ScopePublic:
		q.Unowned = true
	default:
		return c.discover(ctx, q)
	}
	found, err := c.index.Search(ctx, q)
	return c.scored(found), err
}

func (c *scorer) discover(ctx context.Context, q search.Query) ([]query.Scored, error) {
	in, err := c.index.Discover(ctx, search.Discover{Text: q.Text, Types: q.Types, Visible: q.Visible, Limit: q.Limit, PerCollection: q.Limit})
	if err != nil {
		return nil, err
	}
	q.Unowned = true
	free, err := c.index.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	all := append(c.scored(in), c.scored(free)...)
	slices.SortStableFunc(all, func(a, b query.Scored) int { return cmp.Compare(b.Score, a.Score) })
	return all[:min(len(all), q.Limit)], nil
}

func (c *scorer) scored(found search.Results) []query.Scored {
	for _, part := range found.Missing {
		if !slices.Contains(c.missing, part) {
			c.missing = append(c.missing, part)
		}
	}
	out := make([]query.Scored, len(found.Hits))
	for i, h := range found.Hits {
		out[i] = query.Scored{ID: h.ID, Score: h.Score}
	}
	return out
}

// Similarity implements [query.Scorer].
func (c *scorer) Similarity(ctx context.Context, text string, ids []entity.ID) ([]float64, error) {
	return c.index.Similarity(ctx, text, ids, c.visible)
}

// Predicates implements [query.Scorer].
func (c *scorer) Predicates(ctx context.Context, terms []string, predicates []entity.Predicate) ([]float64, error) {
	return c.index.Predicates(ctx, terms, predicates)
}
