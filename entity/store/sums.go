package store

import (
	"errors"

	"github.com/dgraph-io/badger/v4"

	"stemma/entity"
)

// mostSums bounds the places that a rebuild holds before it writes them.
const mostSums = 1 << 20

// summer writes rows of sums outside the committer. It holds what is added until
// that is much, and then adds it to what is on disk: each time at a timestamp of
// its own, since what is written at one is not read there.
type summer struct {
	db     *badger.DB
	ts     uint64 // of what was written last
	rows   map[string]entity.Sums
	places int
}

func (s *summer) add(key string, more entity.Sums) error {
	if s.rows == nil {
		s.rows = make(map[string]entity.Sums)
	}
	was := s.rows[key]
	now := was.Plus(more)
	s.rows[key] = now
	if s.places += len(now) - len(was); s.places < mostSums {
		return nil
	}
	return s.flush()
}

func (s *summer) flush() error {
	const op = "store.rebuild"
	txn := s.db.NewTransactionAt(s.ts, false)
	defer txn.Discard()
	out := s.db.NewWriteBatchAt(s.ts + 1)
	defer out.Cancel()
	for key, more := range s.rows {
		item, err := txn.Get([]byte(key))
		switch {
		case errors.Is(err, badger.ErrKeyNotFound):
		case err != nil:
			return entity.Internal(op, err)
		default:
			row, err := item.ValueCopy(nil)
			if err != nil {
				return entity.Internal(op, err)
			}
			was, err := entity.DecodeSums(row)
			if err != nil {
				return err
			}
			more = was.Plus(more)
		}
		if err := out.Set([]byte(key), more.Encode()); err != nil {
			return entity.Internal(op, err)
		}
	}
	if err := out.Flush(); err != nil {
		return entity.Internal(op, err)
	}
	s.ts, s.rows, s.places = s.ts+1, nil, 0
	return nil
}
