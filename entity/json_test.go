package entity_test

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"stemma/entity"
)

func parse(t *testing.T, text string) any {
	t.Helper()
	v, err := entity.ParseJSON([]byte(text), 0)
	if err != nil {
		t.Fatalf("ParseJSON(%s): %v", text, err)
	}
	return v
}

// One number, one value, however it is written: whole within int64 is an
// int64, everything else the nearest float64 unless that is whole in turn.
func TestParseJSONNumbers(t *testing.T) {
	for text, want := range map[string]any{
		"0": int64(0), "-0": int64(0), "0.0": int64(0), "-0.0": int64(0), "0e5": int64(0), "-0e-5": int64(0),
		"1": int64(1), "1.0": int64(1), "1e0": int64(1), "1E+0": int64(1), "10e-1": int64(1), "0.1e1": int64(1), "100e-2": int64(1),
		"12.5e1": int64(125), "-12.50E+1": int64(-125),
		"9007199254740991":                       int64(1<<53 - 1),
		"9007199254740993":                       int64(1<<53 + 1),
		"9007199254740993.0":                     int64(1<<53 + 1),
		"9007199254740993e0":                     int64(1<<53 + 1),
		"90071992547409930e-1":                   int64(1<<53 + 1),
		"1e18":                                   int64(1e18),
		"1e19":                                   1e19,
		"9223372036854775807":                    int64(math.MaxInt64),
		"9223372036854775807.000":                int64(math.MaxInt64),
		"922337203685477580.7e1":                 int64(math.MaxInt64),
		"9223372036854775808":                    float64(1 << 63),
		"9223372036854775808.0":                  float64(1 << 63),
		"-9223372036854775808":                   int64(math.MinInt64),
		"-9223372036854775808.0":                 int64(math.MinInt64),
		"-9223372036854777856":                   float64(-1<<63 - 2048),
		"18446744073709551615":                   float64(1 << 64),
		"0.1":                                    0.1,
		"-1.5":                                   -1.5,
		"1e300":                                  1e300,
		"1.7976931348623157e308":                 math.MaxFloat64,
		"5e-324":                                 math.SmallestNonzeroFloat64,
		"1e-400":                                 int64(0),
		"-1e-400":                                int64(0),
		"0e99999999999999999999":                 int64(0),
		"0.0e-99999999999999999999":              int64(0),
		"1e-99999999999999999999":                int64(0),
		"1" + strings.Repeat("0", 18):            int64(1e18),
		"1" + strings.Repeat("0", 400) + "e-400": int64(1),
		"0." + strings.Repeat("0", 399) + "1e400": int64(1),
		// Not whole, but the nearest float64 is: the value is that integer.
		"9007199254740992.5":       int64(1 << 53),
		"1.00000000000000000001":   int64(1),
		"0.99999999999999999999":   int64(1),
		"-9223372036854775809":     int64(math.MinInt64),
		"-9223372036854775808.5":   int64(math.MinInt64),
		"9223372036854775806.9999": float64(1 << 63),
	} {
		if got := parse(t, text); got != want {
			t.Errorf("ParseJSON(%s) = %T %v, want %T %v", clipText(text), got, got, want, want)
		}
	}
}

