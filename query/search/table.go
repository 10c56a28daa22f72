package search

import (
	"sync"

	"stemma/entity"
)

// table has every live entity of a store, with what filters ask of it. It
// follows the log on the way of a search: what was deleted, moved or made before
// the search began is so in it, however far the indexes have come.
type table struct {
	mu     sync.RWMutex
	seq    entity.Seq
	rows   map[entity.ID]row
	names  []string // of types, by number
	types  map[string]uint32
	places []entity.ID // of collections, by number; the first is none
	known  map[entity.ID]uint32
	held   []map[uint32]int // by collection: how many live members of each type
}

// row is an entity.
type row struct{ typ, place uint32 }

func newTable() *table {
	t := &table{rows: make(map[entity.ID]row), types: make(map[string]uint32), known: make(map[entity.ID]uint32)}
	t.placeOf("")
	return t
}

// follow takes in what has happened up to the reader's state. All of the log is
// read once, at the first call.
func (t *table) follow(r entity.Reader) error {
	t.mu.RLock()
	there := t.seq >= r.Seq()
	t.mu.RUnlock()
	if there {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seq >= r.Seq() {
		return nil
	}
	for rec, err := range r.Log(t.seq) {
		if err != nil {
			return err
		}
		for i, c := range rec.Changes {
			if rec.Seq+entity.Seq(i) > t.seq {
				t.take(c)
				t.seq = rec.Seq + entity.Seq(i)
			}
		}
	}
	return nil
}

// take is told of a change; t.mu is held.
func (t *table) take(c entity.Change) {
	if c.Kind == entity.Appended {
		return
	}
	if was, ok := t.rows[c.ID]; ok {
		if t.held[was.place][was.typ]--; t.held[was.place][was.typ] == 0 {
			delete(t.held[was.place], was.typ)
		}
	}
	if c.Kind == entity.Deleted {
		delete(t.rows, c.ID)
		return
	}
	now := row{typ: t.typeOf(c.Type), place: t.placeOf(c.Collection)}
	t.rows[c.ID] = now
	if t.held[now.place] == nil {
		t.held[now.place] = make(map[uint32]int)
	}
	t.held[now.place][now.typ]++
}

func (t *table) typeOf(name string) uint32 {
	n, ok := t.types[name]
	if !ok {
		n = uint32(len(t.names))
		t.names = append(t.names, name)
		t.types[name] = n
	}
	return n
}

func (t *table) placeOf(collection entity.ID) uint32 {
	n, ok := t.known[collection]
	if !ok {
		n = uint32(len(t.places))
		t.places = append(t.places, collection)
		t.held = append(t.held, nil)
		t.known[collection] = n
	}
	return n
}

// get is what a live entity is.
func (t *table) get(id entity.ID) (typ string, collection entity.ID, live bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r, ok := t.rows[id]
	if !ok {
		return "", "", false
	}
	return t.names[r.typ], t.places[r.place], true
}

// size is the number of live entities.
func (t *table) size() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.rows)
}

// holds tells whether a collection has a live member of one of the types; of
// any, where there are none.
func (t *table) holds(collection entity.ID, types []string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, ok := t.known[collection]
	if !ok {
		return false
	}
	if len(types) == 0 {
		return len(t.held[n]) > 0
	}
	for _, typ := range types {
		if k, ok := t.types[typ]; ok && t.held[n][k] > 0 {
			return true
		}
	}
	return false
}

// filter decides what one search may find. It belongs to one goroutine.
type filter struct {
	table       *table
	types       map[string]bool    // nil for all
	collections map[entity.ID]bool // likewise
	visible     entity.Visibility
	except      entity.ID // not this one
	also        entity.ID // nor this one
	holding     []string  // only collections with a member of one of these types; nil for all
	unowned     bool      // only what belongs to no collection
	members     bool      // not what is its own collection
	sights      map[entity.ID]entity.Sight
}

func (t *table) filter(types []string, collections []entity.ID, visible entity.Visibility) *filter {
	f := &filter{table: t, visible: visible, sights: make(map[entity.ID]entity.Sight)}
	if len(types) > 0 {
		f.types = setOf(types)
	}
	if len(collections) > 0 {
		f.collections = setOf(collections)
	}
	return f
}

func setOf[T comparable](list []T) map[T]bool {
	set := make(map[T]bool, len(list))
	for _, v := range list {
		set[v] = true
	}
	return set
}

// passes decides about an entity, and gives the collection it belongs to.
func (f *filter) passes(id entity.ID) (collection entity.ID, ok bool) {
	typ, collection, live := f.table.get(id)
	return collection, live && id != f.except && id != f.also && f.admits(id, typ, collection) &&
		(len(f.holding) == 0 || f.table.holds(id, f.holding))
}

func (f *filter) admits(id entity.ID, typ string, collection entity.ID) bool {
	return (!f.unowned || collection == "") && (!f.members || id != collection) && (f.types == nil || f.types[typ]) && (f.collections == nil || f.collections[collection]) && f.sees(id, typ, collection)
}

func (f *filter) sees(id entity.ID, typ string, collection entity.ID) bool {
	if f.visible == nil {
		return true
	}
	if f.visible.Apart(typ) {
		return f.visible.Sees(id, typ, collection)
	}
	s, ok := f.sights[collection]
	if !ok {
		s = f.visible.Scope(collection)
		f.sights[collection] = s
	}
	return s == entity.SightAll || s == entity.SightSome && f.visible.Sees(id, typ, collection)
}

// whole tells that all of a collection's members of every type may be seen.
func (f *filter) whole(collection entity.ID) bool {
	return f.visible == nil || f.visible.Scope(collection) == entity.SightAll
}
