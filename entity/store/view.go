package store

import (
	"bytes"
	"errors"
	"iter"
	"math"

	"github.com/dgraph-io/badger/v4"

	"stemma/entity"
)

// view reads the store as of one state. It implements entity.Reader.
type view struct {
	s     *Store
	txn   *badger.Txn
	at    *state
	tx    *tx // set when the view belongs to a transaction, whose writes come first
	ahead ahead
}

// view opens the latest committed state; release it.
func (s *Store) view() *view {
	at := s.readers.enter(&s.state)
	return &view{s: s, txn: s.db.NewTransactionAt(at.ts, false), at: at}
}

// open is view for callers from outside: it refuses them once the store closes.
// It looks after the view is counted, so that [Store.Close] either waits for it
// or is seen.
func (s *Store) open(op string) (*view, error) {
	v := s.view()
	select {
	case <-s.closed:
		v.release()
		return nil, errClosed(op)
	default:
		return v, nil
	}
}

func (v *view) release() {
	v.txn.Discard()
	v.s.readers.leave(v.at)
}

// get gives a copy of the value under key, nil when there is none.
func (v *view) get(key []byte) ([]byte, error) {
	if v.tx != nil {
		if val, ok := v.tx.pending(key); ok {
			return val, nil
		}
	}
	val, _, err := v.committed(key)
	return val, err
}

// committed gives a copy of the value under key and its version, as of the
// view's state; nil when there is none.
func (v *view) committed(key []byte) (val []byte, version uint64, err error) {
	const op = "store.get"
	if v.tx != nil && v.tx.knowsAbsent(key) {
		return nil, 0, nil
	}
	item, err := v.txn.Get(key)
	switch {
	case errors.Is(err, badger.ErrKeyNotFound):
		v.note(key, 0)
		return nil, 0, nil
	case err != nil:
		return nil, 0, entity.Internal(op, err)
	}
	v.note(key, item.Version())
	if val, err = item.ValueCopy(nil); err == nil && key[0] == spaceBlock {
		if at, packed := placeOf(val); packed && v.tx == nil {
			v.ahead.looked(at)
		}
		val, err = v.s.packs.block(val)
	}
	if err != nil {
		return nil, 0, entity.Internal(op, err)
	}
	if val == nil {
		val = []byte{}
	}
	return val, item.Version(), nil
}

// note records what a transaction has read.
func (v *view) note(key []byte, version uint64) {
	if v.tx != nil && key[0] != spaceBlock {
		v.tx.noteRead(key, version)
	}
}

func (v *view) Network() entity.Network { return v.s.network }

func (v *view) Seq() entity.Seq { return v.at.seq }

func (v *view) Head(id entity.ID) (entity.Head, error) {
	h, ok, err := v.head(id)
	if err == nil && !ok {
		err = entity.NotFound("store.Head", "Entity not found")
	}
	return h, err
}

func (v *view) head(id entity.ID) (h entity.Head, ok bool, err error) {
	key := headKey(id)
	if v.tx != nil {
		if at, ok := v.tx.wrote[id]; ok {
			return v.tx.heads[at], true, nil
		}
		if row, ok := v.tx.pending(key); ok {
			return decodeHead(id, row)
		}
	}
	if c, ok := v.s.heads.get(id, v.at.ts); ok {
		v.note(key, c.version)
		return c.value, true, nil
	}
	row, version, err := v.committed(key)
	if err != nil || row == nil {
		return h, false, err
	}
	if h, ok, err = decodeHead(id, row); err == nil {
		v.s.heads.keepRead(id, newestRow[entity.Head]{h, version}, v.at.ts)
	}
	return h, ok, err
}

func (v *view) Heads() iter.Seq2[entity.Head, error] {
	return func(yield func(entity.Head, error) bool) {
		prefix := []byte{spaceHead}
		for row, err := range v.scan(prefix, prefix, false) {
			var h entity.Head
			if err == nil {
				h, _, err = decodeHead(entity.ID(row.Key[len(prefix):]), row.Value)
			}
			if !yield(h, err) || err != nil {
				return
			}
		}
	}
}

