package entity_test

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ipld/go-ipld-prime/datamodel"

	"stemma/entity"
)

// ParseJSON accepts what encoding/json accepts, with the same value, but for
// what its comment says it refuses; what it accepts can be sealed.
func FuzzParseJSON(f *testing.F) {
	for _, v := range vectors(f) {
		if len(v.source) < 4096 {
			f.Add(v.source)
		}
	}
	for _, s := range []string{
		``, ` null`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `"\ud800"`, `"\ud83c\udf33"`, "\"\xff\"", `[1e9223372036854775807]`, `0.1e-9223372036854775808`,
		`[9007199254740992.5,-9223372036854775809,1e400,-0,5e-324]`, `{"/":"x"}`, `{"/":{"bytes":"aGVsbG8"}}`, `[[[[]]]]`, `01`, `1.`, `truex`, `"\u0000"`, `{"a":}`,
		strings.Repeat("[", 65) + strings.Repeat("]", 65), "[1\x00]", `"\/\b\f\n\r\t\"\\"`, "\ufeff1", `{"":{"":""}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := entity.ParseJSON(text, 0)
		if err != nil {
			if entity.KindOf(err) != entity.KindInvalid {
				t.Fatalf("refused with %v", err)
			}
			if json.Valid(text) && !stricter(text) {
				t.Fatalf("refused what encoding/json accepts: %v", err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("accepted as %v what encoding/json refuses", v)
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if !sameJSON(v, want) {
			t.Fatalf("ParseJSON %#v, encoding/json %#v", v, want)
		}
		block, _, err := entity.EncodeBlock(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := entity.ValidateBlock(block); err != nil {
			t.Fatalf("%v: the value encodes to %x: %v", v, block, err)
		}
	})
}

var surrogate = regexp.MustCompile(`(?i)\\ud[89a-f]`)

// stricter tells whether a text that encoding/json accepts has one of the
// things that ParseJSON documents as errors.
func stricter(text []byte) bool {
	if !utf8.Valid(text) || surrogate.Match(text) {
		return true
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return stricterValue(d, 1)
}

func stricterValue(d *json.Decoder, depth int) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	switch token := token.(type) {
	case json.Number:
		_, err := strconv.ParseFloat(token.String(), 64)
		return err != nil
	case json.Delim:
		found := depth > entity.MaxDepth
		keys := map[string]bool{}
		for d.More() {
			if token == '{' {
				key, _ := d.Token()
				found = found || keys[key.(string)]
				keys[key.(string)] = true
			}
			found = stricterValue(d, depth+1) || found
		}
		_, _ = d.Token()
		return found || len(keys) == 1 && keys["/"]
	}
	return false
}

func sameJSON(got, want any) bool {
	switch got := got.(type) {
	case entity.Link:
		w, ok := want.(map[string]any)
		return ok && len(w) == 1 && w["/"] != nil
	case []byte:
		w, ok := want.(map[string]any)
		return ok && len(w) == 1 && w["/"] != nil
	case int64, float64:
		w, ok := want.(json.Number)
		return ok && sameNumber(got, w.String())
	case []any:
		w, ok := want.([]any)
		if !ok || len(got) != len(w) {
			return false
		}
		for i := range got {
			if !sameJSON(got[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		w, ok := want.(map[string]any)
		if !ok || len(got) != len(w) {
			return false
		}
		for k := range got {
			if x, ok := w[k]; !ok || !sameJSON(got[k], x) {
				return false
			}
		}
		return true
	}
	return got == want
}

// sameNumber checks the rule for numbers with exact arithmetic where the
// exponent allows, and by way of the nearest float64.
func sameNumber(got any, text string) bool {
	near, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false
	}
	n, isInt := got.(int64)
	if !isInt {
		return got == near && (near != float64(int64(near)) || near >= 1<<63 || near < -1<<63)
	}
	if _, exp, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if e, err := strconv.Atoi(exp); err != nil || e > 10_000 || e < -10_000 {
			return float64(n) == near
		}
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return false
	}
	if exact.IsInt() && exact.Num().IsInt64() {
		return n == exact.Num().Int64()
	}
	return float64(n) == near
}

// ValidateBlock accepts exactly what go-ipld-prime reads and writes again
// unchanged, less what our rule for values forbids; and what it accepts our
// codec reproduces. A manifest that opens seals to the same bytes.
func FuzzValidateBlock(f *testing.F) {
	for _, v := range vectors(f) {
		if len(v.block) < 4096 {
			f.Add(v.block)
		}
	}
	for _, s := range []string{"", "a0", "f6", "f7", "1b7fffffffffffffff", "3bffffffffffffffff", "f93c00", "fb3fb999999999999a", "fb3ff0000000000000", "c000", linkHex, "a2616101616102", "a2616201616102", "61ff", "0000", "9f00ff", "1800"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		err := entity.ValidateBlock(block)
		if want := primeAccepts(block); (err == nil) != want {
			t.Fatalf("%x: ValidateBlock says %v, go-ipld-prime with our rules accepts: %v", block, err, want)
		}
		if err != nil {
			return
		}
		checkCanonical(t, block)
		m, c, err := entity.OpenManifest(block)
		if err != nil {
			return
		}
		if again, d, err := m.Seal(); err != nil || d != c || !bytes.Equal(again, block) {
			t.Fatalf("%x opens and seals to %x, %v", block, again, err)
		}
	})
}

// primeAccepts is the oracle: decode, encode, compare, and our own rules.
func primeAccepts(block []byte) bool {
	n, err := primeDecode(block)
	if err != nil {
		return false
	}
	again, err := primeReencode(n)
	return err == nil && bytes.Equal(again, block) && primeValue(n, 1)
}

func primeValue(n datamodel.Node, depth int) bool {
	if depth > entity.MaxDepth+8 {
		return false
	}
	switch n.Kind() {
	case datamodel.Kind_Int:
		_, err := n.AsInt() // an error past int64
		return err == nil
	case datamodel.Kind_Float:
		x, err := n.AsFloat()
		return err == nil && (x != float64(int64(x)) || x >= 1<<63 || x < -1<<63)
	case datamodel.Kind_String:
		s, err := n.AsString()
		return err == nil && utf8.ValidString(s)
	case datamodel.Kind_List:
		for it := n.ListIterator(); !it.Done(); {
			_, v, err := it.Next()
			if err != nil || !primeValue(v, depth+1) {
				return false
			}
		}
	case datamodel.Kind_Map:
		for it := n.MapIterator(); !it.Done(); {
			k, v, err := it.Next()
			if err != nil || !primeValue(k, depth) || !primeValue(v, depth+1) {
				return false
			}
		}
	}
	return true
}

// Merging is idempotent, leaves the source alone and shares nothing with it;
// removing what was merged in leaves none of its top-level keys.
func FuzzMerge(f *testing.F) {
	for _, s := range [][2]string{{`{}`, `{}`}, {`{"a":{"b":1}}`, `{"a":{"c":[{}]},"d":null}`}, {`{"a":[1]}`, `{"a":{"b":{}}}`}, {`{"":{"":1}}`, `{"":{"":{"":2}}}`}} {
		f.Add([]byte(s[0]), []byte(s[1]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, errX := entity.ParseJSON(a, 0)
		y, errY := entity.ParseJSON(b, 0)
		dst, okX := x.(map[string]any)
		src, okY := y.(map[string]any)
		if errX != nil || errY != nil || !okX || !okY {
			return
		}
		before := entity.CloneProperties(src)
		entity.Merge(dst, src)
		once := entity.CloneProperties(dst)
		entity.Merge(dst, src)
		if !entity.EqualValues(any(dst), any(once)) {
			t.Fatalf("merging %s twice: %v, then %v", b, once, dst)
		}
		keys := []any{}
		for k := range src {
			if _, ok := dst[k]; !ok {
				t.Fatalf("key %q of %s was not merged", k, b)
			}
			keys = append(keys, k)
		}
		scribble(dst)
		if !entity.EqualValues(any(src), any(before)) {
			t.Fatalf("the source changed from %v to %v", before, src)
		}
		if err := entity.Remove(once, keys); err != nil {
			t.Fatal(err)
		}
		for k := range src {
			if _, ok := once[k]; ok {
				t.Fatalf("key %q is still there", k)
			}
		}
	})
}
