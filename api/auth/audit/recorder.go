package audit

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// Chain is the chain of a tenant that the account is kept in.
const Chain = "audit"

// Options are where the account is kept. The zero value logs.
type Options struct {
	Stores []entity.Store
	// Tenants are the tenants that an entity concerns: those of a principal, or
	// those of what somebody was refused. nil: there are none.
	Tenants  func(r entity.Reader, id entity.ID) ([]entity.ID, error)
	Logger   *slog.Logger          // nil: silent
	Registry prometheus.Registerer // nil: metrics are kept and not shown
	Interval time.Duration         // between two batches; 0: a second
	Queue    int                   // entries of different kinds that wait; 0: 4096
}

// maxBatch bounds the entries of one transaction, and so the size of a block.
const maxBatch = 512

// Recorder keeps the account. Its methods may be called concurrently, and do
// nothing on nil.
type Recorder struct {
	stores  map[entity.Network]entity.Store
	tenants func(entity.Reader, entity.ID) ([]entity.ID, error)
	logger  *slog.Logger
	lost    prometheus.Counter
	most    int

	mu      sync.Mutex
	queue   []*Entry
	waiting map[What]*Entry // those in queue
	dropped int64           // since the last batch

	writing sync.Mutex // held while a batch is written
	wake    chan struct{}
	stop    context.CancelFunc
	over    sync.WaitGroup
}

// New starts a recorder, which Close ends.
func New(o Options) *Recorder {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Interval == 0 {
		o.Interval = time.Second
	}
	if o.Queue == 0 {
		o.Queue = 4096
	}
	r := &Recorder{
		stores: map[entity.Network]entity.Store{}, tenants: o.Tenants, logger: o.Logger, most: o.Queue, waiting: map[What]*Entry{}, wake: make(chan struct{}, 1),
		lost: prometheus.NewCounter(prometheus.CounterOpts{Name: "stemma_audit_dropped_total", Help: "Entries of the audit that there was no room for."}),
	}
	for _, s := range o.Stores {
		r.stores[s.Network()] = s
	}
	if o.Registry != nil {
		o.Registry.MustRegister(r.lost)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.over.Go(func() { r.run(ctx, o.Interval) })
	return r
}

func (r *Recorder) run(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.wake:
		}
		if err := r.Flush(ctx); err != nil && ctx.Err() == nil {
			r.logger.Error("the audit is not written; it stays in the queue", "err", err)
		}
	}
}

// Record puts an entry into the queue. A zero Count is one at First.
func (r *Recorder) Record(e Entry) {
	if r == nil {
		return
	}
	if e.Count == 0 {
		e.Count, e.Last = 1, e.First
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(&e)
	if len(r.queue) > r.most/2 {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// add puts an entry to its like, or behind the others where there is room.
func (r *Recorder) add(e *Entry) {
	same := r.waiting[e.What]
	switch {
	case same != nil:
		same.Count += e.Count
		same.dropped += e.dropped
		if e.First.Before(same.First) {
			same.First = e.First
		}
		if e.Last.After(same.Last) {
			same.Last = e.Last
		}
	case len(r.queue) >= r.most:
		r.dropped += e.Count + e.dropped
		r.lost.Add(float64(e.Count))
	default:
		r.queue = append(r.queue, e)
		r.waiting[e.What] = e
	}
}

// take empties the queue.
func (r *Recorder) take() []*Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch := r.queue
	r.queue = nil
	clear(r.waiting)
	if len(batch) > 0 {
		batch[0].dropped, r.dropped = batch[0].dropped+r.dropped, 0
	}
	return batch
}

// Flush writes what is in the queue. What a store does not take stays in it.
func (r *Recorder) Flush(ctx context.Context) (err error) {
	if r == nil {
		return nil
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	byNetwork := map[entity.Network][]*Entry{}
	for _, e := range r.take() {
		byNetwork[e.Network] = append(byNetwork[e.Network], e)
	}
	for network, entries := range byNetwork {
		for len(entries) > 0 {
			n := min(len(entries), maxBatch)
			if failed := r.write(ctx, r.stores[network], entries[:n]); failed != nil {
				err = errors.Join(err, failed)
				r.mu.Lock()
				for _, e := range entries {
					r.add(e)
				}
				r.mu.Unlock()
				break
			}
			entries = entries[n:]
		}
	}
	return err
}

// Close writes what is in the queue, logs what cannot be written, and ends the
// recorder. It comes before the stores close.
func (r *Recorder) Close() error {
	if r == nil {
		return nil
	}
	r.stop()
	r.over.Wait()
	err := r.Flush(context.Background())
	for _, e := range r.take() {
		r.logger.LogAttrs(context.Background(), slog.LevelError, "audit, not written", e.attrs()...)
	}
	return err
}

func clip(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
