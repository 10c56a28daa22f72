package search

import (
	"context"
	"slices"

	"stemma/entity"
	"stemma/query/search/fulltext"
)

// Defaults of searches in steps: arke.txt, POST /search/discover and
// /search/similar/items.
const (
	DefaultCollections   = 10 // that the first step finds
	DefaultPerCollection = 5  // hits in each
)

// memberShare is what the text of a collection's best member counts for the
// collection.
const memberShare = 0.5

// collectionDepth is how far each of the rankings of collections is looked into,
// at least.
const collectionDepth = 100

// Collections finds collections by a text: by what they say they are, by their
// centroids, and by the member that the text finds best. What each of these gives
// makes one score, which ranks.
func (x *Index) Collections(ctx context.Context, q CollectionQuery) (Results, error) {
	const op = "search.Collections"
	if err := checkQuery(op, Query{Text: q.Text, Mode: q.Mode, Limit: q.Limit}); err != nil {
		return Results{}, err
	}
	f, err := x.filter(ctx, []string{entity.TypeCollection}, nil, q.Visible)
	if err != nil {
		return Results{}, err
	}
	found, err := x.collections(ctx, q, f)
	if err != nil {
		return Results{}, err
	}
	var words *fulltext.Query
	if q.Highlights {
		words = &found.words
	}
	hits, err := x.fill(ctx, found.ranked, f, words)
	return Results{Hits: hits, Missing: found.missing, Seen: found.seen}, err
}

// collections ranks the collections that f passes.
func (x *Index) collections(ctx context.Context, q CollectionQuery, f *filter) (*finding, error) {
	f.holding = q.Holding
	depth := max(collectionDepth, 2*q.Limit)
	asked := Query{Text: q.Text, Mode: q.Mode, Limit: depth}
	out, err := x.find(ctx, asked, f)
	if err != nil {
		return nil, err
	}
	own := out.ranked

	var best []scored
	if q.Mode != Meaning || out.vector == nil {
		members := x.table.filter(q.Holding, nil, q.Visible)
		asked.PerCollection = 1
		if best, err = x.byText(ctx, out, asked, members, depth); err != nil {
			return nil, err
		}
	}
	best = slices.DeleteFunc(best, func(s scored) bool {
		_, ok := f.passes(s.collection)
		return s.collection == "" || s.id == s.collection || !ok
	})

	// The candidates are known: their centroids decide among them.
	all := make(map[entity.ID]*scored)
	add := func(id entity.ID) *scored {
		if all[id] == nil {
			all[id] = &scored{id: id, collection: id}
		}
		return all[id]
	}
	for _, s := range own {
		c := add(s.id)
		c.text, c.meaning = s.text, s.meaning
	}
	for _, s := range best {
		c := add(s.collection)
		c.text = max(c.text, memberShare*s.text)
	}
	if out.vector != nil {
		if err := x.byCentroid(ctx, out.vector, f, depth, add, all); err != nil {
			return nil, err
		}
	}
	list := make([]scored, 0, len(all))
	for _, c := range all {
		c.rank = c.likeness()
		list = append(list, *c)
	}
	out.ranked = finish(list, Query{Limit: q.Limit})
	return out, nil
}

// byCentroid ranks the collections that are known, and those of the entities
// nearest to a vector, by their centroids.
func (x *Index) byCentroid(ctx context.Context, v []float32, f *filter, depth int, add func(entity.ID) *scored, all map[entity.ID]*scored) error {
	_, err := x.meaning.use(func(s *space) error {
		ranked, err := x.nearCollections(ctx, s, v, f, depth, all)
		if err != nil {
			return err
		}
		for _, r := range ranked {
			c := add(r.id)
			c.meaning = max(c.meaning, r.meaning)
		}
		return nil
	})
	return x.tolerate(ctx, err)
}

// nearCollections ranks collections by the likeness of their centroids to a
// vector: those given, those whose own text is nearest, and those with the
// members that are nearest. So no more than a few hundred centroids are made.
func (x *Index) nearCollections(ctx context.Context, s *space, v []float32, f *filter, depth int, given map[entity.ID]*scored) ([]scored, error) {
	candidates := make(map[entity.ID]bool)
	for id := range given {
		candidates[id] = true
	}
	own, err := s.nearest(ctx, v, depth, 0, f)
	if err != nil {
		return nil, err
	}
	for _, m := range own {
		candidates[m.ID] = true
	}
	members, err := s.nearest(ctx, v, 2*depth, 0, x.table.filter(f.holding, nil, f.visible))
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if _, collection, live := x.table.get(m.ID); live && collection != "" {
			candidates[collection] = true
		}
	}
	var list []scored
	for _, id := range keysOf(candidates) {
		if _, ok := f.passes(id); !ok {
			continue
		}
		c, err := s.centroid(ctx, id, f.whole(id))
		if err != nil {
			return nil, err
		}
		if c == nil || len(c) != len(v) {
			continue
		}
		if cos := dot(c, v); cos > 0 {
			list = append(list, scored{id: id, collection: id, rank: cos, meaning: cos, inMeaning: true})
		}
	}
	return finish(list, Query{Limit: len(list)}), nil
}

// Discover finds entities in the collections that a text is about. What belongs
// to no collection is not found, nor are the collections.
func (x *Index) Discover(ctx context.Context, q Discover) (Results, error) {
	const op = "search.Discover"
	if q.Collections == 0 {
		q.Collections = DefaultCollections
	}
	if q.PerCollection == 0 {
		q.PerCollection = DefaultPerCollection
	}
	if err := checkLimit(op, q.Collections); err != nil {
		return Results{}, err
	}
	in, err := x.Collections(ctx, CollectionQuery{Text: q.Text, Mode: q.Mode, Holding: q.Types, Visible: q.Visible, Limit: q.Collections})
	if err != nil {
		return Results{}, err
	}
	searched := make([]entity.ID, len(in.Hits))
	for i, h := range in.Hits {
		searched[i] = h.ID
	}
	if len(searched) == 0 {
		return Results{Missing: in.Missing, Seen: in.Seen}, checkLimit(op, q.Limit)
	}
	out, err := x.Search(ctx, Query{
		Text: q.Text, Mode: q.Mode, Highlights: q.Highlights, Types: q.Types, Collections: searched, Members: true, PerCollection: q.PerCollection, Visible: q.Visible, Limit: q.Limit,
	})
	out.Searched = searched
	return out, err
}
