package query

import (
	"io"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// Kinds of token. A String keeps its quotes, so that no text can be taken for a
// word or a sign of the grammar.
const (
	tokenSign   lexer.TokenType = iota + 1 // one of the signs of the mode
	tokenWord                              // [A-Za-z0-9_]+ that is not an Int or a Number
	tokenInt                               // [0-9]+, outside property filters
	tokenNumber                            // a JSON number, inside property filters
	tokenString                            // "…" or '…', raw
)

// mode is where in a query the lexer stands; the same character means
// different things inside and outside a relation.
type mode uint8

const (
	modeRoot     mode = iota
	modeRelation      // between -[ or <-[ and ]
	modeTail          // between that ] and -> or -
	modeProps         // between [ and ]
)

// signs lists, for each mode, its signs with the mode that follows, the longest
// first where one begins another.
var signs = [...][]struct {
	text string
	next mode
}{
	modeRoot: {
		{"<-[", modeRelation}, {"-[", modeRelation}, {"[", modeProps}, {"@:", modeRoot}, {"@", modeRoot}, {":", modeRoot},
		{",", modeRoot}, {"~", modeRoot}, {"!", modeRoot}, {"(", modeRoot}, {")", modeRoot}, {"|", modeRoot},
	},
	modeRelation: {
		{"]", modeTail}, {"*", modeRelation}, {",", modeRelation}, {"!", modeRelation}, {"=", modeRelation}, {"~", modeRelation},
	},
	modeTail: {
		{"->", modeRoot}, {"-", modeRoot}, {"{", modeTail}, {",", modeTail}, {"}", modeTail},
	},
	modeProps: {
		{"]", modeRoot}, {"<=", modeProps}, {">=", modeProps}, {"!=", modeProps}, {"<", modeProps}, {">", modeProps},
		{"=", modeProps}, {"~", modeProps}, {".", modeProps}, {",", modeProps},
	},
}

// definition makes lexers; it is a [lexer.Definition] and a
// [lexer.StringDefinition].
type definition struct{}

func (definition) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{"EOF": lexer.EOF, "Sign": tokenSign, "Word": tokenWord, "Int": tokenInt, "Number": tokenNumber, "String": tokenString}
}

func (d definition) Lex(name string, r io.Reader) (lexer.Lexer, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return d.LexString(name, string(text))
}

func (definition) LexString(_ string, text string) (lexer.Lexer, error) {
	return &scanner{text: text, pos: lexer.Position{Line: 1, Column: 1}}, nil
}

type scanner struct {
	text string // what is left
	pos  lexer.Position
	mode mode
}

// lexError is text that no token begins with, or a string without an end.
type lexError struct {
	pos    lexer.Position
	reason string // "" when the character is just not expected here
}

func (e *lexError) Error() string { return e.reason }

// Next gives the next token that is not white space.
func (s *scanner) Next() (lexer.Token, error) {
	s.advance(len(s.text) - len(strings.TrimLeft(s.text, " \t\r\n")))
	if s.text == "" {
		return lexer.EOFToken(s.pos), nil
	}
	for _, sign := range signs[s.mode] {
		if strings.HasPrefix(s.text, sign.text) {
			s.mode = sign.next
			return s.token(tokenSign, len(sign.text)), nil
		}
	}
	switch c := s.text[0]; {
	case c == '"' || c == '\'':
		return s.quoted(c)
	case s.mode == modeProps && beginsNumber(s.text):
		return s.token(tokenNumber, numberLength(s.text)), nil
	case isWord(c):
		return s.word(), nil
	}
	return lexer.Token{}, &lexError{pos: s.pos}
}

func (s *scanner) token(kind lexer.TokenType, length int) lexer.Token {
	t := lexer.Token{Type: kind, Value: s.text[:length], Pos: s.pos}
	s.advance(length)
	return t
}

func (s *scanner) advance(n int) {
	s.pos.Advance(s.text[:n])
	s.text = s.text[n:]
}

func (s *scanner) word() lexer.Token {
	n, kind := 0, tokenInt
	for n < len(s.text) && isWord(s.text[n]) {
		if !isDigit(s.text[n]) {
			kind = tokenWord
		}
		n++
	}
	return s.token(kind, n)
}

func (s *scanner) quoted(quote byte) (lexer.Token, error) {
	for i := 1; i < len(s.text); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case quote:
			return s.token(tokenString, i+1), nil
		}
	}
	return lexer.Token{}, &lexError{pos: s.pos, reason: "the text that begins here is not closed: " + string(quote) + " is missing at its end"}
}

func beginsNumber(s string) bool {
	return isDigit(s[0]) || s[0] == '-' && len(s) > 1 && isDigit(s[1])
}

// numberLength is the length of what can only be meant as a number; whether it
// is one is decided by entity.ParseJSON.
func numberLength(s string) int {
	n := 1
	for n < len(s) && (isWord(s[n]) || s[n] == '.' || (s[n] == '+' || s[n] == '-') && s[n-1]|0x20 == 'e') {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_'
}
