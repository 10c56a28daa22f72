package fulltext

import (
	"strings"
)

// Bounds of a query.
const (
	maxTerms      = 64  // words and phrases of a query that count, in their order
	maxExpansions = 256 // words that a beginning stands for: those in the most documents
	maxScanned    = 1 << 15
)

// Query is a parsed text.
type Query struct {
	terms []term
}

// term is one thing that is looked for.
type term struct {
	words  []token // one, or those of a phrase
	phrase bool
	prefix bool
	count  int // how often it stands in the query
}

// Parse reads a text that is searched for. "Quoted words" stand in this order,
// word* is every word that begins so, everything else is words. Whatever text is
// a query; [Query.Empty] tells of one without words.
func Parse(text string) Query {
	var q Query
	for text != "" {
		open := strings.IndexAny(text, `"“”„`)
		if open < 0 {
			break
		}
		quote := len(`"`)
		if text[open] != '"' {
			quote = len("“")
		}
		rest := text[open+quote:]
		end := strings.IndexAny(rest, `"“”`)
		if end < 0 { // never closed: no quote
			text = text[:open] + " " + rest
			break
		}
		q.plain(text[:open])
		q.phrase(rest[:end])
		if rest[end] == '"' {
			text = rest[end+1:]
		} else {
			text = rest[end+len("”"):]
		}
	}
	q.plain(text)
	return q
}

// Empty tells that there is nothing to look for.
func (q Query) Empty() bool { return len(q.terms) == 0 }

func (q *Query) plain(text string) {
	words := searched(split(text, 0))
	for _, t := range words {
		q.add(term{words: []token{t}, prefix: t.open || strings.HasPrefix(text[t.to:], "*"), count: 1})
	}
}

func (q *Query) phrase(text string) {
	words := searched(split(text, 0))
	switch {
	case len(words) == 1:
		q.add(term{words: words, phrase: true, prefix: words[0].open, count: 1})
	case len(words) > 1:
		q.add(term{words: words, phrase: true, count: 1})
	}
}

// searched leaves out the ends of runs without blanks that longer words cover.
func searched(tokens []token) []token {
	kept := tokens[:0]
	for i, t := range tokens {
		if t.open && i > 0 && tokens[i-1].pos == t.pos-1 && tokens[i-1].to == t.to {
			continue
		}
		kept = append(kept, t)
	}
	return kept
}

func (q *Query) add(t term) {
	for i := range q.terms {
		if q.terms[i].same(t) {
			q.terms[i].count++
			return
		}
	}
	if len(q.terms) < maxTerms {
		q.terms = append(q.terms, t)
	}
}

func (t term) same(u term) bool {
	if t.phrase != u.phrase || t.prefix != u.prefix || len(t.words) != len(u.words) {
		return false
	}
	for i := range t.words {
		if t.words[i].word != u.words[i].word {
			return false
		}
	}
	return true
}

// telling leaves out words that say little in the languages given, if anything
// is left then.
func (q Query) telling(in []Language) []term {
	var kept []term
	for _, t := range q.terms {
		little := !t.phrase && !t.prefix
		for _, l := range in {
			little = little && l.stops(t.words[0].word)
		}
		if !little {
			kept = append(kept, t)
		}
	}
	if len(kept) == 0 {
		return q.terms
	}
	return kept
}

// Demands tells that something must be there: that the query has a phrase.
func (q Query) Demands() bool {
	for _, t := range q.terms {
		if t.phrase {
			return true
		}
	}
	return false
}

// Plain is the query as words alone, for who does not know of phrases.
func (q Query) Plain() string {
	var words []string
	for _, t := range q.terms {
		for _, w := range t.words {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, " ")
}
