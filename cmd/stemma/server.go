package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"stemma/api"
	"stemma/api/auth"
	"stemma/api/auth/audit"
	"stemma/api/auth/external"
	"stemma/api/gateway"
	"stemma/api/llm/memory"
	"stemma/api/llm/price"
	"stemma/api/llm/tenant"
	"stemma/api/llm/usage"
	"stemma/api/native"
	"stemma/api/outbound"
	"stemma/api/portal"
	"stemma/api/portal/ui"
	"stemma/api/recorder"
	recorded "stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/scope"
	"stemma/entity/store"
	fileindex "stemma/files/index"
	"stemma/graph"
	"stemma/versions/attest"
	"stemma/versions/attest/arweave"
)

// server is the stores and everything over them.
type server struct {
	stores    []*store.Store
	networks  []native.Network
	handler   http.Handler
	auth      *auth.Authenticator
	audit     *audit.Recorder
	search    searching
	attest    *attest.Log       // of the main network; nil: none is kept
	anchors   *arweave.Anchorer // of that log; nil: it is not anchored
	outbound  *outbound.Client
	recorder  *recorder.Service
	llm       llm
	portal    *portal.Service
	knowledge knowledge
	counts    map[entity.Network]*usage.Projection
	price     func(provider, model string) (price.Price, bool)
	scratch   string                    // of file content when all else is in memory
	keys      map[entity.Network]string // made at this start, by network
}

type serverOptions struct {
	data         string // "" keeps everything in memory
	bootstrapKey string // "" mints one on first start
	logger       *slog.Logger
	maxBody      int64
	cacheBytes   int64
	blobs        string // where file content is kept; "": in data
	maxFile      int64  // bytes of a file's content; 0: the default
	readOnly     bool   // refuse what writes
	mirrorOf     string // the server that is mirrored into it meanwhile; "" for none
	noSearch     bool
	search       searchFlags // the zero value finds by text and by the built-in embedder
	llm          llmFlags    // the zero value has the built-in model
	chat         chatFlags   // the zero value has no language model
	noAttest     bool
	arweave      arweaveFlags
	attestOrigin string // the name of the log of attestations; "": the one that it has, or after publicURL

	recorder recorderFlags // the zero value bounds nothing

	publicURL  string           // the issuer of tokens; "": the default address
	external   external.Options // whose tokens are believed beside our own
	signIn     auth.SignInOptions
	noSignups  bool
	trustProxy bool

	privateAgents bool   // agents at private addresses are called
	smokeRunner   string // URL of who runs smoke tests; "" for nobody
}

// openServer opens both networks' stores and joins engines and views.
func openServer(ctx context.Context, o serverOptions) (s *server, err error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if s, err = openStores(ctx, o, registry); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	readOnly, err := s.letIn(ctx, o)
	if err != nil {
		return s, err
	}
	if err := s.openAuth(o, readOnly != "", registry); err != nil {
		return s, err
	}
	if err := s.openSearch(ctx, o, registry); err != nil {
		return s, err
	}
	if err := s.openAttest(ctx, o, readOnly != "", registry); err != nil {
		return s, err
	}
	if err := s.openAnchors(o, readOnly != "", registry); err != nil {
		return s, err
	}
	if err := s.openPrices(o); err != nil {
		return s, err
	}
	if s.recorder, err = recorderView(s, o, readOnly != "", registry); err != nil {
		return s, err
	}
	if err := s.openLLM(ctx, o, readOnly != "", registry); err != nil {
		return s, err
	}
	s.openKnowledge(o, readOnly != "")
	s.portal = portalView(s, o)
	chat, err := o.chat.options(o.logger)
	if err != nil {
		return s, err
	}
	app, err := ui.New()
	if err != nil {
		return s, err
	}
	system := api.System{Ready: s.ready, Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{})}
	s.handler = wire.New(wire.Options{
		Ops:          api.Operations(system, native.New(time.Now, s.networks...).WithAuth(s.auth).WithAgents(s.openAgents(o, readOnly != "")).WithChat(chat), s.recorder, gateway.New(s.llm.engine, time.Now), s.portal, adminView(s, health{stores: s.stores, metrics: registry, data: o.data, started: time.Now()}, o.smokeRunner), backupView(s), app),
		Authenticate: s.auth.Authenticate,
		Denied:       s.auth.Denied,
		TrustProxy:   o.trustProxy,
		ErrorBody:    wire.ArkeError,
		Logger:       o.logger,
		Registry:     registry,
		ReadOnly:     readOnly,
		MaxBody:      o.maxBody,
	})
	return s, nil
}

