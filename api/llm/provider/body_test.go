package provider

import (
	"encoding/json"
	"reflect"
	"testing"
)

// An object is written with its members by name, their bytes as they came, and
// without line breaks.
func TestBodyBytes(t *testing.T) {
	for in, want := range map[string]string{
		`{}`: `{}`,
		` {"b" : [1,  2], "a":"<\u00e9>" , "":null}`:        `{"":null,"a":"<\u00e9>","b":[1,  2]}`,
		"{\"a\":{\r\n \"x\": \"\\n\"},\"q\\\"\":1e400}":     `{"a":{"x":"\n"},"q\"":1e400}`,
		`{"messages":[{"role":"user","content":"\ud83d"}]}`: `{"messages":[{"role":"user","content":"\ud83d"}]}`,
	} {
		b, err := ParseBody([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(b.Bytes()); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	b := Body{"none": nil}
	b.Set("on", true)
	b.Set("off", false)
	b.Set("list", []json.RawMessage{json.RawMessage(`{"x":1}`), nil, json.RawMessage(`"y"`)})
	b.Set("empty", []json.RawMessage{})
	b.Set("nil", []json.RawMessage(nil))
	want := `{"empty":[],"list":[{"x":1},null,"y"],"nil":null,"none":null,"off":false,"on":true}`
	if got := string(b.Bytes()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var tree map[string]any
	if err := json.Unmarshal(b.Bytes(), &tree); err != nil || !reflect.DeepEqual(tree["list"], []any{map[string]any{"x": 1.0}, nil, "y"}) {
		t.Errorf("%v, %v", tree, err)
	}
}

// A text is read as encoding/json reads it, whether or not it stands for itself.
func TestBodyText(t *testing.T) {
	for _, raw := range []string{`""`, `"x"`, `"é"`, `"a\"b\u00e9\n"`, "\"\xff\"", `7`, `null`, `["x"]`} {
		var want string
		ok := json.Unmarshal([]byte(raw), &want) == nil && raw != "null"
		b := Body{"x": json.RawMessage(raw)}
		var got string
		if b.Into("x", &got) != ok || got != want || b.Text("x") != want {
			t.Errorf("%s: %q and %q, want %q, %v", raw, got, b.Text("x"), want, ok)
		}
	}
}
