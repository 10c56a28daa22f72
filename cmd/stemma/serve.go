package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"stemma/api/wire"
	"stemma/entity"
)

// serveCmd runs the server.
type serveCmd struct {
	dataFlags
	Addr         string        `help:"Address to listen on, by default 127.0.0.1:8080; port 0 takes a free one." default:"127.0.0.1:8080" env:"STEMMA_ADDR" placeholder:"HOST:PORT"`
	BootstrapKey string        `help:"Key of the first user, uk_ and at least 20 characters; made up and printed once when left out." env:"STEMMA_BOOTSTRAP_KEY" placeholder:"uk_…"`
	MaxBody      int64         `help:"Largest request body, in bytes." default:"8388608" env:"STEMMA_MAX_BODY"`
	Cache        int64         `help:"Memory for decoded manifests, in MiB for each network." default:"32" env:"STEMMA_CACHE"`
	LogLevel     slog.Level    `help:"debug (every request), info, warn or error." default:"info" env:"STEMMA_LOG_LEVEL"`
	LogFormat    string        `help:"text or json." enum:"text,json" default:"text" env:"STEMMA_LOG_FORMAT"`
	Grace        time.Duration `help:"How long requests may finish when the server is told to stop." default:"10s" env:"STEMMA_GRACE"`
}

// Help is shown under 'stemma serve --help'.
func (serveCmd) Help() string {
	return `The first start creates the data directory, a first user and a key, and prints
the key once. Two networks that share nothing are served: main, and test for
requests with the header X-Arke-Network: test. The key opens both.

  stemma serve
  curl -H "Authorization: ApiKey $KEY" --json '{"type":"note","properties":{"label":"hello"}}' localhost:8080/entities
  curl localhost:8080/events

SIGINT or SIGTERM stops it: requests under way finish, streams end.`
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, io *streams) error {
	logger := newLogger(io.err, c.LogLevel, c.LogFormat)
	s, err := openServer(ctx, serverOptions{data: c.Data, bootstrapKey: c.BootstrapKey, logger: logger, maxBody: c.MaxBody, cacheBytes: c.Cache << 20})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return errors.Join(fmt.Errorf("cannot listen on %s; choose another with --addr: %w", c.Addr, err), s.Close())
	}
	c.greet(io.out, listener.Addr().String(), s.keys[entity.Main])
	return errors.Join(serveHTTP(ctx, listener, s.handler, c.Grace, logger), s.Close())
}

func (c *serveCmd) greet(w io.Writer, addr, key string) {
	data, err := filepath.Abs(c.Data)
	if err != nil {
		data = c.Data
	}
	fmt.Fprintf(w, "Stemma serves on http://%s\n  data       %s\n  reference  http://%s/ops-reference\n  openapi    http://%s/openapi.json\n", addr, data, addr, addr)
	if key != "" && c.BootstrapKey == "" {
		fmt.Fprintf(w, "\nThe key of the first user, shown this once:\n\n  %s\n\nUse it as the header  Authorization: ApiKey %s\n\n", key, key)
	}
}

// serveHTTP serves until ctx ends. Streams and long polls let go then, other
// requests may finish for grace.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, grace time.Duration, logger *slog.Logger) error {
	requests := wire.WithDrain(context.WithoutCancel(ctx), ctx)
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      2 * time.Minute, // of small answers; api/wire sets that of large ones and streams
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	logger.Info("stopping", "grace", grace)
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := srv.Shutdown(deadline)
	if errors.Is(err, context.DeadlineExceeded) {
		return srv.Close()
	}
	return err
}

func newLogger(w io.Writer, level slog.Level, format string) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
