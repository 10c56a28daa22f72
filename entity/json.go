package entity

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ParseJSON reads one JSON text (RFC 8259) into the form of [Properties]. It is
// stricter than encoding/json where a manifest's identity is at stake: a
// duplicate key, invalid UTF-8, an unpaired surrogate, a number outside
// float64 and nesting past limit are errors of [KindInvalid] that give the
// offset in bytes. A limit of 0 means [MaxDepth].
//
// As in DAG-JSON an object with the single key "/" is a link ({"/":"bafy…"})
// or bytes ({"/":{"bytes":"…base64…"}}).
func ParseJSON(text []byte, limit int) (any, error) {
	if limit == 0 {
		limit = MaxDepth
	}
	p := jsonParser{text: text, limit: limit}
	v, err := p.value(1)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(text) {
		return nil, p.fail("there is more text after the value")
	}
	return v, nil
}

type jsonParser struct {
	text  []byte
	at    int
	limit int
}

func (p *jsonParser) fail(format string, args ...any) error {
	e := Invalid("entity.ParseJSON", format, args...)
	e.Message = "Malformed JSON: " + e.Message + " (at byte " + strconv.Itoa(p.at) + ")"
	return e
}

func (p *jsonParser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next skips space and gives the byte at the cursor, 0 at the end.
func (p *jsonParser) next() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *jsonParser) value(depth int) (any, error) {
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.str()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	case p.word("true"):
		return true, nil
	case p.word("false"):
		return false, nil
	case p.word("null"):
		return nil, nil
	case c == 0 && p.at == len(p.text):
		return nil, p.fail("the text ends where a value should be")
	}
	return nil, p.fail("%q does not begin a value", p.text[p.at])
}

func (p *jsonParser) word(w string) bool {
	if !strings.HasPrefix(string(p.text[p.at:min(len(p.text), p.at+len(w))]), w) {
		return false
	}
	p.at += len(w)
	return true
}

func (p *jsonParser) object(depth int) (any, error) {
	if depth > p.limit {
		return nil, p.fail("nested deeper than %d levels", p.limit)
	}
	p.at++
	out := map[string]any{} // grows as it must: a text of a million {} is a small text
	if p.next() == '}' {
		p.at++
		return out, nil
	}
	for {
		if p.next() != '"' {
			return nil, p.fail("a key in double quotes should be here")
		}
		start := p.at
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			p.at = start
			return nil, p.fail("the key %q is given twice in one object", clip(key))
		}
		if p.next() != ':' {
			return nil, p.fail("a colon should follow the key %q", clip(key))
		}
		p.at++
		if out[key], err = p.value(depth + 1); err != nil {
			return nil, err
		}
		switch p.next() {
		case ',':
			p.at++
		case '}':
			p.at++
			return p.special(out)
		default:
			return nil, p.fail("a comma or } should be here")
		}
	}
}

// special turns an object with the single key "/" into what it stands for.
func (p *jsonParser) special(obj map[string]any) (any, error) {
	v, ok := obj["/"]
	if !ok || len(obj) != 1 {
		return obj, nil
	}
	switch v := v.(type) {
	case string:
		if c, err := ParseCID(v); err == nil {
			return Link{c}, nil
		}
	case map[string]any:
		if text, ok := v["bytes"].(string); ok && len(v) == 1 {
			text = strings.TrimRight(text, "=")
			if b, err := base64.RawStdEncoding.DecodeString(text); err == nil && base64.RawStdEncoding.EncodeToString(b) == text {
				return b, nil // and written as it will be read back
			}
		}
	}
	return nil, p.fail(`an object with the single key "/" is a link and needs a CID of this server, like {"/":"bafyrei…"}`)
}

func (p *jsonParser) array(depth int) (any, error) {
	if depth > p.limit {
		return nil, p.fail("nested deeper than %d levels", p.limit)
	}
	p.at++
	out := []any{}
	if p.next() == ']' {
		p.at++
		return out, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		switch p.next() {
		case ',':
			p.at++
		case ']':
			p.at++
			return out, nil
		default:
			return nil, p.fail("a comma or ] should be here")
		}
	}
}

