package search

import (
	"cmp"
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"stemma/entity"
	"stemma/query/search/embed"
	"stemma/query/search/fulltext"
	"stemma/query/search/vector"
)

// embedQuery bounds the time that a query waits for its vector.
const embedQuery = 3 * time.Second

// embedRest is for how long queries do without an embedder that did not answer
// one of them.
const embedRest = 5 * time.Second

// Search finds entities. KindInvalid for a query out of its bounds.
func (x *Index) Search(ctx context.Context, q Query) (Results, error) {
	if err := checkQuery("search.Search", q); err != nil {
		return Results{}, err
	}
	f, err := x.filter(ctx, q.Types, q.Collections, q.Visible)
	if err != nil {
		return Results{}, err
	}
	f.unowned, f.members = q.Unowned, q.Members
	found, err := x.find(ctx, q, f)
	if err != nil {
		return Results{}, err
	}
	r := Results{Missing: found.missing, Seen: found.seen}
	var words *fulltext.Query
	if q.Highlights {
		words = &found.words
	}
	r.Hits, err = x.fill(ctx, found.ranked, f, words)
	return r, err
}

func checkQuery(op string, q Query) error {
	if err := checkText(op, q.Text); err != nil {
		return err
	}
	switch q.Mode {
	case "", Hybrid, Text, Meaning:
	default:
		return entity.Invalid(op, "mode %.20q is not known; use hybrid, text or meaning", string(q.Mode))
	}
	if q.PerCollection < 0 || q.PerCollection > MaxLimit {
		return entity.Invalid(op, "%d hits of one collection are out of bounds; use 1 to %d, or 0 for no bound", q.PerCollection, MaxLimit)
	}
	return checkLimit(op, q.Limit)
}

func checkText(op, text string) error {
	if n := utf8.RuneCountInString(text); n == 0 || n > MaxText {
		return entity.Invalid(op, "the text has %d characters; it has 1 to %d", n, MaxText)
	}
	return nil
}

func checkLimit(op string, limit int) error {
	if limit < 1 || limit > MaxLimit {
		return entity.Invalid(op, "limit %d is out of bounds; use 1 to %d", limit, MaxLimit)
	}
	return nil
}

// filter is what a search that begins now may find.
func (x *Index) filter(ctx context.Context, types []string, collections []entity.ID, visible entity.Visibility) (*filter, error) {
	if err := x.store.View(ctx, x.table.follow); err != nil {
		return nil, err
	}
	return x.table.filter(types, collections, visible), nil
}

// finding is what was found, best first.
type finding struct {
	ranked  []scored
	words   fulltext.Query
	vector  []float32 // of the query, in the space that serves; nil for none
	weight  float64   // of the ranking by meaning, when all words are known
	unknown float64   // the share of the query that no document has
	missing []string
	seen    entity.Seq
}

// find ranks what passes the filter.
func (x *Index) find(ctx context.Context, q Query, f *filter) (out *finding, err error) {
	out = &finding{words: fulltext.Parse(q.Text)}
	var byText, byMeaning []scored
	if q.Mode != Meaning {
		if byText, err = x.byText(ctx, out, q, f, max(textDepth, q.Limit)); err != nil {
			return nil, err
		}
	}
	if q.Mode != Text {
		answered, err := x.byMeaning(ctx, out, q, f, len(byText), &byMeaning)
		if err != nil {
			return nil, err
		}
		if !answered {
			out.missing = []string{PartMeaning}
		}
	}
	switch {
	case q.Mode == Meaning && out.vector != nil:
		out.seen, _, _ = x.seen.get()
		out.ranked = finish(byMeaning, q)
		return out, nil
	case q.Mode == Meaning: // text answers in its place
		byText, err = x.byText(ctx, out, q, f, q.Limit)
		out.ranked = finish(byText, q)
		return out, err
	case out.vector == nil:
		out.ranked = finish(byText, q)
		return out, nil
	}
	if out.words.Demands() {
		there := make(map[entity.ID]bool, len(byText))
		for _, s := range byText {
			there[s.id] = true
		}
		byMeaning = slices.DeleteFunc(byMeaning, func(s scored) bool { return !there[s.id] })
	}
	if byMeaning, err = x.compare(ctx, out.vector, byText, byMeaning); err != nil {
		return nil, err
	}
	out.ranked = finish(fuse(byText, byMeaning, out.weight+unknownWeight*out.unknown), q)
	return out, x.complete(ctx, out)
}

func (x *Index) byText(ctx context.Context, out *finding, q Query, f *filter, depth int) ([]scored, error) {
	found, err := x.text.Search(ctx, fulltext.Request{Query: out.words, Limit: depth, PerGroup: q.PerCollection, Pass: f.passes})
	if err != nil {
		return nil, err
	}
	out.seen = found.Seen
	out.unknown = found.Unknown
	list := make([]scored, len(found.Matches))
	for i, m := range found.Matches {
		s := m.Score / found.Bound
		list[i] = scored{id: m.ID, collection: m.Group, rank: s, text: s, inText: true}
	}
	return list, nil
}

