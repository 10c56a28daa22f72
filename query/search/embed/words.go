package embed

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// longestWord is where a longer one is cut.
const longestWord = 64

// words calls add with each word of a text: letters and digits in a row, in
// lower case, without accents. Scripts that are written without spaces give
// pairs of neighbours. add must not keep the slice.
func words(text string, add func([]rune)) {
	word := make([]rune, 0, longestWord)
	flush := func() {
		if len(word) > 0 {
			add(word)
			word = word[:0]
		}
	}
	for _, r := range fold(text) {
		switch {
		case ideographic(r):
			if len(word) > 0 && !ideographic(word[0]) {
				flush()
			}
			word = append(word, r)
			if len(word) == 2 {
				add(word)
				word = append(word[:0], r)
			}
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if len(word) > 0 && ideographic(word[0]) {
				word = word[:0] // the last of its pairs has been added
			}
			if len(word) < longestWord {
				word = append(word, unicode.ToLower(r))
			}
		case r == '\'' || r == '’' || unicode.Is(unicode.Mn, r):
			// inside a word or an accent: skipped
		default:
			if len(word) == 1 && ideographic(word[0]) {
				word = word[:0]
			}
			flush()
		}
	}
	if len(word) == 1 && ideographic(word[0]) {
		return
	}
	flush()
}

func fold(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return text
	}
	return norm.NFKD.String(text)
}

// ideographic tells the scripts without spaces.
func ideographic(r rune) bool {
	return r > 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// rarity stands for the inverse document frequency: words that mean little get
// little, all others 1. It is fixed, because a learnt one finds less in so few
// dimensions: what is rarest gets the most weight, and so does the noise of its
// collisions and of every typing error (doc.go).
func rarity(w []rune) float64 {
	if functionWord(string(w)) {
		return 0.06
	}
	if w[0] > unicode.MaxASCII {
		return 1 // short says nothing there
	}
	switch len(w) {
	case 1:
		return 0.2
	case 2:
		return 0.4
	case 3:
		return 0.7
	default:
		return 1
	}
}

// functionWord tells the words of English that hold a sentence together. Those
// of other languages are mostly short.
func functionWord(w string) bool {
	switch w {
	case "a", "about", "above", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at",
		"be", "because", "been", "before", "being", "below", "between", "both", "but", "by",
		"can", "could", "did", "do", "does", "doing", "down", "during", "each",
		"few", "for", "from", "further", "had", "has", "have", "having", "he", "her", "here", "hers", "him", "his", "how",
		"i", "if", "in", "into", "is", "it", "its", "itself", "just", "like",
		"may", "me", "might", "more", "most", "must", "my", "no", "nor", "not", "now",
		"of", "off", "on", "once", "only", "or", "other", "our", "out", "over", "own",
		"same", "she", "should", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there", "these",
		"they", "this", "those", "through", "to", "too", "under", "until", "up", "upon", "us", "very",
		"was", "we", "were", "what", "when", "where", "which", "while", "who", "whom", "why", "will", "with", "would",
		"you", "your", "made", "used", "using", "given":
		return true
	}
	return false
}

// stem is the word without its ending, at least three letters of it. It need not
// be right: word and pieces are there too.
func stem(w []rune) []rune {
	s := string(w)
	for _, ending := range []string{
		"ational", "ization", "fulness", "ousness", "iveness", "ically", "ation", "ments", "ingly", "ment", "ness", "ings", "able", "ical",
		"ies", "ing", "ion", "ive", "ers", "ed", "es", "er", "ly", "al", "ic", "s", "e", "y",
	} {
		if len(w)-len(ending) >= 3 && strings.HasSuffix(s, ending) && (ending != "s" || !strings.HasSuffix(s, "ss")) {
			return w[:len(w)-len(ending)]
		}
	}
	return w
}
