package wire

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"stemma/entity"
)

// standard is what encoding/json writes without escaping HTML.
func standard(t *testing.T, v any) string {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(buf.String(), "\n")
}

func TestAppendString(t *testing.T) {
	for _, s := range []string{"", "plain", `"quoted" \ and /`, "\b\f\n\r\t", "\x00\x1f\x7f", "<&>", "ünïcö 😀", "\u2028\u2029", "bad\xff\xc0utf8", "\xed\xa0\x80"} {
		equal(t, s, string(AppendString(nil, s)), standard(t, s))
	}
}

func TestAppendFloat(t *testing.T) {
	for _, f := range []float64{0, 0.1, -1.5, 1e20, 1e21, 1e-6, 9.9e-7, 1e300, 5e-324, math.MaxFloat64, 123456789.125} {
		equal(t, "float64", string(AppendFloat(nil, f)), standard(t, f))
	}
	for _, f := range []float32{0, 0.1, -1.5, 1e20, 1e21, 1e-6, 9.9e-7, math.MaxFloat32, math.SmallestNonzeroFloat32} {
		equal(t, "float32", string(AppendValue(nil, f)), standard(t, f))
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		equal(t, "no number", string(AppendFloat(nil, f)), "null")
	}
}

func TestAppendValueDAGJSON(t *testing.T) {
	cid, _ := entity.ParseCID(aCID)
	v := map[string]any{"l": entity.Link{CID: cid}, "b": []byte{0, 255, 1}, "a": []any{nil, true, int64(-1)}, "e": []any(nil), "m": map[string]any(nil)}
	got := AppendValue(nil, v)
	equal(t, "text", string(got), `{"a":[null,true,-1],"b":{"/":{"bytes":"AP8B"}},"e":[],"l":{"/":"`+aCID+`"},"m":{}}`)
	back, err := entity.ParseJSON(got, 0)
	v["e"], v["m"] = []any{}, map[string]any{}
	equal(t, "read back", []any{back, err}, []any{v, nil})
}

type base struct {
	ID   entity.ID `json:"id" alias:"pi"`
	Kind string    `json:"kind,omitempty"`
}

type stamp string

type sample struct {
	base
	CID     entity.CID      `json:"cid"`
	Prev    *entity.CID     `json:"prev"`
	Kind    stamp           `json:"kind"` // wins over the embedded one
	At      time.Time       `json:"at,omitzero"`
	Raw     json.RawMessage `json:"raw,omitempty"`
	Bytes   []byte          `json:"bytes"`
	List    []*sample       `json:"list"`
	Map     map[stamp]int8  `json:"map"`
	Any     any             `json:"any"`
	Open    map[string]any  `json:"open"`
	N       uint16          `json:"n,omitempty"`
	F       float32         `json:"f"`
	Self    selfWritten     `json:"self"`
	Hidden  string          `json:"-"`
	NoTag   bool
	private int
}

type selfWritten struct{ n int }

// AppendJSON has a pointer receiver, as big answers do.
func (s *selfWritten) AppendJSON(dst []byte) []byte { return AppendValue(dst, int64(s.n)) }

func TestAppendStruct(t *testing.T) {
	cid, _ := entity.ParseCID(aCID)
	v := sample{
		base: base{ID: anID, Kind: "lost"}, CID: cid, Kind: "k", At: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Raw: json.RawMessage(`{"a": "<"}`),
		Bytes: []byte("hi"), List: []*sample{nil}, Map: map[stamp]int8{"b": 2, "a": -1}, Any: entity.Link{CID: cid}, Open: map[string]any{"b": []byte("x")},
		F: 0.1, Self: selfWritten{7}, Hidden: "h", private: 1,
	}
	got, err := Append(nil, v)
	equal(t, "error", err, nil)
	equal(t, "text", string(got), `{"id":"`+anID+`","pi":"`+anID+`","cid":"`+aCID+`","prev":null,"kind":"k","at":"2026-01-02T03:04:05.006Z","raw":{"a":"<"},"bytes":"aGk=",`+
		`"list":[null],"map":{"a":-1,"b":2},"any":{"/":"`+aCID+`"},"open":{"b":{"/":{"bytes":"eA"}}},"f":0.1,"self":7,"NoTag":false}`)
	got, err = Append([]byte("x"), &sample{})
	equal(t, "error", err, nil)
	equal(t, "zero", string(got), `x{"id":"","pi":"","cid":null,"prev":null,"kind":"","bytes":"","list":[],"map":{},"any":null,"open":{},"f":0,"self":0,"NoTag":false}`)
	equal(t, "nothing in it", string(AppendValue(nil, struct {
		X int `json:"x,omitempty"`
	}{})), `{}`)
}

