package wiretest

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Decode reads an object with its numbers as they were written.
func Decode(t testing.TB, text []byte) (out map[string]any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out
}

// At follows keys and positions into decoded JSON; nil where there is nothing.
func At(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			obj, _ := v.(map[string]any)
			v = obj[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// Text is a text at a path; "" for anything else.
func Text(v any, path ...any) string {
	s, _ := At(v, path...).(string)
	return s
}
