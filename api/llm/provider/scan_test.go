package provider

import (
	"encoding/json"
	"reflect"
	"testing"
)

var scanned = []string{
	``, ` `, `{`, `{}`, ` { } `, `[]`, `[ ]`, `null`, `{"a":1}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1 "b":2}`, `{"a":1}{}`, `{"a":1} x`, "{\"a\":1}\x00", `{"a":1,"a":2}`, `{"A":1,"a":2}`, `{"\u0061":1}`, `{"é":1}`,
	`{"a":"\n\u00e9\ud83d\"\\/"}`, `{"a":"\x"}`, `{"a":"\u12"}`, "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", "{\"\xff\":1}", `{"a":"`, `{"a":"\`, `{"a":01}`, `{"a":-}`, `{"a":-0.5e+3}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1e400}`,
	`{"a":tru}`, `{"a":truee}`, `{"a":nul`, `{"a":[1,[2,{"b":[]}],"x"]}`, `{"a":[1,]}`, `{"a":[1}`, `[1,2]`, `[[],{}]`, `[1 2]`, "\ufeff{}", `{"a":{"b":{"c":null}},"d":true,"e":false}`,
	`{"id":"x","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi\n","refusal":null},"finish_reason":null}],"usage":null}`,
	`{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"c","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":1}}}`,
	`{"ID":"x","Choices":[{"Delta":{"CONTENT":"y"}}]}`, `{"choices":[{"index":1.5}]}`, `{"choices":[{"index":"0"}],"model":"m"}`, `{"choices":{},"model":"m"}`, `{"choices":[null,{}]}`, `{"choices":null}`, `{"id":7}`, `{"error":{"message":"no"}}`, `{"error":null}`,
	`{"id":"a","choices":[{"message":{"role":"assistant","content":"Hello","tool_calls":[]},"finish_reason":"stop"},{"message":null}],"usage":{"prompt_tokens":"x"}}`,
	`{"choices":[{"delta":{"content":"a"}}],"choices":[{"finish_reason":"stop"}]}`, `{"usage":{"prompt_tokens":1},"usage":{"total_tokens":2}}`, `{"choices":[{"delta":{"content":"a"},"delta":{"refusal":"b"}}]}`,
}

// What is taken apart by hand is what encoding/json makes of it.
func TestScan(t *testing.T) {
	for _, text := range scanned {
		checkScan(t, []byte(text))
	}
}

func FuzzScan(f *testing.F) {
	for _, text := range scanned {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkScan(t, text) })
}

func checkScan(t *testing.T, text []byte) {
	t.Helper()
	if got, ok := object(text); ok {
		var want Body
		if err := json.Unmarshal(text, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("object %q: %q, want %q, %v", text, got, want, err)
		}
	}
	if got, ok := array(text); ok {
		var want []json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("array %q: %q, want %q, %v", text, got, want, err)
		}
	}
	var got, want Chunk
	gotErr, wantErr := got.read(text), json.Unmarshal(text, &want)
	if (gotErr == nil) != (wantErr == nil) || gotErr == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("chunk %q: %+v, %v; want %+v, %v", text, got, gotErr, want, wantErr)
	}
	if got, ok := quickWhole(text); ok {
		if want := slowWhole(text); !reflect.DeepEqual(got, want) {
			t.Errorf("answer %q: %+v, want %+v", text, got, want)
		}
	}
}
