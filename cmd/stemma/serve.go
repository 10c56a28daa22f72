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

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/entity"
)

// serveCmd runs the server.
type serveCmd struct {
	dataFlags
	blobFlags
	credentialFlags
	searchFlags
	attestFlags
	arweaveFlags
	agentFlags
	recorderFlags
	chatFlags
	llmFlags
	smokeFlags
	Addr         string        `help:"Address to listen on, by default 127.0.0.1:8080; port 0 takes a free one." default:"127.0.0.1:8080" env:"STEMMA_ADDR" placeholder:"HOST:PORT"`
	BootstrapKey string        `help:"Key of the first user, uk_ and at least 20 characters; made up and printed once when left out." env:"STEMMA_BOOTSTRAP_KEY" placeholder:"uk_…"`
	MaxBody      int64         `help:"Largest request body, in bytes." default:"8388608" env:"STEMMA_MAX_BODY"`
	MaxFile      int64         `help:"Largest content of a file, in bytes." default:"524288000" env:"STEMMA_MAX_FILE"`
	Cache        int64         `help:"Memory for decoded manifests, in MiB for each network." default:"32" env:"STEMMA_CACHE"`
	Memory       int64         `help:"Where the garbage collector begins to work harder rather than let the process grow, in MiB; 0 lets it grow. A store of many millions of entities wants more." default:"1400" env:"STEMMA_MEMORY"`
	ReadOnly     bool          `help:"Refuse every operation that writes. A mirror is served like this only." env:"STEMMA_READ_ONLY"`
	LogLevel     string        `help:"debug (every request), info, warn or error." enum:"debug,info,warn,error" default:"info" env:"STEMMA_LOG_LEVEL"`
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

Each setting comes from the first that has it: flag, environment, file, default.
The file is YAML, named by --config, with the names of flags as keys:

  addr: :8080
  data: /var/lib/stemma
  log-format: json

Lost the key? Start once with a --bootstrap-key of your own choice: it becomes
one more key of the first user.

SIGINT or SIGTERM stops it: requests under way finish, streams end.`
}

// Validate refuses, before anything is opened, settings that cannot be.
func (c *serveCmd) Validate() error {
	if c.BootstrapKey != "" {
		if err := auth.CheckKey(c.BootstrapKey); err != nil {
			return errors.New("--bootstrap-key: " + userText(err))
		}
	}
	if err := errors.Join(c.credentialFlags.check(), c.searchFlags.check(), c.attestFlags.check(), c.arweaveFlags.check(), c.recorderFlags.check(), c.chatFlags.check(), c.llmFlags.check(), c.smokeFlags.check()); err != nil {
		return err
	}
	switch {
	case c.MaxBody < 1:
		return fmt.Errorf("--max-body is %d; at least 1 byte", c.MaxBody)
	case c.MaxFile < 1:
		return fmt.Errorf("--max-file is %d; at least 1 byte", c.MaxFile)
	case c.Cache < 1:
		return fmt.Errorf("--cache is %d; at least 1 MiB", c.Cache)
	case c.Memory < 0:
		return fmt.Errorf("--memory is %d; 0 MiB or more", c.Memory)
	case c.Grace < 0:
		return fmt.Errorf("--grace is %s; 0s or more", c.Grace)
	}
	return nil
}

// Run serves until ctx ends. It listens before it opens the stores, so that
// where it cannot, nothing was begun and no key made that nobody sees.
func (c *serveCmd) Run(ctx context.Context, io *streams) error {
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s; choose another with --addr: %w", c.Addr, err)
	}
	defer listener.Close()
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return err
	}
	logger := newLogger(io.err, level, c.LogFormat)
	s, err := openServer(ctx, serverOptions{data: c.Data, bootstrapKey: c.BootstrapKey, logger: logger, maxBody: c.MaxBody, cacheBytes: c.Cache << 20, blobs: c.Blobs, maxFile: c.MaxFile, readOnly: c.ReadOnly,
		publicURL: c.publicURL(listener.Addr()), external: c.external(), signIn: c.signIn(), noSignups: !c.Signups, trustProxy: c.TrustProxy, noSearch: !c.Search, search: c.searchFlags, recorder: c.recorderFlags, privateAgents: c.AllowPrivateAgents, smokeRunner: c.SmokeRunner, noAttest: !c.Attest, attestOrigin: c.attestFlags.Origin, arweave: c.arweaveFlags, chat: c.chatFlags, llm: c.llmFlags})
	if err != nil {
		return err
	}
	tendMemory(ctx, c.Memory, logger)
	c.greet(io.out, listener.Addr().String(), s.keys[entity.Main])
	s.llm.greet(io.out, listener.Addr().String())
	return errors.Join(serveHTTP(ctx, listener, s.handler, c.Grace, logger), s.Close())
}

func (c *serveCmd) greet(w io.Writer, addr, key string) {
	data, err := filepath.Abs(c.Data)
	if err != nil {
		data = c.Data
	}
	fmt.Fprintf(w, "Stemma serves on http://%s\n  data       %s\n  reference  http://%s/ops-reference\n  openapi    http://%s/openapi.json\n", addr, data, addr, addr)
	if key != "" && c.BootstrapKey == "" {
		whose := "of the first user"
		if c.ReadOnly {
			whose = "that may read"
		}
		fmt.Fprintf(w, "\nThe key %s, shown this once:\n\n  %s\n\nUse it as the header  Authorization: ApiKey %s\n\n", whose, key, key)
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
