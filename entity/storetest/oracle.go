package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"time"

	"stemma/entity"
)

// Options are what a store under test is opened with. They mean the same to
// every implementation, so that two stores given the same ones and the same
// history have the same CIDs.
type Options struct {
	Network     entity.Network      // "" means main
	Projections []entity.Projection // kept up with every commit
	Clock       func() time.Time    // nil means time.Now
	Entropy     io.Reader           // randomness of minted ids; nil means crypto/rand

	// Rehearse makes an [Oracle] run every closure of an Update once for
	// nothing before the run that counts. Other stores pay no heed to it.
	Rehearse bool
}

// Oracle is the reference implementation of [entity.Store]. It is safe for
// concurrent use.
type Oracle struct {
	opts    Options
	ids     *entity.IDSource
	disk    *disk
	writing sync.Mutex // held by the one transaction under way

	mu      sync.Mutex
	changed chan struct{} // closed and replaced after each commit
	closed  bool
}

// NewOracle opens an empty store in memory.
func NewOracle(o Options) (*Oracle, error) {
	return openOracle(o, newDisk())
}

// Reopen opens what a closed oracle holds, as another process would a folder.
func (o *Oracle) Reopen(opts Options) (*Oracle, error) {
	if !o.isClosed() {
		return nil, entity.Errorf(entity.KindUnavailable, "storetest.Reopen", "the store is still open; close it first")
	}
	return openOracle(opts, o.disk)
}

func openOracle(opts Options, d *disk) (*Oracle, error) {
	if opts.Network == "" {
		opts.Network = entity.Main
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Entropy == nil {
		opts.Entropy = rand.Reader
	}
	o := &Oracle{opts: opts, ids: entity.NewIDSource(opts.Clock, opts.Entropy), disk: d, changed: make(chan struct{})}
	kept := map[string]int{} // what is not opened now falls behind
	for _, p := range opts.Projections {
		if err := o.catchUp(p); err != nil {
			return nil, err
		}
		kept[p.Name()] = p.Version()
	}
	d.projected = kept
	return o, nil
}

// catchUp replays the log into a projection whose rows are of another version,
// or were never there, and lets it load.
func (o *Oracle) catchUp(p entity.Projection) error {
	d := o.disk
	if v, ok := d.projected[p.Name()]; !ok || v != p.Version() {
		d.rows[p.Name()] = table[string, []byte]{}
		for _, rec := range d.records {
			for _, c := range rec.v.Changes {
				if c.Kind == entity.Appended {
					continue
				}
				step, err := o.transition(c)
				if err != nil {
					return err
				}
				if err := p.Apply(step, rowWriter{d, p.Name(), rec.commit, nil}); err != nil {
					return err
				}
			}
		}
	}
	return p.Load(o.reader(d.commit).Rows(p.Name()))
}

// transition is the step that a change in the log stands for.
func (o *Oracle) transition(c entity.Change) (t entity.Transition, err error) {
	r := o.reader(o.disk.commit)
	t.ID = c.ID
	if t.After, err = r.Manifest(c.CID()); err != nil {
		return t, err
	}
	if c.Kind != entity.Created {
		t.Before, err = r.Manifest(entity.CIDOf(c.Old))
	}
	return t, err
}

// Close ends every Wait and refuses what comes after.
func (o *Oracle) Close() error {
	o.writing.Lock()
	defer o.writing.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed = true
		close(o.changed)
	}
	return nil
}

func (o *Oracle) isClosed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// Network is the network the store was opened for.
func (o *Oracle) Network() entity.Network { return o.opts.Network }

// View implements [entity.Store].
func (o *Oracle) View(ctx context.Context, fn func(entity.Reader) error) error {
	if err := o.ready(ctx, "storetest.View"); err != nil {
		return err
	}
	o.disk.mu.RLock()
	commit := o.disk.commit
	o.disk.mu.RUnlock()
	return fn(o.reader(commit))
}

// Wait implements [entity.Store].
func (o *Oracle) Wait(ctx context.Context, after entity.Seq) error {
	for {
		o.mu.Lock()
		changed := o.changed
		o.mu.Unlock()
		var seq entity.Seq
		err := o.View(ctx, func(r entity.Reader) error {
			seq = r.Seq()
			return nil
		})
		if err != nil || seq > after {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ended(ctx, "storetest.Wait")
		}
	}
}

// Update implements [entity.Store].
func (o *Oracle) Update(ctx context.Context, by entity.Actor, fn func(entity.Tx) error) (entity.Seq, error) {
	const op = "storetest.Update"
	o.writing.Lock()
	defer o.writing.Unlock()
	if err := o.ready(ctx, op); err != nil {
		return 0, err
	}
	if o.opts.Rehearse {
		tx := o.begin(by)
		tx.run(fn)
		tx.undo.roll()
	}
	tx := o.begin(by)
	defer func() { tx.undo.roll() }() // of nothing, once committed
	if err := fn(tx); err != nil {
		return 0, err
	}
	if err := tx.project(); err != nil {
		return 0, err
	}
	if ctx.Err() != nil {
		return 0, ended(ctx, op)
	}
	return o.commit(tx), nil
}

// run is fn without its panic, which the run that counts will repeat.
func (tx *oracleTx) run(fn func(entity.Tx) error) {
	defer func() { _ = recover() }()
	_ = fn(tx)
}

// commit makes what tx wrote visible, tells the projections and then wakes
// those who wait.
func (o *Oracle) commit(tx *oracleTx) entity.Seq {
	d := o.disk
	d.mu.Lock()
	d.commit = tx.commit
	seq := d.last() + entity.Seq(len(tx.changes))
	if len(tx.changes) > 0 {
		rec := &entity.Record{Seq: d.last() + 1, At: tx.at.UnixMilli(), Actor: tx.by, Changes: tx.changes}
		d.records = append(d.records, dated[*entity.Record]{tx.commit, rec})
	}
	tx.undo.keep()
	d.mu.Unlock()

	if len(tx.steps) > 0 {
		for _, p := range o.opts.Projections {
			p.Committed(tx.steps)
		}
	}
	if len(tx.changes) > 0 {
		o.mu.Lock()
		close(o.changed)
		o.changed = make(chan struct{})
		o.mu.Unlock()
	}
	return seq
}

func (o *Oracle) ready(ctx context.Context, op string) error {
	if ctx.Err() != nil {
		return ended(ctx, op)
	}
	if o.isClosed() {
		return entity.Errorf(entity.KindUnavailable, op, "the store is closed")
	}
	return nil
}

func ended(ctx context.Context, op string) error {
	kind := entity.KindCanceled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind = entity.KindTimeout
	}
	return &entity.Error{Kind: kind, Op: op, Err: context.Cause(ctx)}
}