type brokenMarshaler struct{}

func (brokenMarshaler) MarshalJSON() ([]byte, error) {
	return nil, json.Unmarshal([]byte("x"), new(int))
}

func TestAppendFailures(t *testing.T) {
	for name, v := range map[string]any{
		"a func":      func() {},
		"a channel":   struct{ C chan int }{},
		"int keys":    map[int]int{},
		"marshaler":   brokenMarshaler{},
		"deep inside": map[string]any{"a": []any{func() {}}},
		"the option": struct {
			N int `json:"n,string"`
		}{},
	} {
		for range 2 { // the second time the type is known
			if _, err := Append(nil, v); entity.KindOf(err) != entity.KindInternal || err == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestAppendLikeEncodingJSON: where the package comment names no difference
// there is none.
func TestAppendLikeEncodingJSON(t *testing.T) {
	n := 3
	for _, v := range []any{
		1, int8(-2), json.Number("12.50"), uint64(math.MaxUint64), "s", stamp("t"), true, 2.5, float32(0.3), nil, &n, (*int)(nil), [2]int{1, 2}, []string{"a"}, map[string]bool{"x": true},
		struct {
			A *int `json:"a,omitempty"`
			B any  `json:"b,omitempty"`
			C [0]int
			D map[string]int `json:"d,omitempty"`
			E struct{ F int }
		}{},
		time.Unix(0, 0).UTC(), []time.Duration{1}, []any{map[string]any{"b": 1, "a": []int{}}},
	} {
		equal(t, "value", string(AppendValue(nil, v)), standard(t, v))
	}
}

// FuzzAppendValue: what ParseJSON reads, AppendValue writes so that it reads
// the same, and byte for byte as encoding/json does where no bytes or links are.
func FuzzAppendValue(f *testing.F) {
	for _, s := range []string{`null`, `{"b":[1,2.5,"x"],"a":{"/":{"bytes":"AP8"}}}`, `{"l":{"/":"` + aCID + `"}}`, `[1e21,1e-7,-0.0,9007199254740993,0.1]`, `"\u2028<\u0000\ud83d\ude00"`, `{"":{"":[]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := entity.ParseJSON(text, 0)
		if err != nil {
			return
		}
		got := AppendValue(nil, v)
		back, err := entity.ParseJSON(got, 0)
		if err != nil || !entity.EqualValues(v, back) {
			t.Fatalf("%s was written as %s: %v", text, got, err)
		}
		if ordinary(v) {
			equal(t, "text", string(got), standard(t, v))
		}
	})
}

func ordinary(v any) bool {
	switch v := v.(type) {
	case []byte, entity.Link:
		return false
	case []any:
		for _, x := range v {
			if !ordinary(x) {
				return false
			}
		}
	case map[string]any:
		for _, x := range v {
			if !ordinary(x) {
				return false
			}
		}
	}
	return true
}

// FuzzAppendString: any bytes at all give what encoding/json gives.
func FuzzAppendString(f *testing.F) {
	f.Add("a\xffb\u2028\"")
	f.Fuzz(func(t *testing.T, s string) { equal(t, "text", string(AppendString(nil, s)), standard(t, s)) })
}
