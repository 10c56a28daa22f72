package query

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
)

// world is a small graph with manifests, read from lines:
//
//	A person {"label":"Ann"}   an entity, its properties optional
//	dead B person              one that was deleted
//	A -knows-> B               an edge
//
// It is a Source, a Lookup and, by shared words and letters, a Scorer.
type world struct {
	ids       []entity.ID
	types     map[entity.ID]string
	dead      map[entity.ID]bool
	manifests map[entity.ID]*entity.Manifest
	out, in   map[entity.ID][]entity.Edge
	edges     int
	count     map[entity.Predicate]int
	looked    func() // called for each edge yielded; nil for nothing
}

func newWorld() *world {
	return &world{types: map[entity.ID]string{}, dead: map[entity.ID]bool{}, manifests: map[entity.ID]*entity.Manifest{},
		out: map[entity.ID][]entity.Edge{}, in: map[entity.ID][]entity.Edge{}, count: map[entity.Predicate]int{}}
}

func readWorld(t *testing.T, text string) *world {
	t.Helper()
	w := newWorld()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		switch {
		case line == "" || line[0] == '#':
		case words[0] == "dead":
			w.add(entity.ID(words[1]), words[2], nil)
			w.dead[entity.ID(words[1])] = true
		case strings.HasPrefix(words[1], "-"):
			w.link(entity.ID(words[0]), entity.Predicate(strings.TrimSuffix(words[1][1:], "->")), entity.ID(words[2]))
		default:
			props := entity.Properties{}
			if _, text, ok := strings.Cut(line, "{"); ok {
				v, err := entity.ParseJSON([]byte("{"+text), 0)
				if err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				props = v.(map[string]any)
			}
			w.add(entity.ID(words[0]), words[1], props)
		}
	}
	return w
}

func (w *world) add(id entity.ID, typ string, props entity.Properties) {
	w.ids = append(w.ids, id)
	w.types[id] = typ
	w.manifests[id] = &entity.Manifest{ID: id, Type: typ, Properties: props}
}

func (w *world) link(from entity.ID, p entity.Predicate, to entity.ID) {
	e := entity.Edge{From: from, Predicate: p, To: to}
	w.out[from] = append(w.out[from], e)
	w.in[to] = append(w.in[to], e)
	w.edges++
	w.count[p]++
	if m := w.manifests[from]; m != nil {
		m.Relationships = append(m.Relationships, entity.Relationship{Predicate: p, Peer: to})
	}
}

func (w *world) Type(id entity.ID) (string, bool) {
	typ, ok := w.types[id]
	return typ, ok && !w.dead[id]
}

func (w *world) OfType(typ string) iter.Seq[entity.ID] {
	return func(yield func(entity.ID) bool) {
		for _, id := range w.ids {
			if w.types[id] == typ && !w.dead[id] && !yield(id) {
				return
			}
		}
	}
}

func (w *world) TypeCount(typ string) int { return len(slices.Collect(w.OfType(typ))) }

func (w *world) Edges(id entity.ID, d entity.Direction, only []entity.Predicate) iter.Seq[entity.Edge] {
	return func(yield func(entity.Edge) bool) {
		for _, e := range w.at(id, d, only) {
			if w.looked != nil {
				w.looked()
			}
			if !yield(e) {
				return
			}
		}
	}
}

func (w *world) at(id entity.ID, d entity.Direction, only []entity.Predicate) []entity.Edge {
	var all []entity.Edge
	if d != entity.Incoming {
		all = append(all, w.out[id]...)
	}
	if d != entity.Outgoing {
		all = append(all, w.in[id]...)
	}
	return slices.DeleteFunc(all, func(e entity.Edge) bool { return only != nil && !slices.Contains(only, e.Predicate) })
}

func (w *world) Degree(id entity.ID, d entity.Direction, only []entity.Predicate) int {
	return len(w.at(id, d, only))
}

func (w *world) Uses(p entity.Predicate) bool          { return w.count[p] > 0 }
func (w *world) PredicateCount(p entity.Predicate) int { return w.count[p] }
func (w *world) Nodes() int                            { return len(w.ids) }
func (w *world) EdgeCount() int                        { return w.edges }
func (w *world) Counted() bool                         { return true }

func (w *world) Manifest(id entity.ID) (*entity.Manifest, error) {
	if m := w.manifests[id]; m != nil && !w.dead[id] {
		return m, nil
	}
	return nil, entity.NotFound("world.Manifest", "no %s", id)
}

func (w *world) Collection(id entity.ID) (entity.ID, error) {
	m, err := w.Manifest(id)
	if err != nil {
		return "", err
	}
	return m.Collection(), nil
}

// alike is the share of common parts: 2|a∩b| / (|a|+|b|).
func alike(a, b []string) float64 {
	common := 0
	for _, x := range a {
		if slices.Contains(b, x) {
			common++
		}
	}
	if common == 0 {
		return 0
	}
	return 2 * float64(common) / float64(len(a)+len(b))
}

// bits are the pairs of letters of a word, those of a text its words.
func bits(s string) []string {
	set := map[string]bool{}
	for i := range len(s) - 1 {
		set[s[i:i+2]] = true
	}
	return slices.Sorted(maps.Keys(set))
}

func wordsOf(s string) []string {
	set := map[string]bool{}
	for _, x := range strings.Fields(strings.ToLower(s)) {
		set[x] = true
	}
	return slices.Sorted(maps.Keys(set))
}

func (w *world) Candidates(ctx context.Context, s Search) ([]Scored, error) {
	var all []Scored
	for _, id := range w.ids {
		if w.dead[id] || s.Types != nil && !slices.Contains(s.Types, w.types[id]) || !w.inScope(id, s) {
			continue
		}
		if score := alike(wordsOf(s.Text), wordsOf(w.manifests[id].Label())); score > 0 {
			all = append(all, Scored{id, score})
		}
	}
	slices.SortFunc(all, func(a, b Scored) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return all[:min(len(all), s.Limit)], ctx.Err()
}

func (w *world) inScope(id entity.ID, s Search) bool {
	home := w.manifests[id].Collection()
	switch s.Scope {
	case ScopeCollections:
		return w.types[id] == entity.TypeCollection
	case ScopeCollection:
		return home == s.Collection
	case ScopePublic:
		return home != "" && w.Degree(home, entity.Outgoing, []entity.Predicate{entity.PredicatePublic}) > 0
	}
	return true
}

func (w *world) Similarity(ctx context.Context, text string, ids []entity.ID) ([]float64, error) {
	out := make([]float64, len(ids))
	for i, id := range ids {
		out[i] = alike(wordsOf(text), wordsOf(w.manifests[id].Label()))
	}
	return out, ctx.Err()
}

func (w *world) Predicates(ctx context.Context, terms []string, predicates []entity.Predicate) ([]float64, error) {
	out := make([]float64, len(predicates))
	for i, p := range predicates {
		for _, t := range terms {
			out[i] = max(out[i], alike(bits(t), bits(string(p))))
		}
	}
	return out, ctx.Err()
}
