package provider

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"

	"stemma/entity"
)

// Body is a JSON object whose members keep the bytes that they came in: what
// nobody here knows passes unchanged.
type Body map[string]json.RawMessage

// ParseBody reads an object. KindInvalid for anything else.
func ParseBody(data []byte) (Body, error) {
	const op = "provider.ParseBody"
	if !utf8.Valid(data) {
		return nil, entity.Invalid(op, "the body is not UTF-8")
	}
	if b, ok := object(data); ok {
		return b, nil
	}
	var b Body
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, entity.Invalid(op, "the body is not a JSON object: %s", err)
	}
	if b == nil {
		return nil, entity.Invalid(op, "the body is null, not a JSON object")
	}
	return b, nil
}

// Bytes encodes the object, its members by name. Their bytes are those that they
// came in, but for line breaks, which an event of a stream cannot have.
func (b Body) Bytes() []byte {
	names, size := make([]string, 0, len(b)), 2
	for name, raw := range b {
		names, size = append(names, name), size+len(name)+len(raw)+8
	}
	slices.Sort(names)
	out := append(make([]byte, 0, size), '{')
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, name), ':')
		switch raw := b[name]; {
		case len(raw) == 0:
			out = append(out, "null"...)
		case bytes.ContainsAny(raw, "\n\r"):
			compact := bytes.NewBuffer(out)
			if err := json.Compact(compact, raw); err != nil {
				panic("provider: " + err.Error()) // it was parsed
			}
			out = compact.Bytes()
		default:
			out = append(out, raw...)
		}
	}
	return append(out, '}')
}

// Clone is a copy whose members can be set.
func (b Body) Clone() Body {
	c := make(Body, len(b)+4)
	for name, value := range b {
		c[name] = value
	}
	return c
}

// Set puts a value in.
func (b Body) Set(name string, v any) {
	switch v := v.(type) {
	case bool:
		b[name] = strconv.AppendBool(nil, v)
	case string:
		b[name] = appendText(nil, v)
	case int64:
		b[name] = strconv.AppendInt(nil, v, 10)
	case []json.RawMessage:
		b[name] = list(v)
	default:
		b[name] = encode(v)
	}
}

// list is an array of values that were parsed.
func list(all []json.RawMessage) json.RawMessage {
	if all == nil {
		return json.RawMessage("null")
	}
	size := 2
	for _, raw := range all {
		size += len(raw) + 1
	}
	out := append(make([]byte, 0, size), '[')
	for i, raw := range all {
		if i > 0 {
			out = append(out, ',')
		}
		if len(raw) == 0 {
			raw = json.RawMessage("null")
		}
		out = append(out, raw...)
	}
	return append(out, ']')
}

// Has tells whether a member is there and not null.
func (b Body) Has(name string) bool { return present(b[name]) }

// Text is a member that is text, "" for any other.
func (b Body) Text(name string) string { return text(b[name]) }

// Into reads a member, and tells whether it is there and of v's form.
func (b Body) Into(name string, v any) bool {
	switch v := v.(type) {
	case *string:
		if plain, ok := plainText(b[name]); ok {
			*v = plain
			return true
		}
	case *[]json.RawMessage:
		if all, ok := array(b[name]); ok {
			*v = all
			return true
		}
	case *bool:
		if on := string(b[name]) == "true"; on || string(b[name]) == "false" {
			*v = on
			return true
		}
	}
	return b.Has(name) && json.Unmarshal(b[name], v) == nil
}

// plainText is a text that was parsed and stands for itself: most do.
func plainText(raw json.RawMessage) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' || bytes.IndexByte(raw, '\\') >= 0 || !utf8.Valid(raw) {
		return "", false
	}
	return string(raw[1 : len(raw)-1]), true
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

func text(raw json.RawMessage) (s string) {
	if plain, ok := plainText(raw); ok {
		return plain
	}
	if len(raw) > 0 && raw[0] == '"' {
		_ = json.Unmarshal(raw, &s)
	}
	return s
}

// appendText adds a text in quotes.
func appendText(to []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return append(to, encode(s)...)
		}
	}
	return append(append(append(to, '"'), s...), '"')
}

// encode cannot fail for what this package gives it: maps, structs and raw
// values that were parsed.
func encode(v any) json.RawMessage {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("provider: " + err.Error())
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}