// byMeaning ranks by vectors, beside what text has found. answered is false when
// there are none to trust.
func (x *Index) byMeaning(ctx context.Context, out *finding, q Query, f *filter, text int, list *[]scored) (answered bool, err error) {
	answered, err = x.meaning.use(func(s *space) error {
		if s.silent(x.clock()) {
			return nil
		}
		v, err := s.query(ctx, x.clock, out.words.Plain())
		if err != nil || v == nil {
			return err
		}
		var matches []vector.Match
		if depth := s.depth(q, out, text); depth > 0 {
			if matches, err = s.nearest(ctx, v, depth, q.PerCollection, f); err != nil {
				return err
			}
		}
		if out.vector, out.weight = v, modelWeight; s.lexical() {
			out.weight = lexicalWeight
		}
		for _, m := range matches {
			if m.Score > 0 {
				_, collection, _ := x.table.get(m.ID)
				*list = append(*list, scored{id: m.ID, collection: collection, rank: m.Score, meaning: m.Score, inMeaning: true})
			}
		}
		return nil
	})
	return answered, x.tolerate(ctx, err)
}

// depth is how many entities a query wants of vectors. Of the built-in embedder's
// it wants none where text knows all the words and has found enough: what has
// none of the words is not near either, and nDCG@10 on Cranfield is the same.
func (s *space) depth(q Query, out *finding, text int) int {
	switch {
	case q.Mode == Meaning:
		return q.Limit
	case s.far:
		return max(textDepth, q.Limit)
	case s.lexical() && out.unknown == 0 && text >= q.Limit:
		return 0
	}
	return max(nearestDepth, q.Limit)
}

// lexical tells that the space is the built-in embedder's.
func (s *space) lexical() bool { return s.name.Provider == lexicalProvider }

// tolerate makes an error of the vectors one that text goes on without, unless
// it is the caller who ended it.
func (x *Index) tolerate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ended("search.Search", ctx)
	}
	x.log.Warn("a search by meaning failed; text answers alone", "err", err)
	return nil
}

// ask embeds for a query. When the embedder does not answer in time, no query
// waits for it again for a while: the follower, which learns of it too, has
// nothing to embed as long as nothing is written.
func (s *space) ask(ctx context.Context, clock func() time.Time, texts []string) ([][]float32, error) {
	asking, stop := context.WithTimeout(ctx, embedQuery)
	defer stop()
	out, err := s.embedder.Embed(asking, embed.Query, texts)
	if err != nil && ctx.Err() == nil && entity.KindOf(err) != entity.KindInvalid {
		s.resting.Store(clock().Add(embedRest).UnixMilli())
	}
	return out, err
}

// silent tells that the embedder is not to be asked for a query now.
func (s *space) silent(now time.Time) bool {
	return s.failing.Load() || now.UnixMilli() < s.resting.Load()
}

// query is the vector of a query; nil for one without a direction.
func (s *space) query(ctx context.Context, clock func() time.Time, text string) ([]float32, error) {
	if text == "" {
		return nil, nil
	}
	out, err := s.ask(ctx, clock, []string{text})
	switch {
	case err != nil:
		return nil, err
	case len(out) != 1 || len(out[0]) != s.name.Dimensions:
		return nil, entity.Errorf(entity.KindInternal, "search.query", "the embedder gave no vector of %d dimensions", s.name.Dimensions)
	case isZero(out[0]):
		return nil, nil
	}
	return out[0], nil
}

// nearest is [vector.Store.Nearest] with a bound for each collection.
func (s *space) nearest(ctx context.Context, v []float32, k, each int, f *filter) ([]vector.Match, error) {
	pass := vector.Filter{Types: keysOf(f.types), Collections: keysOf(f.collections), Visible: f.visible, Live: func(id entity.ID) bool {
		_, ok := f.passes(id)
		return ok
	}}
	if f.unowned {
		pass.Collections = []entity.ID{""}
	}
	if each == 0 || f.collections == nil {
		return s.store.Nearest(ctx, v, k, pass)
	}
	var all []vector.Match
	for _, c := range keysOf(f.collections) {
		pass.Collections = []entity.ID{c}
		found, err := s.store.Nearest(ctx, v, each, pass)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b vector.Match) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return all, nil
}

func keysOf[T cmp.Ordered](set map[T]bool) []T {
	if set == nil {
		return nil
	}
	keys := make([]T, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// fill reads what hits are, and leaves out what was deleted or hidden since.
func (x *Index) fill(ctx context.Context, ranked []scored, f *filter, words *fulltext.Query) (hits []Hit, err error) {
	err = x.store.View(ctx, func(r entity.Reader) error {
		hits = make([]Hit, 0, len(ranked))
		for _, s := range ranked {
			h, err := r.Head(s.id)
			if entity.KindOf(err) == entity.KindNotFound && err != nil {
				continue
			}
			if err != nil {
				return err
			}
			if h.Deleted || !f.admits(h.ID, h.Type, h.Collection) {
				continue
			}
			hit := Hit{ID: h.ID, Type: h.Type, Label: h.Label, Collection: h.Collection, Score: s.score, CreatedAt: h.CreatedAt, UpdatedAt: h.TS}
			if words != nil {
				m, err := r.Manifest(h.CID())
				if err != nil {
					return err
				}
				hit.Highlights = x.highlights(ctx, m, *words)
			}
			hits = append(hits, hit)
		}
		return nil
	})
	return hits, err
}
