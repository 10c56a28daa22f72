package store

import (
	"strconv"

	"github.com/dgraph-io/badger/v4"

	"stemma/entity"
)

// forgetClosed drops the notes of projections that this process does not keep
// up: their rows fall behind from now on, and are rebuilt when they return.
func (s *Store) forgetClosed() error {
	open := make(map[string]bool, len(s.projections))
	for _, p := range s.projections {
		open[p.Name()] = true
	}
	stale := make(map[string][]byte)
	v := s.view()
	defer v.release()
	prefix := metaKey(projectionNote)
	for row, err := range v.scan(prefix, prefix, false) {
		if err != nil {
			return err
		}
		if !open[string(row.Key[len(prefix):])] {
			stale[string(row.Key)] = nil
		}
	}
	return s.writeNotes(stale)
}

// projectionNote begins the names of the notes that hold versions of
// projections.
const projectionNote = "p/"

// openProjection brings a projection's rows to its version, replaying the log
// where they are of another, and loads its memory.
func (s *Store) openProjection(p entity.Projection) error {
	v := s.view()
	note, err := v.get(metaKey(projectionNote + p.Name()))
	v.release()
	if err != nil {
		return err
	}
	want := strconv.Itoa(p.Version())
	if string(note) != want {
		if err := s.rebuildNoted(p, note != nil, want); err != nil {
			return err
		}
	}
	v = s.view()
	defer v.release()
	return p.Load(v.Rows(p.Name()))
}

// rebuildNoted rebuilds between two notes: the one of the old version goes
// before the first row does, the one of the new version comes after the last.
// So an interrupted rebuild starts over, under this release and under the one
// before it.
func (s *Store) rebuildNoted(p entity.Projection, noted bool, want string) error {
	key := string(metaKey(projectionNote + p.Name()))
	if noted {
		if err := s.writeNotes(map[string][]byte{key: nil}); err != nil {
			return err
		}
	}
	if err := s.rebuild(p); err != nil {
		return err
	}
	return s.writeNotes(map[string][]byte{key: []byte(want)})
}

// rebuild wipes a projection's rows and applies the whole log to it.
func (s *Store) rebuild(p entity.Projection) error {
	const op = "store.rebuild"
	prefix := rowsPrefix(p.Name())
	if s.Seq() == 0 {
		return nil
	}
	s.log.Info("rebuilding projection", "projection", p.Name(), "version", p.Version(), "changes", s.Seq())
	if err := s.db.DropPrefix(prefix); err != nil {
		return entity.Internal(op, err)
	}
	v := s.view()
	defer v.release()
	next := v.at.ts + 1
	out := s.db.NewWriteBatchAt(next)
	defer out.Cancel()
	w := batchWriter{batch: out, prefix: prefix, sums: summer{db: s.db, ts: next}}
	for r, err := range v.Log(0) {
		if err != nil {
			return err
		}
		if err := v.replay(r, p, &w); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return entity.Internal(op, err)
	}
	if err := w.sums.flush(); err != nil {
		return err
	}
	s.state.Store(&state{ts: w.sums.ts, seq: v.at.seq})
	return nil
}

// replay applies the steps of one record.
func (v *view) replay(r *entity.Record, p entity.Projection, w entity.RowWriter) error {
	for _, c := range r.Changes {
		if c.Kind == entity.Appended {
			continue
		}
		step := entity.Transition{ID: c.ID}
		var err error
		if c.Kind != entity.Created {
			if step.Before, err = v.Manifest(entity.CIDOf(c.Old)); err != nil {
				return err
			}
		}
		if step.After, err = v.Manifest(c.CID()); err != nil {
			return err
		}
		if err := p.Apply(step, w); err != nil {
			return err
		}
	}
	if b, ok := w.(*batchWriter); ok {
		return b.err
	}
	return nil
}

// batchWriter writes rows outside the committer. Later edits of a key win, as
// a write batch at one timestamp keeps the last.
type batchWriter struct {
	batch  *badger.WriteBatch
	prefix []byte
	sums   summer
	err    error
}

func (w *batchWriter) key(key []byte) []byte {
	return append(w.prefix[:len(w.prefix):len(w.prefix)], key...)
}

func (w *batchWriter) Set(key, value []byte) { w.keep(w.batch.Set(w.key(key), value)) }

func (w *batchWriter) Delete(key []byte) { w.keep(w.batch.Delete(w.key(key))) }

func (w *batchWriter) Add(key []byte, more entity.Sums) {
	if err := w.sums.add(string(w.key(key)), more); err != nil && w.err == nil {
		w.err = err
	}
}

func (w *batchWriter) keep(err error) {
	if err != nil && w.err == nil {
		w.err = entity.Internal("store.rebuild", err)
	}
}
