package guard_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
	"stemma/entity/scope"
	"stemma/entity/store"
	"stemma/entity/storetest"
)

// world is a guarded store with some users, whose principals are by name.
type world struct {
	*testing.T
	store *store.Store
	guard *guard.Guard
	clock *storetest.Clock
	who   map[string]access.Principal
}

func newWorld(t *testing.T, users ...string) *world {
	t.Helper()
	w := &world{T: t, clock: storetest.NewClock(), who: map[string]access.Principal{"nobody": {}}}
	scopes := scope.New()
	s, err := store.Open(store.Options{Projections: []entity.Projection{scopes}, Clock: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	w.store, w.guard = s, guard.New(s, scopes, w.clock.Now)
	operator := entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodSystem}
	if _, err := s.Update(t.Context(), operator, func(tx entity.Tx) error {
		for _, name := range users {
			v, err := tx.Create(entity.Draft{Type: entity.TypeUser, Properties: entity.Properties{"label": name}})
			if err != nil {
				return err
			}
			w.who[name] = access.Principal{ID: v.Manifest.ID, Kind: access.User}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.who["operator"] = access.Principal{ID: operator.UserID, Kind: access.User, System: true}
	return w
}

func (w *world) update(name string, fn func(*guard.Tx) error) error {
	_, err := w.guard.Update(w.Context(), w.who[name], fn)
	return err
}

// make creates an entity as somebody and gives its id.
func (w *world) make(name string, d entity.Draft) (id entity.ID) {
	w.Helper()
	if d.Properties == nil {
		d.Properties = entity.Properties{"label": "x"}
	}
	err := w.update(name, func(tx *guard.Tx) error {
		v, err := tx.Create(d)
		if err == nil {
			id = v.Manifest.ID
		}
		return err
	})
	if err != nil {
		w.Fatalf("%s creates a %s: %v", name, d.Type, err)
	}
	return id
}

func bind(role entity.Predicate, peer entity.ID, typ string) entity.Relationship {
	return entity.Relationship{Predicate: role, Peer: peer, PeerType: typ}
}

func (w *world) owned(name string, props entity.Properties, more ...entity.Relationship) entity.Draft {
	p := entity.Properties{"label": "c"}
	entity.Merge(p, props)
	return entity.Draft{Type: entity.TypeCollection, Properties: p, Relationships: append([]entity.Relationship{bind("owner", w.who[name].ID, "user")}, more...)}
}

// edit puts a change as somebody who asks for the action.
func (w *world) edit(name string, a access.Action, id entity.ID, change func(*entity.Manifest)) error {
	return w.update(name, func(tx *guard.Tx) error {
		h, err := tx.Head(id)
		if err != nil {
			return err
		}
		if err := tx.May(a, h); err != nil {
			return err
		}
		_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			change(m)
			return nil
		})
		return err
	})
}

func (w *world) wants(what string, err error, want string) {
	w.Helper()
	got := ""
	if err != nil {
		got = entity.KindOf(err).String()
	}
	if got != want {
		w.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}

// What is hidden is not there, whichever way one looks.
func TestHidden(t *testing.T) {
	w := newWorld(t, "ann", "bob")
	coll := w.make("ann", w.owned("ann", entity.Properties{"visibility": "private"}))
	note := w.make("ann", entity.Draft{Type: "note", Relationships: []entity.Relationship{bind("collection", coll, "collection")}})
	open := w.make("ann", entity.Draft{Type: "note"})
	w.wants("audit", w.update("operator", func(tx *guard.Tx) error {
		tx.Permit(note)
		tx.Permit(coll)
		_, err := tx.Append(note, "steps", entity.Any, entity.Properties{"n": int64(1)})
		if err == nil {
			_, err = tx.Append(coll, access.AuditChain, entity.Any, entity.Properties{"n": int64(1)})
		}
		return err
	}), "")
	look := func(name string) (seen []string) {
		tell := func(what string, err error) {
			if err == nil {
				seen = append(seen, what)
			} else if entity.KindOf(err) != entity.KindNotFound {
				t.Errorf("%s looks for %s: %v", name, what, err)
			}
		}
		var tip, step, audit entity.CID
		if err := w.store.View(t.Context(), func(r entity.Reader) error {
			h, err := r.Head(note)
			tip = h.CID()
			last, _ := r.ChainHead(note, "steps")
			step = last.CID
			last, _ = r.ChainHead(coll, access.AuditChain)
			audit = last.CID
			return err
		}); err != nil {
			t.Fatal(err)
		}
		err := w.guard.View(t.Context(), w.who[name], func(r *guard.Reader) error {
			_, err := r.Head(note)
			tell("head", err)
			_, err = r.Head(coll)
			tell("collection", err)
			_, err = r.Manifest(tip)
			tell("manifest", err)
			_, err = r.Block(tip)
			tell("block", err)
			_, err = r.VersionAt(note, 1)
			tell("version", err)
			for _, err := range r.History(note, 0) {
				tell("history", err)
			}
			_, err = r.ChainHead(note, "steps")
			tell("chain head", err)
			for _, err := range r.Chain(note, "steps", 1) {
				tell("chain", err)
			}
			_, err = r.Block(step)
			tell("chain block", err)
			_, err = r.ChainHead(coll, access.AuditChain)
			tell("audit", err)
			_, err = r.Block(audit)
			tell("audit block", err)
			_, err = r.Head(open)
			tell("open", err)
			heads := 0
			for h, err := range r.Heads() {
				if err != nil {
					return err
				}
				if h.ID == note || h.ID == coll || h.ID == open {
					heads++
				}
			}
			seen = append(seen, fmt.Sprint(heads, " heads"))
			n := 0
			for rec, err := range r.Log(0) {
				if err != nil {
					return err
				}
				for _, c := range rec.Changes {
					if c.ID == note || c.ID == coll {
						n++
					}
				}
			}
			seen = append(seen, fmt.Sprint(n, " changes"))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	all := "head,collection,manifest,block,version,history,chain head,chain,chain block"
	for name, want := range map[string]string{
		"ann": all + ",audit,audit block,open,3 heads,4 changes", "operator": all + ",audit,audit block,open,3 heads,4 changes",
		"bob": "open,1 heads,0 changes", "nobody": "open,1 heads,0 changes",
	} {
		if got := strings.Join(look(name), ","); got != want {
			t.Errorf("%s sees %s\nwant %s", name, got, want)
		}
	}
	w.wants("ann lets bob view", w.edit("ann", "collection:manage", coll, func(m *entity.Manifest) {
		m.Relationships = append(m.Relationships, bind("viewer", w.who["bob"].ID, "user"))
	}), "")
	if got := strings.Join(look("bob"), ","); got != all+",open,3 heads,4 changes" {
		t.Errorf("bob, a viewer, sees %s", got)
	}
}

// Nobody gets more than they have by any change that a lesser action allows.
func TestEscalation(t *testing.T) {
	w := newWorld(t, "ann", "bob", "eve")
	bob := w.who["bob"].ID
	roles := entity.Properties{"roles": map[string]any{
		"owner": []any{"*:view", "*:update", "*:create", "collection:update", "collection:manage"}, "keeper": []any{"*:view", "*:update", "*:create", "collection:update"},
	}}
	coll := w.make("ann", w.owned("ann", roles, bind("keeper", bob, "user")))
	other := w.make("eve", w.owned("eve", nil))
	note := w.make("ann", entity.Draft{Type: "note", Relationships: []entity.Relationship{bind("collection", coll, "collection")}})
	add := func(rels ...entity.Relationship) func(*entity.Manifest) {
		return func(m *entity.Manifest) { m.Relationships = append(m.Relationships, rels...) }
	}
	// bob may update the collection, and not manage it
	w.wants("a label", w.edit("bob", "collection:update", coll, func(m *entity.Manifest) { m.Properties["label"] = "d" }), "")
	w.wants("himself as owner", w.edit("bob", "collection:update", coll, add(bind("owner", bob, "user"))), "forbidden")
	w.wants("everybody as keeper", w.edit("bob", "collection:update", coll, add(bind("keeper", "*", "wildcard"))), "forbidden")
	w.wants("another role's actions", w.edit("bob", "collection:update", coll, func(m *entity.Manifest) {
		m.Properties["roles"].(map[string]any)["keeper"] = []any{"*:view", "*:update", "collection:update", "collection:manage"}
	}), "forbidden")
	w.wants("a role of his predicate", w.edit("bob", "collection:update", coll, func(m *entity.Manifest) {
		m.Properties["roles"].(map[string]any)["knows"] = []any{"collection:manage"}
	}), "forbidden")
	w.wants("private", w.edit("bob", "collection:update", coll, func(m *entity.Manifest) { m.Properties["visibility"] = "private" }), "forbidden")
	w.wants("the owner away", w.edit("bob", "collection:update", coll, func(m *entity.Manifest) { m.Relationships = m.Relationships[1:] }), "invalid")
	w.wants("the last owner away, by the owner", w.edit("ann", "collection:manage", coll, func(m *entity.Manifest) { m.Relationships = m.Relationships[1:] }), "invalid")
	w.wants("by entity:update", w.edit("bob", "entity:update", coll, add(bind("owner", bob, "user"))), "forbidden")
	w.wants("a role for nobody", w.edit("ann", "collection:manage", coll, add(bind("keeper", "01JH8Z0Y6V5RZ4Q8Q9V4T2F1EE", "user"))), "invalid")
	w.wants("a role for a note", w.edit("ann", "collection:manage", coll, add(bind("keeper", note, "user"))), "invalid")

	// moving things about
	w.wants("into a stranger's collection", w.edit("bob", "entity:update", note, add(bind("collection", other, "collection"))), "forbidden")
	w.wants("into nothing that is there", w.edit("bob", "entity:update", note, add(bind("collection", "01JH8Z0Y6V5RZ4Q8Q9V4T2F1EE", "collection"))), "not_found")
	w.wants("into a note", w.edit("bob", "entity:update", note, add(bind("collection", note, "collection"))), "invalid")
	w.wants("out, by who may delete", w.edit("bob", "entity:update", note, func(m *entity.Manifest) { m.Relationships = []entity.Relationship{} }), "")
	w.wants("back in", w.edit("bob", "entity:update", note, add(bind("collection", coll, "collection"))), "")
	w.wants("out, by a stranger", w.edit("eve", "entity:update", note, func(m *entity.Manifest) { m.Relationships = []entity.Relationship{} }), "forbidden")
	create := func(name string, d entity.Draft) error {
		return w.update(name, func(tx *guard.Tx) error {
			_, err := tx.Create(d)
			return err
		})
	}
	in := []entity.Relationship{bind("collection", coll, "collection")}
	w.wants("eve creates in it", create("eve", entity.Draft{Type: "note", Relationships: in}), "forbidden")
	w.wants("nobody creates", create("nobody", entity.Draft{Type: "note"}), "unauthenticated")
	w.wants("eve creates a user", create("eve", entity.Draft{Type: "user", Properties: entity.Properties{"label": "u"}}), "forbidden")
	w.wants("eve creates a service", create("eve", entity.Draft{Type: "service", Properties: entity.Properties{"label": "u"}}), "forbidden")
	w.wants("a collection without an owner", create("eve", entity.Draft{Type: "collection", Properties: entity.Properties{"label": "u"}}), "invalid")

	// what nobody was asked about
	w.wants("a write unasked", w.update("ann", func(tx *guard.Tx) error {
		_, err := tx.Put(note, entity.Any, func(*entity.Manifest) error { return nil })
		return err
	}), "internal")
	w.wants("a chain unasked", w.update("ann", func(tx *guard.Tx) error {
		_, err := tx.Append(note, "steps", entity.Any, nil)
		return err
	}), "internal")
	sealed, err := (&entity.ChainBlock{ID: note, Chain: "steps", N: 1}).Sealed()
	if err != nil {
		t.Fatal(err)
	}
	w.wants("sealed blocks unasked", w.update("ann", func(tx *guard.Tx) error {
		_, err := tx.AppendSealed(sealed)
		return err
	}), "internal")
	w.wants("sealed blocks", w.update("ann", func(tx *guard.Tx) error {
		tx.Permit(note)
		_, err := tx.AppendSealed(sealed)
		return err
	}), "")
	w.wants("adopting", w.update("ann", func(tx *guard.Tx) error {
		_, err := tx.Adopt(nil)
		return err
	}), "forbidden")
}

// A deleted collection protects what is in it, and its owner restores it.
func TestDeletedScope(t *testing.T) {
	w := newWorld(t, "ann", "eve")
	coll := w.make("ann", w.owned("ann", entity.Properties{"visibility": "private"}))
	note := w.make("ann", entity.Draft{Type: "note", Relationships: []entity.Relationship{bind("collection", coll, "collection")}})
	bury := func(m *entity.Manifest) {
		m.Bury(entity.Tombstone{DeletedAt: m.CreatedAt, DeletedBy: w.who["ann"].ID, OriginalVer: m.Ver})
	}
	w.wants("ann deletes", w.edit("ann", "entity:delete", coll, bury), "")
	w.wants("eve edits what was in it", w.edit("eve", "entity:update", note, func(*entity.Manifest) {}), "not_found")
	w.wants("eve restores", w.edit("eve", "entity:restore", coll, func(*entity.Manifest) {}), "not_found")
	restore := func(owner entity.ID) func(m *entity.Manifest) {
		return func(m *entity.Manifest) {
			m.Properties = entity.Properties{"label": "c", "visibility": "private"}
			m.Relationships = []entity.Relationship{bind("owner", owner, "user")}
		}
	}
	w.wants("ann restores", w.edit("ann", "entity:restore", coll, restore(w.who["ann"].ID)), "")
	w.wants("ann edits what is in it", w.edit("ann", "entity:update", note, func(*entity.Manifest) {}), "")
}

// A role that ends, ends without a write.
func TestTimePasses(t *testing.T) {
	w := newWorld(t, "ann", "bob")
	until := entity.FormatTime(w.clock.Now().Add(time.Hour))
	temporary := bind("editor", w.who["bob"].ID, "user")
	temporary.Properties = entity.Properties{"expires_at": until}
	coll := w.make("ann", w.owned("ann", entity.Properties{"visibility": "private"}, temporary))
	note := w.make("bob", entity.Draft{Type: "note", Relationships: []entity.Relationship{bind("collection", coll, "collection")}})
	w.clock.Advance(time.Hour - time.Millisecond)
	w.wants("just in time", w.edit("bob", "entity:update", note, func(*entity.Manifest) {}), "")
	w.clock.Advance(time.Millisecond)
	w.wants("too late", w.edit("bob", "entity:update", note, func(*entity.Manifest) {}), "not_found")
}

// A role that is taken away while its holder writes: every write that was
// answered came before the one that took it away. The law is that of a log: no
// version by bob has a number after the collection's last.
func TestRevocationRaces(t *testing.T) {
	w := newWorld(t, "ann", "bob")
	coll := w.make("ann", w.owned("ann", nil, bind("editor", w.who["bob"].ID, "user")))
	note := w.make("ann", entity.Draft{Type: "note", Relationships: []entity.Relationship{bind("collection", coll, "collection")}})
	var revoked entity.Seq
	var wrote []entity.Seq
	var mu sync.Mutex
	var group sync.WaitGroup
	begun := make(chan struct{})
	var once sync.Once
	for range 8 {
		group.Go(func() {
			for {
				seq, err := w.guard.Update(t.Context(), w.who["bob"], func(tx *guard.Tx) error {
					h, err := tx.Head(note)
					if err != nil {
						return err
					}
					if err := tx.May("entity:update", h); err != nil {
						return err
					}
					_, err = tx.Put(note, entity.Any, func(m *entity.Manifest) error { return nil })
					return err
				})
				once.Do(func() { close(begun) })
				if err != nil {
					if entity.KindOf(err) != entity.KindForbidden {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				wrote = append(wrote, seq)
				mu.Unlock()
			}
		})
	}
	<-begun
	seq, err := w.guard.Update(t.Context(), w.who["ann"], func(tx *guard.Tx) error {
		h, err := tx.Head(coll)
		if err != nil {
			return err
		}
		if err := tx.May("collection:manage", h); err != nil {
			return err
		}
		_, err = tx.Put(coll, entity.Any, func(m *entity.Manifest) error {
			m.Relationships = m.Relationships[:1]
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	revoked = seq
	group.Wait()
	for _, seq := range wrote {
		if seq > revoked {
			t.Errorf("a write has number %d, the role ended with %d", seq, revoked)
		}
	}
}
