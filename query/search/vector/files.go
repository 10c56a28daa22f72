package vector

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"stemma/entity"
)

// openLog opens the file with the greatest number, or makes one, and sweeps away
// all others.
func (x *Index) openLog() error {
	if err := os.MkdirAll(x.o.Dir, 0o755); err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(x.o.Dir, "vectors-????????.log"))
	if err != nil {
		return err
	}
	slices.Sort(paths)
	number := 0
	if len(paths) > 0 {
		last := paths[len(paths)-1]
		if number, err = numberOf(last); err != nil {
			return err
		}
		if err := x.readLog(last, number); err != nil && !errors.Is(err, errTorn) {
			return err
		}
	}
	if x.log == nil {
		if err := x.newLog(number + 1); err != nil {
			return err
		}
	}
	return x.sweep()
}

func numberOf(path string) (n int, err error) {
	for _, c := range filepath.Base(path)[len("vectors-"):][:8] {
		if c < '0' || c > '9' {
			return 0, entity.Internal("vector.Open", errors.New(path+" is not a name of ours"))
		}
		n = 10*n + int(c-'0')
	}
	return n, nil
}

func (x *Index) readLog(path string, number int) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		x.rows, x.cursor, err = x.load(f, info.Size(), path, number)
	}
	if err != nil {
		x.rows, x.cursor, x.log = newRows(x.o.Dimensions), 0, nil
		return errors.Join(err, f.Close())
	}
	return nil
}

func (x *Index) load(f *os.File, length int64, path string, number int) (*rows, entity.Seq, error) {
	r, cursor, end, err := load(f, length, header(x.o.Space, x.o.Dimensions), x.o.Dimensions)
	if err == nil && end < length {
		if err = f.Truncate(end); err == nil {
			err = f.Sync()
		}
	}
	x.log = &logFile{file: f, path: path, number: number, size: end}
	return r, cursor, err
}

// newLog makes an empty file.
func (x *Index) newLog(number int) error {
	l, err := x.temporary()
	if err != nil {
		return err
	}
	if err := l.name(x.o.Dir, number); err != nil {
		return errors.Join(err, l.file.Close())
	}
	x.log = l
	return nil
}

// temporary makes a file with a header and no name.
func (x *Index) temporary() (*logFile, error) {
	f, err := os.CreateTemp(x.o.Dir, "new-*")
	if err != nil {
		return nil, err
	}
	l := &logFile{file: f, path: f.Name()}
	if err := l.add(header(x.o.Space, x.o.Dimensions)); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(l.path))
	}
	return l, nil
}

// add writes without syncing.
func (l *logFile) add(b []byte) error {
	n, err := l.file.WriteAt(b, l.size)
	l.size += int64(n)
	return err
}

// name syncs a temporary file and gives it the name under which it is found.
func (l *logFile) name(dir string, number int) error {
	if err := l.file.Sync(); err != nil {
		return err
	}
	path := logName(dir, number)
	if err := os.Rename(l.path, path); err != nil {
		return err
	}
	l.path, l.number = path, number
	return syncDir(dir)
}

// sweep removes what is not the log: older ones, temporary ones.
func (x *Index) sweep() error {
	for _, pattern := range []string{"vectors-????????.log", "new-*"} {
		paths, err := filepath.Glob(filepath.Join(x.o.Dir, pattern))
		if err != nil {
			return err
		}
		for _, p := range paths {
			if p != x.log.path {
				if err := os.Remove(p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// deadBytes is what compaction would free; write is held.
func (x *Index) deadBytes() int64 {
	live := x.rows.bytes + int64(len(header(x.o.Space, x.o.Dimensions)))
	return max(0, x.log.size-live-recordHead-16)
}

// keep measures and compacts when it has become necessary, until ctx is done.
func (x *Index) keep(ctx context.Context) {
	defer close(x.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.wake:
		}
		if x.o.Still {
			continue
		}
		x.write.Lock()
		x.mu.RLock() // recall is changed without write
		measure := x.recall.due(x.rows.n)
		x.mu.RUnlock()
		dead := int64(0)
		if x.log != nil {
			dead = x.deadBytes()
		}
		compact := dead > x.o.MinDead && dead > x.log.size/2 && x.log.broken == nil
		x.write.Unlock()
		// What fails here is as it was before, and tried again after the next
		// Apply, which tells its caller what is wrong with the disk.
		if compact {
			_ = x.Compact(ctx)
		}
		if measure {
			_ = x.Measure(ctx)
		}
	}
}

func (x *Index) nudge() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// Compact writes a new file of the rows there are and forgets the old one.
// Searches go on, and so do writers but for the end of it. It runs by itself
// when more than half of the file is dead.
func (x *Index) Compact(ctx context.Context) error {
	const op = "vector.Compact"
	if x.o.Dir == "" {
		return nil
	}
	l, err := x.temporary()
	if err != nil {
		return failed(op, err)
	}
	if err := x.compact(ctx, l); err != nil {
		return failed(op, errors.Join(err, l.file.Close(), os.Remove(l.path)))
	}
	return nil
}

// compact writes the rows as they are met, which is at different times, and then
// all records since it began: the last one of each row decides.
func (x *Index) compact(ctx context.Context, l *logFile) error {
	x.write.Lock()
	old, from, cursor := x.log, x.log.size, x.cursor
	ids := make([]entity.ID, x.rows.n)
	for i := range ids {
		ids[i] = x.rows.id(i)
	}
	x.write.Unlock()
	if err := l.add(record(nil, nil, cursor)); err != nil {
		return err
	}
	for part := range slices.Chunk(ids, 256) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := l.add(x.records(part, cursor)); err != nil {
			return err
		}
	}
	if err := l.file.Sync(); err != nil { // not while writers wait
		return err
	}
	x.write.Lock()
	defer x.write.Unlock()
	switch {
	case x.closed:
		return errClosed
	case old != x.log:
		return errors.New("compacted by somebody else")
	}
	if err := l.copy(old, from); err != nil {
		return err
	}
	if err := l.name(x.o.Dir, old.number+1); err != nil {
		return err
	}
	x.log = l
	_ = old.file.Close()    // all of it has been read
	_ = os.Remove(old.path) // else the next Open sweeps it away
	return nil
}

// records is a record of those of the rows that are there.
func (x *Index) records(ids []entity.ID, cursor entity.Seq) []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var put []Row
	for _, id := range ids {
		if i, ok := x.rows.at[id]; ok {
			put = append(put, x.rows.row(i))
		}
	}
	return record(put, nil, cursor)
}

// copy adds what old has from an offset on.
func (l *logFile) copy(old *logFile, from int64) error {
	b := make([]byte, 1<<20)
	for from < old.size {
		n, err := old.file.ReadAt(b[:min(int64(len(b)), old.size-from)], from)
		if err != nil && (err != io.EOF || n == 0) {
			return err
		}
		if err := l.add(b[:n]); err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
