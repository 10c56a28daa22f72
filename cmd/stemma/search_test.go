package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stemma/entity"
)

// finds asks for what a text finds, after all that was written, and gives the
// answer.
func finds(t *testing.T, s *server, key, text string) string {
	t.Helper()
	out := askHandler(s.handler, "POST", fmt.Sprintf("/users/me/search?since=%d", s.stores[0].Seq()), fmt.Sprintf(`{"query":%q,"mode":"text","include_public":true,"highlights":true,"expand":"none"}`, text), key)
	if out.Code != http.StatusOK {
		t.Fatalf("status %d: %s", out.Code, out.Body)
	}
	return out.Body.String()
}

// A file is found by the text of its content, whatever kind it is of; one that is
// not what it says is found by its properties, and stops nobody.
func TestFilesAreFoundByContent(t *testing.T) {
	s, err := openServer(t.Context(), serverOptions{bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, f := range []struct{ name, kind, content, finds string }{
		{"a.txt", "text/plain", "The quick marmot crosses the alp", "marmot"},
		{"b.md", "text/markdown", "# Glaciers\n\nAn *ibex* on the moraine", "ibex"},
		{"c.html", "text/html", "<p>A <b>chamois</b> below the col</p><script>var hidden = 'nothing'</script>", "chamois"},
		{"d.pdf", "application/pdf", onePagePDF("A ptarmigan in the snow"), "ptarmigan"},
		{"e.pdf", "application/pdf", "this is no PDF at all", "e.pdf"},
		{"f.bin", "application/octet-stream", "\x00\x01\x02", "f.bin"},
		{"g.txt", "text/plain", "the last one: a wallcreeper", "wallcreeper"},
	} {
		var file struct{ ID entity.ID }
		out := askHandler(s.handler, "POST", "/files", fmt.Sprintf(`{"key":"k%d","filename":%q,"content_type":%q,"size":%d}`, i, f.name, f.kind, len(f.content)), testKey)
		if err := json.Unmarshal(out.Body.Bytes(), &file); err != nil || out.Code != http.StatusCreated {
			t.Fatalf("status %d: %s", out.Code, out.Body)
		}
		r := httptest.NewRequest("POST", "/files/"+string(file.ID)+"/content", strings.NewReader(f.content))
		r.Header.Set("Content-Type", f.kind)
		r.Header.Set("Authorization", "ApiKey "+testKey)
		out = httptest.NewRecorder()
		if s.handler.ServeHTTP(out, r); out.Code != http.StatusOK {
			t.Fatalf("%s: status %d: %s", f.name, out.Code, out.Body)
		}
		got := finds(t, s, testKey, f.finds)
		if !strings.Contains(got, string(file.ID)) {
			t.Errorf("%s is not found by %s: %s", f.name, f.finds, got)
		}
		if inContent := strings.Contains(got, `"field":"content"`); inContent != !strings.Contains(f.name, f.finds) {
			t.Errorf("%s: the highlights of %s are %s", f.name, f.finds, got)
		}
	}
	if got := finds(t, s, testKey, "hidden"); !strings.Contains(got, `"results":[]`) {
		t.Errorf("a script is text: %s", got)
	}
}

// onePagePDF is a PDF of one page with a text on it.
func onePagePDF(text string) string {
	content := "BT /F1 12 Tf 72 700 Td (" + text + ") Tj ET"
	var b strings.Builder
	var at []int
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents 5 0 R >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content),
	} {
		if i == 0 {
			b.WriteString("%PDF-1.4\n")
		}
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.String()
}

// A mirror that is served is searched too, by the key that may read it.
func TestMirrorIsSearched(t *testing.T) {
	_, url := mirrored(t)
	dir := t.TempDir()
	c := mirrorCmd{URL: url, Dir: dir, Network: "main", Once: true}
	if err := c.Run(t.Context(), &streams{out: newTranscript(), err: newTranscript()}); err != nil {
		t.Fatal(err)
	}
	s, err := openServer(t.Context(), serverOptions{data: dir, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, readOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	seq := s.stores[0].Seq()
	if got := finds(t, s, s.keys[entity.Main], `"note 3"`); !strings.Contains(got, `"label":"note 3"`) {
		t.Errorf("found: %s", got)
	}
	if s.stores[0].Seq() != seq {
		t.Error("searching has changed the log")
	}
}

// A change of the service's model embeds again; the built-in embedder's vectors
// serve meanwhile, and what was embedded is not asked for a second time.
func TestEmbeddingsService(t *testing.T) {
	asked := make(chan int, 1000)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask struct {
			Model string
			Input []string
		}
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || r.URL.Path != "/v1/embeddings" || r.Header.Get("Authorization") != "Bearer key" || ask.Model != "m" {
			t.Errorf("it is asked %s %v: %v", r.URL, ask, err)
		}
		asked <- len(ask.Input)
		data := make([]map[string]any, len(ask.Input))
		for i := range data {
			data[i] = map[string]any{"index": i, "embedding": []float64{1, float64(i)}}
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"data": data}); err != nil {
			t.Error(err)
		}
	}))
	defer service.Close()
	dir := t.TempDir()
	texts := func(f searchFlags) (n int) {
		s, err := openServer(t.Context(), serverOptions{data: dir, bootstrapKey: testKey, logger: slog.New(slog.DiscardHandler), maxBody: 1 << 20, search: f})
		if err != nil {
			t.Fatal(err)
		}
		askHandler(s.handler, "POST", "/entities", `{"type":"note","properties":{"label":"one more"}}`, testKey)
		for _, x := range s.search.indexes {
			for x.Status().Building != "" || x.Status().Waiting > 0 {
				if err := t.Context().Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for len(asked) > 0 {
			n += <-asked
		}
		return n
	}
	remote := searchFlags{Embeddings: service.URL + "/v1", Key: "key", Model: "m"}
	if n := texts(searchFlags{}); n != 0 {
		t.Errorf("the service is not set, and was asked for %d texts", n)
	}
	if n := texts(remote); n < 3 { // for its dimensions, the first users and the notes
		t.Errorf("everything was to be embedded again, and it was asked for %d texts", n)
	}
	if n := texts(searchFlags{Embeddings: lexicalEmbeddings}); n != 0 {
		t.Errorf("it is not set any more, and was asked for %d texts", n)
	}
	if n := texts(remote); n != 1 { // for its dimensions
		t.Errorf("all had been embedded, and it was asked for %d texts", n)
	}
}
