package fulltext

import (
	"strings"
	"sync"

	"github.com/blevesearch/bleve/v2/analysis/lang/da"
	"github.com/blevesearch/bleve/v2/analysis/lang/de"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/analysis/lang/fi"
	"github.com/blevesearch/bleve/v2/analysis/lang/fr"
	"github.com/blevesearch/bleve/v2/analysis/lang/hu"
	"github.com/blevesearch/bleve/v2/analysis/lang/it"
	"github.com/blevesearch/bleve/v2/analysis/lang/nl"
	"github.com/blevesearch/bleve/v2/analysis/lang/no"
	"github.com/blevesearch/bleve/v2/analysis/lang/pt"
	"github.com/blevesearch/bleve/v2/analysis/lang/ro"
	"github.com/blevesearch/bleve/v2/analysis/lang/ru"
	"github.com/blevesearch/bleve/v2/analysis/lang/sv"
	"github.com/blevesearch/bleve/v2/analysis/lang/tr"
	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/turkish"
)

// Language is a language by its place in the table of languages; the zero value
// is English, which is also what everything is that is none of the others.
type Language uint8

// language is a row of the table. To add a language add a row at its end: places
// are written into documents.
type language struct {
	code  string // ISO 639-1
	name  string // in English, lower case
	stem  func(*snowballstem.Env) bool
	stops []byte // words that say little, in the form of the Snowball lists
}

var languages = []language{
	{"en", "english", english.Stem, en.EnglishStopWords},
	{"de", "german", german.Stem, de.GermanStopWords},
	{"fr", "french", french.Stem, fr.FrenchStopWords},
	{"es", "spanish", spanish.Stem, es.SpanishStopWords},
	{"it", "italian", italian.Stem, it.ItalianStopWords},
	{"nl", "dutch", dutch.Stem, nl.DutchStopWords},
	{"pt", "portuguese", portuguese.Stem, pt.PortugueseStopWords},
	{"sv", "swedish", swedish.Stem, sv.SwedishStopWords},
	{"da", "danish", danish.Stem, da.DanishStopWords},
	{"no", "norwegian", norwegian.Stem, no.NorwegianStopWords},
	{"fi", "finnish", finnish.Stem, fi.FinnishStopWords},
	{"ru", "russian", russian.Stem, ru.RussianStopWords},
	{"hu", "hungarian", hungarian.Stem, hu.HungarianStopWords},
	{"ro", "romanian", romanian.Stem, ro.RomanianStopWords},
	{"tr", "turkish", turkish.Stem, tr.TurkishStopWords},
}

// String is the language's code, like "de".
func (l Language) String() string { return languages[l].code }

// ParseLanguage reads a code, with or without a region, or a name: "de",
// "de-AT", "German".
func ParseLanguage(s string) (Language, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	code, _, _ := strings.Cut(strings.ReplaceAll(s, "_", "-"), "-")
	for i, l := range languages {
		if code == l.code || s == l.name {
			return Language(i), true
		}
	}
	return 0, false
}

// stopTables are the words that say little: by language, and for each word the
// languages in which it is one, as bits.
var stopTables = sync.OnceValue(func() map[string]uint32 {
	table := make(map[string]uint32)
	for i, l := range languages {
		for line := range strings.Lines(string(l.stops)) {
			line, _, _ = strings.Cut(line, "|")
			if strings.HasPrefix(line, "#") {
				continue
			}
			for _, word := range strings.Fields(line) {
				// as the splitter sees it: it's is it and s
				for _, t := range split(word, 0) {
					table[t.word] |= 1 << i
				}
			}
		}
	}
	return table
})

// stops tells whether a word says little in a language.
func (l Language) stops(word string) bool { return stopTables()[word]&(1<<l) != 0 }

// detectWords is how many words are looked at to find out a language.
const detectWords = 300

// detect finds the language of words by those that say little, which every
// sentence has: each counts the more the fewer languages share it. What has too
// few is English.
func detect(words []token) Language {
	var votes [32]float64
	table := stopTables()
	for _, t := range words[:min(len(words), detectWords)] {
		in := table[t.word]
		if in == 0 {
			continue
		}
		share := 0
		for b := in; b != 0; b &= b - 1 {
			share++
		}
		for i := range languages {
			if in&(1<<i) != 0 {
				votes[i] += 1 / float64(share)
			}
		}
	}
	best := 0
	for i := range languages {
		if votes[i] > votes[best] {
			best = i
		}
	}
	// A label of three words with one "die" in it is not German yet.
	if best != 0 && (votes[best] < 1 || votes[best] < 1.3*votes[0]) {
		return 0
	}
	return Language(best)
}

// stemmer brings words to their stems. It remembers what it has met and belongs
// to one goroutine.
type stemmer struct {
	known [][]stemmed // by language
	slots uint32      // words remembered for each language
	env   *snowballstem.Env
}

type stemmed struct{ word, stem string }

func newStemmer(slots uint32) *stemmer {
	return &stemmer{known: make([][]stemmed, len(languages)), slots: slots, env: snowballstem.NewEnv("")}
}

var stemmers = sync.Pool{New: func() any { return newStemmer(1 << 13) }}

// stem is the word's stem without accents.
func (s *stemmer) stem(l Language, word string) string {
	if s.known[l] == nil {
		s.known[l] = make([]stemmed, s.slots)
	}
	h := uint32(2166136261)
	for i := range len(word) {
		h = (h ^ uint32(word[i])) * 16777619
	}
	slot := &s.known[l][(h^h>>16)%s.slots]
	if slot.word == word {
		return slot.stem
	}
	stem := s.snowball(l, word)
	if stem = fold(stem); stem == "" {
		stem = fold(word)
	}
	*slot = stemmed{strings.Clone(word), strings.Clone(stem)}
	return slot.stem
}

// snowball is the word's stem; the word, should the generated code not know what
// to do with it.
func (s *stemmer) snowball(l Language, word string) (stem string) {
	defer func() {
		if recover() != nil {
			stem = word
		}
	}()
	s.env.SetCurrent(word)
	languages[l].stem(s.env)
	return s.env.Current()
}
