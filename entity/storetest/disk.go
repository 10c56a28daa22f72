package storetest

import (
	"sync"

	"stemma/entity"
)

// dated is a value and the number of the commit it came with.
type dated[V any] struct {
	commit int
	v      V
}

// table keeps every value that each key has had, ascending by commit. What a
// reader may see is what came with its commit or before.
type table[K comparable, V any] map[K][]dated[V]

// seen are the values of k up to a commit, the latest last.
func (t table[K, V]) seen(k K, commit int) []dated[V] {
	list := t[k]
	for len(list) > 0 && list[len(list)-1].commit > commit {
		list = list[:len(list)-1]
	}
	return list
}

// at is the value of k as of a commit.
func (t table[K, V]) at(k K, commit int) (v V, ok bool) {
	list := t.seen(k, commit)
	if len(list) == 0 {
		return v, false
	}
	return list[len(list)-1].v, true
}

// chainKey names a chain.
type chainKey struct {
	id    entity.ID
	chain string
}

// disk is what outlives an [Oracle]. The tables hold the values of the
// transaction under way too, dated with the commit that it will be; nobody but
// it reads that far.
type disk struct {
	mu      sync.RWMutex
	commit  int // the latest
	records []dated[*entity.Record]
	blocks  table[entity.CID, []byte]
	heads   table[entity.ID, entity.Head]    // entry n is version n+1
	chains  table[chainKey, entity.ChainRef] // entry n is block n+1
	secrets table[string, []byte]            // nil: deleted
	rows    map[string]table[string, []byte] // by projection; nil: deleted

	projected map[string]int // the version that a projection's rows are of
}

func newDisk() *disk {
	return &disk{
		blocks: table[entity.CID, []byte]{}, heads: table[entity.ID, entity.Head]{}, chains: table[chainKey, entity.ChainRef]{},
		secrets: table[string, []byte]{}, rows: map[string]table[string, []byte]{}, projected: map[string]int{},
	}
}

// last is the number of the last change; the caller holds mu or is the only one.
func (d *disk) last() entity.Seq {
	if len(d.records) == 0 {
		return 0
	}
	return d.records[len(d.records)-1].v.Last()
}

// undo takes back what a transaction put into the tables.
type undo struct{ steps []func() }

func (u *undo) keep() { u.steps = nil }

func (u *undo) roll() {
	for i := len(u.steps) - 1; i >= 0; i-- {
		u.steps[i]()
	}
	u.steps = nil
}

// put adds a value under the disk's lock; u may be nil when there is no way back.
func put[K comparable, V any](d *disk, u *undo, t table[K, V], k K, commit int, v V) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t[k] = append(t[k], dated[V]{commit, v})
	if u == nil {
		return
	}
	u.steps = append(u.steps, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if t[k] = t[k][:len(t[k])-1]; len(t[k]) == 0 {
			delete(t, k)
		}
	})
}

// rowWriter writes a projection's rows.
type rowWriter struct {
	d      *disk
	name   string
	commit int
	undo   *undo
}

func (w rowWriter) Set(key, value []byte) {
	if value == nil {
		value = []byte{} // there, and empty
	}
	put(w.d, w.undo, w.d.rows[w.name], string(key), w.commit, value)
}

func (w rowWriter) Delete(key []byte) {
	put(w.d, w.undo, w.d.rows[w.name], string(key), w.commit, nil)
}

func (w rowWriter) Add(key []byte, more entity.Sums) {
	var was []byte
	if all := w.d.rows[w.name][string(key)]; len(all) > 0 {
		was = all[len(all)-1].v
	}
	sums, err := entity.DecodeSums(was)
	if err != nil {
		panic(err) // a projection that has set what it adds to
	}
	w.Set(key, sums.Plus(more).Encode())
}