func decodeHead(id entity.ID, row []byte) (h entity.Head, ok bool, err error) {
	if err := entity.DecodeBlock(row, &h); err != nil {
		return h, false, entity.Internal("store.Head", err)
	}
	h.ID = id
	return h, true, nil
}

func (v *view) Manifest(c entity.CID) (*entity.Manifest, error) {
	const op = "store.Manifest"
	d, ok := entity.DigestOf(c)
	if !ok {
		return nil, entity.NotFound(op, "no manifest has the CID %s", c)
	}
	if v.tx != nil {
		if m, ok := v.tx.sealed[d]; ok {
			return m.manifest, nil
		}
	}
	if m, ok := v.s.manifests.get(d); ok {
		return m, nil
	}
	b, err := v.block(d)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, entity.NotFound(op, "no manifest has the CID %s", c)
	}
	m, err := entity.DecodeManifest(b)
	if err != nil {
		return nil, entity.NotFound(op, "the block %s is not a manifest", c)
	}
	v.s.manifests.put(d, m, len(b))
	return m, nil
}

func (v *view) Block(c entity.CID) ([]byte, error) {
	const op = "store.Block"
	d, ok := entity.DigestOf(c)
	if !ok {
		return nil, entity.NotFound(op, "no block has the CID %s", c)
	}
	b, err := v.block(d)
	if err == nil && b == nil {
		err = entity.NotFound(op, "no block has the CID %s", c)
	}
	return b, err
}

func (v *view) block(d entity.Digest) ([]byte, error) {
	if b := v.ahead.take(v.s.packs, d); b != nil {
		return b, nil
	}
	return v.get(blockKey(d))
}

func (v *view) VersionAt(id entity.ID, ver int64) (entity.CID, error) {
	const op = "store.VersionAt"
	if ver < 1 {
		return entity.CID{}, entity.NotFound(op, "there is no version %d; the first is 1", ver)
	}
	h, _, err := v.head(id)
	if err != nil {
		return entity.CID{}, err
	}
	if ver == h.Ver {
		return h.CID(), nil
	}
	b, err := v.get(versionKey(id, ver))
	if err != nil {
		return entity.CID{}, err
	}
	if len(b) != digestSize {
		return entity.CID{}, entity.NotFound(op, "%s has no version %d", id, ver)
	}
	return entity.CIDOf(entity.Digest(b)), nil
}

func (v *view) History(id entity.ID, from int64) iter.Seq2[entity.VersionRef, error] {
	return func(yield func(entity.VersionRef, error) bool) {
		h, err := v.Head(id)
		if err != nil {
			yield(entity.VersionRef{}, err)
			return
		}
		if from == 0 || from >= h.Ver {
			if from = h.Ver - 1; !yield(entity.VersionRef{Ver: h.Ver, CID: h.CID()}, nil) || from == 0 {
				return
			}
		}
		prefix := textKey(spaceVersion, string(id))
		for row, err := range v.scan(prefix, versionKey(id, from), true) {
			ref := entity.VersionRef{}
			if err == nil {
				ref = entity.VersionRef{Ver: int64(tailNumber(row.Key)), CID: entity.CIDOf(entity.Digest(row.Value))}
			}
			if !yield(ref, err) {
				return
			}
		}
	}
}

