package fulltext

import (
	"strings"
	"unicode/utf8"
)

// Marker finds the words of a query in texts of one document. It belongs to one
// goroutine.
type Marker struct {
	lang   Language
	known  bool // lang was given
	words  map[string]bool
	begins []string
	stem   *stemmer
}

// Range is a half-open range of bytes.
type Range struct{ From, To int }

// Marker makes a marker for a document that says its language, or none.
func (q Query) Marker(language string) *Marker {
	m := &Marker{words: make(map[string]bool), stem: newStemmer(256)}
	m.lang, m.known = ParseLanguage(language)
	var all []Language
	for l := range languages {
		all = append(all, Language(l))
	}
	if m.known {
		all = []Language{m.lang}
	}
	for _, t := range q.telling(all) {
		for _, w := range t.words {
			if t.prefix {
				m.begins = append(m.begins, fold(w.word))
			} else {
				m.words[w.word] = true
			}
		}
	}
	return m
}

// Mark cuts a piece of at most that many bytes out of text, around most of the words of
// the query, and tells where they stand in it. There are no ranges when there are
// no words.
func (m *Marker) Mark(text string, most int) (piece string, ranges []Range) {
	tokens := split(cut(text, MaxText), 0)
	lang := m.lang
	if !m.known {
		lang = detect(tokens)
	}
	wanted := make(map[string]bool, len(m.words))
	for w := range m.words {
		wanted[m.stem.stem(lang, w)] = true
	}
	var hits []token
	for _, t := range tokens {
		if t.open {
			continue
		}
		if wanted[m.stem.stem(lang, t.word)] || m.begun(t.word) {
			hits = append(hits, t)
		}
	}
	if len(hits) == 0 {
		return "", nil
	}
	first, last := window(hits, m, lang, most)
	from, to := around(text, hits[first].from, hits[last].to, most)
	for _, t := range hits[first : last+1] {
		r := Range{t.from - from, min(t.to, to) - from}
		if r.From >= r.To { // a last word that did not fit
			break
		}
		if n := len(ranges); n > 0 && r.From < ranges[n-1].To { // pairs of one run overlap
			ranges[n-1].To = r.To
		} else {
			ranges = append(ranges, r)
		}
	}
	return text[from:to], ranges
}

func (m *Marker) begun(word string) bool {
	if len(m.begins) == 0 {
		return false
	}
	word = fold(word)
	for _, b := range m.begins {
		if strings.HasPrefix(word, b) {
			return true
		}
	}
	return false
}

// window is the run of hits that fits and has the most different words, then the
// most hits, then is the first.
func window(hits []token, m *Marker, lang Language, most int) (first, last int) {
	count := make(map[string]int)
	different, best := 0, -1
	from := 0
	for to := range hits {
		stem := m.stem.stem(lang, hits[to].word)
		if count[stem]++; count[stem] == 1 {
			different++
		}
		for from < to && hits[to].to-hits[from].from > most {
			stem := m.stem.stem(lang, hits[from].word)
			if count[stem]--; count[stem] == 0 {
				different--
			}
			from++
		}
		if value := different<<20 + (to - from); value > best {
			best, first, last = value, from, to
		}
	}
	return first, last
}

// around widens a range to the most bytes, and not to pieces of words.
func around(text string, from, to, most int) (int, int) {
	to = min(to, from+most)
	for to > from && to < len(text) && !utf8.RuneStart(text[to]) {
		to--
	}
	room := most - (to - from)
	begin := max(0, from-room/3)
	for begin < from && begin > 0 && text[begin-1] != ' ' && text[begin-1] != '\n' {
		begin++
	}
	end := min(len(text), begin+most)
	for end > to && end < len(text) && text[end] != ' ' && text[end] != '\n' {
		end--
	}
	return begin, end
}
