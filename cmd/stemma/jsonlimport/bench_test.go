package jsonlimport_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"stemma/cmd/stemma/jsonlimport"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/store"
	"stemma/graph"
)

// writeLines writes n entities with two relationships each, about 400 bytes a
// line, among them peers that come later.
func writeLines(tb testing.TB, path string, n int) {
	tb.Helper()
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(f)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		fmt.Fprintf(w, `{"key":"p%d","type":"person","properties":{"label":"Person %d","born":%d,"note":"forty characters of text, more or less..","tags":["a","b"]},"relationships":[{"predicate":"knows","peer":{"key":"p%d"}},{"predicate":"works_with","peer":{"key":"p%d"},"properties":{"since":%d}}]}`+"\n",
			i, i, 1800+i%200, r.IntN(n), r.IntN(n), 1900+i%100)
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkImport imports STEMMA_IMPORT_ENTITIES entities (100,000 when it is not
// set) with two relationships each into a store with the server's projections.
func BenchmarkImport(b *testing.B) {
	n := 100_000
	if s := os.Getenv("STEMMA_IMPORT_ENTITIES"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	dir := b.TempDir()
	path := filepath.Join(dir, "people.jsonl")
	writeLines(b, path, n)
	for i := range b.N {
		s, err := store.Open(store.Options{Dir: filepath.Join(dir, fmt.Sprint("store", i)), Projections: []entity.Projection{graph.New(), listing.Projection{}}})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		r, err := jsonlimport.Import(b.Context(), s, jsonlimport.Options{Path: path, By: user})
		b.StopTimer()
		if err != nil || r.Run.Entities != int64(n) {
			b.Fatal(r, err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys)/1e6, "MB-sys")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entities/s")
}

const user entity.ID = "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK"
