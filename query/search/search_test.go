package search_test

import (
	"context"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/query/search"
)

var actor = entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}

// rig is a store and an index that follows it.
type rig struct {
	t     *testing.T
	store *store.Store
	index *search.Index
	last  entity.Seq
}

func newRig(t *testing.T, o search.Options) *rig {
	t.Helper()
	s, err := store.Open(store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, store: s}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	r.open(o)
	return r
}

func (r *rig) open(o search.Options) {
	r.t.Helper()
	o.Store = r.store
	x, err := search.Open(o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.index = x
	r.t.Cleanup(func() {
		if err := x.Close(); err != nil {
			r.t.Error(err)
		}
	})
}

func (r *rig) update(fn func(entity.Tx) error) {
	r.t.Helper()
	seq, err := r.store.Update(r.t.Context(), actor, fn)
	if err != nil {
		r.t.Fatal(err)
	}
	r.last = seq
}

func (r *rig) create(typ string, p entity.Properties, rels ...entity.Relationship) (id entity.ID) {
	r.t.Helper()
	r.update(func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: typ, Properties: p, Relationships: rels})
		if err == nil {
			id = v.Manifest.ID
		}
		return err
	})
	return id
}

func (r *rig) delete(id entity.ID) {
	r.t.Helper()
	r.update(func(tx entity.Tx) error {
		_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: actor.UserID, OriginalVer: m.Ver})
			return nil
		})
		return err
	})
}

// wait lets the index see all that was written.
func (r *rig) wait() {
	r.t.Helper()
	ctx, stop := context.WithTimeout(r.t.Context(), time.Minute)
	defer stop()
	if err := r.index.Wait(ctx, r.last); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) search(q search.Query) search.Results {
	r.t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	found, err := r.index.Search(r.t.Context(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

func idsOf(hits []search.Hit) []entity.ID {
	out := make([]entity.ID, len(hits))
	for i, h := range hits {
		out[i] = h.ID
	}
	return out
}

func in(c entity.ID) entity.Relationship {
	return entity.Relationship{Predicate: entity.PredicateCollection, Peer: c}
}

// What was written is found by its words, and by nothing when it is deleted,
// from the moment on that the delete was answered.
func TestFound(t *testing.T) {
	r := newRig(t, search.Options{})
	ann := r.create("person", entity.Properties{"label": "Ann Lee", "description": "founded the Shakers", "notes": map[string]any{"a": []any{"manchester"}}})
	r.create("person", entity.Properties{"label": "Somebody else"})
	r.wait()
	for _, text := range []string{"ann", "Shaker", "MANCHESTER", `"ann lee"`, "manch*", "person ann"} {
		if got := r.search(search.Query{Text: text, Highlights: true}); len(got.Hits) == 0 || got.Hits[0].ID != ann || len(got.Hits[0].Highlights) == 0 {
			t.Errorf("%q finds %+v", text, got.Hits)
		}
	}
	for _, text := range []string{`"lee ann"`, "-ann +lee nobody:", "label:ann AND"} {
		t.Logf("%q finds %v", text, r.search(search.Query{Text: text}).Hits)
	}
	r.delete(ann)
	if got := r.search(search.Query{Text: "ann"}); len(got.Hits) != 0 {
		t.Errorf("deleted, it is still found: %+v", got.Hits)
	}
}
