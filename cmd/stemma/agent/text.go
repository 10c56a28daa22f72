package agent

import (
	"slices"
	"strings"
	"unicode"
)

// words are a text's, in small letters.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// texts are the texts in a value, however deep, in the order of their keys.
func texts(v any, yield func(string)) {
	switch v := v.(type) {
	case string:
		yield(v)
	case []any:
		for _, e := range v {
			texts(e, yield)
		}
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			texts(v[k], yield)
		}
	}
}

// common are words that say nothing about a collection.
var common = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields("about after also been before being between could does from have having here https into just more most much only other over same should some such than that their them then there these they this those through under very were what when where which while will with would your http") {
		out[w] = true
	}
	return out
}()

// telling tells whether a word can be a term.
func telling(word string) bool {
	return len([]rune(word)) >= 4 && !common[word] && strings.IndexFunc(word, unicode.IsLetter) >= 0
}

// count is a thing and how often it was met.
type count struct {
	name string
	n    int
}

// top are the most frequent, those as frequent by name.
func top(counts map[string]int, most int) []count {
	all := make([]count, 0, len(counts))
	for name, n := range counts {
		all = append(all, count{name, n})
	}
	slices.SortFunc(all, func(a, b count) int {
		if a.n != b.n {
			return b.n - a.n
		}
		return strings.Compare(a.name, b.name)
	})
	return all[:min(most, len(all))]
}
