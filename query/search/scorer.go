package search

import (
	"context"
	"strings"

	"stemma/entity"
	"stemma/query/search/fulltext"
)

// Similarity gives each entity's likeness to a text, from 0 to 1, on the scale
// of [Index.Search] in mode Hybrid; 0 for what is not live or visible.
func (x *Index) Similarity(ctx context.Context, text string, ids []entity.ID, visible entity.Visibility) ([]float64, error) {
	if err := checkText("search.Similarity", text); err != nil {
		return nil, err
	}
	f, err := x.filter(ctx, nil, nil, visible)
	if err != nil {
		return nil, err
	}
	out := &finding{words: fulltext.Parse(text), ranked: make([]scored, len(ids))}
	for i, id := range ids {
		out.ranked[i].id = id
	}
	_, err = x.meaning.use(func(s *space) error {
		if s.silent(x.clock()) {
			return nil
		}
		out.vector, err = s.query(ctx, x.clock, out.words.Plain())
		return err
	})
	if err := x.tolerate(ctx, err); err != nil {
		return nil, err
	}
	if out.vector != nil {
		if err := x.cosines(ctx, out.vector, out.ranked); err != nil {
			return nil, err
		}
	}
	if err := x.complete(ctx, out); err != nil {
		return nil, err
	}
	scores := make([]float64, len(ids))
	for i := range out.ranked {
		if _, ok := f.passes(ids[i]); ok {
			scores[i] = out.ranked[i].likeness()
		}
	}
	return scores, nil
}

// Predicates gives, for each predicate, its likeness to the one of terms that it
// is most like, from 0 to 1: the cosine of their vectors or, when the embedder
// does not answer, what they have in common as text.
func (x *Index) Predicates(ctx context.Context, terms []string, predicates []entity.Predicate) ([]float64, error) {
	names := make([]string, 0, len(terms)+len(predicates))
	for _, t := range terms {
		names = append(names, spoken(t))
	}
	for _, p := range predicates {
		names = append(names, spoken(string(p)))
	}
	var vectors [][]float32
	_, err := x.meaning.use(func(s *space) (err error) {
		if s.silent(x.clock()) || len(names) == 0 {
			return nil
		}
		vectors, err = s.ask(ctx, x.clock, names)
		return err
	})
	if err := x.tolerate(ctx, err); err != nil {
		return nil, err
	}
	out := make([]float64, len(predicates))
	for i, p := range predicates {
		for j, t := range terms {
			n := len(terms) + i
			switch {
			case strings.EqualFold(t, string(p)):
				out[i] = 1
			case len(vectors) == len(names) && len(vectors[j]) == len(vectors[n]):
				out[i] = max(out[i], unit(dot(vectors[j], vectors[n])))
			default:
				out[i] = max(out[i], common(names[j], names[n]))
			}
		}
	}
	return out, nil
}

// spoken is a name as words: written_by and writtenBy are "written by".
func spoken(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case r == '_' || r == '-' || r == '.' || r == ':':
			b.WriteByte(' ')
		case 'A' <= r && r <= 'Z' && i > 0:
			b.WriteByte(' ')
			b.WriteRune(r + 'a' - 'A')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// common is the share of three-letter pieces that two texts have in common
// (Dice's coefficient).
func common(a, b string) float64 {
	left, right := trigrams(a), trigrams(b)
	if len(left)+len(right) == 0 {
		return 0
	}
	both := 0
	for t := range left {
		if right[t] {
			both++
		}
	}
	return 2 * float64(both) / float64(len(left)+len(right))
}

func trigrams(s string) map[string]bool {
	out := make(map[string]bool)
	s = " " + strings.ToLower(s) + " "
	for i := range max(0, len(s)-2) {
		out[s[i:i+3]] = true
	}
	return out
}