// str reads a string; the cursor is on its opening quote.
func (p *jsonParser) str() (string, error) {
	start := p.at + 1
	for i := start; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			s := p.text[start:i]
			if !utf8.Valid(s) {
				return "", p.fail("the text is not valid UTF-8")
			}
			p.at = i + 1
			return string(s), nil
		case c == '\\':
			return p.escaped(start, i)
		case c < ' ':
			p.at = i
			return "", p.fail("a control character in a string must be escaped")
		}
	}
	p.at = len(p.text)
	return "", p.fail("the text ends inside a string")
}

// escaped reads on from the first backslash of a string.
func (p *jsonParser) escaped(start, i int) (string, error) {
	buf := append(make([]byte, 0, i-start+32), p.text[start:i]...)
	for i < len(p.text) {
		p.at = i
		switch c := p.text[i]; {
		case c == '"':
			if !utf8.Valid(buf) {
				return "", p.fail("the text is not valid UTF-8")
			}
			p.at = i + 1
			return string(buf), nil
		case c < ' ':
			return "", p.fail("a control character in a string must be escaped")
		case c != '\\':
			buf = append(buf, c)
			i++
		case i+1 == len(p.text):
			i++
		case p.text[i+1] == 'u':
			r, n := unescape(p.text[i:])
			if n == 0 {
				return "", p.fail(`\u needs four hexadecimal digits, and surrogates come in pairs`)
			}
			buf = utf8.AppendRune(buf, r)
			i += n
		default:
			at := strings.IndexByte(`"\/bfnrt`, p.text[i+1])
			if at < 0 {
				return "", p.fail(`\%c is not an escape; there are \" \\ \/ \b \f \n \r \t and \u`, p.text[i+1])
			}
			buf = append(buf, "\"\\/\b\f\n\r\t"[at])
			i += 2
		}
	}
	p.at = len(p.text)
	return "", p.fail("the text ends inside a string")
}

// unescape reads \uXXXX, or two of them that form a surrogate pair, and gives
// the rune and the bytes it took; 0 bytes when the text is not such an escape.
func unescape(s []byte) (rune, int) {
	r, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, ok := hex4(s[6:])
	if !ok {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

func hex4(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	return rune(n), err == nil
}

// number reads a number under the rule of the package's laws.
func (p *jsonParser) number() (any, error) {
	start := p.at
	if p.text[p.at] == '-' {
		p.at++
	}
	whole := p.digits()
	if whole == 0 {
		return nil, p.fail("digits should be here")
	}
	if whole > 1 && p.text[p.at-whole] == '0' {
		p.at = start
		return nil, p.fail("a number does not begin with a zero that more digits follow")
	}
	integral := true
	if p.at < len(p.text) && p.text[p.at] == '.' {
		integral = false
		p.at++
		if p.digits() == 0 {
			return nil, p.fail("digits should follow the decimal point")
		}
	}
	if p.at < len(p.text) && p.text[p.at]|0x20 == 'e' {
		integral = false
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		if p.digits() == 0 {
			return nil, p.fail("digits should follow the exponent")
		}
	}
	text := string(p.text[start:p.at])
	if integral {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
	} else if n, ok := wholeDecimal(text); ok {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.at = start
		return nil, p.fail("the number %s is outside the range of a 64-bit float", clip(text))
	}
	return number(f) // the nearest float64 may be whole: 1e-400, 9007199254740992.5
}

func (p *jsonParser) digits() int {
	start := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at - start
}

// wholeDecimal reads a number with a point or an exponent exactly when it is
// whole and fits in int64: "1.0", "-0.0", "12.5e1", "9007199254740993.0".
func wholeDecimal(text string) (int64, bool) {
	text, negative := strings.CutPrefix(text, "-")
	mantissa, exp := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		// Atoi gives the nearest int when the exponent fits in none. Bounded, so
		// that the sums below cannot overflow; no text has 1<<30 digits.
		exp, _ = strconv.Atoi(text[i+1:])
		exp = max(-1<<30, min(exp, 1<<30))
	}
	left, right, _ := strings.Cut(mantissa, ".")
	digits := left + right
	exp -= len(right)
	trimmed := strings.TrimRight(digits, "0")
	exp += len(digits) - len(trimmed)
	if trimmed = strings.TrimLeft(trimmed, "0"); trimmed == "" {
		return 0, true
	}
	if exp < 0 || len(trimmed)+exp > 19 {
		return 0, false
	}
	sign := ""
	if negative {
		sign = "-"
	}
	n, err := strconv.ParseInt(sign+trimmed+strings.Repeat("0", exp), 10, 64)
	return n, err == nil
}
