package wire

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// kilobyte is the constant answer of 1 KB that everything is measured against.
type kilobyte struct{}

var constantAnswer = []byte(`{"text":"` + strings.Repeat("x", 1013) + `"}`)

func (kilobyte) AppendJSON(dst []byte) []byte { return append(dst, constantAnswer...) }

// sink is a ResponseWriter that costs next to nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}

func drive(b *testing.B, h http.Handler, make func() *http.Request) {
	r := make()
	w := &sink{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

func get() *http.Request {
	r := httptest.NewRequest("GET", "/entities/"+anID, nil)
	r.Header.Set("Authorization", "Bearer ann")
	return r
}

// BenchmarkOverhead compares a constant answer through chi alone with the same
// through an operation: authentication, binding, request id, CORS, metrics, log.
func BenchmarkOverhead(b *testing.B) {
	b.Run("chi", func(b *testing.B) {
		mux := chi.NewMux()
		mux.Get("/entities/{id}", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(constantAnswer)
		})
		drive(b, mux, get)
	})
	b.Run("wire", func(b *testing.B) {
		op := Op(Operation{Method: "GET", Path: "/entities/{id}", ID: "x", Auth: AuthOptional}, func(context.Context, *struct {
			ID entity.ID `path:"id"`
		}) (*Reply, error) {
			return OK(kilobyte{}), nil
		})
		drive(b, New(Options{Ops: []Operation{op}, Authenticate: authenticate, Registry: prometheus.NewRegistry(),
			Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))}), get)
	})
}

// BenchmarkBind is a body of an update, parsed and bound.
func BenchmarkBind(b *testing.B) {
	type update struct {
		ID     entity.ID      `path:"id"`
		Tip    Tip            `json:"expect_tip" req:"true"`
		Note   string         `json:"note"`
		Props  map[string]any `json:"properties"`
		Remove any            `json:"properties_remove"`
		Rels   []relationship `json:"relationships_add"`
	}
	op := Op(Operation{Method: "PUT", Path: "/entities/{id}", ID: "x"}, func(context.Context, *update) (*Reply, error) { return NoContent(), nil })
	body := `{"expect_tip":"` + aCID + `","properties":{"label":"a","text":"` + strings.Repeat("x", 1000) + `"},"relationships_add":[{"predicate":"p","peer":"` + anID + `"}]}`
	h := New(Options{Ops: []Operation{op}})
	w := &sink{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, httptest.NewRequest("PUT", "/entities/"+anID, strings.NewReader(body)))
	}
	b.SetBytes(int64(len(body)))
}

func BenchmarkAppendValue(b *testing.B) {
	v, err := entity.ParseJSON([]byte(`{"label":"a person","born":1850,"weight":0.5,"tags":["a","b","c"],"nested":{"x":{"y":[1,2,3]},"z":null},"text":"`+strings.Repeat("word ", 100)+`"}`), 0)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendValue(buf[:0], v)
	}
	b.SetBytes(int64(len(buf)))
}
