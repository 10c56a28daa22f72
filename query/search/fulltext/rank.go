package fulltext

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"slices"
	"strings"

	index "github.com/blevesearch/bleve_index_api"

	"stemma/entity"
)

// Match is a document that was found.
type Match struct {
	ID    entity.ID
	Score float64 // BM25F, above 0
	Group entity.ID
}

// Request says what a search is to give.
type Request struct {
	Query Query
	Limit int
	// Pass decides about a document, and gives the group that it counts in. Only
	// documents that are good enough to come back are asked about.
	Pass func(entity.ID) (group entity.ID, ok bool)
	// PerGroup bounds the matches of a group; 0 for no bound.
	PerGroup int
	Weights  *Weights // nil for Tuned
}

// Found is the answer of a search.
type Found struct {
	Matches []Match
	// Bound is what no document's score exceeds: that of one that is nothing but
	// all of the terms.
	Bound float64
	// Unknown is the share of Bound of terms that no document has.
	Unknown float64
	Seen    entity.Seq // where in the log what was searched stands
}

// Search gives the Limit best documents that pass, best first and then by id, if
// there are so many.
func (x *Index) Search(ctx context.Context, q Request) (found Found, err error) {
	seen, err := x.on(ctx, "fulltext.Search", q.Query, q.Weights, func(s *state, all []*clause) error {
		top := newTop(q, s.r)
		if err := s.rank(all, top); err != nil {
			return err
		}
		found = Found{Matches: top.matches(), Bound: bound(all), Unknown: unknown(all)}
		return nil
	})
	found.Seen = seen
	return found, err
}

// Scores gives what [Index.Search] would for each document, in order, whether or
// not it has what must be there; 0 for one that is not there.
func (x *Index) Scores(ctx context.Context, q Query, ids []entity.ID) (scores []float64, most float64, err error) {
	scores = make([]float64, len(ids))
	_, err = x.on(ctx, "fulltext.Scores", q, nil, func(s *state, all []*clause) error {
		most = bound(all)
		type place struct {
			doc uint64
			i   int
		}
		var places []place
		for i, id := range ids {
			at, err := s.r.InternalID(string(id))
			if err != nil {
				return err
			}
			if at != nil {
				places = append(places, place{at.Value(), i})
			}
		}
		slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.doc, b.doc) })
		byBound := byStrength(all)
		for _, c := range all {
			if err := c.seek(0); err != nil {
				return err
			}
		}
		for _, p := range places {
			score, _, err := s.score(byBound, nil, 0, p.doc, 0)
			if err != nil {
				return err
			}
			scores[p.i] = score
		}
		return nil
	})
	return scores, most, err
}

// on runs fn on one state of the index with the terms of a query open.
func (x *Index) on(ctx context.Context, op string, q Query, w *Weights, fn func(*state, []*clause) error) (seen entity.Seq, err error) {
	err = x.read(op, func(r index.IndexReader) error {
		mark, err := markOf(r)
		if err != nil {
			return err
		}
		seen = mark.At
		s, err := newState(ctx, r, cmp.Or(w, &Tuned))
		if err != nil {
			return err
		}
		s.stemmer = stemmers.Get().(*stemmer)
		defer stemmers.Put(s.stemmer)
		all, err := s.clauses(q)
		if err != nil {
			return err
		}
		defer func() {
			for _, c := range all {
				c.close()
			}
		}()
		return fn(s, all)
	})
	return seen, canceled(op, err)
}

// canceled translates the end of a context.
func canceled(op string, err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Message: "the search took too long; ask for something rarer", Err: err}
	case errors.Is(err, context.Canceled):
		return &entity.Error{Kind: entity.KindCanceled, Op: op, Err: err}
	}
	return err
}

func bound(all []*clause) (sum float64) {
	for _, c := range all {
		sum += c.bound
	}
	return sum
}

// unknown is the share of terms that no document has, by what they weigh.
func unknown(all []*clause) float64 {
	var sum float64
	for _, c := range all {
		if c.df == 0 {
			sum += c.bound
		}
	}
	if sum == 0 {
		return 0
	}
	return sum / bound(all)
}

// byStrength has the terms that can add the least first.
func byStrength(all []*clause) []*clause {
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b *clause) int { return cmp.Compare(a.bound, b.bound) })
	return out
}

