package vector

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"stemma/entity"
)

// Options are the settings of [Open]. Space and Dimensions are needed.
type Options struct {
	Dir        string // made if it is missing; of one index of one process. "": in memory only
	Space      string // names what the vectors mean; an index of another is wiped
	Dimensions int    // 1..65536

	// Candidates is how many rows the prefilter hands on to exact scoring when up
	// to 10 are asked for; in proportion for more. 0: what the measurement of
	// recall finds to be enough, at least 256 and at most a sixteenth of the rows.
	Candidates int
	MinRecall  float64 // of the prefilter at 10; below it, all rows are scored exactly; 0: 0.95
	ExactBelow int     // with fewer rows there is no prefilter; 0: 4096
	Workers    int     // goroutines of a search; 0: [runtime.GOMAXPROCS]
	MinDead    int64   // bytes on disk that make compaction worth while, once they are half; 0: 32 MiB
	// Still keeps the index from measuring and compacting by itself: only
	// [Index.Measure] and [Index.Compact] do.
	Still bool
}

func (o Options) withDefaults() Options {
	set := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	set(&o.ExactBelow, 4096)
	set(&o.Workers, runtime.GOMAXPROCS(0))
	if o.MinRecall == 0 {
		o.MinRecall = 0.95
	}
	if o.MinDead == 0 {
		o.MinDead = 32 << 20
	}
	return o
}

// Index is a [Store] of its own: all vectors in memory, a log on disk.
type Index struct {
	o      Options
	pool   sync.Pool  // of *scan
	write  sync.Mutex // held by who changes anything
	log    *logFile   // under write; nil: in memory
	closed bool       // under write

	mu     sync.RWMutex // of what follows; who holds write may read without
	rows   *rows
	cursor entity.Seq
	recall recall

	wake chan struct{} // something may have to be measured or compacted
	stop context.CancelFunc
	done chan struct{}
}

var _ Store = (*Index)(nil)

// Open opens the index in a directory, or makes one. A record that was not
// written to the end is cut off, and the cursor is that of the one before; an
// index of another space or other dimensions, or a file that is not one, is
// replaced by an empty one. [Index.Close] it.
func Open(o Options) (*Index, error) {
	o = o.withDefaults()
	if o.Dimensions < 1 || o.Dimensions > 1<<16 {
		return nil, entity.Invalid("vector.Open", "%d dimensions; 1 to 65536 are possible", o.Dimensions)
	}
	x := &Index{o: o, rows: newRows(o.Dimensions), recall: recall{o: o}, wake: make(chan struct{}, 1), done: make(chan struct{})}
	x.pool.New = func() any { return new(scan) }
	if o.Dir != "" {
		if err := x.openLog(); err != nil {
			return nil, failed("vector.Open", err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	x.stop = stop
	go x.keep(ctx)
	x.nudge()
	return x, nil
}

// failed is an error of a file as one of ours.
func failed(op string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &entity.Error{Kind: entity.KindFull, Op: op, Err: err}
	}
	return entity.Internal(op, err)
}

var errClosed = errors.New("the index is closed")

// Apply implements [Store]. The record is on disk when it returns.
func (x *Index) Apply(ctx context.Context, put []Row, remove []entity.ID, cursor entity.Seq) error {
	const op = "vector.Apply"
	put = slices.Clone(put)
	var size int64
	for i, r := range put {
		u, err := unit(op, r.Vector, x.o.Dimensions)
		if err != nil {
			return err
		}
		put[i].Vector = u
		if !fits(r) {
			return entity.Invalid(op, "the id, type and collection of a row have at most 255 bytes; those of %.64q have more", string(r.ID))
		}
		size += rowBytes(r)
	}
	for _, id := range remove {
		if len(id) > 255 {
			return entity.Invalid(op, "an id has at most 255 bytes; %.64q… has more", string(id))
		}
		size += int64(1 + len(id))
	}
	if size+16 > mostRecord {
		return entity.Errorf(entity.KindTooLarge, op, "a batch has at most %d bytes; this one has %d", mostRecord, size)
	}
	x.write.Lock()
	defer x.write.Unlock()
	if x.closed {
		return entity.Internal(op, errClosed)
	}
	if x.log != nil {
		if err := x.log.append(record(put, remove, cursor)); err != nil {
			return failed(op, err)
		}
	}
	x.mu.Lock()
	for _, id := range remove {
		x.rows.remove(id)
	}
	for _, r := range put {
		x.rows.put(r)
	}
	x.cursor = cursor
	x.mu.Unlock()
	x.nudge()
	return nil
}

// Cursor implements [Store].
func (x *Index) Cursor() entity.Seq {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.cursor
}

// Nearest implements [Store]. The filter's functions are called while writers
// wait, and must not call the index.
func (x *Index) Nearest(ctx context.Context, q []float32, k int, f Filter) ([]Match, error) {
	u, err := unit("vector.Nearest", q, x.o.Dimensions)
	if err != nil || k <= 0 {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := x.scan()
	defer x.pool.Put(s)
	k = min(k, x.rows.n)
	want, exact := x.recall.plan(k, x.rows.n)
	found, err := s.nearest(ctx, u, k, want, f, exact)
	if err != nil {
		return nil, done("vector.Nearest", err)
	}
	return found, nil
}

func (x *Index) scan() *scan {
	s := x.pool.Get().(*scan)
	s.rows, s.workers = x.rows, x.o.Workers
	return s
}

// done is the error of a context as one of ours.
func done(op string, err error) error {
	kind := entity.KindCanceled
	if errors.Is(err, context.DeadlineExceeded) {
		kind = entity.KindTimeout
	}
	return &entity.Error{Kind: kind, Op: op, Err: err}
}

// Vector implements [Store].
func (x *Index) Vector(_ context.Context, id entity.ID) ([]float32, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	i, ok := x.rows.at[id]
	if !ok {
		return nil, entity.NotFound("vector.Vector", "no vector of %.64s", string(id))
	}
	return slices.Clone(x.rows.vector(i)), nil
}

// Mean implements [Store]. It looks at every row's names, and at the vectors of
// those that pass.
func (x *Index) Mean(ctx context.Context, f Filter) (Mean, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var v verdicts
	v.reset(x.rows, f.Visible)
	p, m := x.rows.plain(f), newMeaner(x.o.Dimensions)
	for i := range x.rows.n {
		if i%4096 == 0 && ctx.Err() != nil {
			return Mean{}, done("vector.Mean", ctx.Err())
		}
		if !p.passes(x.rows.chunks[i/chunkRows], i%chunkRows) || !v.sees(i) {
			continue
		}
		if f.Live == nil || f.Live(x.rows.id(i)) {
			m.add(x.rows.vector(i))
		}
	}
	return m.mean(), nil
}

// Stats implements [Store].
func (x *Index) Stats() Stats {
	x.write.Lock()
	defer x.write.Unlock()
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := Stats{Space: x.o.Space, Dimensions: x.o.Dimensions, Rows: x.rows.n, Cursor: x.cursor}
	x.recall.tell(&s)
	if x.log != nil {
		s.DiskBytes, s.DeadBytes = x.log.size, x.deadBytes()
	}
	return s
}

// Close waits for what the index does by itself, and closes the file.
func (x *Index) Close() error {
	x.stop()
	<-x.done
	x.write.Lock()
	defer x.write.Unlock()
	if x.closed || x.log == nil {
		x.closed = true
		return nil
	}
	x.closed = true
	if err := x.log.file.Close(); err != nil {
		return entity.Internal("vector.Close", err)
	}
	return nil
}
