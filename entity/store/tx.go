package store

import (
	"bytes"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"stemma/entity"
)

// tx is one run of an Update's closure: what it read, and what it would write.
// It implements entity.Tx. Nothing in it outlives the run but through the
// committer.
type tx struct {
	*view
	actor   entity.Actor
	now     time.Time
	under   map[string][]byte       // what closures before this one in the batch wrote; nil in an optimistic run
	reads   map[string]uint64       // key → Badger version, 0 for absent
	writes  map[string][]byte       // key → value, nil for a deletion
	adds    map[string]*entity.Sums // key → what is added to the row
	sealed  map[entity.Digest]sealed
	steps   []entity.Transition
	rows    []rowWriter // by projection
	record  entity.Record
	heads   []entity.Head          // written, in order
	secrets []string               // names of those written or deleted
	wrote   map[entity.ID]int      // the place in heads of an entity's last
	mine    map[entity.ID]struct{} // claimed by this run
	minted  map[entity.ID]struct{} // identifiers of this run
	busy    <-chan struct{}        // another run has a claim that this one needs; closed on release
	many    bool                   // writes is of writesOfMany
	inline  bool                   // only the committer can run this
	size    int                    // bytes of keys and values to write
}

// sealed is a version that a run has written, with the size of its block.
type sealed struct {
	manifest *entity.Manifest
	bytes    int
}

func newTx(v *view, by entity.Actor) *tx {
	t := &tx{view: v, actor: by, now: v.s.clock(), reads: make(map[string]uint64, 4), writes: make(map[string][]byte, 8)}
	v.tx = t
	return t
}

func (t *tx) Actor() entity.Actor { return t.actor }

func (t *tx) NewID() entity.ID {
	id := t.s.ids.New(t.s.network)
	if t.minted == nil {
		t.minted = make(map[entity.ID]struct{}, 1)
	}
	t.minted[id] = struct{}{}
	return id
}

// isNew tells whether nothing is committed of an entity, as far as the run knows.
func (t *tx) isNew(id entity.ID) bool {
	_, minted := t.minted[id]
	return minted || t.knowsAbsent(headKey(id))
}

func (t *tx) noteRead(key []byte, version uint64) { t.reads[string(key)] = version }

// knowsAbsent tells whether the run has looked for a key before, and found that
// nothing is committed under it.
func (t *tx) knowsAbsent(key []byte) bool {
	version, known := t.reads[string(key)]
	return known && version == 0
}

// pending is what this run, or one before it in the batch, has written under
// key; ok tells whether one has.
func (t *tx) pending(key []byte) (val []byte, ok bool) {
	if val, ok = t.writes[string(key)]; !ok {
		val, ok = t.under[string(key)]
	}
	return val, ok
}

func (t *tx) set(key, val []byte) {
	if val == nil {
		val = []byte{}
	}
	t.put(key, val)
	t.size += len(val)
}

func (t *tx) remove(key []byte) { t.put(key, nil) }

func (t *tx) put(key, val []byte) {
	if len(t.writes) == manyWrites && !t.many {
		t.many = true
		more := writesOfMany.Get().(map[string][]byte)
		maps.Copy(more, t.writes)
		t.writes = more
	}
	t.writes[string(key)] = val
	t.size += len(key)
}

// A transaction that writes much would have its map grow time and again: from
// manyWrites rows on it has one of those that were that large before, and that the
// committer gives back.
const manyWrites = 256

var writesOfMany = sync.Pool{New: func() any { return make(map[string][]byte, 4*manyWrites) }}

// giveBack lets the next have what the transaction, which is committed, has no use for
// any more.
func (t *tx) giveBack() {
	if t.many && len(t.writes) <= entriesKept { // a larger one would cost the next more than it saves
		clear(t.writes)
		writesOfMany.Put(t.writes)
		t.writes = nil
	}
}

// scan merges what is committed with what has been written since.
func (t *tx) scan(prefix, from []byte, reverse bool) iter.Seq2[entity.Row, error] {
	t.inline = true
	compare := bytes.Compare
	if reverse {
		compare = func(a, b []byte) int { return bytes.Compare(b, a) }
	}
	written := t.writtenUnder(prefix, func(key []byte) bool { return compare(key, from) >= 0 })
	slices.SortFunc(written, compare)
	return func(yield func(entity.Row, error) bool) {
		emit := func(key []byte) bool { // what was written; a deletion yields nothing
			val, _ := t.pending(key)
			return val == nil || yield(entity.Row{Key: key, Value: val}, nil)
		}
		for row, err := range t.scanCommitted(prefix, from, reverse) {
			if err != nil {
				yield(row, err)
				return
			}
			for len(written) > 0 && compare(written[0], row.Key) < 0 {
				if !emit(written[0]) {
					return
				}
				written = written[1:]
			}
			if len(written) > 0 && bytes.Equal(written[0], row.Key) {
				continue // emitted before the next committed key
			}
			if !yield(row, nil) {
				return
			}
		}
		for _, key := range written {
			if !emit(key) {
				return
			}
		}
	}
}