// rank offers every document that may be among the best. Terms are looked at in
// the order of what they can add (MaxScore: Turtle and Flood, 1995): once the
// least of what is kept is out of reach for the weakest terms together, only
// documents with one of the others are looked at.
func (s *state) rank(all []*clause, top *top) error {
	var must []*clause
	for _, c := range all {
		if err := c.seek(0); err != nil {
			return err
		}
		if c.must {
			must = append(must, c)
		}
	}
	byBound := byStrength(all)
	upTo := make([]float64, len(byBound)) // what the weakest terms add together at most
	for i, c := range byBound {
		upTo[i] = c.bound
		if i > 0 {
			upTo[i] += upTo[i-1]
		}
	}
	weak := 0
	looked := 0
	for doc := uint64(0); ; doc++ {
		if looked++; looked%1024 == 0 && s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		least := top.least()
		for weak < len(byBound) && upTo[weak]*(1+1e-9) < least {
			weak++
		}
		var err error
		if len(must) > 0 {
			doc, err = meet(must, doc)
		} else {
			doc, err = nearest(byBound[weak:], doc)
		}
		if err != nil || doc == done {
			return err
		}
		score, ok, err := s.score(byBound, upTo, weak, doc, least)
		if err != nil {
			return err
		}
		if !ok || score < least {
			continue
		}
		if ok, err := ordered(must, doc); err != nil || !ok {
			if err != nil {
				return err
			}
			continue
		}
		if err := top.offer(doc, score); err != nil {
			return err
		}
	}
}

// score adds what each term gives a document; ok is false when it cannot reach
// the least of what is kept.
func (s *state) score(byBound []*clause, upTo []float64, weak int, doc uint64, least float64) (total float64, ok bool, err error) {
	for i := len(byBound) - 1; i >= 0; i-- {
		c := byBound[i]
		if i < weak && (total+upTo[i])*(1+1e-9) < least {
			return 0, false, nil
		}
		if c.doc < doc {
			if err := c.seek(doc); err != nil {
				return 0, false, err
			}
		}
		if c.doc == doc {
			add, err := c.score(s.weights, s.average)
			if err != nil {
				return 0, false, err
			}
			total += add
		}
	}
	return total, true, nil
}

// nearest is the first document from doc on that one of the terms has.
func nearest(terms []*clause, doc uint64) (uint64, error) {
	first := uint64(done)
	for _, c := range terms {
		if c.doc < doc {
			if err := c.seek(doc); err != nil {
				return done, err
			}
		}
		first = min(first, c.doc)
	}
	return first, nil
}

// meet is the first document from doc on that all of the terms have.
func meet(terms []*clause, doc uint64) (uint64, error) {
	for at := doc; at != done; {
		furthest := at
		for _, c := range terms {
			if c.doc < furthest {
				if err := c.seek(furthest); err != nil {
					return done, err
				}
			}
			furthest = max(furthest, c.doc)
		}
		if furthest == at {
			return at, nil
		}
		at = furthest
	}
	return done, nil
}

// ordered checks the phrases.
func ordered(must []*clause, doc uint64) (bool, error) {
	for _, c := range must {
		if c.order == nil {
			continue
		}
		if ok, err := c.order.in(doc); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// top keeps the best of what is offered.
type top struct {
	Request
	r      index.IndexReader
	kept   matchHeap
	groups map[entity.ID]*matchHeap // with PerGroup
	id     index.IndexInternalID
}

func newTop(q Request, r index.IndexReader) *top {
	t := &top{Request: q, r: r}
	if q.PerGroup > 0 {
		t.groups = make(map[entity.ID]*matchHeap)
	}
	return t
}

// least is the score below which nothing is kept any more.
func (t *top) least() float64 {
	if t.groups != nil || len(t.kept) < t.Limit || t.Limit == 0 {
		return 0
	}
	return t.kept[0].Score
}

func (t *top) offer(doc uint64, score float64) error {
	t.id = index.NewIndexInternalID(t.id, doc)
	name, err := t.r.ExternalID(t.id)
	if err != nil {
		return err
	}
	id := entity.ID(name)
	if len(t.kept) == t.Limit && t.groups == nil && score == t.kept[0].Score && id > t.kept[0].ID {
		return nil
	}
	group, ok := t.Pass(id)
	if !ok {
		return nil
	}
	kept, limit := &t.kept, t.Limit
	if t.groups != nil {
		kept, limit = t.groups[group], t.PerGroup
		if kept == nil {
			kept = &matchHeap{}
			t.groups[group] = kept
		}
	}
	kept.keep(Match{ID: entity.ID(strings.Clone(name)), Score: score, Group: group}, limit)
	return nil
}

// matches are the best, best first.
func (t *top) matches() []Match {
	out := []Match(t.kept)
	for _, g := range t.groups {
		out = append(out, *g...)
	}
	slices.SortFunc(out, better)
	return out[:min(len(out), t.Limit)]
}

// better puts the better first.
func better(a, b Match) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
}

// matchHeap has the worst first.
type matchHeap []Match

func (h matchHeap) Len() int           { return len(h) }
func (h matchHeap) Less(i, j int) bool { return better(h[i], h[j]) > 0 }
func (h matchHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *matchHeap) Push(m any)        { *h = append(*h, m.(Match)) }
func (h *matchHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// keep takes m in, and gives the worst up where there are more than limit.
func (h *matchHeap) keep(m Match, limit int) {
	if len(*h) < limit {
		heap.Push(h, m)
		return
	}
	if limit > 0 && better(m, (*h)[0]) < 0 {
		(*h)[0] = m
		heap.Fix(h, 0)
	}
}
