package fulltext

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of a document.
const (
	MaxWord = 64      // bytes of a word that count; what is longer is the same word
	MaxText = 1 << 20 // bytes of a document that are indexed: its parts in their order, up to here
)

// gap lies between the positions of the last word of a part and the first of
// the next, so that no phrase spans two.
const gap = 100

// token is a word where it stands.
type token struct {
	from, to int // bytes
	pos      int // from 1; one more with each word
	word     string
	open     bool // the last character of a run without blanks: a beginning of words, not one that is searched for
}

// splitter cuts text into words. A word is a run of letters, digits and marks,
// in lower case and composed (NFC). Writing without blanks (Han, kana, Thai…)
// gives every pair of neighbours, and the last character alone.
type splitter struct {
	text string
	at   int
	pos  int
	run  []token // of the run without blanks that is being given out
}

func (s *splitter) next() (token, bool) {
	for {
		if len(s.run) > 0 {
			t := s.run[0]
			s.run = s.run[1:]
			return t, true
		}
		from := s.skip()
		if from == len(s.text) {
			return token{}, false
		}
		r, _ := utf8.DecodeRuneInString(s.text[from:])
		if dense(r) {
			s.pairs(from)
			continue
		}
		s.at = from
		ascii, upper := true, false
		for s.at < len(s.text) {
			c := s.text[s.at]
			if c < utf8.RuneSelf {
				if !isWordByte(c) {
					break
				}
				upper = upper || 'A' <= c && c <= 'Z'
				s.at++
				continue
			}
			r, n := utf8.DecodeRuneInString(s.text[s.at:])
			if !isWord(r) || dense(r) {
				break
			}
			ascii = false
			s.at += n
		}
		s.pos++
		word := s.text[from:s.at]
		if len(word) > MaxWord {
			word = cut(word, MaxWord)
		}
		if !ascii {
			word = norm.NFC.String(strings.ToLower(word))
		} else if upper {
			word = strings.ToLower(word)
		}
		return token{from: from, to: s.at, pos: s.pos, word: word}, true
	}
}

// skip gives the place of the next word, the end for none.
func (s *splitter) skip() int {
	for i := s.at; i < len(s.text); {
		c := s.text[i]
		if c < utf8.RuneSelf {
			if isWordByte(c) {
				return i
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s.text[i:])
		if isWord(r) && !unicode.IsMark(r) {
			return i
		}
		i += n
	}
	return len(s.text)
}

// pairs takes in a run without blanks.
func (s *splitter) pairs(from int) {
	s.run = s.run[:0]
	last := -1
	for s.at = from; s.at < len(s.text); {
		r, n := utf8.DecodeRuneInString(s.text[s.at:])
		if !dense(r) && !unicode.IsMark(r) {
			break
		}
		s.pos++
		if last >= 0 {
			s.run = append(s.run, token{from: last, to: s.at + n, pos: s.pos - 1, word: norm.NFC.String(s.text[last : s.at+n])})
		}
		last = s.at
		s.at += n
	}
	s.run = append(s.run, token{from: last, to: s.at, pos: s.pos, word: s.text[last:s.at], open: true})
}

// split gives the words of text; their positions begin after pos.
func split(text string, pos int) []token {
	out := make([]token, 0, len(text)/6+1)
	s := splitter{text: text, pos: pos}
	for t, ok := s.next(); ok; t, ok = s.next() {
		out = append(out, t)
	}
	return out
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) }

// dense tells of letters that are written without blanks between words.
func dense(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// cut is the text up to max bytes, whole characters only.
func cut(text string, max int) string {
	if len(text) <= max {
		return text
	}
	for max > 0 && !utf8.RuneStart(text[max]) {
		max--
	}
	return text[:max]
}

// Cut is the text up to max bytes, whole characters only.
func Cut(text string, max int) string { return cut(text, max) }

// spelled are letters that have no mark to lose.
var spelled = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i")

// fold is a word without its accents: café is cafe.
func fold(word string) string {
	ascii := true
	for i := range len(word) {
		ascii = ascii && word[i] < utf8.RuneSelf
	}
	if ascii {
		return word
	}
	word = spelled.Replace(word)
	out := make([]rune, 0, len(word))
	for _, r := range norm.NFD.String(word) {
		if r < 0x0300 || r > 0x036f { // the combining accents of Latin, Greek and Cyrillic
			out = append(out, r)
		}
	}
	return norm.NFC.String(string(out))
}
