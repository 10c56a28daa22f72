package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"stemma/api/wire"
	"stemma/entity"
)

// Where a child serves what its server is measured against.
const (
	ConstantPath = "/bench/constant" // a router of package wire: everything but the work
	PlainPath    = "/bench/plain"    // chi alone
	// UpstreamName is as which provider the recording proxy knows the upstream.
	UpstreamName = "bench"
	// tunedPath is in front of what the second of [plainProxies] takes.
	tunedPath = "/tuned"
)

// constant is the answer of 1 KB.
type constant struct{}

var constantText = []byte(`{"text":"` + strings.Repeat("x", 1013) + `"}`)

// AppendJSON writes it as any answer is written.
func (constant) AppendJSON(b []byte) []byte { return append(b, constantText...) }

// WithYardsticks serves the yardsticks beside a server.
func WithYardsticks(server http.Handler) http.Handler {
	router := wire.New(wire.Options{
		Ops: []wire.Operation{wire.Op(wire.Operation{Method: "GET", Path: ConstantPath, ID: "constant"},
			func(context.Context, *struct{}) (*wire.Reply, error) { return wire.OK(constant{}), nil })},
		Registry: prometheus.NewRegistry(),
	})
	plain := chi.NewMux()
	plain.Get(PlainPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(constantText) // who does not listen is no concern here
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case ConstantPath:
			router.ServeHTTP(w, r)
		case PlainPath:
			plain.ServeHTTP(w, r)
		default:
			server.ServeHTTP(w, r)
		}
	})
}

// ServePlain is a child that serves plain proxies and nothing of ours, until the
// parent closes the standard input or ctx ends.
func (c Child) ServePlain(ctx context.Context, in io.Reader, out io.Writer) error {
	return c.Serve(ctx, in, out, func() (entity.Store, error) { return nil, nil }, func(ctx context.Context, ready func(addr, key string) error) error {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		server := &http.Server{Handler: plainProxies(c.Upstream)}
		context.AfterFunc(ctx, func() { server.Close() })
		if err := ready(listener.Addr().String(), ""); err != nil {
			return errors.Join(err, listener.Close())
		}
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
}

// plainProxies are Go's own reverse proxy as its documentation makes it, which is the
// yardstick, and behind [tunedPath] one with a transport that keeps as many
// connections as there are callers, where Go's default keeps two: for reference.
func plainProxies(upstream string) http.Handler {
	target, err := url.Parse(upstream)
	if err != nil {
		target = &url.URL{} // which nothing is reached at
	}
	tuned := httputil.NewSingleHostReverseProxy(target)
	tuned.Transport = &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 256, DisableCompression: true}
	mux := http.NewServeMux()
	mux.Handle("/", whole(httputil.NewSingleHostReverseProxy(target)))
	mux.Handle(tunedPath+"/", http.StripPrefix(tunedPath, whole(tuned)))
	return mux
}

// whole has a proxy get requests whole: an upstream that answers at once may do so
// before the transport has looked behind the request's end, which net/http then
// refuses, and the answer breaks off.
func whole(proxy http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	})
}
