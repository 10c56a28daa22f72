package query

import (
	"slices"

	"stemma/entity"
)

// hop gives the candidates that hop i leads to from others, which are ranked.
func (r *run) hop(i int, from []*candidate) ([]*candidate, error) {
	h := &r.hops[i]
	if h.rel.none {
		return nil, nil
	}
	s := &search{run: r, dir: h.Direction, rel: &h.rel, least: h.Min, most: h.Max, from: from, text: h.text}
	s.accept = func(id entity.ID, typ string) (float64, bool, error) {
		if r.sets != nil && i+1 < len(r.sets) && !r.sets[i+1][id] {
			return 0, false, nil
		}
		ok, err := r.match(&h.match, id, typ)
		return 1, ok, err
	}
	if h.fixed() {
		wanted, err := r.wanted(h)
		if err != nil || len(wanted) == 0 {
			return nil, err
		}
		if h.backward {
			return r.turned(h, from, wanted)
		}
		s.accept = func(id entity.ID, _ string) (float64, bool, error) { return 1, wanted[id], nil }
		s.enough, s.top = len(wanted), 1
	}
	ends, err := s.ends()
	r.explored += len(ends)
	found := make([]*candidate, len(ends))
	for i, e := range ends {
		found[i] = &candidate{id: e.id, typ: e.typ, score: e.score, own: e.own, length: e.length, prev: e.origin, walk: s, ref: e.ref}
	}
	return found, err
}

// wanted is the named targets that satisfy the rest of the selector.
func (r *run) wanted(h *hopPlan) (map[entity.ID]bool, error) {
	wanted := map[entity.ID]bool{}
	for _, id := range h.Target.IDs {
		typ, live := r.src.Type(id)
		if !live {
			continue
		}
		ok, err := r.match(&h.match, id, typ)
		if err != nil {
			return nil, err
		}
		if ok {
			wanted[id] = true
		}
	}
	return wanted, nil
}

// turned walks a hop from each of its ends back to the best candidate.
func (r *run) turned(h *hopPlan, from []*candidate, wanted map[entity.ID]bool) ([]*candidate, error) {
	byID := make(map[entity.ID]*candidate, len(from))
	for _, c := range from {
		byID[c.id] = c
	}
	var found []*candidate
	for _, id := range sorted(wanted) {
		typ, _ := r.src.Type(id)
		s := &search{run: r, dir: h.Direction.Reverse(), rel: &h.rel, least: h.Min, most: h.Max, from: []*candidate{{id: id, typ: typ, score: 1}}, enough: 1, top: from[0].score}
		s.accept = func(id entity.ID, _ string) (float64, bool, error) {
			if c := byID[id]; c != nil {
				return c.score, true, nil
			}
			return 0, false, nil
		}
		ends, err := s.ends()
		if len(ends) > 0 {
			best := slices.MinFunc(ends, end.compare)
			r.explored++
			found = append(found, &candidate{id: id, typ: typ, score: best.score, own: 1, length: best.length,
				prev: byID[best.id], walk: backward{walk: s, end: id}, ref: best.ref})
		}
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// backward turns the trails of a search from end around.
type backward struct {
	walk trailer
	end  entity.ID
}

func (b backward) trail(ref int) []step {
	walk := b.walk.trail(ref)
	out := make([]step, 0, len(walk))
	for i := len(walk) - 1; i >= 0; i-- {
		s := walk[i]
		s.dir, s.to = s.dir.Reverse(), b.end
		if i > 0 {
			s.to = walk[i-1].to
		}
		out = append(out, s)
	}
	return out
}

// walkBack fills r.sets from the last target's ids, with at most half of what
// may be spent: the sets only save work, and without them the answer is the
// same.
func (r *run) walkBack() error {
	r.allowed = r.opts.MaxEdges / 2
	defer func() { r.allowed = r.opts.MaxEdges }()
	last := len(r.hops) - 1
	at, err := r.wanted(&r.hops[last])
	sets := make([]map[entity.ID]bool, len(r.hops))
	for i := last; i >= 0 && err == nil; i-- {
		at, err = r.closure(at, &r.hops[i])
		sets[i] = at
	}
	if err == errStop && r.ctx.Err() == nil {
		r.stopped = ""
		return nil
	}
	r.sets = sets
	if err == errStop {
		r.sets = nil // the deadline passed; the stages will notice
		return nil
	}
	return err
}

// closure is the entities from which the hop's edges lead to one of at, along
// at most its longest path, and those of at themselves.
func (r *run) closure(at map[entity.ID]bool, h *hopPlan) (map[entity.ID]bool, error) {
	rel := h.rel.loose()
	seen := make(map[entity.ID]bool, len(at))
	layer := sorted(at)
	for _, id := range layer {
		seen[id] = true
	}
	var buf []step
	for d := 0; d < h.Max && len(layer) > 0; d++ {
		var next []entity.ID
		for _, id := range layer {
			var err error
			if buf, err = r.expand(buf[:0], id, h.Direction.Reverse(), &rel); err != nil {
				return nil, err
			}
			for _, s := range buf {
				if _, live := r.src.Type(s.to); live && !seen[s.to] {
					seen[s.to] = true
					next = append(next, s.to)
				}
			}
		}
		layer = next
	}
	return seen, nil
}
