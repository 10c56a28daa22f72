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

// The parameters of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009):
// an entity gets weight/(fuseK+rank) from each ranking it is in; that of full
// text weighs 1.
//
// The built-in embedder reads the same words as full text does, so it weighs
// little, and more in the measure in which the words of the query are in no
// document, as misspelt ones are: full text knows nothing of them. Chosen on the
// two halves of Cranfield's odd queries, as they are (nDCG@10 0.522 for text,
// 0.532 for both; better on 40 queries, worse on 25) and with every second word
// misspelt (0.393 and 0.423). A model that has learnt what words mean is a second
// opinion and weighs the same.
const (
	fuseK         = 60
	lexicalWeight = 0.1
	modelWeight   = 1.0
	unknownWeight = 0.5
	fuseDepth     = 200 // of each ranking at least
)

// lexicalProvider is the provider of the built-in embedder's space.
const lexicalProvider = "lexical"

// embedQuery bounds the time that a query waits for its vector.
const embedQuery = 3 * time.Second

// Search finds entities. KindInvalid for a query out of its bounds.
func (x *Index) Search(ctx context.Context, q Query) (Results, error) {
	if err := checkQuery("search.Search", q); err != nil {
		return Results{}, err
	}
	f, err := x.filter(ctx, q.Types, q.Collections, q.Visible)
	if err != nil {
		return Results{}, err
	}
	f.unowned = q.Unowned
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

// scored is an entity on its way into an answer.
type scored struct {
	id         entity.ID
	collection entity.ID
	rank       float64 // what the order goes by
	text       float64 // 0 to 1
	meaning    float64 // cosine, from 0
	inText     bool    // text is known
	inMeaning  bool    // meaning is known
	score      float64
}

// likeness is how alike an entity and a query are, by what is known of it: what
// is left of unlikeness after both had their say.
func (s *scored) likeness() float64 { return 1 - (1-unit(s.text))*(1-unit(s.meaning)) }

func unit(f float64) float64 {
	if f > 0 {
		return min(f, 1)
	}
	return 0
}

// finding is what was found, best first.
type finding struct {
	ranked  []scored
	words   fulltext.Query
	vector  []float32 // of the query, in the space that serves; nil for none
	weight  float64   // of the ranking by meaning
	missing []string
	seen    entity.Seq
}

// find ranks what passes the filter.
func (x *Index) find(ctx context.Context, q Query, f *filter) (*finding, error) {
	out := &finding{words: fulltext.Parse(q.Text)}
	depth := max(fuseDepth, 2*q.Limit)
	var byMeaning []scored
	if q.Mode != Text {
		answered, err := x.byMeaning(ctx, out, q, f, depth, &byMeaning)
		if err != nil {
			return nil, err
		}
		if !answered {
			out.missing = []string{PartMeaning}
		}
	}
	out.seen, _, _ = x.seen.get()
	if q.Mode == Meaning && out.vector != nil {
		out.ranked = finish(byMeaning, q)
		return out, nil
	}
	byText, err := x.byText(ctx, out, q, f, depth)
	if err != nil {
		return nil, err
	}
	if out.vector == nil {
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
	out.ranked = finish(fuse(byText, byMeaning, out.weight), q)
	return out, x.complete(ctx, out)
}

func (x *Index) byText(ctx context.Context, out *finding, q Query, f *filter, depth int) ([]scored, error) {
	found, err := x.text.Search(ctx, fulltext.Request{Query: out.words, Limit: depth, PerGroup: q.PerCollection, Pass: f.passes})
	if err != nil {
		return nil, err
	}
	out.seen = found.Seen
	out.weight += unknownWeight * found.Unknown
	list := make([]scored, len(found.Matches))
	for i, m := range found.Matches {
		s := m.Score / found.Bound
		list[i] = scored{id: m.ID, collection: m.Group, rank: s, text: s, inText: true}
	}
	return list, nil
}

// byMeaning ranks by vectors. answered is false when there are none to trust.
func (x *Index) byMeaning(ctx context.Context, out *finding, q Query, f *filter, depth int, list *[]scored) (answered bool, err error) {
	answered, err = x.meaning.use(func(s *space) error {
		if s.failing.Load() {
			return nil
		}
		v, err := s.query(ctx, out.words.Plain())
		if err != nil || v == nil {
			return err
		}
		matches, err := s.nearest(ctx, v, depth, q.PerCollection, f)
		if err != nil {
			return err
		}
		if out.vector, out.weight = v, modelWeight; s.name.Provider == lexicalProvider {
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

// query is the vector of a query; nil for one without a direction.
func (s *space) query(ctx context.Context, text string) ([]float32, error) {
	if text == "" {
		return nil, nil
	}
	ctx, stop := context.WithTimeout(ctx, embedQuery)
	defer stop()
	out, err := s.embedder.Embed(ctx, embed.Query, []string{text})
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

// fuse joins two rankings by reciprocal rank; weight is that of the second.
func fuse(byText, byMeaning []scored, weight float64) []scored {
	at := make(map[entity.ID]int, len(byText))
	out := make([]scored, 0, len(byText)+len(byMeaning))
	for i, s := range byText {
		s.rank = 1 / float64(fuseK+i+1)
		at[s.id] = len(out)
		out = append(out, s)
	}
	for i, s := range byMeaning {
		s.rank = weight / float64(fuseK+i+1)
		if j, ok := at[s.id]; ok {
			out[j].rank += s.rank
			out[j].meaning, out[j].inMeaning = s.meaning, true
		} else {
			out = append(out, s)
		}
	}
	return out
}

// finish sorts by rank and cuts to what is asked for.
func finish(list []scored, q Query) []scored {
	slices.SortFunc(list, func(a, b scored) int { return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(a.id, b.id)) })
	if q.PerCollection > 0 {
		had := make(map[entity.ID]int)
		list = slices.DeleteFunc(list, func(s scored) bool {
			had[s.collection]++
			return had[s.collection] > q.PerCollection
		})
	}
	return level(list[:min(len(list), q.Limit)])
}

// level gives each its likeness as its score, but none more than the one before
// it: what ranks higher never scores lower.
func level(list []scored) []scored {
	least := 1.0
	for i := range list {
		least = min(least, list[i].likeness())
		list[i].score = least
	}
	return list
}

// complete looks up what one of the rankings did not tell, so that a score does
// not depend on how deep the rankings were.
func (x *Index) complete(ctx context.Context, out *finding) error {
	var ids []entity.ID
	var at []int
	for i, s := range out.ranked {
		if !s.inText {
			ids, at = append(ids, s.id), append(at, i)
		}
	}
	scores, most, err := x.text.Scores(ctx, out.words, ids)
	if err != nil {
		return err
	}
	for i, score := range scores {
		if most > 0 {
			out.ranked[at[i]].text = score / most
		}
	}
	_, err = x.meaning.use(func(s *space) error {
		for i := range out.ranked {
			r := &out.ranked[i]
			if r.inMeaning {
				continue
			}
			v, err := s.store.Vector(ctx, r.id)
			switch {
			case entity.KindOf(err) == entity.KindNotFound:
			case err != nil:
				return err
			case len(v) == len(out.vector):
				r.meaning = max(0, dot(v, out.vector))
			}
		}
		return nil
	})
	level(out.ranked)
	return x.tolerate(ctx, err)
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
