package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// Formats are versions of the keys and values on disk. Code opens every format
// up to its own; a store becomes of this one when it is written to.
const (
	format  = "3" // the rows of tips and of chains' last blocks are those of the heads
	format2 = "2" // blocks of large batches are in packs
	format1 = "1"
)

// Options say how a store is opened. The zero value is an empty store in
// memory of the main network.
type Options struct {
	Dir         string         // "" keeps everything in memory
	Network     entity.Network // "" is main
	Projections []entity.Projection
	Clock       func() time.Time      // nil is time.Now
	Entropy     io.Reader             // of minted ids; nil is crypto/rand
	Logger      *slog.Logger          // nil discards
	Registry    prometheus.Registerer // nil registers nothing
	CacheBytes  int64                 // for decoded manifests; 0 is 32 MiB
}

// Store is the log of one network with everything derived from it.
type Store struct {
	db          *badger.DB
	network     entity.Network
	projections []entity.Projection
	clock       func() time.Time
	ids         *entity.IDSource
	log         *slog.Logger
	metrics     metrics
	manifests   *manifestCache
	heads       *newest[entity.ID, entity.Head]
	secrets     *newest[string, []byte]
	readers     readers
	claims      claims
	recents     recents
	packs       *packs
	current     bool // the store is of this format; the committer's own, as are
	entries     []badger.Entry
	keys        []byte

	state   atomic.Pointer[state]
	shown   atomic.Uint64                 // the last change that the projections' memory has
	changed atomic.Pointer[chan struct{}] // closed by the next commit

	queue  chan *proposal
	closed chan struct{} // closed first: no more proposals
	done   chan struct{} // closed by the committer as it leaves
	once   sync.Once
}

// state is what readers read: the log up to seq, at Badger's timestamp ts.
type state struct {
	ts  uint64
	seq entity.Seq
}