// openStores opens both networks' stores with what is kept up with them.
func openStores(ctx context.Context, o serverOptions, registry *prometheus.Registry) (s *server, err error) {
	s = &server{keys: map[entity.Network]string{}, counts: map[entity.Network]*usage.Projection{}}
	for _, name := range []entity.Network{entity.Main, entity.Test} {
		n, err := s.openNetwork(ctx, o, name, registry)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.networks = append(s.networks, n)
	}
	return s, nil
}

// bootstrap gives both networks their first user, and key to those. Without
// one it mints a key where a network has no first user yet, for both: a start
// that ended between the two, or an import into one, leaves no network behind
// that no key opens.
func (s *server) bootstrap(ctx context.Context, key string) error {
	for _, st := range s.stores {
		err := st.View(ctx, func(r entity.Reader) error {
			_, err := auth.FirstUser(r)
			return err
		})
		switch {
		case entity.KindOf(err) == entity.KindNotFound && key == "":
			key = auth.NewKey()
		case err != nil && entity.KindOf(err) != entity.KindNotFound:
			return err
		}
	}
	for _, st := range s.stores {
		var err error
		if s.keys[st.Network()], err = auth.Bootstrap(ctx, st, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) openNetwork(ctx context.Context, o serverOptions, name entity.Network, registry *prometheus.Registry) (native.Network, error) {
	dir := ""
	if o.data != "" {
		dir = filepath.Join(o.data, string(name))
	}
	index, scopes, counts := graph.New(), scope.New(), usage.New()
	st, err := store.Open(store.Options{
		Dir: dir, Network: name, Projections: withScopes(index, scopes, counts), Logger: o.logger, Registry: registry, CacheBytes: o.cacheBytes,
	})
	if err != nil {
		return native.Network{}, err
	}
	s.stores, s.counts[name] = append(s.stores, st), counts
	data := o.data
	if data == "" {
		if data, err = s.scratchDir(); err != nil {
			return native.Network{}, err
		}
	}
	blobs, err := openBlobs(ctx, o.blobs, data, name)
	if err != nil {
		return native.Network{}, err
	}
	return native.Network{Store: st, Scopes: scopes, Graph: index, Blobs: blobs, MaxFile: o.maxFile}, graphMetrics(registry, name, index)
}

// scratchDir is a directory that goes when the server does.
func (s *server) scratchDir() (dir string, err error) {
	if s.scratch == "" {
		s.scratch, err = os.MkdirTemp("", "stemma-")
	}
	return s.scratch, err
}

// projections is the table of what is kept up with every commit.
func projections(index *graph.Index) []entity.Projection {
	return withScopes(index, scope.New(), usage.New())
}

func withScopes(index entity.Projection, scopes *scope.Index, counts *usage.Projection) []entity.Projection {
	return []entity.Projection{index, listing.Projection{}, scopes, fileindex.Projection{}, recorded.Projection{}, tenant.Projection{}, memory.Projection{}, counts}
}

func graphMetrics(registry *prometheus.Registry, name entity.Network, index *graph.Index) error {
	labels := prometheus.Labels{"network": string(name)}
	gauge := func(metric, help string, value func(*graph.Snapshot) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: metric, Help: help, ConstLabels: labels}, func() float64 { return value(index.Snapshot()) })
	}
	for _, c := range []prometheus.Collector{
		gauge("stemma_graph_nodes", "Live entities in the graph.", func(g *graph.Snapshot) float64 { return float64(g.Nodes()) }),
		gauge("stemma_graph_edges", "Edges in the graph.", func(g *graph.Snapshot) float64 { return float64(g.EdgeCount()) }),
		gauge("stemma_graph_bytes", "Estimated memory of the graph.", func(g *graph.Snapshot) float64 { return float64(g.MemoryBytes()) }),
	} {
		if err := registry.Register(c); err != nil {
			return entity.Internal("stemma.graphMetrics", err)
		}
	}
	return nil
}

func (s *server) ready() error {
	for _, st := range s.stores {
		if err := st.Ready(); err != nil {
			return err
		}
	}
	return nil
}

// Close ends followers of the log and closes the stores.
func (s *server) Close() (err error) {
	if s.recorder != nil {
		err = s.recorder.Close()
	}
	if s.outbound != nil {
		s.outbound.Close()
	}
	s.knowledge.Close()
	err = errors.Join(err, s.llm.Close(), s.closeAuth(), s.search.Close(), s.closeAnchors(), s.closeAttest())
	for _, st := range s.stores {
		err = errors.Join(err, st.Close())
	}
	if s.scratch != "" {
		err = errors.Join(err, os.RemoveAll(s.scratch))
	}
	return err
}