func (v *view) Log(after entity.Seq) iter.Seq2[*entity.Record, error] {
	if after == math.MaxUint64 {
		return func(func(*entity.Record, error) bool) {} // nothing comes after the last number there is
	}
	if records, ok := v.s.recents.after(after, v.at.seq); ok && v.tx == nil {
		return func(yield func(*entity.Record, error) bool) {
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
	return v.records(logKey(after+1), false)
}

func (v *view) LogBefore(before entity.Seq) iter.Seq2[*entity.Record, error] {
	if before == 0 {
		return v.records(logKey(math.MaxUint64), true)
	}
	return v.recordsBefore(before)
}

// recordsBefore begins with the record that holds the change before-1. Its key
// is the least one that is not below before-1.
func (v *view) recordsBefore(before entity.Seq) iter.Seq2[*entity.Record, error] {
	return func(yield func(*entity.Record, error) bool) {
		if before <= 1 {
			return
		}
		for r, err := range v.records(logKey(before-1), false) {
			if err != nil {
				yield(nil, err)
				return
			}
			v.records(logKey(r.Last()), true)(yield)
			return
		}
		v.records(logKey(before-1), true)(yield) // past the end of the log
	}
}

func (v *view) records(from []byte, reverse bool) iter.Seq2[*entity.Record, error] {
	return func(yield func(*entity.Record, error) bool) {
		for row, err := range v.scan([]byte{spaceLog}, from, reverse) {
			var r *entity.Record
			if err == nil {
				r, err = entity.DecodeRecord(row.Value)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func (v *view) Secret(name string) ([]byte, error) {
	key := secretKey(name)
	if v.tx != nil {
		if val, ok := v.tx.pending(key); ok {
			return val, nil
		}
	}
	if c, ok := v.s.secrets.get(name, v.at.ts); ok {
		v.note(key, c.version)
		return bytes.Clone(c.value), nil
	}
	val, version, err := v.committed(key)
	if err == nil && val != nil && len(val) <= largestKept {
		v.s.secrets.keepRead(name, newestRow[[]byte]{bytes.Clone(val), version}, v.at.ts)
	}
	return val, err
}

func (v *view) Rows(projection string) entity.Rows {
	return rows{v: v, prefix: rowsPrefix(projection)}
}

// rows is the key space of one projection.
type rows struct {
	v      *view
	prefix []byte
}

func (r rows) key(key []byte) []byte { return append(r.prefix[:len(r.prefix):len(r.prefix)], key...) }

func (r rows) Get(key []byte) ([]byte, error) {
	if err := r.v.totalled(); err != nil {
		return nil, err
	}
	return r.v.get(r.key(key))
}

// totalled makes what a transaction has added to rows of sums readable in it, by
// which the transaction comes to depend on those rows.
func (v *view) totalled() error {
	if v.tx == nil || len(v.tx.adds) == 0 {
		return nil
	}
	return v.tx.total(v.get)
}

func (r rows) Scan(prefix, from []byte) iter.Seq2[entity.Row, error] {
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	return func(yield func(entity.Row, error) bool) {
		if err := r.v.totalled(); err != nil {
			yield(entity.Row{}, err)
			return
		}
		for row, err := range r.v.scan(r.key(prefix), r.key(from), false) {
			if err == nil {
				row.Key = row.Key[len(r.prefix):]
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// scan yields the rows under prefix from the key from on, in either order,
// with a transaction's own writes in their place.
func (v *view) scan(prefix, from []byte, reverse bool) iter.Seq2[entity.Row, error] {
	if v.tx != nil {
		return v.tx.scan(prefix, from, reverse)
	}
	return v.scanCommitted(prefix, from, reverse)
}

func (v *view) scanCommitted(prefix, from []byte, reverse bool) iter.Seq2[entity.Row, error] {
	return func(yield func(entity.Row, error) bool) {
		opt := badger.DefaultIteratorOptions
		opt.Reverse = reverse
		opt.PrefetchValues = false // values lie in the LSM tree, beside their keys
		opt.Prefix = prefix
		if reverse {
			opt.Prefix = nil // Badger would position a reverse iterator before the prefix
		}
		it := v.txn.NewIterator(opt)
		defer it.Close()
		for it.Seek(from); it.Valid(); it.Next() {
			item := it.Item()
			if !bytes.HasPrefix(item.Key(), prefix) {
				return
			}
			stop := false
			err := item.Value(func(val []byte) (err error) {
				if prefix[0] == spaceBlock {
					if val, err = v.s.packs.block(val); err != nil {
						return err
					}
				}
				stop = !yield(entity.Row{Key: item.Key(), Value: val}, nil)
				return nil
			})
			if err != nil {
				yield(entity.Row{}, entity.Internal("store.scan", err))
				return
			}
			if stop {
				return
			}
		}
	}
}