func clipText(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// What is refused is refused as the caller's fault, with the offset, and never
// panics: the exponents here overflow an int when they are added up.
func TestParseJSONRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for text, message := range map[string]string{
		"":                               "text ends",
		"  ":                             "text ends",
		"1e400":                          "outside the range of a 64-bit float",
		"-1e309":                         "outside the range",
		"1e9223372036854775807":          "outside the range",
		"1e99999999999999999999":         "outside the range",
		"-1.5e9223372036854775807":       "outside the range",
		"1" + strings.Repeat("0", 400):   "outside the range",
		"01":                             "begin with a zero",
		"-01":                            "begin with a zero",
		"00":                             "begin with a zero",
		"1.":                             "digits should follow the decimal point",
		"1.e1":                           "digits should follow the decimal point",
		".5":                             "does not begin a value",
		"+1":                             "does not begin a value",
		"-":                              "digits should be here",
		"-a":                             "digits should be here",
		"1e":                             "digits should follow the exponent",
		"1e+":                            "digits should follow the exponent",
		"0x10":                           "more text",
		"1 2":                            "more text",
		"NaN":                            "does not begin a value",
		"Infinity":                       "does not begin a value",
		"-Infinity":                      "digits should be here",
		"nul":                            "does not begin a value",
		"True":                           "does not begin a value",
		"truex":                          "more text",
		"{} x":                           "more text",
		"\x00":                           "does not begin a value",
		"[1]\x00":                        "more text",
		"\ufeff{}":                       "does not begin a value",
		"[1,]":                           "does not begin a value",
		"[1 2]":                          "a comma or ]",
		"[":                              "text ends",
		"[1":                             "a comma or ]",
		"{":                              "a key in double quotes",
		`{"a"`:                           "a colon should follow",
		`{"a":`:                          "text ends",
		`{"a":1`:                         "a comma or }",
		`{"a":1,}`:                       "a key in double quotes",
		`{'a':1}`:                        "a key in double quotes",
		`{a:1}`:                          "a key in double quotes",
		`{"a" 1}`:                        "a colon should follow",
		`{"a":1,"a":2}`:                  "twice",
		`{"a":1,"\u0061":2}`:             "twice",
		`{"":1,"":2}`:                    "twice",
		`{"x":{"b":[{"c":1,"c":1}]}}`:    "twice",
		`"\ud800"`:                       "surrogates come in pairs",
		`"\udc00"`:                       "surrogates come in pairs",
		`"\ud800\ud800"`:                 "surrogates come in pairs",
		`"\ud800x"`:                      "surrogates come in pairs",
		`"\udc00\ud800"`:                 "surrogates come in pairs",
		`{"\ud83c":1}`:                   "surrogates come in pairs",
		`"\u12"`:                         "four hexadecimal digits",
		`"\u12G4"`:                       "four hexadecimal digits",
		`"\u+123"`:                       "four hexadecimal digits",
		`"\x41"`:                         "is not an escape",
		`"\'"`:                           "is not an escape",
		`"abc`:                           "ends inside a string",
		`"abc\`:                          "ends inside a string",
		`"abc\n`:                         "ends inside a string",
		"\"a\nb\"":                       "control character",
		"\"a\tb\"":                       "control character",
		"\"a\x00b\"":                     "control character",
		"\"\\n\x1f\"":                    "control character",
		"\"\xff\"":                       "not valid UTF-8",
		"\"\xc0\x80\"":                   "not valid UTF-8",
		"\"\xed\xa0\x80\"":               "not valid UTF-8",
		"\"\\n\xff\"":                    "not valid UTF-8",
		"{\"\xff\":1}":                   "not valid UTF-8",
		deep(entity.MaxDepth + 1):        "nested deeper than 64",
		strings.Repeat("[", 200_000):     "nested deeper",
		strings.Repeat(`{"a":`, 200_000): "nested deeper",
		`{"/":"bafy"}`:                   "is a link",
		`{"/":1}`:                        "is a link",
		`{"/":{}}`:                       "is a link",
		`{"/":{"bytes":1}}`:              "is a link",
		`{"/":{"bytes":"*"}}`:            "is a link",
		`{"/":{"bytes":"","x":1}}`:       "is a link",
		`{"/":"QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"}`: "is a link",
	} {
		v, err := entity.ParseJSON([]byte(text), 0)
		if err == nil {
			t.Errorf("ParseJSON(%q) = %v; want an error", clipText(text), v)
			continue
		}
		if entity.KindOf(err) != entity.KindInvalid || !strings.Contains(err.Error(), message) || !strings.Contains(err.Error(), "at byte") {
			t.Errorf("ParseJSON(%q): %v (%v); want KindInvalid with %q and the offset", clipText(text), err, entity.KindOf(err), message)
		}
	}
}

