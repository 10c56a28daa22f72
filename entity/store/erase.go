package store

import (
	"context"
	"errors"

	"github.com/dgraph-io/badger/v4"

	"stemma/entity"
)

func (t *tx) Erase(id entity.ID, what entity.Erasure) (entity.ChainRef, error) {
	const op = "store.Erase"
	none := entity.ChainRef{}
	if err := what.Check(); err != nil {
		return none, err
	}
	last, err := t.ChainHead(id, entity.ChainContent)
	if err != nil {
		return none, err
	}
	if what.To > last.N {
		return none, entity.Invalid(op, "%s has %d blocks of content, and none to %d", id, last.N, what.To)
	}
	ref, err := t.append(op, id, entity.ChainErased, entity.Any, what.Body())
	if err != nil {
		return none, err
	}
	return ref, t.erase(id, what)
}

// erase removes what is here of the blocks, and notes where bytes of theirs are
// still to be overwritten.
func (t *tx) erase(id entity.ID, what entity.Erasure) error {
	for ref, err := range t.Chain(id, entity.ChainContent, what.From) {
		if err != nil {
			return err
		}
		if ref.N > what.To {
			break
		}
		d, _ := entity.DigestOf(ref.CID)
		lies, err := t.lies(blockKey(d))
		if err != nil {
			return err
		}
		if lies == nil {
			continue
		}
		t.remove(blockKey(d))
		t.set(wipeKey(d), lies)
	}
	return nil
}

// lies is the row of a block as it is in Badger, nil for none: the place in a pack,
// or nothing more than that it is there.
func (t *tx) lies(key []byte) ([]byte, error) {
	if val, ok := t.pending(key); ok {
		if val != nil {
			val = []byte{}
		}
		return val, nil
	}
	return rawRow(t.txn, key)
}

func rawRow(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	var val []byte
	if err == nil {
		val, err = item.ValueCopy(nil)
	}
	if err != nil {
		return nil, entity.Internal("store.rawRow", err)
	}
	if _, packed := placeOf(val); !packed {
		val = []byte{}
	}
	return val, nil
}

func (t *tx) AdoptGap(id entity.ID, n int64, c entity.CID) (entity.ChainRef, error) {
	const op = "store.AdoptGap"
	none := entity.ChainRef{}
	if _, ok := entity.DigestOf(c); !ok {
		return none, entity.Invalid(op, "%s names no block", c)
	}
	h, err := t.Head(id)
	if err != nil {
		return none, err
	}
	last, err := t.ChainHead(id, entity.ChainContent)
	if err != nil {
		return none, err
	}
	if n <= last.N {
		at, err := t.chainAt(id, entity.ChainContent, n)
		if err != nil || at == c {
			return entity.ChainRef{N: n, CID: c}, err
		}
	}
	if n != last.N+1 {
		return none, entity.Invalid(op, "block %d of the content of %s does not follow block %d", n, id, last.N)
	}
	if err := t.claim(op, id, entity.At(last.CID)); err != nil {
		return none, err
	}
	block := &entity.ChainBlock{ID: id, Chain: entity.ChainContent, N: n}
	if n > 1 {
		block.Prev = &entity.Link{CID: last.CID}
	}
	return t.link(h, linked{block, c, nil})
}

// wipesAtOnce bounds what one look takes of what is to be wiped.
const wipesAtOnce = 4096

// Wipe overwrites with zeros what erased blocks left in packs, until all of it is
// on disk. What a reader that began before the erasure may still read is left for
// the next time: left is how many blocks. A crash leaves them likewise.
func (s *Store) Wipe(ctx context.Context) (left int, err error) {
	for {
		keys, places, left, err := s.wipes(ctx)
		if err != nil || len(keys) == 0 {
			return left, err
		}
		if err := s.packs.wipe(places); err != nil {
			return left, commitError(err)
		}
		if _, err := s.Update(ctx, entity.Actor{}, func(own entity.Tx) error {
			for _, key := range keys {
				own.(*tx).remove(key)
			}
			return nil
		}); err != nil {
			return left, err
		}
	}
}

// wipes are the keys of what can be wiped, and where it lies; left is how many were
// passed over, as the oldest state that is read still has them.
func (s *Store) wipes(ctx context.Context) (keys [][]byte, places []place, left int, err error) {
	v, err := s.open("store.Wipe")
	if err != nil {
		return nil, nil, 0, err
	}
	defer v.release()
	oldest := s.oldestRead()
	opt := badger.DefaultIteratorOptions
	opt.Prefix = []byte{spaceWipe}
	it := v.txn.NewIterator(opt)
	defer it.Close()
	for it.Rewind(); it.Valid() && len(keys) < wipesAtOnce; it.Next() {
		if err := ctxError("store.Wipe", ctx); err != nil {
			return nil, nil, 0, err
		}
		item := it.Item()
		if item.Version() > oldest {
			left++
			continue
		}
		lies, err := item.ValueCopy(nil)
		if err != nil {
			return nil, nil, 0, entity.Internal("store.wipes", err)
		}
		keys = append(keys, item.KeyCopy(nil))
		if at, packed := placeOf(lies); packed {
			places = append(places, at)
		}
	}
	return keys, places, left, nil
}
