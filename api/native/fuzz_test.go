package native_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"stemma/entity"
)

// FuzzEntityBody sends arbitrary bytes as the body of POST /entities and of
// PUT /entities/{id}, where $tip stands for the tip. There is never a 5xx. What
// was answered 201 is read back with the same properties, under the rule for
// numbers; what was answered 200 is read back as it was answered; the block of
// each hashes to its CID; and the store holds together.
func FuzzEntityBody(f *testing.F) {
	for _, seed := range []string{
		`{"type":"note","properties":{"label":"a"}}`,
		`{"type":"note","properties":{"a":1.0,"b":-0,"c":1e300,"d":0.1,"e":9223372036854775807,"f":9223372036854775808,"g":1e400,"h":12.5e1,"i":-0.0}}`,
		`{"type":"note","properties":{"a":{"/":"bafyreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae"},"b":{"/":{"bytes":"aGVsbG8="}},"c":{"/":{"bytes":"00"}}}}`,
		`{"type":"note","properties":{"é":"\ud83d\ude00","\u0000":"\u2028","":[null,true,[],{}]},"relationships":[{"predicate":"p","peer":"*"}]}`,
		`{"type":"folder","properties":{"label":""}}`, `{"type":"collection","properties":{"label":"c","roles":{"a":["b"]}}}`,
		`{"expect_tip":"$tip","properties":{"a":{"b":1}},"properties_remove":{"a":["b"]},"relationships_add":[{"predicate":"p","peer":"*","properties":{"x":1},"properties_remove":["x"]}],"relationships_remove":[{"predicate":"p"}],"note":"n"}`,
		`{"expect_tip":"$tip","properties_remove":[[]]}`, `{"expect_tip":"$tip","properties_remove":{"a":{"b":{}}}}`,
		`{"type":"note","properties":` + strings.Repeat(`{"a":`, 70) + `1` + strings.Repeat(`}`, 70) + `}`,
		`{"type":"note","properties":{"a":1e-9999999999,"b":1e-400,"c":0e9999999999}}`, `[`, `"`, "\xff", `{"type":"note","type":"note"}`, `{"type":null}`, `null`,
	} {
		f.Add([]byte(seed))
	}
	w, err := openRig(rigOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { w.end(f) })
	left := perStore
	f.Fuzz(func(t *testing.T, body []byte) {
		if left--; left == 0 { // the stores do not grow for ever
			w.end(t)
			if w, err = openRig(rigOptions{}); err != nil {
				t.Fatal(err)
			}
			left = perStore
		}
		w.fuzzCreate(t, body)
		w.fuzzUpdate(t, body)
	})
}

// perStore is how many inputs one store takes.
const perStore = 5000

func (w *rig) fuzzCreate(t *testing.T, body []byte) {
	out := w.call("POST", "/entities", string(body))
	if !w.acceptable(t, out) {
		return
	}
	e := w.readBack(t, out)
	want := plain(decode(t, body)["properties"])
	if want == nil {
		want = object{}
	}
	if got := plain(e["properties"]); !reflect.DeepEqual(got, want) {
		t.Errorf("properties came back as\n%#v, not\n%#v", got, want)
	}
}

func (w *rig) fuzzUpdate(t *testing.T, body []byte) {
	id, tip := w.create(t, object{"type": "note", "properties": object{"a": object{"b": 1, "c": 2}}})
	out := w.call("PUT", "/entities/"+id, string(bytes.ReplaceAll(body, []byte("$tip"), []byte(tip))))
	if !w.acceptable(t, out) {
		if now := w.must(t, 200, "GET", "/entities/"+id+"/tip", nil)["cid"]; now != tip {
			t.Errorf("answered %d, and the tip went from %s to %s", out.Code, tip, now)
		}
		return
	}
	w.readBack(t, out)
}

// acceptable tells whether a body was taken; a 5xx never is.
func (w *rig) acceptable(t *testing.T, out *httptest.ResponseRecorder) bool {
	t.Helper()
	if out.Code >= 500 {
		t.Fatalf("status %d: %s", out.Code, out.Body)
	}
	if out.Code >= 400 {
		checkFault(t, fault{name: "fuzz", status: out.Code}, out)
	}
	return out.Code < 300
}

// readBack compares an answered write with what is read afterwards.
func (w *rig) readBack(t *testing.T, out *httptest.ResponseRecorder) object {
	t.Helper()
	answered := decode(t, out.Body.Bytes())
	read := w.must(t, 200, "GET", "/entities/"+answered["id"].(string), nil)
	if !reflect.DeepEqual(read, answered) {
		t.Errorf("answered\n%v, read back\n%v", answered, read)
	}
	w.hashes(t, answered["cid"].(string))
	return read
}

// hashes checks that a version's bytes are those that its name promises, and
// such as the strict validator takes from anybody.
func (w *rig) hashes(t *testing.T, cid string) {
	t.Helper()
	block := w.call("GET", "/versions/manifest/"+cid+"?format=dag-cbor", "").Body.Bytes()
	if got := entity.CIDOf(sha256.Sum256(block)).String(); got != cid {
		t.Errorf("the block of %s hashes to %s", cid, got)
	}
	if _, _, err := entity.OpenManifest(block); err != nil {
		t.Errorf("the block of %s: %v", cid, err)
	}
}

// plain is a JSON value under the rule for numbers, worked out apart from
// package entity: whole and within int64 is an integer, all else a float64.
// Bytes are bytes, however their base64 is padded.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		return plainNumber(v.String())
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plain(x)
		}
		return out
	case object:
		out := object{}
		for k, x := range v {
			out[k] = plain(x)
		}
		if inner, ok := out["/"].(object); ok && len(out) == 1 && len(inner) == 1 {
			if text, ok := inner["bytes"].(string); ok {
				raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
				if err != nil {
					return err.Error()
				}
				return raw
			}
		}
		return out
	}
	return v
}

func plainNumber(text string) any {
	f, _, err := big.ParseFloat(text, 10, 2000, big.ToNearestEven)
	if err != nil { // an exponent that no big.Float has; what was taken with one is as good as zero
		return int64(0)
	}
	if n, accuracy := f.Int64(); accuracy == big.Exact {
		return n
	}
	near, _ := f.Float64()
	if n, accuracy := big.NewFloat(near).Int64(); accuracy == big.Exact {
		return n
	}
	return near
}
