package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"stemma/entity"
)

// keysPerUpdate is what an edit of properties writes: block, head, version and
// record (the table of keys is in package store's comment).
const keysPerUpdate = 4

// written is what one update wrote.
type written struct {
	keys, values [keysPerUpdate][]byte
}

// updates are what a store wrote, for Badger to write again.
type updates []written

func (u updates) meanBytes() int {
	n := 0
	for _, w := range u {
		for i := range w.keys {
			n += len(w.keys[i]) + len(w.values[i])
		}
	}
	return n / max(len(u), 1)
}

// sampleUpdates reads back what up to 20,000 updates wrote, the latest ones.
func sampleUpdates(ctx context.Context, s entity.Store) (u updates, err error) {
	const most = 20_000
	err = s.View(ctx, func(r entity.Reader) error {
		for rec, err := range r.LogBefore(0) {
			if err != nil {
				return err
			}
			c := rec.Changes[0]
			if c.Kind != entity.Updated || len(u) == most {
				return nil
			}
			w, err := rewrite(r, rec, c)
			if err != nil {
				return err
			}
			u = append(u, w)
		}
		return nil
	})
	if err == nil && len(u) == 0 {
		err = errors.New("the store made no update while it was warmed up")
	}
	return u, err
}

// rewrite gives the rows of an update. The head is today's: it has the size of
// the one written then.
func rewrite(r entity.Reader, rec *entity.Record, c entity.Change) (w written, err error) {
	block, err := r.Block(c.CID())
	if err != nil {
		return w, err
	}
	h, err := r.Head(c.ID)
	if err != nil {
		return w, err
	}
	head, _, err := entity.EncodeBlock(h)
	if err != nil {
		return w, err
	}
	record, _, err := entity.EncodeBlock(rec)
	if err != nil {
		return w, err
	}
	w.keys = [...][]byte{
		append([]byte{'b'}, c.New[:]...),
		append([]byte{'h'}, c.ID...),
		binary.BigEndian.AppendUint64(append([]byte{'v'}, c.ID...), uint64(c.Ver-1)), // the tip's is in the head
		binary.BigEndian.AppendUint64([]byte{'l'}, uint64(rec.Last())),
	}
	w.values = [...][]byte{block, head, c.Old[:], record}
	return w, nil
}

// rawWriter is Badger alone: one goroutine, one transaction a batch, on disk
// before the next one begins.
type rawWriter struct {
	db     *badger.DB
	sample updates
	batch  int // updates to a transaction
	ts     uint64
	next   int
}

// withRaw opens Badger with the options of package store, see badgerOptions
// there.
func (r *runner) withRaw(sample updates, fn func(*rawWriter) error) (err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	db, err := badger.OpenManaged(badger.DefaultOptions(dir).
		WithLogger(nil).
		WithSyncWrites(true).
		WithDetectConflicts(false).
		WithNumVersionsToKeep(1).
		WithCompression(options.Snappy).
		WithBlockCacheSize(128 << 20).
		WithIndexCacheSize(128 << 20).
		WithNumMemtables(3).
		WithNumCompactors(2).
		WithMetricsEnabled(false))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return fn(&rawWriter{db: db, sample: sample, batch: 1})
}

// write is a phase.
func (w *rawWriter) write(ctx context.Context, d time.Duration) (ops int, took time.Duration, err error) {
	began := time.Now()
	for took < d {
		if err := w.commit(); err != nil {
			return ops, took, err
		}
		ops += w.batch
		took = time.Since(began)
	}
	return ops, took, ctx.Err()
}

func (w *rawWriter) commit() error {
	w.ts++
	txn := w.db.NewTransactionAt(w.ts-1, true)
	defer txn.Discard()
	for range w.batch {
		keys, values := w.update()
		for i := range keys {
			if err := txn.Set(keys[i], values[i]); err != nil {
				return err
			}
		}
	}
	if w.ts%64 == 0 {
		w.db.SetDiscardTs(w.ts - 1)
	}
	return txn.CommitAt(w.ts, nil)
}

// update is the next of the sample, under keys that were not used before where
// the store's were not: all but the head's.
func (w *rawWriter) update() (keys, values [keysPerUpdate][]byte) {
	round := uint64(w.next / len(w.sample))
	u := w.sample[w.next%len(w.sample)]
	w.next++
	for i, key := range u.keys {
		keys[i] = append(make([]byte, 0, len(key)), key...)
	}
	for i, at := range [...]int{0: 1, 2: len(keys[2]) - 8, 3: 1} { // where the number or the digest begins
		if at > 0 {
			n := binary.BigEndian.Uint64(keys[i][at:])
			binary.BigEndian.PutUint64(keys[i][at:], n+round<<32)
		}
	}
	return keys, u.values
}
