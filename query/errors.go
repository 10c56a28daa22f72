package query

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"stemma/entity"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// SyntaxError points into the text of a query. It is the cause of every
// [entity.Error] of this package that a part of the text has brought about:
// reach it with errors.As.
type SyntaxError struct {
	Position int    // offset in bytes, from 0
	Line     int    // from 1
	Column   int    // in characters, from 1
	Message  string // without the place
}

// ErrorPosition is where in the text the error is, in bytes; api/wire puts it
// into the answer.
func (e *SyntaxError) ErrorPosition() int { return e.Position }

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("at byte %d of the query", e.Position)
}

// errorAt makes an error of a kind that points at an offset into text.
func errorAt(kind entity.Kind, op, text string, offset int, format string, args ...any) error {
	pos := lexer.Position{Line: 1, Column: 1}
	pos.Advance(text[:min(offset, len(text))])
	s := &SyntaxError{Position: pos.Offset, Line: pos.Line, Column: pos.Column, Message: fmt.Sprintf(format, args...)}
	return &entity.Error{Kind: kind, Op: op,
		Message: fmt.Sprintf("line %d, column %d (position %d): %s", s.Line, s.Column, s.Position, s.Message), Err: s}
}

func invalidAt(text string, offset int, format string, args ...any) error {
	return errorAt(entity.KindInvalid, "query.Parse", text, offset, format, args...)
}

// explainSyntax turns what the parser says into an error of ours.
func explainSyntax(p *participle.Parser[querySyntax], text string, err error) error {
	var lexical *lexError
	if errors.As(err, &lexical) && lexical.reason != "" {
		return invalidAt(text, lexical.pos.Offset, "%s", lexical.reason)
	}
	offset := failedAt(err)
	return invalidAt(text, offset, "found %s, expected %s", found(text[offset:]), expected(p, text[:offset], err))
}

// failedAt is where the parser or its lexer stopped.
func failedAt(err error) int {
	var lexical *lexError
	if errors.As(err, &lexical) {
		return lexical.pos.Offset
	}
	var syntactic participle.Error
	if errors.As(err, &syntactic) {
		return syntactic.Position().Offset
	}
	return 0
}

func found(rest string) string {
	if rest == "" {
		return "the end of the query"
	}
	n := strings.IndexAny(rest, " \t\r\n")
	if n < 0 {
		n = len(rest)
	}
	const most = 20
	shown := []rune(rest[:n])
	if len(shown) > most {
		shown = append(shown[:most], '…')
	}
	return fmt.Sprintf("%q", string(shown))
}

// hints is every token that can come next somewhere, with its name in errors.
var hints = []struct {
	token  string
	name   string // "" for the token in quotes
	isName bool   // goes without saying where any name will do
}{
	{token: "x", name: "a name"},
	{token: "@:", name: "a scope like @:collection(id)"},
	{token: "@", name: "@id"},
	{token: "type", name: "type:name", isName: true},
	{token: "!"},
	{token: `"x"`, name: "text in quotes"},
	{token: "[", name: "a property filter like [born > 1850]"},
	{token: "1", name: "a number", isName: true},
	{token: "count", name: "count", isName: true}, {token: "limit", name: "limit n", isName: true},
	{token: "collections", name: "collections", isName: true}, {token: "collection", name: "collection(id)", isName: true},
	{token: "discover", name: "discover", isName: true}, {token: "public", name: "public", isName: true},
	{token: "true", name: "true", isName: true}, {token: "false", name: "false", isName: true}, {token: "null", name: "null", isName: true},
	{token: "*"}, {token: "("}, {token: ")"}, {token: ":"}, {token: "."},
	{token: "="}, {token: "!="}, {token: "<"}, {token: "<="}, {token: ">"}, {token: ">="}, {token: "~"},
	{token: ",", name: "a comma"}, {token: "]"}, {token: "{", name: "a range like {1,3}"}, {token: "}"},
	{token: "->"}, {token: "-"},
	{token: "-[", name: "a hop like -[relation]->"}, {token: "|", name: "| count or | limit n"},
}

// maxHinted bounds the text before an error for which what could follow is
// found out: that parses the text once for each hint, 80 µs for 100 bytes.
const maxHinted = 1 << 10

// expected says what could have followed the text that parsed so far. It asks
// the grammar itself: a token is expected when with it the parser gets further.
func expected(p *participle.Parser[querySyntax], before string, err error) string {
	if len(before) > maxHinted {
		return "something else: " + err.Error()
	}
	accepts := func(token string) bool {
		text := before + " " + token
		_, err := p.ParseString("", text)
		return err == nil || token != "" && failedAt(err) == len(text)
	}
	var names []string
	anyName, tail := accepts("x"), accepts("-")
	for _, h := range hints {
		if anyName && h.isName || tail && h.token == "-[" || !accepts(h.token) {
			continue // in the tail of a hop -[ is two tokens
		}
		name := h.name
		if name == "" {
			name = strconv.Quote(h.token)
		}
		names = append(names, name)
	}
	if accepts("") {
		names = append(names, "the end of the query")
	}
	switch n := len(names); n {
	case 0:
		return "something else"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}

// checkText refuses what is not text or too much of it.
func checkText(text string) error {
	if len(text) > MaxText {
		return invalidAt(text, MaxText, "the query has %d bytes; at most %d are read: name fewer entities or split it", len(text), MaxText)
	}
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return invalidAt(text, i, "the query is not valid UTF-8 here")
		}
	}
	return nil
}
