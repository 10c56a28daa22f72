package runs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// Options are where runs are written. The zero value of each but Stores works.
type Options struct {
	Stores   []entity.Store
	Logger   *slog.Logger          // nil: silent
	Registry prometheus.Registerer // nil: metrics are kept and not shown
	Queue    int                   // runs that wait; 0: 4096
	Bytes    int                   // of their content; 0: 64 MiB
	Retry    time.Duration         // before a store that failed is tried again; 0: a second
	Gather   time.Duration         // between two transactions, while fewer runs wait than one takes; 0: 50 ms
}

const (
	maxBatch      = 256     // runs of one transaction
	maxBatchBytes = 4 << 20 // and of their content
)

// Recorder writes runs down. Its methods may be called concurrently.
type Recorder struct {
	stores map[entity.Network]entity.Store
	logger *slog.Logger
	most   int
	bytes  int
	retry  time.Duration
	gather time.Duration
	failed prometheus.Counter

	mu      sync.Mutex
	room    *sync.Cond // signalled when the queue has become shorter
	work    *sync.Cond // signalled when it has become longer, or at the end
	queue   []*Run
	size    int // bytes of the queue
	writing int // runs that were taken and are not on disk
	closed  bool
	hurried chan struct{} // has one when nothing is to be gathered any more
	over    sync.WaitGroup
	stop    context.CancelFunc
}

// New starts a recorder, which Close ends.
func New(o Options) *Recorder {
	r := &Recorder{stores: map[entity.Network]entity.Store{}, logger: o.Logger, most: o.Queue, bytes: o.Bytes, retry: o.Retry, gather: o.Gather, hurried: make(chan struct{}, 1),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "stemma_runs_failed_total", Help: "Runs of language models that could not be written down."})}
	if r.logger == nil {
		r.logger = slog.New(slog.DiscardHandler)
	}
	if r.most == 0 {
		r.most = 4096
	}
	if r.bytes == 0 {
		r.bytes = 64 << 20
	}
	if r.retry == 0 {
		r.retry = time.Second
	}
	if r.gather == 0 {
		r.gather = 50 * time.Millisecond
	}
	for _, s := range o.Stores {
		r.stores[s.Network()] = s
	}
	if o.Registry != nil {
		o.Registry.MustRegister(r.failed)
	}
	r.room, r.work = sync.NewCond(&r.mu), sync.NewCond(&r.mu)
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.over.Go(func() { r.run(ctx) })
	return r
}

// Record puts a run into the queue. It waits while that is full.
func (r *Recorder) Record(run *Run) {
	run.size = sizeOf(run)
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) > 0 && (len(r.queue) >= r.most || r.size+run.size > r.bytes) && !r.closed {
		r.room.Wait()
	}
	r.queue, r.size = append(r.queue, run), r.size+run.size
	r.work.Signal()
	if len(r.queue) >= maxBatch || r.size >= maxBatchBytes {
		r.hurry()
	}
}

// hurry ends the gathering that is under way, or the next.
func (r *Recorder) hurry() {
	select {
	case r.hurried <- struct{}{}:
	default:
	}
}

func sizeOf(run *Run) int {
	n := 1024
	for i := range run.Entries {
		n += 256
		for _, tree := range []map[string]any{run.Entries[i].Properties, run.Entries[i].Sealed} {
			for _, v := range tree {
				if text, ok := v.(string); ok {
					n += min(len(text), mostText)
				}
			}
		}
	}
	return n
}

// take waits for runs of one network and gives as many as one transaction takes;
// nil at the end.
func (r *Recorder) take() (batch []*Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) == 0 {
		if r.closed {
			return nil
		}
		r.work.Wait()
	}
	bytes := 0
	for len(batch) < len(r.queue) && len(batch) < maxBatch {
		next := r.queue[len(batch)]
		if len(batch) > 0 && (bytes+next.size > maxBatchBytes || next.Network != batch[0].Network) {
			break
		}
		batch, bytes = append(batch, next), bytes+next.size
	}
	r.queue = append(r.queue[:0:0], r.queue[len(batch):]...)
	r.size -= bytes
	r.writing = len(batch)
	r.room.Broadcast()
	return batch
}

func (r *Recorder) wrote() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writing = 0
	r.room.Broadcast()
}

func (r *Recorder) run(ctx context.Context) {
	timer := time.NewTimer(r.gather)
	defer timer.Stop()
	for batch := r.take(); batch != nil; batch = r.take() {
		r.keep(ctx, batch)
		r.wrote()
		timer.Reset(r.gather)
		select {
		case <-timer.C:
		case <-r.hurried:
		}
	}
}

// keep writes a batch. A store that is full or not ready is tried until it is, or
// the recorder ends. Where it refuses the batch, each run is tried alone, so that
// one that cannot be written takes no other with it.
func (r *Recorder) keep(ctx context.Context, batch []*Run) {
	for {
		err := r.write(batch)
		kind := entity.KindOf(err)
		switch {
		case err == nil:
			return
		case (kind == entity.KindUnavailable || kind == entity.KindFull || kind == entity.KindTimeout) && ctx.Err() == nil:
		case len(batch) > 1:
			for i := range batch {
				r.keep(ctx, batch[i:i+1])
			}
			return
		default:
			r.lose(batch[0], err)
			return
		}
		r.logger.Error("runs are not written; they will be tried again", "runs", len(batch), "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(r.retry):
		}
	}
}

func (r *Recorder) lose(run *Run, err error) {
	r.failed.Inc()
	r.logger.Error("a run is not written", "run", run.ID, "agent", run.Agent, "properties", run.Properties, "err", err)
}

// write puts runs down in one transaction.
func (r *Recorder) write(batch []*Run) error {
	type sealed struct {
		draft  entity.Draft
		blocks []*entity.SealedBlock
	}
	made := make([]sealed, 0, len(batch))
	for _, run := range batch {
		d, blocks, err := run.seal()
		if err != nil {
			return entity.Invalid("runs.write", "%s", err)
		}
		made = append(made, sealed{d, blocks})
	}
	store := r.stores[batch[0].Network]
	_, err := store.Update(context.Background(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		for _, m := range made {
			if _, err := tx.Create(m.draft); err != nil { // it is the same in a further run, as manifests are never changed
				return err
			}
			if _, err := tx.AppendSealed(m.blocks...); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// Flush waits until all that was recorded before is on disk.
func (r *Recorder) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) > 0 || r.writing > 0 {
		r.hurry()
		r.room.Wait()
	}
}

// Close writes what is in the queue and ends the recorder. It comes before the
// stores close, and after the last call of Record.
func (r *Recorder) Close() error {
	r.mu.Lock()
	r.closed = true
	r.hurry()
	r.work.Broadcast()
	r.room.Broadcast()
	r.mu.Unlock()
	defer time.AfterFunc(closeGrace, r.stop).Stop()
	r.over.Wait()
	r.stop()
	return nil
}

// closeGrace is how long a store that fails is tried while the server ends.
const closeGrace = 5 * time.Second
