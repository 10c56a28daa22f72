package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"stemma/api"
	"stemma/api/auth"
	"stemma/api/native"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/store"
	"stemma/graph"
)

// server is the stores and everything over them.
type server struct {
	stores  []*store.Store
	handler http.Handler
	keys    map[entity.Network]string // made at this start, by network
}

type serverOptions struct {
	data         string // "" keeps everything in memory
	bootstrapKey string // "" mints one on first start
	logger       *slog.Logger
	maxBody      int64
	cacheBytes   int64
}

// openServer opens both networks' stores and joins engines and views.
func openServer(ctx context.Context, o serverOptions) (s *server, err error) {
	s = &server{keys: map[entity.Network]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var networks []native.Network
	for _, name := range []entity.Network{entity.Main, entity.Test} {
		n, err := s.openNetwork(o, name, registry)
		if err != nil {
			return s, err
		}
		networks = append(networks, n)
		key := o.bootstrapKey
		if key == "" {
			key = s.keys[entity.Main] // one key opens both networks
		}
		if s.keys[name], err = auth.Bootstrap(ctx, n.Store, key); err != nil {
			return s, err
		}
	}
	system := api.System{Ready: s.ready, Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{})}
	s.handler = wire.New(wire.Options{
		Ops:          api.Operations(system, native.New(time.Now, networks...)),
		Authenticate: authenticator(s.stores),
		ErrorBody:    wire.ArkeError,
		Logger:       o.logger,
		Registry:     registry,
		MaxBody:      o.maxBody,
	})
	return s, nil
}

func (s *server) openNetwork(o serverOptions, name entity.Network, registry *prometheus.Registry) (native.Network, error) {
	dir := ""
	if o.data != "" {
		dir = filepath.Join(o.data, string(name))
	}
	index := graph.New()
	st, err := store.Open(store.Options{
		Dir: dir, Network: name, Projections: projections(index), Logger: o.logger, Registry: registry, CacheBytes: o.cacheBytes,
	})
	if err != nil {
		return native.Network{}, err
	}
	s.stores = append(s.stores, st)
	return native.Network{Store: st, Graph: index}, graphMetrics(registry, name, index)
}

// projections is the table of what is kept up with every commit.
func projections(index *graph.Index) []entity.Projection {
	return []entity.Projection{index, listing.Projection{}}
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

// authenticator finds the principal of a request in the store of its network.
func authenticator(stores []*store.Store) func(*http.Request) (context.Context, bool, error) {
	return func(r *http.Request) (context.Context, bool, error) {
		ctx := r.Context()
		header := r.Header.Get("Authorization")
		if header == "" {
			return ctx, false, nil
		}
		for _, s := range stores {
			if s.Network() != wire.NetworkOf(ctx) {
				continue
			}
			p, err := auth.FromHeader(ctx, s, header)
			if err != nil {
				return ctx, false, err
			}
			return auth.With(ctx, p), true, nil
		}
		return ctx, false, entity.Internal("stemma.authenticate", errors.New("no store of the network"))
	}
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
	for _, st := range s.stores {
		err = errors.Join(err, st.Close())
	}
	return err
}
