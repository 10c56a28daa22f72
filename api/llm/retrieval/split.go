package retrieval

import (
	"fmt"
	"unicode"
)

// charsPerToken is the estimate by which tokens are counted here, as providers'
// tokenizers differ: that of the systems whose clients this serves.
const charsPerToken = 4

// Tokens estimates how many tokens a text of so many characters is.
func Tokens(chars int) int { return (chars + charsPerToken - 1) / charsPerToken }

// Split is how text is cut, in tokens.
type Split struct{ Size, Overlap int }

// DefaultSplit is what a knowledge base does that says nothing else.
var DefaultSplit = Split{Size: 650, Overlap: 120}

// The bounds of a Split.
const (
	LeastSize = 20
	MostSize  = 8000
)

// String is the split as the property of a file has it.
func (s Split) String() string { return fmt.Sprintf("%d/%d", s.Size, s.Overlap) }

// Chunk is a piece of a text.
type Chunk struct {
	From, To int // characters of the text
	Text     string
}

// Cut cuts a text into chunks of at most the size. Each ends with a sentence
// where one ends in its second half, else between words, else in the middle of
// one; the next begins at a sentence, or a word, within the overlap.
func (s Split) Cut(text string) (out []Chunk) {
	all := []rune(text)
	size, overlap := s.Size*charsPerToken, s.Overlap*charsPerToken
	from := skipSpace(all, 0)
	for from < len(all) {
		to := len(all)
		if to-from > size {
			to = endOf(all, from, from+size)
		}
		end := to
		for end > from && unicode.IsSpace(all[end-1]) {
			end--
		}
		if end > from {
			out = append(out, Chunk{From: from, To: end, Text: string(all[from:end])})
		}
		if to >= len(all) {
			return out
		}
		next := startOf(all, max(from+1, to-overlap), to)
		from = skipSpace(all, max(next, from+1))
	}
	return out
}

func skipSpace(all []rune, at int) int {
	for at < len(all) && unicode.IsSpace(all[at]) {
		at++
	}
	return at
}

// endOf is where a chunk from from on ends, at most at most.
func endOf(all []rune, from, most int) int {
	half := from + (most-from)/2
	for at := most; at > half; at-- {
		if sentenceEnds(all, at) {
			return at
		}
	}
	for at := most; at > half; at-- {
		if unicode.IsSpace(all[at-1]) {
			return at
		}
	}
	return most
}

// startOf is the first place from from on at which a sentence begins, else a
// word; to where there is neither.
func startOf(all []rune, from, to int) int {
	for at := from; at < to; at++ {
		if sentenceEnds(all, at) {
			return at
		}
	}
	for at := from; at < to; at++ {
		if unicode.IsSpace(all[at-1]) {
			return at
		}
	}
	return to
}

// sentenceEnds tells whether a sentence or a paragraph ends right before at.
func sentenceEnds(all []rune, at int) bool {
	if at <= 0 || at >= len(all) {
		return at >= len(all)
	}
	if all[at-1] == '\n' && (all[at] == '\n' || at > 1 && all[at-2] == '\n') {
		return true
	}
	if isWide(all[at-1]) {
		return true
	}
	if !unicode.IsSpace(all[at]) {
		return false
	}
	last := at - 1
	for last > 0 && isClosing(all[last]) {
		last--
	}
	switch all[last] {
	case '!', '?', '…':
		return true
	case '.':
		return !abbreviates(all, last)
	}
	return false
}

// isWide tells the marks that end a sentence without a space behind them.
func isWide(r rune) bool { return r == '。' || r == '！' || r == '？' }

func isClosing(r rune) bool {
	return r == '"' || r == '\'' || r == ')' || r == ']' || r == '”' || r == '’' || r == '»'
}

// abbreviates tells a full stop that ends no sentence: behind a single letter
// ("J. Smith"), or before a small one ("approx. half").
func abbreviates(all []rune, dot int) bool {
	if dot >= 1 && unicode.IsUpper(all[dot-1]) && (dot == 1 || !unicode.IsLetter(all[dot-2])) {
		return true
	}
	next := skipSpace(all, dot+1)
	return next < len(all) && unicode.IsLower(all[next])
}