// writtenUnder gives the keys with the prefix that were written since the
// committed state and that keep allows, each once, in no order.
func (t *tx) writtenUnder(prefix []byte, keep func([]byte) bool) (keys [][]byte) {
	add := func(k string) {
		if key := []byte(k); bytes.HasPrefix(key, prefix) && keep(key) {
			keys = append(keys, key)
		}
	}
	for k := range t.writes {
		add(k)
	}
	for k := range t.under {
		if _, again := t.writes[k]; !again {
			add(k)
		}
	}
	return keys
}

func (t *tx) Create(d entity.Draft) (*entity.Version, error) {
	const op = "store.Create"
	if d.ID == "" {
		d.ID = t.NewID()
	}
	if _, err := entity.ParseID(string(d.ID)); err != nil {
		return nil, err
	}
	if d.ID.Network() != t.s.network {
		return nil, entity.Invalid(op, "id %s belongs to the %s network, this is %s", d.ID, d.ID.Network(), t.s.network)
	}
	if taken, err := t.taken(d.ID); err != nil {
		return nil, err
	} else if taken {
		return nil, entity.Errorf(entity.KindExists, op, "an entity with the id %s exists already", d.ID)
	}
	m := &entity.Manifest{
		Schema:        entity.Schema,
		ID:            d.ID,
		Type:          d.Type,
		CreatedAt:     entity.FormatTime(t.now),
		Ver:           1,
		TS:            t.now.UnixMilli(),
		Properties:    d.Properties,
		Relationships: d.Relationships,
		EditedBy:      t.actor,
		Note:          d.Note,
	}
	if m.Properties == nil {
		m.Properties = entity.Properties{}
	}
	if m.Relationships == nil {
		m.Relationships = []entity.Relationship{}
	}
	return t.write(nil, entity.Head{}, m)
}

// taken tells whether there is an entity with the id. What the run has minted
// itself nobody else creates meanwhile: that need not be looked at again.
func (t *tx) taken(id entity.ID) (bool, error) {
	if _, minted := t.minted[id]; !minted {
		_, taken, err := t.head(id)
		return taken, err
	}
	if _, ok := t.wrote[id]; ok {
		return true, nil
	}
	_, err := t.txn.Get(headKey(id))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, entity.Internal("store.Create", err)
	}
	return true, nil
}

func (t *tx) Put(id entity.ID, expect entity.Expect, edit func(*entity.Manifest) error) (*entity.Version, error) {
	const op = "store.Put"
	h, err := t.Head(id)
	if err != nil {
		return nil, err
	}
	tip := h.CID()
	if !expect.Allows(tip) {
		return nil, expect.Mismatch(op, id, tip)
	}
	if err := t.claim(op, id, expect); err != nil {
		return nil, err
	}
	before, err := t.Manifest(tip)
	if err != nil {
		return nil, err
	}
	m := before.Clone()
	m.Note = ""
	if err := edit(m); err != nil {
		return nil, err
	}
	m.Schema, m.ID, m.CreatedAt = entity.Schema, id, before.CreatedAt
	m.Ver = before.Ver + 1
	m.TS = t.now.UnixMilli()
	m.Prev = &entity.Link{CID: tip}
	m.EditedBy = t.actor
	return t.write(before, h, m)
}

// claim makes sure that no other optimistic run is about to write the entity.
// Where one is, this run is given up. A write of whatever the tip is can only
// come after that one, so the committer runs it, together with all others of
// its kind; a write that expects a tip has most likely lost, so it waits and
// looks again.
func (t *tx) claim(op string, id entity.ID, expect entity.Expect) error {
	if _, mine := t.mine[id]; mine || t.under != nil {
		return nil
	}
	if t.busy = t.s.claims.take(id); t.busy == nil {
		if t.mine == nil {
			t.mine = make(map[entity.ID]struct{}, 1)
		}
		t.mine[id] = struct{}{}
		return nil
	}
	t.inline = expect == entity.Any
	return entity.Errorf(entity.KindInternal, op, "entity %s is being written", id)
}

// write seals m and makes it the tip.
func (t *tx) write(before *entity.Manifest, old entity.Head, m *entity.Manifest) (*entity.Version, error) {
	block, c, err := m.Seal()
	if err != nil {
		return nil, err
	}
	return t.place(before, old, &entity.Version{CID: c, Manifest: m}, block)
}

