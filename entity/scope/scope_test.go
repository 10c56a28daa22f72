package scope_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/scope"
	"stemma/entity/store"
)

var actor = entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}

func open(t *testing.T, dir string) (*store.Store, *scope.Index) {
	t.Helper()
	x := scope.New()
	s, err := store.Open(store.Options{Dir: dir, Projections: []entity.Projection{x}})
	if err != nil {
		t.Fatal(err)
	}
	return s, x
}

func end(t *testing.T, s *store.Store) {
	t.Helper()
	if _, err := s.Check(context.Background(), nil); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func update(t *testing.T, s *store.Store, fn func(entity.Tx) error) {
	t.Helper()
	if _, err := s.Update(t.Context(), actor, fn); err != nil {
		t.Fatal(err)
	}
}

// life writes random scopes, edits, deletes and restores them.
func life(t *testing.T, s *store.Store, seed uint64, ids []entity.ID) []entity.ID {
	rng := rand.New(rand.NewPCG(seed, 1))
	types := []string{entity.TypeCollection, entity.TypeTenant, entity.TypeGroup, entity.TypeAgent, entity.TypeUser, "note"}
	who := []entity.ID{"01JH8Z0Y6V5RZ4Q8Q9V4T2ANN0", "01JH8Z0Y6V5RZ4Q8Q9V4T2B0B0", entity.Wildcard}
	content := func() (entity.Properties, []entity.Relationship) {
		p := entity.Properties{"label": fmt.Sprint(rng.IntN(100))}
		if rng.IntN(3) == 0 {
			p["visibility"] = []string{"private", "public"}[rng.IntN(2)]
		}
		if rng.IntN(3) == 0 {
			p["roles"] = map[string]any{"tester": []any{"*:view"}, "owner": []any{"*:view", "collection:manage"}}
		}
		var rels []entity.Relationship
		for _, role := range []entity.Predicate{"owner", "editor", "tester", "contains", "tenant", "knows"} {
			if rng.IntN(2) == 0 {
				r := entity.Relationship{Predicate: role, Peer: who[rng.IntN(len(who))], PeerType: []string{"", "user", "group"}[rng.IntN(3)]}
				if rng.IntN(4) == 0 {
					r.Properties = entity.Properties{"expires_at": "2027-01-01T00:00:00Z"}
				}
				rels = append(rels, r)
			}
		}
		return p, rels
	}
	for range 60 {
		update(t, s, func(tx entity.Tx) error {
			p, rels := content()
			if len(ids) == 0 || rng.IntN(3) == 0 {
				v, err := tx.Create(entity.Draft{Type: types[rng.IntN(len(types))], Properties: p, Relationships: rels})
				if err == nil {
					ids = append(ids, v.Manifest.ID)
				}
				return err
			}
			_, err := tx.Put(ids[rng.IntN(len(ids))], entity.Any, func(m *entity.Manifest) error {
				if rng.IntN(3) == 0 && !m.Deleted() {
					m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: actor.UserID, OriginalVer: m.Ver})
					return nil
				}
				m.Properties, m.Relationships = p, append([]entity.Relationship{}, rels...)
				return nil
			})
			return err
		})
	}
	return ids
}

// expected is the policy of an entity as its history alone tells.
func expected(t *testing.T, r entity.Reader, id entity.ID) *access.Policy {
	t.Helper()
	h, err := r.Head(id)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Manifest(h.CID())
	for err == nil && m.Deleted() {
		m, err = r.Manifest(m.PrevCID())
	}
	if err != nil {
		t.Fatal(err)
	}
	p := access.PolicyOf(m)
	if p != nil {
		p.Ver = h.Ver
	}
	return p
}

// Live, reopened and read off the manifests, the policies are the same.
func TestPolicies(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			dir := t.TempDir()
			s, x := open(t, dir)
			ids := life(t, s, seed, nil)
			compare := func(when string) {
				closed, scopes := 0, 0
				err := s.View(t.Context(), func(r entity.Reader) error {
					for _, id := range ids {
						want := expected(t, r, id)
						if diff := cmp.Diff(want, x.Policy(id), cmpopts.EquateEmpty(), cmpopts.SortSlices(func(a, b access.Binding) bool { return a.Role < b.Role })); diff != "" {
							t.Errorf("%s: the policy of %s (-manifest +index):\n%s", when, id, diff)
						}
						if want != nil {
							scopes++
							if want.Closed() {
								closed++
							}
						}
					}
					return bound(t, r, ids)
				})
				if err != nil {
					t.Fatal(err)
				}
				if x.Open() != (closed == 0) || x.Len() != scopes {
					t.Errorf("%s: open %v with %d closed scopes, %d of %d", when, x.Open(), closed, x.Len(), scopes)
				}
			}
			compare("live")
			end(t, s)
			s, x = open(t, dir)
			compare("reopened")
			ids = life(t, s, seed+100, ids)
			compare("after more")
			end(t, s)
		})
	}
}

// bound makes sure that the scopes of a principal are those that name it.
func bound(t *testing.T, r entity.Reader, ids []entity.ID) error {
	for _, who := range []entity.ID{"01JH8Z0Y6V5RZ4Q8Q9V4T2ANN0", "01JH8Z0Y6V5RZ4Q8Q9V4T2B0B0", entity.Wildcard} {
		var want, got []entity.ID
		for _, id := range ids {
			h, err := r.Head(id)
			if err != nil {
				return err
			}
			if p := expected(t, r, id); p != nil && !h.Deleted && p.Bound[who] != nil {
				want = append(want, id)
			}
		}
		for id, err := range scope.Of(r, who) {
			if err != nil {
				return err
			}
			got = append(got, id)
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("the scopes of %s: %v, want %v", who, got, want)
		}
	}
	return nil
}
