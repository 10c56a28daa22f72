package retrieval

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stemma/entity"
)

// By hand: 3 of grade 3, 2 and 1; found are the second at rank 1 and the first
// at rank 3.
func TestMeasure(t *testing.T) {
	grades := map[string]float64{"a": 3, "b": 2, "c": 1}
	var s Score
	s.add([]string{"b", "x", "a"}, grades)
	want := (2 + 3/2.0) / (3 + 2/math.Log2(3) + 1/2.0)
	if math.Abs(s.NDCG[0]-want) > 1e-12 || s.Recall[0] != 2.0/3 {
		t.Errorf("nDCG %v and recall %v, want %v and 2/3", s.NDCG[0], s.Recall[0], want)
	}
	if s.add([]string{"a", "b", "c"}, grades); s.NDCG[1] != 1 || s.Recall[1] != 1 {
		t.Errorf("the ideal has %v and %v", s.NDCG[1], s.Recall[1])
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); entity.KindOf(err) != entity.KindNotFound {
		t.Errorf("without a collection: %v", err)
	}
	write(t, dir, "docs.jsonl", `{"id":1,"title":"Wings","author":"a","text":"the flow over a wing"}
{"id":2,"title":"Heat","author":"b","text":"heat in a slab"}
{"id":3,"title":"Wings again","author":"c","text":"wings in supersonic flow"}
`)
	write(t, dir, "queries.jsonl", `{"id":"1","text":"what flows over wings"}`+"\n"+`{"id":"2","text":"nobody judged this"}`+"\n")
	write(t, dir, "qrels.tsv", "query\tdoc\tgrade\n1\t1\t4\n1\t3\t1\n")
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	scores, err := Run(t.Context(), c, &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scores[2:] {
		if len(s.NDCG) != 1 || s.NDCG[0] < 0.9 || !strings.Contains(out.String(), s.Name) {
			t.Errorf("%s: %+v\n%s", s.Name, s, out.String())
		}
	}
	write(t, dir, "qrels.tsv", "1\t1\n")
	if _, err := Load(dir); entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("with a broken file: %v", err)
	}
}

// On the collection that CRANFIELD names: full text is at least as good as Bleve,
// and both together are as good as full text.
func TestCranfield(t *testing.T) {
	dir := os.Getenv("CRANFIELD")
	if dir == "" {
		t.Skip("CRANFIELD names no collection")
	}
	c, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	scores, err := Run(t.Context(), c, &out)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	bleve, text, both := mean(scores[0].NDCG), mean(scores[2].NDCG), mean(scores[4].NDCG)
	if text < bleve || both < text {
		t.Errorf("nDCG@10: Bleve %.4f, full text %.4f, both %.4f", bleve, text, both)
	}
}
