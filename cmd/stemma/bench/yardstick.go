package bench

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"stemma/api/wire"
)

// Where a child serves what its server is measured against.
const (
	ConstantPath = "/bench/constant" // a router of package wire: everything but the work
	PlainPath    = "/bench/plain"    // chi alone
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
