package search

import (
	"cmp"
	"context"
	"slices"

	"stemma/entity"
)

// The parameters of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009):
// an entity gets weight/(fuseK+rank) from each ranking it is in; that of full
// text weighs 1.
//
// The built-in embedder reads the same words as full text does, so it weighs
// little, and more in the measure in which the words of the query are in no
// document, as misspelt ones are: full text knows nothing of them. Chosen on the
// two halves of Cranfield's odd queries, as they are (nDCG@10 0.522 for text,
// 0.531 for both; better on 41 queries, worse on 26) and with every second word
// misspelt (0.392 and 0.421). A model that has learnt what words mean is a second
// opinion and weighs the same.
const (
	fuseK         = 60
	lexicalWeight = 0.1
	modelWeight   = 1.0
	unknownWeight = 0.5
	textDepth     = 200 // entities that full text hands on, at least
	nearestDepth  = 20  // that vectors hand on, at least: those of full text are ranked among them
)

// lexicalProvider is the provider of the built-in embedder's space.
const lexicalProvider = "lexical"

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

// compare ranks by meaning what full text has found, among what is nearest.
func (x *Index) compare(ctx context.Context, v []float32, byText, byMeaning []scored) ([]scored, error) {
	known := make(map[entity.ID]bool, len(byMeaning))
	for _, s := range byMeaning {
		known[s.id] = true
	}
	for _, s := range byText {
		if !known[s.id] {
			byMeaning = append(byMeaning, scored{id: s.id, collection: s.collection})
		}
	}
	if err := x.cosines(ctx, v, byMeaning); err != nil {
		return nil, err
	}
	byMeaning = slices.DeleteFunc(byMeaning, func(s scored) bool { return s.meaning <= 0 })
	slices.SortFunc(byMeaning, func(a, b scored) int { return cmp.Or(cmp.Compare(b.meaning, a.meaning), cmp.Compare(a.id, b.id)) })
	return byMeaning, nil
}

// cosines looks up the likeness to a vector where it is not known, unless each
// look is a request to another service.
func (x *Index) cosines(ctx context.Context, v []float32, list []scored) error {
	_, err := x.meaning.use(func(s *space) error {
		for i := range list {
			if s.far || list[i].inMeaning {
				continue
			}
			w, err := s.store.Vector(ctx, list[i].id)
			switch {
			case err != nil && entity.KindOf(err) == entity.KindNotFound:
			case err != nil:
				return err
			case len(w) == len(v):
				list[i].meaning, list[i].inMeaning = max(0, dot(w, v)), true
			}
		}
		return nil
	})
	return x.tolerate(ctx, err)
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

// complete looks up what full text says of what it did not find itself.
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
	level(out.ranked)
	return nil
}
