package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// skyID is the collection of [withSky].
const skyID = "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK"

// withSky makes a data directory into which ten thousand entities were imported, as
// somebody would who comes from elsewhere: stars, and as many planets, each near a
// star and beside a planet before it. It gives the directory.
func withSky(t *testing.T) (data string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sky.jsonl")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, `{"id":%q,"type":"collection","properties":{"label":"Sky"}}`+"\n", skyID)
	for i := range 5000 {
		fmt.Fprintf(w, `{"key":"star %d","type":"star","collection":%q,"properties":{"label":"Star %[1]d"}}`+"\n", i, skyID)
	}
	for i := range 5000 {
		beside := ""
		if i >= 100 {
			beside = fmt.Sprintf(`,{"predicate":"beside","peer":{"key":"planet %d"}}`, i-100)
		}
		fmt.Fprintf(w, `{"key":"planet %d","type":"planet","collection":%q,"properties":{"label":"Planet %[1]d"},"relationships":[{"predicate":"near","peer":{"key":"star %[1]d"}}%[3]s]}`+"\n", i, skyID, beside)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	data = t.TempDir()
	p, err := launch(t.Context(), nil, "stemma", "import", "jsonl", file, "--data", data)
	if err != nil {
		t.Fatal(err)
	}
	if <-p.ended; p.err != nil {
		t.Fatalf("import: %v\n%s%s", p.err, p.stdout, p.stderr)
	}
	return data
}
