package bench

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"stemma/api/wire"
)

// Where a child serves what its server is measured against.
const (
	ConstantPath = "/bench/constant" // a router of package wire: everything but the work
	PlainPath    = "/bench/plain"    // chi alone
	// PlainProxyPath is in front of what Go's own reverse proxy takes to the
	// upstream, which the recording proxy knows as the provider UpstreamName;
	// TunedProxyPath likewise, with a transport of its own.
	PlainProxyPath = "/bench/proxy"
	TunedProxyPath = "/bench/tuned"
	UpstreamName   = "bench"
)

// constant is the answer of 1 KB.
type constant struct{}

var constantText = []byte(`{"text":"` + strings.Repeat("x", 1013) + `"}`)

// AppendJSON writes it as any answer is written.
func (constant) AppendJSON(b []byte) []byte { return append(b, constantText...) }

// WithYardsticks serves the yardsticks beside a server. upstream is a URL to
// which the plain proxy goes; "" for none.
func WithYardsticks(server http.Handler, upstream string) http.Handler {
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
	proxy, tuned := plainProxies(upstream)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case plainCall:
			proxy.ServeHTTP(w, r)
		case tunedCall:
			tuned.ServeHTTP(w, r)
		case ConstantPath:
			router.ServeHTTP(w, r)
		case PlainPath:
			plain.ServeHTTP(w, r)
		default:
			server.ServeHTTP(w, r)
		}
	})
}

// plainProxies are Go's own reverse proxy as its documentation makes it, which is
// the yardstick, and one with a transport that keeps as many connections as there
// are callers, where Go's default keeps two: for reference.
func plainProxies(upstream string) (plain, tuned http.Handler) {
	target, err := url.Parse(upstream)
	if err != nil {
		target = &url.URL{} // which nothing is reached at
	}
	own := httputil.NewSingleHostReverseProxy(target)
	own.Transport = &http.Transport{MaxIdleConns: 1024, MaxIdleConnsPerHost: 256, DisableCompression: true}
	return whole(PlainProxyPath, httputil.NewSingleHostReverseProxy(target)), whole(TunedProxyPath, own)
}

// whole has a proxy behind a path get requests whole: an upstream that answers at
// once may do so before the transport has looked behind the request's end, which
// net/http then refuses, and the answer breaks off.
func whole(path string, proxy http.Handler) http.Handler {
	return http.StripPrefix(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
}