// place makes a sealed version the tip, after before, whose head is old.
func (t *tx) place(before *entity.Manifest, old entity.Head, v *entity.Version, block []byte) (*entity.Version, error) {
	m := v.Manifest
	d, _ := entity.DigestOf(v.CID)
	next := headOf(m, d, old)
	row, err := entity.EncodeRow(&next)
	if err != nil {
		return nil, err
	}
	if t.wrote == nil {
		t.wrote = make(map[entity.ID]int, 1)
	}
	t.wrote[m.ID] = len(t.heads)
	t.heads = append(t.heads, next)
	t.set(blockKey(d), block)
	t.set(headKey(m.ID), row)
	if old.Ver > 0 { // the tip's is in the head
		t.set(versionKey(m.ID, old.Ver), old.Tip[:])
	}
	if t.sealed == nil {
		t.sealed = make(map[entity.Digest]sealed, 1)
	}
	t.sealed[d] = sealed{m, len(block)}
	step := entity.Transition{ID: m.ID, Before: before, After: m}
	t.steps = append(t.steps, step)
	t.record.Changes = append(t.record.Changes, entity.Change{
		ID: m.ID, Kind: kindOf(step), Type: m.Type, Collection: next.Collection, Ver: m.Ver, Old: old.Tip, New: d,
	})
	for i, p := range t.s.projections {
		if err := p.Apply(step, t.rowWriter(i)); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func headOf(m *entity.Manifest, tip entity.Digest, old entity.Head) entity.Head {
	h := entity.Head{
		ID: m.ID, Tip: tip, Ver: m.Ver, TS: m.TS, CreatedAt: old.CreatedAt,
		Type: m.Type, Label: m.Label(), Collection: m.Collection(), Deleted: m.Deleted(),
	}
	if m.Ver == 1 {
		created, _ := time.Parse(entity.TimeLayout, m.CreatedAt)
		h.CreatedAt = created.UnixMilli()
	}
	if h.Deleted { // a tombstone has no relationships: remember where it was
		h.Collection = old.Collection
		h.Label = old.Label
	}
	return h
}

func kindOf(s entity.Transition) entity.ChangeKind {
	switch {
	case s.Before == nil:
		return entity.Created
	case s.After.Deleted() && !s.Before.Deleted():
		return entity.Deleted
	case s.Before.Deleted() && !s.After.Deleted():
		return entity.Restored
	}
	return entity.Updated
}

func (t *tx) Append(id entity.ID, chain string, expect entity.Expect, body entity.Properties) (entity.ChainRef, error) {
	const op = "store.Append"
	if err := appendable(op, chain); err != nil {
		return entity.ChainRef{}, err
	}
	return t.append(op, id, chain, expect, body)
}

// appendable makes sure that a chain may be added to.
func appendable(op, chain string) error {
	if err := entity.CheckChain(chain); err != nil {
		return err
	}
	if chain == entity.ChainErased {
		return entity.Invalid(op, "the chain %s says what was erased, and grows by erasing alone", chain)
	}
	return nil
}

func (t *tx) append(op string, id entity.ID, chain string, expect entity.Expect, body entity.Properties) (entity.ChainRef, error) {
	none := entity.ChainRef{}
	h, err := t.Head(id)
	if err != nil {
		return none, err
	}
	last, err := t.ChainHead(id, chain)
	if err != nil {
		return none, err
	}
	if !expect.Allows(last.CID) {
		return none, expect.Mismatch(op, id, last.CID)
	}
	if err := t.claim(op, id, expect); err != nil {
		return none, err
	}
	block := entity.ChainBlock{ID: id, Chain: chain, N: last.N + 1, TS: t.now.UnixMilli(), Body: body}
	if last.N > 0 {
		block.Prev = &entity.Link{CID: last.CID}
	}
	b, c, err := block.Seal()
	if err != nil {
		return none, err
	}
	return t.link(h, linked{&block, c, b})
}

func (t *tx) SetSecret(name string, value []byte) {
	t.set(secretKey(name), value)
	t.secrets = append(t.secrets, name)
}

func (t *tx) DeleteSecret(name string) {
	t.remove(secretKey(name))
	t.secrets = append(t.secrets, name)
}

// rowWriter puts a projection's edits among the transaction's.
type rowWriter struct {
	t      *tx
	prefix int // bytes of buf that begin every key of the projection
	buf    []byte
}

// rowWriter is that of the projection at a place among the store's.
func (t *tx) rowWriter(i int) *rowWriter {
	if t.rows == nil {
		t.rows = make([]rowWriter, len(t.s.projections))
	}
	w := &t.rows[i]
	if w.t == nil {
		w.t, w.buf = t, rowsPrefix(t.s.projections[i].Name())
		w.prefix = len(w.buf)
	}
	return w
}

// key is valid until the next.
func (w *rowWriter) key(key []byte) []byte {
	w.buf = append(w.buf[:w.prefix], key...)
	return w.buf
}

func (w *rowWriter) Set(key, value []byte) { w.t.set(w.key(key), value) }

func (w *rowWriter) Delete(key []byte) { w.t.remove(w.key(key)) }

func (w *rowWriter) Add(key []byte, more entity.Sums) {
	if w.t.adds == nil {
		w.t.adds = make(map[string]*entity.Sums)
	}
	full := w.key(key)
	if sums, ok := w.t.adds[string(full)]; ok {
		*sums = sums.Add(more)
		return
	}
	sums := slices.Clone(more)
	w.t.adds[string(full)] = &sums
}

// total makes writes of what the run adds to rows of sums; was is what is under
// a key.
func (t *tx) total(was func(key []byte) ([]byte, error)) error {
	for key, more := range t.adds {
		row, err := was([]byte(key))
		if err != nil {
			return err
		}
		sums, err := entity.DecodeSums(row)
		if err != nil {
			return err
		}
		t.set([]byte(key), sums.Plus(*more).Encode())
	}
	t.adds = nil
	return nil
}
