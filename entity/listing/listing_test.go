package listing_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/store"
)

var actor = entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}

// A random life of entities in three collections: after each step the pages of
// every collection are those of a naive scan, newest first.
func TestListingEqualsScan(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	open := func() *store.Store {
		s, err := store.Open(store.Options{Dir: dir, Projections: []entity.Projection{listing.Projection{}}, Clock: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	defer func() { s.Close() }()
	var collections, ids []entity.ID
	update := func(fn func(entity.Tx) error) {
		t.Helper()
		if _, err := s.Update(t.Context(), actor, fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx entity.Tx) error {
		collections = nil
		for i := range 3 {
			v, err := tx.Create(entity.Draft{Type: entity.TypeCollection, Properties: entity.Properties{"label": fmt.Sprint("c", i)}})
			if err != nil {
				return err
			}
			collections = append(collections, v.Manifest.ID)
		}
		return nil
	})
	member := func() []entity.Relationship {
		return []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: collections[rnd.IntN(3)]}}
	}
	for step := range 120 {
		now = now.Add(time.Duration(rnd.IntN(2)) * time.Millisecond) // some share a millisecond
		switch {
		case len(ids) == 0 || rnd.IntN(3) == 0:
			rels, typ := member(), []string{"letter", "photo"}[rnd.IntN(2)]
			var id entity.ID
			update(func(tx entity.Tx) error {
				v, err := tx.Create(entity.Draft{Type: typ, Relationships: slices.Clone(rels)})
				if err == nil {
					id = v.Manifest.ID
				}
				return err
			})
			ids = append(ids, id)
		default:
			id, rels, dice := ids[rnd.IntN(len(ids))], member(), rnd.IntN(4)
			update(func(tx entity.Tx) error {
				_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
					switch {
					case m.Deleted() || dice == 0:
						m.Properties, m.Relationships = entity.Properties{}, slices.Clone(rels)
					case dice == 1:
						m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: actor.UserID, OriginalVer: m.Ver})
					default:
						m.Properties["n"] = int64(step)
					}
					return nil
				})
				return err
			})
		}
		if step%20 == 0 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open()
		}
		compare(t, s, collections, ids)
	}
	if _, err := s.Check(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func compare(t *testing.T, s *store.Store, collections, ids []entity.ID) {
	t.Helper()
	err := s.View(t.Context(), func(r entity.Reader) error {
		for _, c := range collections {
			for _, typ := range []string{"", "letter", "photo"} {
				want := scan(t, r, c, typ, ids)
				var got []entity.ID
				for more := true; more; {
					page, m, err := listing.Collection(r, c, typ, len(got), 4, nil)
					if err != nil {
						return err
					}
					got, more = append(got, page...), m
				}
				if !slices.Equal(got, want) {
					t.Fatalf("collection %s, type %q: %v, want %v", c, typ, got, want)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// scan is the list made from the manifests.
func scan(t *testing.T, r entity.Reader, c entity.ID, typ string, ids []entity.ID) (out []entity.ID) {
	created := map[entity.ID]string{}
	for _, id := range ids {
		h, err := r.Head(id)
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.Manifest(h.CID())
		if err != nil {
			t.Fatal(err)
		}
		if !m.Deleted() && m.Related(entity.PredicateCollection, c) >= 0 && (typ == "" || m.Type == typ) {
			created[id] = m.CreatedAt
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b entity.ID) int {
		if created[a] != created[b] {
			return -compareText(created[a], created[b])
		}
		return -compareText(string(a), string(b))
	})
	return out
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