func TestParseJSONValues(t *testing.T) {
	file, block := entity.SumRaw([]byte("hello")), entity.SumBlock([]byte{0xa0})
	for text, want := range map[string]any{
		" \t\r\n null ":                      nil,
		"true":                               true,
		"false":                              false,
		`""`:                                 "",
		`"Στέμμα 🌳"`:                         "Στέμμα 🌳",
		`"\u00e9\ud83c\udf33"`:               "é🌳",
		`"\"\\\/\b\f\n\r\t"`:                 "\"\\/\b\f\n\r\t",
		`"a\u0000b"`:                         "a\x00b",
		`"\uFFFD"`:                           "\ufffd",
		"\"\x7f\"":                           "\x7f",
		"{}":                                 map[string]any{},
		"[ ]":                                []any{},
		`{"a":1,"A":2,"":3}`:                 map[string]any{"a": int64(1), "A": int64(2), "": int64(3)},
		`{"a":{"a":1},"b":{"a":2}}`:          map[string]any{"a": map[string]any{"a": int64(1)}, "b": map[string]any{"a": int64(2)}},
		`[1,[true,null],{"x":["y"]}]`:        []any{int64(1), []any{true, nil}, map[string]any{"x": []any{"y"}}},
		`{"/":"` + file.String() + `"}`:      entity.Link{CID: file},
		`[{"/":"` + block.String() + `"}]`:   []any{entity.Link{CID: block}},
		`{"/":{"bytes":"aGVsbG8"}}`:          []byte("hello"),
		`{"/":{"bytes":"aGVsbG8="}}`:         []byte("hello"),
		`{"/":{"bytes":""}}`:                 []byte{},
		`{"/":"text","more":1}`:              map[string]any{"/": "text", "more": int64(1)},
		`{"__proto__":{"constructor":null}}`: map[string]any{"__proto__": map[string]any{"constructor": nil}},
	} {
		if got := parse(t, text); !reflect.DeepEqual(got, want) {
			t.Errorf("ParseJSON(%s) = %#v, want %#v", text, got, want)
		}
	}
}

func TestParseJSONDepth(t *testing.T) {
	for _, open := range []string{"[", `{"a":`} {
		shut := map[string]string{"[": "]", `{"a":`: "}"}[open]
		text := func(n int) []byte { return []byte(strings.Repeat(open, n) + "1" + strings.Repeat(shut, n)) }
		for limit, n := range map[int]int{0: entity.MaxDepth, 1: 1, 5: 5, 100: 100} {
			if _, err := entity.ParseJSON(text(n), limit); err != nil {
				t.Errorf("limit %d, %d levels of %s: %v", limit, n, open, err)
			}
			if _, err := entity.ParseJSON(text(n+1), limit); entity.KindOf(err) != entity.KindInvalid {
				t.Errorf("limit %d, %d levels of %s: %v, want KindInvalid", limit, n+1, open, err)
			}
		}
	}
}

// The parsed value keeps nothing of the request's buffer, which is used again.
func TestParseJSONCopies(t *testing.T) {
	text := []byte(`{"key":"value","escaped\n":"\u0061","b":{"/":{"bytes":"aGVsbG8"}}}`)
	got, err := entity.ParseJSON(bytes.Clone(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Clone(text)
	v, err := entity.ParseJSON(other, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range other {
		other[i] = 'x'
	}
	if !entity.EqualValues(v, got) {
		t.Errorf("overwriting the text changed the value to %v", v)
	}
}

func TestParseJSONOffsets(t *testing.T) {
	for text, at := range map[string]string{
		`{"a":1,"a":2}`: "(at byte 7)",
		`[1, 1e999]`:    "(at byte 4)",
		`[1,2] x`:       "(at byte 6)",
		`{"a":tru}`:     "(at byte 5)",
		`["ok","\q"]`:   "(at byte 7)",
	} {
		if _, err := entity.ParseJSON([]byte(text), 0); err == nil || !strings.HasSuffix(err.Error(), at) {
			t.Errorf("ParseJSON(%s): %v; want it to end in %s", text, err, at)
		}
	}
}
