package search

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"stemma/entity"
	"stemma/query/search/fulltext"
)

// diversity is what each hit before it in the same collection leaves of a hit's
// score in [Index.SimilarItems].
const diversity = 0.9

// Similar finds entities that are like one. KindNotFound when that is not live.
// As long as that has no vector, its text looks for others.
func (x *Index) Similar(ctx context.Context, q SimilarQuery) (Results, error) {
	const op = "search.Similar"
	if err := checkLimit(op, q.Limit); err != nil {
		return Results{}, err
	}
	f, err := x.filter(ctx, q.Types, q.Collections, q.Visible)
	if err != nil {
		return Results{}, err
	}
	f.except = q.ID
	like, err := x.likenessOf(ctx, op, q.ID, f)
	if err != nil {
		return Results{}, err
	}
	ranked, err := x.like(ctx, like, f, q.Limit)
	if err != nil {
		return Results{}, err
	}
	return x.results(ctx, like, ranked, f)
}

// model is an entity that others are compared with.
type model struct {
	id      entity.ID
	vector  []float32 // nil for none
	text    string    // what to look for instead
	missing []string
}

// likenessOf is the entity as a model.
func (x *Index) likenessOf(ctx context.Context, op string, id entity.ID, f *filter) (m model, err error) {
	typ, _, live := x.table.get(id)
	if !live {
		return m, entity.NotFound(op, "Entity not found")
	}
	m.id = id
	ok, err := x.meaning.use(func(s *space) (err error) {
		if typ == entity.TypeCollection {
			m.vector, err = s.centroid(ctx, id, f.whole(id))
			return err
		}
		m.vector, err = s.store.Vector(ctx, id)
		if err != nil && entity.KindOf(err) == entity.KindNotFound {
			return nil
		}
		return err
	})
	if err := x.tolerate(ctx, err); err != nil {
		return m, err
	}
	if !ok && m.vector == nil {
		m.missing = []string{PartMeaning}
	}
	if m.vector != nil {
		return m, nil
	}
	return m, x.store.View(ctx, func(r entity.Reader) error {
		h, err := r.Head(id)
		if err != nil {
			return err
		}
		man, err := r.Manifest(h.CID())
		if err != nil {
			return err
		}
		m.text = strings.ReplaceAll(fulltext.Cut(embedded(man, ""), MaxText), `"`, " ")
		return nil
	})
}

// like ranks what is like the model and passes the filter.
func (x *Index) like(ctx context.Context, m model, f *filter, limit int) (list []scored, err error) {
	if m.vector == nil {
		found, err := x.text.Search(ctx, fulltext.Request{Query: fulltext.Parse(m.text), Limit: limit, Pass: f.passes})
		for _, hit := range found.Matches {
			list = append(list, scored{id: hit.ID, collection: hit.Group, rank: hit.Score, text: hit.Score / found.Bound})
		}
		return level(list), err
	}
	_, err = x.meaning.use(func(s *space) error {
		if len(m.vector) != s.name.Dimensions {
			return nil // the space has changed between two looks
		}
		found, err := s.nearest(ctx, m.vector, limit, 0, f)
		for _, hit := range found {
			if hit.Score > 0 {
				_, collection, _ := x.table.get(hit.ID)
				list = append(list, scored{id: hit.ID, collection: collection, rank: hit.Score, meaning: hit.Score})
			}
		}
		return err
	})
	return level(list), x.tolerate(ctx, err)
}

func (x *Index) results(ctx context.Context, m model, ranked []scored, f *filter) (Results, error) {
	hits, err := x.fill(ctx, ranked, f, nil)
	r := Results{Hits: hits, Missing: m.missing}
	r.Seen, _, _ = x.seen.get()
	return r, err
}

// SimilarCollections finds collections that are like one, by their weighted
// centroids. KindNotFound when that is not a live collection.
func (x *Index) SimilarCollections(ctx context.Context, q SimilarQuery) (Results, error) {
	const op = "search.SimilarCollections"
	if err := checkLimit(op, q.Limit); err != nil {
		return Results{}, err
	}
	f, err := x.filter(ctx, []string{entity.TypeCollection}, nil, q.Visible)
	if err != nil {
		return Results{}, err
	}
	like, ranked, err := x.similarCollections(ctx, op, q.ID, f, q.Limit)
	if err != nil {
		return Results{}, err
	}
	return x.results(ctx, like, ranked, f)
}

func (x *Index) similarCollections(ctx context.Context, op string, id entity.ID, f *filter, limit int) (like model, ranked []scored, err error) {
	if typ, _, live := x.table.get(id); !live || typ != entity.TypeCollection {
		return like, nil, entity.NotFound(op, "Collection not found")
	}
	f.except = id
	if like, err = x.likenessOf(ctx, op, id, f); err != nil {
		return like, nil, err
	}
	if like.vector == nil {
		ranked, err = x.like(ctx, like, f, limit)
		return like, ranked, err
	}
	_, err = x.meaning.use(func(s *space) error {
		if len(like.vector) != s.name.Dimensions {
			return nil
		}
		ranked, err = x.nearCollections(ctx, s, like.vector, f, max(collectionDepth, 2*limit), nil)
		return err
	})
	return like, ranked[:min(len(ranked), limit)], x.tolerate(ctx, err)
}

// SimilarItems finds entities like one in collections like one. KindNotFound
// when either is not live. A hit's score is its likeness, less a tenth for each
// better hit of its collection.
func (x *Index) SimilarItems(ctx context.Context, q SimilarItemsQuery) (Results, error) {
	const op = "search.SimilarItems"
	if err := checkLimit(op, q.Limit); err != nil {
		return Results{}, err
	}
	tier1, tier2 := cmp.Or(q.Tier1, DefaultCollections), cmp.Or(q.Tier2, DefaultPerCollection)
	if err := cmp.Or(checkLimit(op, tier1), checkLimit(op, tier2)); err != nil {
		return Results{}, err
	}
	places, err := x.filter(ctx, []string{entity.TypeCollection}, nil, q.Visible)
	if err != nil {
		return Results{}, err
	}
	_, near, err := x.similarCollections(ctx, op, q.Collection, places, tier1)
	if err != nil {
		return Results{}, err
	}
	var searched []entity.ID
	if !q.ExcludeSame {
		searched = append(searched, q.Collection)
	}
	for _, c := range near {
		searched = append(searched, c.id)
	}
	f := x.table.filter(nil, nil, q.Visible)
	like, err := x.likenessOf(ctx, op, q.ID, f)
	if err != nil {
		return Results{}, err
	}
	var all []scored
	for _, c := range searched {
		in := x.table.filter(nil, []entity.ID{c}, q.Visible)
		in.except, in.also = q.ID, c // a collection is no item of its own
		list, err := x.like(ctx, like, in, tier2)
		if err != nil {
			return Results{}, err
		}
		left := 1.0
		for _, s := range list {
			s.score *= left
			left *= diversity
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id)) })
	r, err := x.results(ctx, like, all[:min(len(all), q.Limit)], f)
	r.Searched = searched
	return r, err
}
