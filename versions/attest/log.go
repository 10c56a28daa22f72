package attest

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// Options say how a log is opened.
type Options struct {
	Dir   string       // of this log alone; "" is a temporary one, which Close removes
	Store entity.Store // what is followed; outlives the log
	// Origin is the log's name, "" for the one that it has, or Fallback where it has
	// none yet. Another name than it has begins a log of its own, with a new key, and
	// ends the former for good.
	Origin   string
	Fallback string
	ReadOnly bool                  // sign nothing, follow nothing, make nothing
	Interval time.Duration         // between two checkpoints, at least; 0 is a second
	Entropy  io.Reader             // of the key; nil is crypto/rand
	Logger   *slog.Logger          // nil discards
	Registry prometheus.Registerer // nil registers nothing
}

// Log is the transparency log of one store. It is safe for concurrent use.
type Log struct {
	store    entity.Store
	log      *slog.Logger
	interval time.Duration
	files    *files
	scratch  string     // removed by Close; "" for none
	key      *key       // nil: there is none, and nothing is signed
	edge     *edge      // the follower's own, as are those below; nil: to be read again
	synced   int64      // leaves that are on disk for sure
	from     entity.Seq // nothing is signed before the tree is as large

	mu      sync.RWMutex
	size    int64 // leaves that were taken in
	head    Checkpoint
	halted  error // why nothing is signed any more
	index   index
	anchors []Anchor
	moved   chan struct{} // closed by the next change of head or halted

	stop    context.CancelFunc
	running sync.WaitGroup
	closed  chan struct{}
	once    sync.Once
}

// Open opens or makes the log of a store and begins to follow it; what it has not
// seen yet is taken in behind it. A log that does not agree with the store is
// opened too, and halted: [Log.Checkpoint] says why.
//
// KindInvalid for a name that cannot be, or that the log had before.
func Open(ctx context.Context, o Options) (_ *Log, err error) {
	const op = "attest.Open"
	l := &Log{store: o.Store, log: o.Logger, interval: o.Interval, moved: make(chan struct{}), closed: make(chan struct{})}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.interval == 0 {
		l.interval = time.Second
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "stemma-attest-"); err != nil {
			return nil, entity.Internal(op, err)
		}
		l.scratch = o.Dir
	}
	following, stop := context.WithCancel(context.Background())
	l.stop = stop
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	if l.files, err = openFiles(o.Dir); err != nil {
		return nil, &entity.Error{Kind: entity.KindInternal, Op: op, Message: "cannot open " + o.Dir, Err: err}
	}
	if err := l.start(ctx, o); err != nil {
		return nil, err
	}
	if err := l.register(o.Registry); err != nil {
		return nil, err
	}
	if !o.ReadOnly && l.halted == nil {
		l.running.Go(func() { l.follow(following) })
	}
	return l, nil
}

// Close stops following. Who waits for a checkpoint is told.
func (l *Log) Close() (err error) {
	l.once.Do(func() {
		close(l.closed)
		l.stop()
		l.running.Wait()
		if l.files != nil {
			if head, _, halted := l.now(); l.size > l.synced && halted == nil {
				err = l.keep(l.size, head, true)
			}
			err = errors.Join(err, l.files.close())
		}
		if l.scratch != "" {
			err = errors.Join(err, os.RemoveAll(l.scratch))
		}
	})
	return err
}

// VerifierKey is the key that verifies checkpoints, in the form name+hash+key of
// signed notes; "" while there is none.
func (l *Log) VerifierKey() string {
	if l.key == nil {
		return ""
	}
	return l.key.vkey
}

// Origin is the log's name, "" while it has none.
func (l *Log) Origin() string {
	if l.key == nil {
		return ""
	}
	return l.key.Name()
}

// Checkpoint is the last that was signed. KindNotFound when there is none yet,
// KindUnavailable when the log is halted.
func (l *Log) Checkpoint(context.Context) (Checkpoint, error) {
	head, _, err := l.now()
	if err == nil && head.Text == "" {
		err = entity.NotFound("attest.Checkpoint", "no checkpoint is signed yet")
	}
	return head, err
}

// now is where the log stands; halted is why it does not go on.
func (l *Log) now() (head Checkpoint, moved <-chan struct{}, halted error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.head, l.moved, l.halted
}

// WaitCheckpoint is the first checkpoint that it meets of a larger tree than after.
// KindUnavailable when the log is halted or closed, KindTimeout or KindCanceled
// when ctx ends first.
func (l *Log) WaitCheckpoint(ctx context.Context, after int64) (Checkpoint, error) {
	const op = "attest.WaitCheckpoint"
	for {
		head, moved, halted := l.now()
		if halted != nil || head.Size > after {
			return head, halted
		}
		select {
		case <-moved:
		case <-l.closed:
			return head, entity.Errorf(entity.KindUnavailable, op, "the log is closed")
		case <-ctx.Done():
			kind := entity.KindCanceled
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				kind = entity.KindTimeout
			}
			return head, &entity.Error{Kind: kind, Op: op, Err: ctx.Err()}
		}
	}
}

// halt ends signing for good.
func (l *Log) halt(format string, args ...any) error {
	err := entity.Errorf(entity.KindUnavailable, "attest.Log", "attestation is halted, and signs nothing more: "+format+"; 'stemma verify' compares all of it", args...)
	l.log.Error("attestation is halted", "why", err.Message)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.halted == nil {
		l.halted = err
		close(l.moved)
		l.moved = make(chan struct{})
	}
	return l.halted
}