// Open opens or creates a store, brings every projection up to date and loads
// its memory state. KindInvalid when the directory holds the other network's
// store or a newer format, KindUnavailable when another process has it open.
func Open(o Options) (*Store, error) {
	const op = "store.Open"
	s := newStore(o)
	var err error
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "cannot create the data directory " + o.Dir + ": name one that can be written to", Err: err}
		}
		if err := removeEmpty(o.Dir); err != nil {
			return nil, openError(op, o.Dir, err)
		}
	}
	if s.db, err = badger.OpenManaged(badgerOptions(o)); err != nil {
		return nil, openError(op, o.Dir, err)
	}
	if s.packs, err = openPacks(o.Dir); err != nil {
		return nil, errors.Join(openError(op, o.Dir, err), s.db.Close())
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	if s.metrics, err = s.newMetrics(o.Registry); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	go s.commitLoop()
	if _, err := s.Wipe(context.Background()); err != nil { // what a crash left
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newStore(o Options) *Store {
	s := &Store{
		network:     o.Network,
		projections: o.Projections,
		clock:       o.Clock,
		log:         o.Logger,
		heads:       newNewest[entity.ID, entity.Head](keptHeads),
		secrets:     newNewest[string, []byte](keptSecrets),
		manifests:   newManifestCache(cmp.Or(o.CacheBytes, 32<<20)),
		queue:       make(chan *proposal, maxBatch),
		closed:      make(chan struct{}),
		done:        make(chan struct{}),
	}
	if s.network == "" {
		s.network = entity.Main
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	entropy := o.Entropy
	if entropy == nil {
		entropy = rand.Reader
	}
	s.ids = entity.NewIDSource(s.clock, entropy)
	first := make(chan struct{})
	s.changed.Store(&first)
	return s
}

func badgerOptions(o Options) badger.Options {
	opt := badger.DefaultOptions(o.Dir).
		WithLogger(nil).
		WithSyncWrites(true).
		WithDetectConflicts(false). // one writer
		WithNumVersionsToKeep(1).
		WithCompression(options.Snappy).
		WithBlockCacheSize(128 << 20).
		WithIndexCacheSize(128 << 20).
		WithNumMemtables(3).
		WithNumCompactors(2).
		WithMetricsEnabled(false)
	if o.Dir == "" {
		opt = opt.WithInMemory(true)
	}
	return opt
}

func openError(op, dir string, err error) error {
	if isHeld(dir) {
		return &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: dir + " is open in another process; stop that one first", Err: err}
	}
	return &entity.Error{Kind: entity.KindInternal, Op: op, Message: "cannot open " + dir, Err: err}
}

// start reads where the log ends, checks the notes and brings up projections.
func (s *Store) start() error {
	at := state{ts: s.db.MaxVersion()}
	s.state.Store(&at)
	seq, err := s.lastSeq()
	if err != nil {
		return err
	}
	s.state.Store(&state{ts: at.ts, seq: seq})
	if err := s.checkNotes(); err != nil {
		return err
	}
	if err := s.forgetClosed(); err != nil {
		return err
	}
	for _, p := range s.projections {
		if err := s.openProjection(p); err != nil {
			return fmt.Errorf("projection %s: %w", p.Name(), err)
		}
	}
	s.shown.Store(uint64(seq))
	return nil
}

func (s *Store) lastSeq() (last entity.Seq, err error) {
	v := s.view()
	defer v.release()
	for r, err := range v.LogBefore(0) {
		if err != nil {
			return 0, err
		}
		return r.Last(), nil
	}
	return 0, nil
}

// checkNotes compares the store's notes with what this code expects, and
// writes them into a new store.
func (s *Store) checkNotes() error {
	const op = "store.Open"
	v := s.view()
	defer v.release()
	for _, note := range []struct{ name, want, hint string }{
		{"format", format, "it was written by another release; use that one, or a newer one"},
		{"network", string(s.network), "main and test live in directories of their own"},
	} {
		got, err := v.get(metaKey(note.name))
		if err != nil {
			return err
		}
		switch {
		case got == nil:
			if err := s.writeNotes(map[string][]byte{string(metaKey(note.name)): []byte(note.want)}); err != nil {
				return err
			}
			got = []byte(note.want)
		case note.name == "format" && (string(got) == format1 || string(got) == format2):
		case string(got) != note.want:
			return entity.Invalid(op, "the store's %s is %q, not %q: %s", note.name, got, note.want, note.hint)
		}
		s.current = s.current || string(got) == format
	}
	return nil
}

// writeNotes commits notes of the store's own, by key, while the committer does
// not run yet.
func (s *Store) writeNotes(notes map[string][]byte) error {
	if len(notes) == 0 {
		return nil
	}
	cur := s.state.Load()
	next := &state{ts: cur.ts + 1, seq: cur.seq}
	if err := s.write(next.ts, notes); err != nil {
		return err
	}
	s.state.Store(next)
	return nil
}

// Close waits for commits and readers under way, refuses new ones with
// KindUnavailable and closes the database. No reader may call it.
func (s *Store) Close() (err error) {
	s.once.Do(func() {
		close(s.closed)
		<-s.done
		s.readers.drain()
		if err = s.closeFiles(); err != nil {
			err = entity.Internal("store.Close", err)
		}
	})
	return err
}

func (s *Store) closeFiles() error { return errors.Join(s.db.Close(), s.packs.close()) }

// Network is the network whose log this is.
func (s *Store) Network() entity.Network { return s.network }

// Seq is the number of the last change that readers see.
func (s *Store) Seq() entity.Seq { return s.state.Load().seq }

// View runs fn on the latest committed state.
func (s *Store) View(ctx context.Context, fn func(entity.Reader) error) error {
	if err := ctxError("store.View", ctx); err != nil {
		return err
	}
	v, err := s.open("store.View")
	if err != nil {
		return err
	}
	defer v.release()
	return fn(v)
}

// Wait returns when a change after the number given is visible.
func (s *Store) Wait(ctx context.Context, after entity.Seq) error {
	for {
		changed := *s.changed.Load()
		if s.Seq() > after {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctxError("store.Wait", ctx)
		case <-s.closed:
			return errClosed("store.Wait")
		}
	}
}

// wake lets watchers look again; they read the log themselves.
func (s *Store) wake() {
	next := make(chan struct{})
	close(*s.changed.Swap(&next))
}

func ctxError(op string, ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Message: "the deadline passed", Err: err}
	default:
		return &entity.Error{Kind: entity.KindCanceled, Op: op, Message: "the caller went away", Err: err}
	}
}

func errClosed(op string) error {
	return entity.Errorf(entity.KindUnavailable, op, "the server is shutting down; try again in a moment")
}

// readers knows the states that are being read, so that Badger discards no
// version that one of them still sees.
type readers struct {
	mu     sync.Mutex
	active map[uint64]int // timestamp → views
	idle   chan struct{}  // closed by the last to leave; nil while nobody waits for that
}

// enter takes the latest state. The lock makes taking and registering one step
// for oldest.
func (r *readers) enter(latest *atomic.Pointer[state]) *state {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := latest.Load()
	if r.active == nil {
		r.active = make(map[uint64]int)
	}
	r.active[at.ts]++
	return at
}

func (r *readers) leave(at *state) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.active[at.ts]--; r.active[at.ts] == 0 {
		delete(r.active, at.ts)
	}
	if len(r.active) == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// drain waits until nobody reads. Badger's files are mapped into memory: who
// read them after they are closed would take the process down.
func (r *readers) drain() {
	r.mu.Lock()
	idle := make(chan struct{})
	if len(r.active) == 0 {
		close(idle)
	} else {
		r.idle = idle
	}
	r.mu.Unlock()
	<-idle
}

// oldestRead is the least timestamp that a view, open or to come, reads at.
func (s *Store) oldestRead() uint64 {
	s.readers.mu.Lock()
	defer s.readers.mu.Unlock()
	oldest := s.state.Load().ts
	for ts := range s.readers.active {
		oldest = min(oldest, ts)
	}
	return oldest
}
