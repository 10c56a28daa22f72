package search_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
	"stemma/query/search"
	"stemma/query/search/embed"
)

// sight is a random visibility, the same whenever it is asked.
type sight struct {
	seed uint64
}

func (s sight) pick(id entity.ID, n int) int {
	sum := s.seed
	for _, b := range []byte(id) {
		sum = (sum ^ uint64(b)) * 1099511628211
	}
	return int(sum>>20) % n
}

func (s sight) Scope(c entity.ID) entity.Sight {
	return [...]entity.Sight{entity.SightNone, entity.SightAll, entity.SightSome}[s.pick(c, 3)]
}
func (s sight) Apart(typ string) bool { return typ == entity.TypeCollection }
func (s sight) Sees(id entity.ID, typ string, c entity.ID) bool {
	return s.Apart(typ) && s.pick(id, 2) == 0 || !s.Apart(typ) && (s.Scope(c) == entity.SightAll || s.Scope(c) == entity.SightSome && s.pick(id, 2) == 0)
}

var words = strings.Fields("river bridge wing flow heat layer shock wave plate shell stress panel letter editor parish register")

// life writes, edits, moves and deletes entities at random.
func (r *rig) life(rng *rand.Rand, steps int, ids []entity.ID) []entity.ID {
	text := func(n int) string {
		var out []string
		for range n {
			out = append(out, words[min(rng.IntN(len(words)), rng.IntN(len(words)))])
		}
		return strings.Join(out, " ")
	}
	var collections []entity.ID
	for _, id := range ids {
		if typ, _ := r.head(id); typ.Type == entity.TypeCollection && !typ.Deleted {
			collections = append(collections, id)
		}
	}
	rels := func() []entity.Relationship {
		if len(collections) == 0 || rng.IntN(5) == 0 {
			return nil
		}
		return []entity.Relationship{in(collections[rng.IntN(len(collections))])}
	}
	props := func() entity.Properties {
		return entity.Properties{"label": text(1 + rng.IntN(2)), "description": text(rng.IntN(6)), "more": map[string]any{"a": []any{text(rng.IntN(8)), int64(7)}}}
	}
	for range steps {
		switch k := rng.IntN(10); {
		case k < 6 || len(ids) == 0:
			typ := []string{"note", "letter", "person", entity.TypeCollection}[rng.IntN(4)]
			var rel []entity.Relationship
			if typ != entity.TypeCollection {
				rel = rels()
			}
			id := r.create(typ, props(), rel...)
			if ids = append(ids, id); typ == entity.TypeCollection {
				collections = append(collections, id)
			}
		default:
			id := ids[rng.IntN(len(ids))]
			r.update(func(tx entity.Tx) error {
				_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
					if k == 9 && !m.Deleted() {
						m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: actor.UserID, OriginalVer: m.Ver})
						return nil
					}
					m.Properties = props()
					if m.Type != entity.TypeCollection {
						m.Relationships = append([]entity.Relationship{}, rels()...)
					}
					return nil
				})
				return err
			})
		}
	}
	return ids
}

