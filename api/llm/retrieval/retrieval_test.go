package retrieval_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"stemma/api/llm/retrieval"
	"stemma/api/llm/tenant"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/store"
	"stemma/files"
	"stemma/files/extract"
	fileindex "stemma/files/index"
	"stemma/query/search/embed"
)

// rig is a knowledge base in a real store, with content in a directory.
type rig struct {
	*testing.T
	*store.Store
	blobs *files.Blobs
	base  *retrieval.Base
	kb    entity.ID
}

var system = entity.Actor{UserID: "system", Method: entity.MethodSystem}

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := store.Open(store.Options{Network: entity.Main, Projections: []entity.Projection{listing.Projection{}, tenant.Projection{}, fileindex.Projection{}}})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := files.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &rig{T: t, Store: s, blobs: blobs, base: retrieval.New(retrieval.Options{Blobs: blobs, Texts: extract.New(extract.Options{}), Embedder: embed.NewLexical(embed.LexicalOptions{}), MaxFile: 1 << 20})}
	t.Cleanup(func() {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.update(func(tx entity.Tx) error {
		owner, err := tx.Create(entity.Draft{Type: entity.TypeTenant, Properties: entity.Properties{"label": "house"}})
		if err != nil {
			return err
		}
		kb, err := tx.Create(entity.Draft{
			Type: entity.TypeCollection, Properties: entity.Properties{"label": "docs", "kind": tenant.KindKnowledgeBase},
			Relationships: []entity.Relationship{{Predicate: entity.PredicateTenant, Peer: owner.Manifest.ID}},
		})
		if err != nil {
			return err
		}
		w.kb = kb.Manifest.ID
		found, err := retrieval.Find(tx, owner.Manifest.ID, "docs")
		if err != nil || found != w.kb {
			t.Error("found by name:", found, err)
		}
		return err
	})
	return w
}

func (w *rig) update(fn func(entity.Tx) error) {
	w.Helper()
	if _, err := w.Update(context.Background(), system, fn); err != nil {
		w.Fatal(err)
	}
}

// add puts a file in and gives its id.
func (w *rig) add(name, content string, split retrieval.Split) (id entity.ID) {
	w.Helper()
	d, err := w.base.Read(context.Background(), retrieval.Upload{Name: name, Content: strings.NewReader(content)}, split)
	if err != nil {
		w.Fatal(err)
	}
	err = w.base.Add(context.Background(), w.Store, []*retrieval.Document{d}, func() error {
		w.update(func(tx entity.Tx) error { return d.Create(tx, w.kb) })
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return d.File()
}

func (w *rig) ask(question string, k int) (out []retrieval.Passage) {
	w.Helper()
	q, err := w.base.Ask(context.Background(), question)
	if err == nil {
		err = w.View(context.Background(), func(r entity.Reader) (err error) {
			out, err = w.base.Nearest(context.Background(), r, w.kb, q, k)
			return err
		})
	}
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *rig) manifest(id entity.ID) (m *entity.Manifest) {
	w.Helper()
	err := w.View(context.Background(), func(r entity.Reader) error {
		h, err := r.Head(id)
		if err == nil {
			m, err = r.Manifest(h.CID())
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// The nearest passage comes first, is a block of the file's chain, and has all
// that an answer cites.
func TestRetrieve(t *testing.T) {
	w := newRig(t)
	w.add("whales.md", "# Whales\n\nThe blue whale is the largest animal. It feeds on krill.", retrieval.DefaultSplit)
	w.add("bread.txt", "Sourdough bread rises slowly. Bake it in a hot oven.", retrieval.DefaultSplit)
	got := w.ask("how do I bake sourdough bread?", 2)
	if len(got) == 0 || got[0].SourcePath != "bread.txt" || got[0].KnowledgeBase != "docs" || got[0].Rank != 1 || got[0].Similarity <= 0 || !strings.HasSuffix(got[0].ChunkID, ":0") {
		t.Fatalf("%+v", got)
	}
	err := w.View(t.Context(), func(r entity.Reader) error {
		data, err := r.Block(got[0].CID)
		if err != nil {
			return err
		}
		b, c, err := entity.OpenChainBlock(data)
		if err == nil && (c != got[0].CID || b.Chain != "chunks" || b.Body["content"] != got[0].Content) {
			t.Error(b, c)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The ranking is that of comparing the question with every chunk.
func TestRetrieveIsExact(t *testing.T) {
	w := newRig(t)
	var texts []string
	for i := range 40 {
		text := fmt.Sprintf("Entry %d tells of thing%d and thing%d.", i, i%7, i%11)
		texts = append(texts, text)
		w.add(fmt.Sprintf("f%02d.txt", i), text, retrieval.DefaultSplit)
	}
	lexical := embed.NewLexical(embed.LexicalOptions{})
	vectors, err := lexical.Embed(t.Context(), embed.Document, append(texts, "thing3 and thing5"))
	if err != nil {
		t.Fatal(err)
	}
	query := vectors[len(texts)]
	var want []float64
	for _, v := range vectors[:len(texts)] {
		var sum float32
		for i, x := range v {
			sum += x * query[i]
		}
		if sum > 0 {
			want = append(want, float64(sum))
		}
	}
	slices.Sort(want)
	slices.Reverse(want)
	for range 2 { // from the store, and out of memory
		got := w.ask("thing3 and thing5", 10)
		for i, p := range got {
			if diff := p.Similarity - want[i]; diff > 1e-6 || diff < -1e-6 {
				t.Errorf("place %d: %f, want %f", i, p.Similarity, want[i])
			}
		}
		if len(got) != 10 {
			t.Errorf("%d passages", len(got))
		}
	}
}

// replace puts content into a file, as another view does.
func (w *rig) replace(id entity.ID, content string) {
	w.Helper()
	info, err := w.blobs.Ingest(w.Context(), strings.NewReader(content), 1000, files.Unknown)
	if err != nil {
		w.Fatal(err)
	}
	w.update(func(tx entity.Tx) error {
		_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Properties["key"], m.Properties["cid"], m.Properties["size"] = info.CID.String(), info.CID.String(), info.Size
			return nil
		})
		return err
	})
}

// New content is cut anew: the old chunks stay as blocks, and are not found.
func TestContentChanges(t *testing.T) {
	w := newRig(t)
	id := w.add("a.txt", "The password of the gate is swordfish.", retrieval.DefaultSplit)
	old := w.ask("password gate", 1)[0]
	// Another view puts content into the file.
	w.replace(id, "The password of the gate is marlin.")
	if n, err := w.base.Refresh(t.Context(), w.Store, w.kb); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	got := w.ask("password gate", 5)
	if len(got) != 1 || !strings.Contains(got[0].Content, "marlin") || got[0].CID == old.CID {
		t.Errorf("%+v", got)
	}
	if n, err := w.base.Refresh(t.Context(), w.Store, w.kb); n != 0 || err != nil {
		t.Error("once more:", n, err)
	}
	if err := w.View(t.Context(), func(r entity.Reader) error { _, err := r.Block(old.CID); return err }); err != nil {
		t.Error("a chunk that an answer may have named is gone:", err)
	}
	// Another cut of the knowledge base reaches all of its files.
	w.update(func(tx entity.Tx) error {
		_, err := tx.Put(w.kb, entity.Any, func(m *entity.Manifest) error {
			m.Properties["settings"] = map[string]any{"chunk_tokens": int64(20), "overlap_tokens": int64(0), "similarity_threshold": 0.99}
			return nil
		})
		return err
	})
	if n, err := w.base.Refresh(t.Context(), w.Store, w.kb); n != 1 || err != nil {
		t.Error(n, err)
	}
	if got := w.ask("password gate", 5); len(got) != 0 {
		t.Errorf("below the threshold: %+v", got)
	}
	// Of a deleted file nothing is found.
	w.update(func(tx entity.Tx) error { return tenant.Bury(tx, id, entity.Any, time.UnixMilli(0)) })
	if got := w.ask("The password of the gate is marlin.", 5); len(got) != 0 {
		t.Errorf("of a deleted file: %+v", got)
	}
}

// Of content that nothing can be read out of the file says why, until there is other
// content.
func TestRefusedContent(t *testing.T) {
	w := newRig(t)
	id := w.add("a.txt", "Herons stand in the reeds.", retrieval.DefaultSplit)
	for content, says := range map[string]string{"\x89PNG\r\n\x1a\n\x00\x00": "image/png", "Herons fly.": ""} {
		w.replace(id, content)
		if n, err := w.base.Refresh(t.Context(), w.Store, w.kb); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		set := retrieval.SetOf(w.manifest(id))
		if (says == "") != (set.Refused == "") || !strings.Contains(set.Refused, says) || (set.Count == 0) != (says != "") {
			t.Errorf("%q: %+v", content, set)
		}
	}
}

// Vectors of another embedder are not compared with: the chunks are embedded anew.
func TestEmbedderChanges(t *testing.T) {
	w := newRig(t)
	w.add("a.txt", "Herons stand in the reeds.", retrieval.DefaultSplit)
	w.base = retrieval.New(retrieval.Options{Blobs: w.blobs, Texts: extract.New(extract.Options{}), Embedder: embed.NewLexical(embed.LexicalOptions{Dimensions: 64})})
	if got := w.ask("herons reeds", 1); len(got) != 1 || got[0].Similarity <= 0 {
		t.Errorf("%+v", got)
	}
	if n, err := w.base.Refresh(t.Context(), w.Store, w.kb); n != 1 || err != nil {
		t.Error(n, err)
	}
	if got := w.ask("herons reeds", 1); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// A file that another view puts into the knowledge base is found without more.
func TestFollow(t *testing.T) {
	w := newRig(t)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		w.base.Follow(ctx, w.Store, slog.New(slog.DiscardHandler))
	}()
	defer func() { stop(); <-over }()
	info, err := w.blobs.Ingest(t.Context(), strings.NewReader("Otters hold hands."), 1000, files.Unknown)
	if err != nil {
		t.Fatal(err)
	}
	var id entity.ID
	w.update(func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: entity.TypeFile, Properties: entity.Properties{"label": "o.txt", "filename": "o.txt", "key": "k", "content_type": "text/plain", "size": info.Size, "uploaded": true, "cid": info.CID.String()}, Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: w.kb}}})
		if err == nil {
			id = v.Manifest.ID
		}
		return err
	})
	for at := entity.Seq(0); retrieval.SetOf(w.manifest(id)).Count == 0; {
		if err := w.Wait(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		at = w.Seq()
	}
	if got := w.ask("otters", 1); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// What is not what it says is refused with what it is.
func TestBadFiles(t *testing.T) {
	w := newRig(t)
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("\x00", 100)
	docx, err := os.ReadFile(filepath.Join("..", "..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]struct {
		file, kind, content string
		want                entity.Kind
		says                string
	}{
		"a picture as text":     {"a.txt", "", png, entity.KindInvalid, "image/png"},
		"a picture as markdown": {"a.md", "text/markdown", png, entity.KindInvalid, "image/png"},
		"a PDF as text":         {"a.txt", "text/plain", "%PDF-1.7\n" + png, entity.KindInvalid, "application/pdf"},
		"text as PDF":           {"a.pdf", "", "hello", entity.KindInvalid, "text/plain"},
		"text as docx":          {"a.docx", "", string(docx), entity.KindInvalid, "text/plain"},
		"broken JSON":           {"a.json", "", `{"a":`, entity.KindInvalid, "a.json"},
		"no text":               {"a.txt", "", "   \n ", entity.KindInvalid, "no text"},
		"nothing":               {"a.md", "", "", entity.KindInvalid, "no text"},
		"a picture":             {"a.png", "image/png", png, entity.KindUnsupported, "txt, md"},
		"bytes":                 {"a", "application/octet-stream", "\x00\x01\x02", entity.KindUnsupported, "txt, md"},
		"no name":               {"", "text/plain", "x", entity.KindInvalid, "name"},
		"too large":             {"a.txt", "", strings.Repeat("a", 1<<20+1), entity.KindTooLarge, "1048576"},
	} {
		before := w.Seq()
		_, err := w.base.Read(t.Context(), retrieval.Upload{Name: f.file, ContentType: f.kind, Content: strings.NewReader(f.content)}, retrieval.DefaultSplit)
		if entity.KindOf(err) != f.want || !strings.Contains(fmt.Sprint(err), f.says) {
			t.Errorf("%s: %v, want %v with %q", name, err, f.want, f.says)
		}
		if w.Seq() != before {
			t.Errorf("%s: something was written", name)
		}
	}
}

// A cut loses nothing, keeps to its size, and ends with sentences.
func TestCut(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "This is sentence number %d, by J. Smith of approx. forty characters. ", i)
	}
	text := b.String()
	split := retrieval.Split{Size: 100, Overlap: 20}
	chunks := split.Cut(text)
	covered := 0
	for i, c := range chunks {
		if n := utf8.RuneCountInString(c.Text); n > 400 {
			t.Errorf("chunk %d has %d characters", i, n)
		}
		if strings.TrimSpace(text[min(covered, c.From):c.From]) != "" && c.From > covered {
			t.Errorf("between %d and %d is nothing", covered, c.From)
		}
		if !strings.HasSuffix(c.Text, "characters.") || !strings.HasPrefix(c.Text, "This is") {
			t.Errorf("chunk %d is %q", i, c.Text)
		}
		if i > 0 && covered-c.From > 80 {
			t.Errorf("chunk %d overlaps by %d", i, covered-c.From)
		}
		covered = c.To
	}
	if covered != len(strings.TrimSpace(text)) || len(chunks) < 50 {
		t.Errorf("%d chunks to %d of %d", len(chunks), covered, len(text))
	}
	for name, c := range map[string]struct {
		text string
		want int
	}{"nothing": {"", 0}, "spaces": {" \n ", 0}, "short": {" one. ", 1}, "no space": {strings.Repeat("x", 1000), 3}, "no space, wide": {strings.Repeat("語", 801), 3}} {
		if got := split.Cut(c.text); len(got) < c.want || c.want < 2 && len(got) != c.want {
			t.Errorf("%s: %d chunks, want %d", name, len(got), c.want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("One. Two! Three? \n\nFour", 20, 5)
	f.Add(strings.Repeat("a ", 900), 30, 15)
	f.Fuzz(func(t *testing.T, text string, size, overlap int) {
		size = 20 + (size%100+100)%100
		split := retrieval.Split{Size: size, Overlap: (overlap%(size/2+1) + size) % (size/2 + 1)}
		all := []rune(text)
		at := 0
		for _, c := range split.Cut(text) {
			if c.From > at && strings.TrimSpace(string(all[at:c.From])) != "" || c.To <= c.From || c.To-c.From > 4*size || string(all[c.From:c.To]) != c.Text {
				t.Fatalf("%+v after %d", c, at)
			}
			at = max(at, c.To)
		}
		if strings.TrimSpace(string(all[at:])) != "" {
			t.Fatalf("nothing has %q", string(all[at:]))
		}
	})
}
