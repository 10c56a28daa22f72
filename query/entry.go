package query

import (
	"iter"
	"slices"

	"stemma/entity"
)

// begin finds the candidates that the query begins at.
func (r *run) begin() ([]*candidate, error) {
	var found []*candidate
	var err error
	switch r.entry.way {
	case entryText:
		found, err = r.beginAtText()
	case entryIDs:
		found, err = r.matching(r.entry.ids, 0)
	default:
		found, err = r.beginAtTypes()
	}
	if err != nil && err != errStop {
		return nil, err
	}
	if f := r.query.Filter; !f.Exact() {
		if err := r.rerank(found, f.Text); err != nil {
			return nil, err
		}
	}
	return found, err
}

// beginAtTypes takes the entities of types, or of a collection, or that can
// reach the last target, whichever are fewest.
func (r *run) beginAtTypes() ([]*candidate, error) {
	e := &r.entry
	ids := r.members()
	if e.way == entryTypes {
		ids = r.ofTypes()
	}
	if r.sets != nil && len(r.sets[0]) < r.entryRows(r.stats) {
		ids = slices.Values(sorted(r.sets[0]))
	}
	need := 0 // all
	if len(r.hops) == 0 && !r.query.Count && !e.ranked {
		need = r.opts.K
	}
	kept, err := r.sift(ids, need)
	if err != nil && err != errStop {
		return nil, err
	}
	slices.Sort(kept)
	found, err2 := r.matching(kept, need)
	if err == nil {
		err = err2
	}
	return found, err
}

// ofTypes yields the entities of the entry's types; each has one type.
func (r *run) ofTypes() iter.Seq[entity.ID] {
	return func(yield func(entity.ID) bool) {
		for _, t := range r.entry.types {
			for id := range r.src.OfType(t) {
				if !yield(id) {
					return
				}
			}
		}
	}
}

// members yields what the graph takes for members of the collection, which
// belongs to itself; the look-up has the last word.
func (r *run) members() iter.Seq[entity.ID] {
	c := r.entry.match.collection
	return func(yield func(entity.ID) bool) {
		if !yield(c) {
			return
		}
		for e := range r.src.Edges(c, entity.Incoming, memberOf) {
			if e.From != c && !yield(e.From) {
				return
			}
		}
	}
}

// sift keeps the entities that the graph alone does not rule out. When that
// settles it and only need of them will be listed, it keeps the first by id:
// all have the same score.
func (r *run) sift(ids iter.Seq[entity.ID], need int) ([]entity.ID, error) {
	e := &r.entry
	most := 0
	if need > 0 && !e.match.dear() {
		most = 8*need + 1024
	}
	var kept []entity.ID
	for id := range ids {
		if err := r.count(); err != nil {
			return kept, err
		}
		typ, live := r.src.Type(id)
		if !live || !e.match.cheap(id, typ) || r.sets != nil && !r.sets[0][id] {
			continue
		}
		kept = append(kept, id)
		if most > 0 && len(kept) == most {
			slices.Sort(kept)
			r.explored += most - need
			kept = kept[:need]
		}
	}
	return kept, nil
}

// count counts an entity that the query may begin at: it costs when it hops.
func (r *run) count() error {
	if len(r.hops) == 0 {
		return r.tick(1)
	}
	return r.spend(1)
}

// matching makes candidates of the entities that satisfy entry and filter, in
// the order given, up to need (0: all).
func (r *run) matching(ids []entity.ID, need int) ([]*candidate, error) {
	var found []*candidate
	for _, id := range ids {
		typ, live := r.src.Type(id)
		if !live || r.sets != nil && !r.sets[0][id] {
			continue
		}
		ok, err := r.match(&r.entry.match, id, typ)
		if err != nil {
			return found, err
		}
		if !ok {
			continue
		}
		r.explored++
		found = append(found, &candidate{id: id, typ: typ, score: 1, own: 1})
		if len(found) == need {
			break
		}
	}
	return found, nil
}

// beginAtText asks for candidates until there are enough that satisfy the
// exact parts of entry and filter, or there are no more.
func (r *run) beginAtText() ([]*candidate, error) {
	const most = 4096 // candidates looked at for a filter that few satisfy
	want := r.exploring()
	for limit := want; ; limit *= 4 {
		s := r.entry.search
		s.Limit = min(limit, most)
		scored, err := r.opts.Scorer.Candidates(r.ctx, s)
		if err != nil {
			return nil, r.interrupted(err)
		}
		found, err := r.satisfying(scored, want)
		if err != nil || len(found) == want || len(scored) < s.Limit || s.Limit == most {
			r.explored += len(found)
			return r.within(found), err
		}
	}
}

// satisfying makes candidates of the first want that satisfy the exact parts.
func (r *run) satisfying(scored []Scored, want int) ([]*candidate, error) {
	var found []*candidate
	for _, s := range scored {
		typ, live := r.src.Type(s.ID)
		if score := unit(s.Score); live && score > 0 {
			ok, err := r.match(&r.entry.match, s.ID, typ)
			if err != nil {
				return found, err
			}
			if ok {
				found = append(found, &candidate{id: s.ID, typ: typ, score: score, own: score})
			}
		}
		if len(found) == want {
			break
		}
	}
	return found, nil
}

// within drops entry candidates that cannot reach the last target.
func (r *run) within(found []*candidate) []*candidate {
	if r.sets == nil {
		return found
	}
	return slices.DeleteFunc(found, func(c *candidate) bool { return !r.sets[0][c.id] })
}

// rerank mixes the likeness to the filter's text into the scores.
func (r *run) rerank(found []*candidate, text string) error {
	ids := make([]entity.ID, len(found))
	for i, c := range found {
		ids[i] = c.id
	}
	scores, err := r.likeness(text, ids)
	if err != nil {
		return err
	}
	for i, c := range found {
		c.score, c.own = rerank(c.score, scores[i]), scores[i]
	}
	return nil
}
