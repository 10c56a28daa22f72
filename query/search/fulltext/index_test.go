package fulltext

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stemma/entity"
)

const someID entity.ID = "01JH8Z0Y6V5RZ4Q8Q9V4T20001"

func find(t *testing.T, x *Index, text string) []Match {
	t.Helper()
	found, err := x.Search(t.Context(), Request{Query: Parse(text), Limit: 10, Pass: func(entity.ID) (entity.ID, bool) { return "", true }})
	if err != nil {
		t.Fatal(err)
	}
	return found.Matches
}

// Words of another language are found in whatever form, with and without their
// accents, beside English ones.
func TestLanguages(t *testing.T) {
	x := open2(t, t.TempDir())
	texts := []string{
		"the houses were built by the river and the writers lived there",
		"die Häuser am Fluss wurden gebaut und die Schriftsteller wohnten dort nicht mehr",
		"les maisons étaient construites près de la rivière et les écrivains y vivaient",
		"東京都は日本の首都であり、世界最大の都市の一つである。",
		"писатели жили в домах у реки, и это было давно",
	}
	var docs []Document
	for i, text := range texts {
		docs = append(docs, Document{ID: entity.ID(fmt.Sprintf("01JH8Z0Y6V5RZ4Q8Q9V4T2000%d", i)), Parts: []string{text}})
	}
	if err := x.Apply(Prepare(docs), nil, Mark{"log", 1}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"house": 0, "Haus": -1, "Häusern": 1, "hausern": 1, "maison": 2, "RIVIERE": 2, "écrivain": 2, "首都": 3, "都": 3,
		`"日本の首都"`: 3, `"首都日本"`: -1, "писатель": 4, "дом": 4, "riv*": -2, `"by the river"`: 0, `"by river"`: -1, `"the who"`: -1,
	} {
		got := find(t, x, text)
		switch {
		case want == -2:
			if len(got) != 2 {
				t.Errorf("%s finds %v, not the two", text, got)
			}
		case want == -1:
			if len(got) != 0 && text != "Haus" {
				t.Errorf("%s finds %v", text, got)
			}
		case len(got) == 0 || got[0].ID != docs[want].ID:
			t.Errorf("%s finds %v, not %s", text, got, texts[want])
		}
	}
	// A language that is said is not guessed.
	d := Document{ID: someID, Language: "de-AT", Label: "Die Gärten"}
	if err := x.Apply(Prepare([]Document{d}), nil, Mark{"log", 2}); err != nil {
		t.Fatal(err)
	}
	if got := find(t, x, "Garten"); len(got) != 1 {
		t.Errorf("Garten finds %v", got)
	}
}

// Documents that nobody wrote by hand are taken in, in bounded time, and the
// others are still found.
func TestPoison(t *testing.T) {
	x := open2(t, t.TempDir())
	began := time.Now()
	for i, text := range []string{
		strings.Repeat("spam ", 10<<20),
		strings.Repeat("x", 50<<20),
		strings.Repeat("東", 1<<20),
		strings.Repeat("e\u0301\u0301\u0301", 1<<20),
		strings.Repeat("\xff\x00", 1<<20),
		strings.Repeat(`"*`, 1<<20),
	} {
		d := Document{ID: someID, Label: text, Parts: []string{text, "unreached"}}
		if err := x.Apply(Prepare([]Document{d, {ID: "01JH8Z0Y6V5RZ4Q8Q9V4T20002", Parts: []string{"sane"}}}), nil, Mark{"log", entity.Seq(i + 1)}); err != nil {
			t.Fatal(err)
		}
		if len(find(t, x, "sane")) != 1 {
			t.Error("what is sane is not found")
		}
		find(t, x, text[:400])
	}
	t.Logf("took %v", time.Since(began))
}

// An index that is torn, of another version or at a mark that is not valid is
// made anew; one that is open elsewhere is not.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	fill := func() {
		x := open2(t, dir)
		for i := range 5 {
			d := Document{ID: entity.ID(fmt.Sprintf("01JH8Z0Y6V5RZ4Q8Q9V4T2000%d", i)), Parts: []string{"word"}}
			if err := x.Apply(Prepare([]Document{d}), nil, Mark{"log", entity.Seq(i + 1)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
		if _, err := x.Search(t.Context(), Request{Query: Parse("word"), Limit: 1}); entity.KindOf(err) != entity.KindUnavailable {
			t.Errorf("searched after it was closed: %v", err)
		}
	}
	fill()
	tear := func(name string, fn func(path string) error) {
		paths, err := filepath.Glob(filepath.Join(dir, name))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no %s: %v", name, err)
		}
		for _, p := range paths {
			if err := fn(p); err != nil {
				t.Fatal(err)
			}
		}
		x := open2(t, dir)
		if x.Mark() != (Mark{}) || len(find(t, x, "word")) != 0 {
			t.Errorf("after %s was torn it stands at %v", name, x.Mark())
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		fill()
	}
	tear("root.bolt", func(p string) error { return os.Truncate(p, 100) })
	tear("root.bolt", func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("garbage", 10_000)), 0o600) })
	tear("*.zap", os.Remove)
	tear("*.zap", func(p string) error { return os.Truncate(p, 10) })
	x, err := Open(dir, func(m Mark) bool { return m.Log == "another" })
	if err != nil || x.Mark() != (Mark{}) {
		t.Fatalf("of another log: %v, %v", x.Mark(), err)
	}
	if _, err := Open(dir, nil); entity.KindOf(err) != entity.KindUnavailable {
		t.Errorf("opened twice: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}
