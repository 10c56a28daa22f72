package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	mirroring "stemma/cmd/stemma/mirror" // crash_audit_test.go has a variable mirror
	"stemma/entity"
	"stemma/entity/store"
	"stemma/events/syncclient"
)

// mirrorCmd keeps a verified copy of another server.
type mirrorCmd struct {
	blobFlags
	searchFlags
	URL     string        `arg:"" help:"Address of the server to follow, like https://stemma.example."`
	Dir     string        `arg:"" help:"Directory of the copy; created on first use."`
	Key     string        `help:"Key for the server to follow; one that may view everything." env:"STEMMA_MIRROR_KEY" placeholder:"uk_…"`
	Network string        `help:"main, test or both." enum:"main,test,both" default:"both" env:"STEMMA_MIRROR_NETWORK"`
	Once    bool          `help:"End when up to date, instead of following."`
	Serve   string        `help:"Serve the copy meanwhile, read-only, on this address." placeholder:"HOST:PORT" env:"STEMMA_MIRROR_SERVE"`
	Grace   time.Duration `help:"How long requests may finish when it is told to stop." default:"10s" env:"STEMMA_GRACE"`
}

// Help is shown under 'stemma mirror --help'.
func (mirrorCmd) Help() string {
	return `Copies the whole log of a server, with every version, every block of a chain and
the content of files, and then follows it. Nothing is believed: every block must
hash to its CID, follow the one before it and be what its event says; no number
may be missing. Where something cannot be true the copy ends before it, and says
which event it was. A server that is down is waited for.

Stop it and start it again as you like: it goes on where it was. The copy has
the same event numbers as the original, so clients of the events feed can be
moved from one to the other with their cursors.

  stemma mirror https://stemma.example ./copy --key uk_…
  stemma mirror https://stemma.example ./copy --serve 127.0.0.1:8081
  stemma mirror https://stemma.example ./copy --once && stemma verify --data ./copy
  stemma serve --data ./copy --read-only

Keys and other secrets are not copied. The first start that serves the copy
prints a key that may read it.`
}

// Validate refuses, before anything is opened, settings that cannot be.
func (c *mirrorCmd) Validate() error { return c.searchFlags.check() }

// Run mirrors until ctx ends, or with --once until everything is here.
func (c *mirrorCmd) Run(ctx context.Context, io *streams) (err error) {
	logger := newLogger(io.err, slog.LevelInfo, "text")
	o := serverOptions{data: c.Dir, readOnly: true, mirrorOf: c.URL, blobs: c.Blobs, logger: logger, maxBody: 8 << 20, cacheBytes: 32 << 20, noSearch: !c.Search, search: c.searchFlags}
	defer saveMemory()() // what it takes in is what an import does
	if c.Serve == "" {
		s, err := openStores(ctx, o, prometheus.NewRegistry())
		if err != nil {
			return err
		}
		return errors.Join(c.follow(ctx, s, io), s.Close())
	}
	listener, err := net.Listen("tcp", c.Serve)
	if err != nil {
		return fmt.Errorf("cannot listen on %s; choose another with --serve: %w", c.Serve, err)
	}
	defer listener.Close()
	s, err := openServer(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "The mirror is served on http://%s\n", listener.Addr())
	if key := s.keys[entity.Main]; key != "" {
		fmt.Fprintf(io.out, "\nA key that may read it, shown this once:\n\n  %s\n\n", key)
	}
	group, inner := errgroup.WithContext(ctx)
	serving, stop := context.WithCancel(inner) // ends when the mirror does
	group.Go(func() error { return serveHTTP(serving, listener, s.handler, c.Grace, logger) })
	group.Go(func() error {
		defer stop()
		return c.follow(inner, s, io)
	})
	return errors.Join(group.Wait(), s.Close())
}

// follow mirrors the networks side by side, and prints what was done.
func (c *mirrorCmd) follow(ctx context.Context, s *server, io *streams) error {
	show := newMirrorView(io.err)
	reports := make([]mirroring.Report, len(s.stores))
	group, inner := errgroup.WithContext(ctx)
	start := time.Now()
	for i, st := range s.stores {
		if c.Network == "both" || c.Network == string(st.Network()) {
			group.Go(func() (err error) {
				reports[i], err = c.network(inner, st, mirrorFiles{s.networks[i].Blobs}, show)
				return err
			})
		}
	}
	err := group.Wait()
	show.done()
	for i, st := range s.stores {
		printMirror(io.out, st.Network(), reports[i], time.Since(start))
	}
	if ctx.Err() != nil && entity.KindOf(err) == entity.KindCanceled {
		return nil // told to stop
	}
	return err
}

// network mirrors one network.
func (c *mirrorCmd) network(ctx context.Context, st *store.Store, contents mirrorFiles, show *mirrorView) (mirroring.Report, error) {
	network := st.Network()
	source, err := syncclient.New(c.URL, syncclient.Options{
		Key: c.Key, Network: network,
		Retry: syncclient.Retry{Notify: func(err error, wait time.Duration) { show.waiting(network, err, wait) }},
	})
	if err != nil {
		return mirroring.Report{}, err
	}
	defer source.Close()
	return mirroring.Run(ctx, st, mirroring.Options{
		Source: source, Contents: contents, Once: c.Once,
		Progress: func(p mirroring.Progress) { show.progress(network, p) },
	})
}

func printMirror(w io.Writer, network entity.Network, r mirroring.Report, took time.Duration) {
	if r == (mirroring.Report{}) {
		return
	}
	n := r.To - r.From
	fmt.Fprintf(w, "%s: event %d of %d; %d new (%.0f/s), %.1f MB of blocks", network, r.To, max(r.Latest, r.To), n, float64(n)/max(took.Seconds(), 1e-3), float64(r.Bytes)/1e6)
	if r.Contents > 0 {
		fmt.Fprintf(w, ", %d contents of files", r.Contents)
	}
	fmt.Fprintln(w)
}

// mirrorView shows how far the networks are, on one bar.
type mirrorView struct {
	mu   sync.Mutex
	w    io.Writer
	bar  *bar
	last map[entity.Network]mirroring.Progress
}

func newMirrorView(w io.Writer) *mirrorView {
	return &mirrorView{w: w, bar: newBar(w, "mirror"), last: map[entity.Network]mirroring.Progress{}}
}

func (v *mirrorView) progress(network entity.Network, p mirroring.Progress) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last[network] = p
	v.show("mirror")
}

func (v *mirrorView) show(stage string) {
	var at, latest entity.Seq
	for _, p := range v.last {
		at, latest = at+p.At, latest+p.Latest
	}
	v.bar.update(stage, int(at), int(latest))
}

// waiting says that the source does not answer: on the bar, or where there is
// none in a line.
func (v *mirrorView) waiting(network entity.Network, err error, wait time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if terminal(v.w) {
		v.show("mirror: waiting for the server")
		return
	}
	fmt.Fprintf(v.w, "stemma: %s: %s; trying again in %s\n", network, userText(err), wait.Round(100*time.Millisecond))
}

func (v *mirrorView) done() { v.bar.done() }
