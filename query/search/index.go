package search

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
	"stemma/query/search/embed"
	"stemma/query/search/fulltext"
	"stemma/query/search/vector"
)

// Embedder turns texts into vectors. Those of package embed are such.
type Embedder interface {
	// Space is where its vectors live; constant.
	Space() embed.Space
	// Embed gives a vector of length 1 for each text, in their order; one of zeros
	// for a text that has no direction. KindInvalid: it will refuse these texts
	// again. Every other error: it may succeed later.
	Embed(ctx context.Context, purpose embed.Purpose, texts []string) ([][]float32, error)
}

// Options say how an index is opened.
type Options struct {
	Dir      string       // of this index alone; "" is a temporary one, which Close removes
	Store    entity.Store // what is followed; outlives the index
	Embedder Embedder     // nil: no search by meaning
	// Former are embedders that may have been in use before. While the vectors of
	// Embedder are being made, those of the one that served last go on serving.
	Former   []Embedder
	Contents Contents // nil: files are found by their properties alone
	// Vectors opens the place for the vectors of a space. What has a cursor beyond
	// latest there is of another log and must go. nil is [vector.Open] in a
	// directory below Dir.
	Vectors  func(space embed.Space, latest entity.Seq) (vector.Store, error)
	Logger   *slog.Logger          // nil discards
	Registry prometheus.Registerer // nil registers nothing
	Clock    func() time.Time      // nil is time.Now; for metrics and retries, never for order
}

// Index makes the entities of one store findable. It is safe for concurrent
// use.
type Index struct {
	store    entity.Store
	contents Contents
	log      *slog.Logger
	clock    func() time.Time
	dir      string
	scratch  string // removed by Close; "" for none

	table   *table
	text    *fulltext.Index
	seen    *progress
	meaning *meaning // nil without an embedder

	stop    context.CancelFunc
	running sync.WaitGroup
	closed  chan struct{}
	once    sync.Once
}

// Open opens or creates an index and begins to follow the store. What is in Dir
// and cannot be read, is of another version or of another store is wiped and
// made again from the log; Open does not wait for it.
func Open(o Options) (_ *Index, err error) {
	const op = "search.Open"
	x := &Index{store: o.Store, contents: o.Contents, log: o.Logger, clock: o.Clock, dir: o.Dir, table: newTable(), closed: make(chan struct{})}
	if x.log == nil {
		x.log = slog.New(slog.DiscardHandler)
	}
	if x.clock == nil {
		x.clock = time.Now
	}
	if x.dir == "" {
		if x.dir, err = os.MkdirTemp("", "stemma-search-"); err != nil {
			return nil, entity.Internal(op, err)
		}
		x.scratch = x.dir
	}
	ctx, stop := context.WithCancel(context.Background())
	x.stop = stop
	defer func() {
		if err != nil {
			err = errors.Join(err, x.Close())
		}
	}()
	if err := x.openText(ctx); err != nil {
		return nil, err
	}
	if o.Embedder != nil {
		if x.meaning, err = openMeaning(x, o); err != nil {
			return nil, err
		}
	}
	if err := x.register(o.Registry); err != nil {
		return nil, err
	}
	x.running.Go(func() { x.followText(ctx) })
	if x.meaning != nil {
		x.running.Go(func() { x.meaning.run(ctx) })
	}
	return x, nil
}

// openText opens the full text index. Where that is of another log, or has seen
// more of this one than there is, a backup was restored: everything goes.
func (x *Index) openText(ctx context.Context) error {
	var log string
	var last entity.Seq
	err := x.store.View(ctx, func(r entity.Reader) (err error) {
		last = r.Seq()
		log, err = logName(r)
		return err
	})
	if err != nil {
		return err
	}
	wiped := error(nil)
	x.text, err = fulltext.Open(filepath.Join(x.dir, "text"), func(m fulltext.Mark) bool {
		ok := m.Log == log && m.At <= last
		if !ok {
			x.log.Warn("the search index is of another log; making it again", "dir", x.dir)
			wiped = os.RemoveAll(filepath.Join(x.dir, "vectors"))
		}
		return ok
	})
	if err = errors.Join(err, wiped); err != nil {
		return err
	}
	x.seen = newProgress(x.text.Mark().At)
	return nil
}

// Close stops following. Searches under way are waited for.
func (x *Index) Close() (err error) {
	x.once.Do(func() {
		close(x.closed)
		x.stop()
		x.running.Wait()
		if x.meaning != nil {
			err = x.meaning.close()
		}
		if x.text != nil {
			err = errors.Join(err, x.text.Close())
		}
		if x.scratch != "" {
			err = errors.Join(err, os.RemoveAll(x.scratch))
		}
	})
	return err
}

// Wait returns when the text of a change is searchable: KindTimeout or
// KindCanceled when ctx ends first, KindUnavailable when the index is closed.
// Vectors are waited for too, unless the embedder is failing or has a long way to
// go: then they come when they come.
func (x *Index) Wait(ctx context.Context, seq entity.Seq) error {
	if err := x.seen.wait(ctx, x.closed, seq); err != nil || x.meaning == nil {
		return err
	}
	return x.meaning.seen.wait(ctx, x.closed, seq)
}

// Status tells how far the index has come.
func (x *Index) Status() Status {
	var s Status
	s.Seen, _, _ = x.seen.get()
	_ = x.store.View(context.Background(), func(r entity.Reader) error {
		s.Latest = r.Seq()
		return x.table.follow(r)
	})
	s.Documents = x.table.size()
	if x.meaning != nil {
		x.meaning.status(&s)
	}
	return s
}

// register shows how far the index is behind.
func (x *Index) register(reg prometheus.Registerer) error {
	if reg == nil {
		return nil
	}
	lag := func(follower string, at *progress) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "stemma_follower_lag", Help: "Changes that readers see and the projection does not yet.",
			ConstLabels: prometheus.Labels{"network": string(x.store.Network()), "follower": follower},
		}, func() float64 {
			seen, _, _ := at.get()
			var last entity.Seq
			_ = x.store.View(context.Background(), func(r entity.Reader) error { last = r.Seq(); return nil })
			return max(0, float64(last)-float64(seen))
		})
	}
	all := []prometheus.Collector{lag("search-text", x.seen)}
	if x.meaning != nil {
		all = append(all, lag("search-meaning", x.meaning.seen))
	}
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			return entity.Internal("search.register", err)
		}
	}
	return nil
}
