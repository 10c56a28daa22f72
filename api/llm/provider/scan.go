package provider

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// scanner takes JSON apart without reading what is in it: encoding/json looks at
// every byte twice, by reflection, and copies it. It gives up on whatever it would
// not take apart as encoding/json does, which then has its say: there is no text
// that it takes and encoding/json does not, or reads as something else.
type scanner struct {
	text []byte
	at   int
}

// deepest is how far values nest; encoding/json goes on to 10,000.
const deepest = 200

func (s *scanner) space() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// value skips a value.
func (s *scanner) value(depth int) bool {
	switch c := s.space(); {
	case c == '"':
		return s.string()
	case c == '{' || c == '[':
		return depth < deepest && s.list(c, func(key, value []byte) bool { return true }, depth+1)
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return false
}

func (s *scanner) word(w string) bool {
	ok := len(s.text)-s.at >= len(w) && string(s.text[s.at:s.at+len(w)]) == w
	s.at += len(w)
	return ok
}

func (s *scanner) string() bool {
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return true
		case c < ' ':
			return false
		case c == '\\':
			if s.at++; !s.escape() {
				return false
			}
		}
	}
	return false
}

// escape stands on what follows a backslash, and stays on its last byte.
func (s *scanner) escape() bool {
	if s.at >= len(s.text) {
		return false
	}
	if s.text[s.at] != 'u' {
		return bytes.IndexByte([]byte(`"\/bfnrt`), s.text[s.at]) >= 0
	}
	for range 4 {
		if s.at++; s.at >= len(s.text) || bytes.IndexByte([]byte("0123456789abcdefABCDEF"), s.text[s.at]) < 0 {
			return false
		}
	}
	return true
}

func (s *scanner) digits() int {
	from := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at - from
}

func (s *scanner) is(c byte) bool {
	ok := s.at < len(s.text) && s.text[s.at] == c
	if ok {
		s.at++
	}
	return ok
}

func (s *scanner) number() bool {
	s.is('-')
	if !s.is('0') && s.digits() == 0 {
		return false
	}
	if s.is('.') && s.digits() == 0 {
		return false
	}
	if s.is('e') || s.is('E') {
		if !s.is('+') {
			s.is('-')
		}
		return s.digits() > 0
	}
	return true
}

// list goes through an object or an array, as which opening it has. Keys come with
// their quotes, and are nil of an array.
func (s *scanner) list(opening byte, each func(key, value []byte) bool, depth int) bool {
	closing := opening + 2 // of both
	s.at++
	if s.space() == closing {
		s.at++
		return true
	}
	for {
		var key []byte
		if opening == '{' {
			from := s.at
			if s.space() != '"' || !s.string() {
				return false
			}
			key = bytes.TrimLeft(s.text[from:s.at], " \t\r\n")
			if s.space() != ':' {
				return false
			}
			s.at++
		}
		s.space()
		from := s.at
		if !s.value(depth) || !each(key, s.text[from:s.at:s.at]) {
			return false
		}
		switch s.space() {
		case ',':
			s.at++
		case closing:
			s.at++
			return true
		default:
			return false
		}
	}
}

// scan goes through a text that is one object or array, as which opening it has;
// false where it is none, where each says so, or where encoding/json has to look.
func scan(text []byte, opening byte, each func(key, value []byte) bool) bool {
	s := scanner{text: text}
	return s.space() == opening && s.list(opening, each, 0) && s.space() == 0 && s.at == len(s.text)
}

// members goes through an object whose keys are words of small letters, which
// encoding/json matches with those of structs in that form alone.
func members(text []byte, each func(key string, value []byte) bool) bool {
	return scan(text, '{', func(quoted, value []byte) bool {
		for _, c := range quoted[1 : len(quoted)-1] {
			if c >= 'A' && c <= 'Z' || c == '\\' || c >= utf8.RuneSelf {
				return false
			}
		}
		return each(string(quoted[1:len(quoted)-1]), value)
	})
}

// object is a JSON object taken apart. Its members are parts of the text.
func object(text []byte) (b Body, ok bool) {
	b = make(Body, 8)
	ok = scan(text, '{', func(quoted, value []byte) bool {
		key, plain := plainText(quoted)
		b[key] = value
		return plain
	})
	return b, ok
}

// array is a JSON array taken apart, likewise.
func array(text []byte) (all []json.RawMessage, ok bool) {
	all = []json.RawMessage{}
	ok = scan(text, '[', func(_, value []byte) bool {
		all = append(all, value)
		return true
	})
	return all, ok
}

// reader reads values into what a struct has for them; null leaves that as it was.
type reader struct{ failed bool }

func (r *reader) text(raw []byte, into *string) {
	if plain, ok := plainText(raw); ok {
		*into = plain
	} else if string(raw) != "null" {
		r.slow(raw, into)
	}
}

func (r *reader) optional(raw []byte, into **string) {
	if string(raw) == "null" {
		*into = nil
		return
	}
	var s string
	r.text(raw, &s)
	*into = &s
}

func (r *reader) number(raw []byte, into *int64) {
	if string(raw) == "null" {
		return
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	*into, r.failed = n, r.failed || err != nil
}

func (r *reader) slow(raw []byte, into any) {
	r.failed = r.failed || json.Unmarshal(raw, into) != nil
}

// all tells whether it was taken apart, and all of it could be read.
func (r *reader) all(ok bool) bool { return ok && !r.failed }
