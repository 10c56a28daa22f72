package fulltext

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSplit(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		"  The Boundary-Layer, 1967": "the boundary layer 1967",
		"l'avion d’Étienne":          "l avion d étienne",
		"Cafe\u0301 CAFÉ":            "café café",
		"東京都":                        "東京 京都 都.",
		"a東京b":                       "a 東京 京. b",
		"x\xff\xfey":                 "x y",
		"naïve\x00🙂 _z_":             "naïve z",
		"ΑΒΓ привет":                 "αβγ привет",
	} {
		var got []string
		for _, w := range split(text, 0) {
			if w.open {
				w.word += "."
			}
			got = append(got, w.word)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for word, want := range map[string]string{"étienne": "etienne", "straße": "strasse", "ångström": "angstrom", "plain": "plain", "løve": "love", "йод": "иод"} {
		if got := fold(word); got != want {
			t.Errorf("fold(%q) is %q, want %q", word, got, want)
		}
	}
}

// Positions go up by one, ranges lie in the text, and words are short and valid,
// whatever the text.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"a b", "東京都 x", strings.Repeat("é", 100), "\xff\u0301\u0e01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := token{}
		s := newStemmer(8)
		for _, w := range split(text, 0) {
			for l := range languages {
				if s.stem(Language(l), w.word) == "" {
					t.Fatalf("%q has no stem in %s", w.word, Language(l))
				}
			}
			if w.pos != last.pos+1 || w.from < last.from || w.to <= w.from || w.to > len(text) {
				t.Fatalf("%q: %+v after %+v", text, w, last)
			}
			if utf8.ValidString(text) && !utf8.ValidString(w.word) || w.word == "" || len(w.word) > 4*MaxWord {
				t.Fatalf("%q: word %q", text, w.word)
			}
			last = w
		}
		piece, ranges := Parse(text).Marker("").Mark(text, 40)
		if len(piece) > 40 {
			t.Fatalf("a piece of %d bytes", len(piece))
		}
		for i, r := range ranges {
			if r.From < 0 || r.To > len(piece) || r.From >= r.To || i > 0 && r.From < ranges[i-1].To {
				t.Fatalf("%q: ranges %v in %q", text, ranges, piece)
			}
		}
	})
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]string{
		"the effects of heat on a thin plate": "en",
		"boundary layer":                      "en",
		"Die Wirkung der Wärme auf eine dünne Platte ist nicht bekannt":                "de",
		"les effets de la chaleur sur une plaque mince dans un écoulement":             "fr",
		"los efectos del calor sobre una placa delgada en el flujo":                    "es",
		"gli effetti del calore su una lastra sottile nella corrente sono noti":        "it",
		"de invloed van warmte op een dunne plaat is niet bekend":                      "nl",
		"os efeitos do calor em uma placa fina não são conhecidos pelo autor":          "pt",
		"effekterna av värme på en tunn platta är inte kända och det är ett problem":   "sv",
		"влияние тепла на тонкую пластину не было известно тогда":                      "ru",
		"lämmön vaikutus ohueen levyyn ei ole tunnettu, mutta se on ollut tutkittu":    "fi",
		"virkningen av varme på en tynn plate er ikke kjent, og det er noe vi må vite": "no",
	} {
		if got := detect(split(text, 0)).String(); got != want {
			t.Errorf("%q is taken for %s, not %s", text, got, want)
		}
	}
	for code, want := range map[string]string{"de": "de", "de-AT": "de", "pt_BR": "pt", "German": "de", " FR ": "fr"} {
		if l, ok := ParseLanguage(code); !ok || l.String() != want {
			t.Errorf("%q is read as %v, %v", code, l, ok)
		}
	}
	if _, ok := ParseLanguage("klingon"); ok {
		t.Error("klingon is a language")
	}
}

func TestParse(t *testing.T) {
	show := func(q Query) string {
		var out []string
		for _, term := range q.terms {
			var words []string
			for _, w := range term.words {
				words = append(words, w.word)
			}
			s := strings.Join(words, " ")
			if term.phrase {
				s = `"` + s + `"`
			}
			if term.prefix {
				s += "*"
			}
			out = append(out, strings.Repeat(s+" ", term.count-1)+s)
		}
		return strings.Join(out, " ")
	}
	for text, want := range map[string]string{
		`heat "thin plate" flow*`:          `heat "thin plate" flow*`,
		`"unclosed quote`:                  "unclosed quote",
		`“smart quotes” and „low” ones`:    `"smart quotes" and "low" ones`,
		`label:ann +x -y && || !(a) ^2 ~1`: "label ann x y a 2 1",
		`"one" "" " * "`:                   `"one"`,
		`a b a`:                            "a a b",
		`* ** x**`:                         "x*",
		`"a*b"`:                            `"a b"`,
		`東 東京`:                             "東* 東京",
		``:                                 "",
		"\xff\"\xfe\"":                     "",
	} {
		if got := show(Parse(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if q := Parse("the who"); !slices.EqualFunc(q.telling([]Language{0}), q.terms, term.same) {
		t.Error("a query of small words alone lost them")
	}
}

func TestMark(t *testing.T) {
	text := strings.Repeat("nothing to see here. ", 40) + "The flows over heated wings were measured. " + strings.Repeat("And more of nothing. ", 40)
	piece, ranges := Parse(`flow "heated wing" measur*`).Marker("").Mark(text, 100)
	var got []string
	for _, r := range ranges {
		got = append(got, piece[r.From:r.To])
	}
	if want := []string{"flows", "heated", "wings", "measured"}; !slices.Equal(got, want) || len(piece) > 100 {
		t.Errorf("%q in %q, want %q", got, piece, want)
	}
	if piece, ranges := Parse("absent").Marker("").Mark(text, 100); piece != "" || ranges != nil {
		t.Errorf("a word that is not there is marked in %q", piece)
	}
	if piece, _ := Parse("東京").Marker("").Mark(strings.Repeat("東京都", 50), 100); !utf8.ValidString(piece) {
		t.Errorf("a character was cut: %q", piece)
	}
}