func (r *rig) head(id entity.ID) (h entity.Head, m *entity.Manifest) {
	r.t.Helper()
	err := r.store.View(r.t.Context(), func(rd entity.Reader) (err error) {
		if h, err = rd.Head(id); err == nil {
			m, err = rd.Manifest(h.CID())
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return h, m
}

// matches tells whether an entity has one of the words, by looking at it.
func matches(m *entity.Manifest, query []string) bool {
	text := fmt.Sprint(m.Type, " ", m.Properties["label"], " ", m.Properties["description"], " ", m.Properties["more"])
	has := strings.FieldsFunc(text, func(r rune) bool { return r < 'a' || r > 'z' })
	return slices.ContainsFunc(query, func(w string) bool { return slices.Contains(has, w) })
}

// Exactly as many hits come back as are asked for, if a scan of all entities finds
// so many that match, are of the types and collections asked for, and may be
// seen; the best of them; and never another one. An index that is made anew gives
// the same, scores included.
func TestNaive(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 9))
			lexical := embed.NewLexical(embed.LexicalOptions{Dimensions: 64})
			dir := t.TempDir()
			r := newRig(t, search.Options{Dir: dir, Embedder: lexical})
			ids := r.life(rng, 150, nil)
			r.wait()
			for range 40 {
				r.check(rng, ids)
			}
			ids = r.life(rng, 50, ids)
			r.wait()
			live := r.index
			if err := live.Close(); err != nil {
				t.Fatal(err)
			}
			r.open(search.Options{Dir: dir, Embedder: lexical})
			ids = r.life(rng, 20, ids)
			r.wait()
			again := r.index
			r.open(search.Options{Embedder: lexical})
			r.wait()
			for range 40 {
				q := r.check(rng, ids)
				for _, mode := range []search.Mode{search.Text, search.Meaning, search.Hybrid} {
					q.Mode = mode
					got := r.search(q)
					r.index, again = again, r.index
					was := r.search(q)
					r.index, again = again, r.index
					if !slices.EqualFunc(got.Hits, was.Hits, func(a, b search.Hit) bool { return a.ID == b.ID && a.Score == b.Score }) {
						t.Fatalf("%+v: made anew\n%v\nlive\n%v", q, got.Hits, was.Hits)
					}
				}
			}
		})
	}
}

// check asks something at random and compares it with a scan.
func (r *rig) check(rng *rand.Rand, ids []entity.ID) search.Query {
	r.t.Helper()
	var asked []string
	for range 1 + rng.IntN(3) {
		asked = append(asked, words[rng.IntN(len(words))])
	}
	q := search.Query{Text: strings.Join(asked, " "), Mode: search.Text, Limit: 1 + rng.IntN(30)}
	if rng.IntN(2) == 0 {
		q.Visible = sight{seed: rng.Uint64()}
	}
	if rng.IntN(3) == 0 {
		q.Types = []string{"note", "letter"}
	}
	if rng.IntN(3) == 0 {
		for range 4 {
			q.Collections = append(q.Collections, ids[rng.IntN(len(ids))])
		}
	}
	want, all := make(map[entity.ID]bool), q
	all.Limit = search.MaxLimit
	for _, id := range ids {
		h, m := r.head(id)
		if h.Deleted || !matches(m, asked) || len(q.Types) > 0 && !slices.Contains(q.Types, h.Type) ||
			len(q.Collections) > 0 && !slices.Contains(q.Collections, h.Collection) || q.Visible != nil && !q.Visible.Sees(id, h.Type, h.Collection) {
			continue
		}
		want[id] = true
	}
	whole := r.search(all).Hits
	if len(whole) != len(want) || slices.ContainsFunc(whole, func(h search.Hit) bool { return !want[h.ID] }) {
		r.t.Fatalf("%+v finds %d, a scan %d", q, len(whole), len(want))
	}
	for _, mode := range []search.Mode{search.Text, search.Hybrid, search.Meaning} {
		q.Mode = mode
		got := r.search(q)
		if mode == search.Text && !slices.Equal(idsOf(got.Hits), idsOf(whole[:min(q.Limit, len(whole))])) {
			r.t.Fatalf("%+v: not the best %d", q, q.Limit)
		}
		if len(got.Hits) < min(q.Limit, len(want)) && mode == search.Hybrid || len(got.Hits) > q.Limit {
			r.t.Fatalf("%+v finds %d in mode %s, a scan %d", q, len(got.Hits), mode, len(want))
		}
		last := 1.0
		for _, h := range got.Hits {
			head, m := r.head(h.ID)
			if h.Score < 0 || h.Score > last || h.Label != m.Label() || h.Type != head.Type || h.Collection != head.Collection || h.UpdatedAt != head.TS || h.CreatedAt != head.CreatedAt {
				r.t.Fatalf("%s: hit %+v of %+v after a score of %v", mode, h, head, last)
			}
			if last = h.Score; q.Visible != nil && !q.Visible.Sees(h.ID, h.Type, h.Collection) {
				r.t.Fatalf("%s: %+v is hidden", mode, h)
			}
		}
	}
	q.Mode = ""
	return q
}
