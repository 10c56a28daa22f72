package entity_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/entity"
)

func object(t *testing.T, text string) entity.Properties {
	t.Helper()
	return parse(t, text).(map[string]any)
}

func TestNormalize(t *testing.T) {
	type word string
	type flag bool
	type words []word
	type table map[word]words
	link := entity.Link{CID: entity.SumRaw(nil)}
	for name, tt := range map[string]struct{ in, want any }{
		"nil":           {nil, nil},
		"bool":          {true, true},
		"named bool":    {flag(true), true},
		"text":          {"Στέμμα", "Στέμμα"},
		"named text":    {word("x"), "x"},
		"bytes":         {[]byte{1}, []byte{1}},
		"link":          {link, link},
		"int":           {int(-7), int64(-7)},
		"int8":          {int8(math.MinInt8), int64(math.MinInt8)},
		"uint8":         {uint8(255), int64(255)},
		"uint32":        {uint32(math.MaxUint32), int64(math.MaxUint32)},
		"uint64":        {uint64(math.MaxInt64), int64(math.MaxInt64)},
		"least":         {int64(math.MinInt64), int64(math.MinInt64)},
		"whole float":   {1.0, int64(1)},
		"whole float32": {float32(2), int64(2)},
		"minus zero":    {math.Copysign(0, -1), int64(0)},
		"2^53":          {float64(1 << 53), int64(1 << 53)},
		"-2^63":         {float64(math.MinInt64), int64(math.MinInt64)},
		"2^63":          {float64(1 << 63), float64(1 << 63)},
		"1e300":         {1e300, 1e300},
		"fraction":      {0.1, 0.1},
		"json number":   {json.Number("9007199254740993"), int64(1<<53 + 1)},
		"json fraction": {json.Number("1.50"), 1.5},
		"nil map":       {map[string]any(nil), map[string]any{}},
		"nil slice":     {[]any(nil), []any{}},
		"slices":        {[]int{1, 2}, []any{int64(1), int64(2)}},
		"array":         {[2]string{"a", "b"}, []any{"a", "b"}},
		"named map":     {table{"k": {"a"}}, map[string]any{"k": []any{"a"}}},
		"deep":          {map[string]any{"a": []any{map[string]int{"b": 1}, 2.0}}, map[string]any{"a": []any{map[string]any{"b": int64(1)}, int64(2)}}},
	} {
		if got, err := entity.Normalize(tt.in); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: Normalize = %#v, %v; want %#v", name, got, err, tt.want)
		}
	}
}

func nest(n int, inner any) any {
	for range n {
		inner = []any{inner}
	}
	return inner
}

func TestNormalizeRefuses(t *testing.T) {
	loop := map[string]any{}
	loop["again"] = loop
	for name, v := range map[string]any{
		"NaN":               math.NaN(),
		"+Inf":              math.Inf(1),
		"-Inf":              math.Inf(-1),
		"float32 Inf":       float32(math.Inf(1)),
		"past int64":        uint64(math.MaxInt64) + 1,
		"bad text":          "a\xff",
		"bad key":           map[string]any{"\xff": 1},
		"NaN inside":        map[string]any{"a": []any{math.NaN()}},
		"too deep":          nest(entity.MaxDepth+1, 1),
		"cycle":             loop,
		"int keys":          map[int]string{1: "a"},
		"struct":            struct{ A int }{1},
		"pointer":           new(int),
		"function":          func() {},
		"channel":           make(chan int),
		"complex":           complex(1, 1),
		"json number 1e999": json.Number("1e999"),
		"json number text":  json.Number(`"x"`),
	} {
		if got, err := entity.Normalize(v); err == nil || entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s: Normalize = %v, %v; want KindInvalid", name, got, err)
		}
	}
	if _, err := entity.Normalize(nest(entity.MaxDepth, 1)); err != nil {
		t.Errorf("%d levels: %v", entity.MaxDepth, err)
	}
}

// arke-notes 3.2: objects merge, everything else is replaced, null is stored.
func TestMerge(t *testing.T) {
	for name, tt := range map[string]struct{ dst, src, want string }{
		"absent keys are untouched":    {`{"a":1,"b":2}`, `{"b":3}`, `{"a":1,"b":3}`},
		"nothing":                      {`{"a":1}`, `{}`, `{"a":1}`},
		"into nothing":                 {`{}`, `{"a":{"b":[1]}}`, `{"a":{"b":[1]}}`},
		"objects merge at every depth": {`{"a":{"b":{"x":1,"y":2},"c":3}}`, `{"a":{"b":{"y":5,"z":6}}}`, `{"a":{"b":{"x":1,"y":5,"z":6},"c":3}}`},
		"an empty object keeps":        {`{"a":{"b":1}}`, `{"a":{}}`, `{"a":{"b":1}}`},
		"an empty object is stored":    {`{}`, `{"a":{}}`, `{"a":{}}`},
		"arrays replace whole":         {`{"a":[1,2,3]}`, `{"a":[4]}`, `{"a":[4]}`},
		"objects in arrays replace":    {`{"a":[{"x":1}]}`, `{"a":[{"y":2}]}`, `{"a":[{"y":2}]}`},
		"null is stored":               {`{"a":1,"b":{"c":1}}`, `{"a":null,"b":{"c":null}}`, `{"a":null,"b":{"c":null}}`},
		"null over an object":          {`{"a":{"b":1}}`, `{"a":null}`, `{"a":null}`},
		"object over null":             {`{"a":null}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		"object over a scalar":         {`{"a":1}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		"scalar over an object":        {`{"a":{"b":1}}`, `{"a":"x"}`, `{"a":"x"}`},
		"array over an object":         {`{"a":{"b":1}}`, `{"a":[]}`, `{"a":[]}`},
		"object over an array":         {`{"a":[1]}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		"a link is a scalar":           {`{"a":{"b":1}}`, `{"a":{"/":"` + entity.SumRaw(nil).String() + `"}}`, `{"a":{"/":"` + entity.SumRaw(nil).String() + `"}}`},
		"a dot is part of the name":    {`{"a":{"b":1}}`, `{"a.b":2}`, `{"a":{"b":1},"a.b":2}`},
		"an empty key is a key":        {`{"":1}`, `{"":{"":2}}`, `{"":{"":2}}`},
		"integers keep every digit":    {`{"n":9007199254740992}`, `{"n":9007199254740993}`, `{"n":9007199254740993}`},
		"a fraction replaces a whole":  {`{"n":1}`, `{"n":1.5}`, `{"n":1.5}`},
	} {
		t.Run(name, func(t *testing.T) {
			dst, src := object(t, tt.dst), object(t, tt.src)
			before := entity.CloneProperties(src)
			entity.Merge(dst, src)
			if diff := cmp.Diff(object(t, tt.want), dst, cmpLinks); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			scribble(dst)
			if !entity.EqualValues(any(src), any(before)) {
				t.Errorf("changing the result changed the source to %v", src)
			}
		})
	}
}

var cmpLinks = cmp.Comparer(func(a, b entity.Link) bool { return a == b })

// scribble overwrites everything that can be reached from v.
func scribble(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			scribble(x)
			v[k] = "scribbled"
		}
		if v != nil {
			v["scribbled"] = true
		}
	case []any:
		for i, x := range v {
			scribble(x)
			v[i] = "scribbled"
		}
	}
}

// arke-notes 3.3.
func TestRemove(t *testing.T) {
	for name, tt := range map[string]struct{ p, spec, want string }{
		"top level":                 {`{"a":1,"b":2,"c":3}`, `["a","c"]`, `{"b":2}`},
		"nested":                    {`{"config":{"options":{"debug":true,"level":1},"x":1}}`, `{"config":{"options":["debug"]}}`, `{"config":{"options":{"level":1},"x":1}}`},
		"several branches":          {`{"a":{"x":1,"y":2},"b":{"x":1,"y":2}}`, `{"a":["x"],"b":["y"]}`, `{"a":{"y":2},"b":{"x":1}}`},
		"the last key leaves {}":    {`{"a":{"b":{"c":1}}}`, `{"a":{"b":["c"]}}`, `{"a":{"b":{}}}`},
		"a dot is part of the name": {`{"a":{"b":1},"a.b":2}`, `["a.b"]`, `{"a":{"b":1}}`},
		"no dot notation":           {`{"a":{"b":1}}`, `["a.b"]`, `{"a":{"b":1}}`},
		"an empty key":              {`{"":1,"a":{"":2,"b":3}}`, `{"a":[""]}`, `{"":1,"a":{"b":3}}`},
		"absent key":                {`{"a":1}`, `["z"]`, `{"a":1}`},
		"absent path":               {`{"a":1}`, `{"z":{"y":["x"]}}`, `{"a":1}`},
		"path through a scalar":     {`{"a":1}`, `{"a":["b"]}`, `{"a":1}`},
		"path through an array":     {`{"a":[1,2]}`, `{"a":["0"]}`, `{"a":[1,2]}`},
		"whole subtree":             {`{"a":{"b":1},"c":2}`, `["a"]`, `{"c":2}`},
		"twice":                     {`{"a":1}`, `["a","a"]`, `{}`},
		"nothing":                   {`{"a":1}`, `[]`, `{"a":1}`},
		"null":                      {`{"a":1}`, `null`, `{"a":1}`},
		"nothing nested":            {`{"a":1}`, `{}`, `{"a":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			p, spec := object(t, tt.p), parse(t, tt.spec)
			if err := entity.Remove(p, spec); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(object(t, tt.want), p); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if !entity.EqualValues(spec, parse(t, tt.spec)) {
				t.Errorf("the specification became %v", spec)
			}
		})
	}
}

func TestRemoveRefuses(t *testing.T) {
	for spec, path := range map[string][]any{
		`"a"`:                  {"properties_remove"},
		`1`:                    {"properties_remove"},
		`true`:                 {"properties_remove"},
		`[1]`:                  {"properties_remove", 0},
		`["a",["b"]]`:          {"properties_remove", 1},
		`["a",null]`:           {"properties_remove", 1},
		`{"a":"b"}`:            {"properties_remove", "a"},
		`{"a":{"b":true}}`:     {"properties_remove", "a", "b"},
		`{"z":{"b":["c",{}]}}`: {"properties_remove", "z", "b", 1},
	} {
		err := entity.Remove(object(t, `{"a":{"b":{"c":1}}}`), parse(t, spec))
		var e *entity.Error
		if !errors.As(err, &e) || e.Kind != entity.KindInvalid || len(e.Issues) != 1 || !reflect.DeepEqual(e.Issues[0].Path, path) {
			t.Errorf("Remove(%s): %v, %+v; want KindInvalid at %v", spec, err, e, path)
		}
	}
}

func TestEqualValues(t *testing.T) {
	texts := []string{`null`, `{}`, `[]`, `""`, `0`, `1`, `1.5`, `false`, `"1"`, `[1]`, `[1,1]`, `[null]`, `{"a":null}`, `{"a":1}`,
		`{"b":1}`, `{"a":1,"b":1}`, `{"/":{"bytes":""}}`, `{"/":{"bytes":"AQ"}}`, `{"/":"` + entity.SumRaw(nil).String() + `"}`, `9007199254740992`, `9007199254740993`}
	for i, a := range texts {
		for j, b := range texts {
			if got := entity.EqualValues(parse(t, a), parse(t, b)); got != (i == j) {
				t.Errorf("EqualValues(%s, %s) = %v", a, b, got)
			}
		}
	}
	if entity.EqualValues(nil, map[string]any(nil)) || !entity.EqualValues(map[string]any(nil), map[string]any{}) {
		t.Error("nil and an empty map differ; a nil map is an empty one")
	}
}

func TestCloneValue(t *testing.T) {
	text := `{"a":{"b":[1,{"c":[2]}],"n":null},"z":[[]]}`
	v := parse(t, text)
	c := entity.CloneValue(v)
	if !reflect.DeepEqual(c, v) {
		t.Fatalf("clone %v of %v", c, v)
	}
	scribble(c)
	if !entity.EqualValues(v, parse(t, text)) {
		t.Errorf("changing the clone changed the original to %v", v)
	}
	if p := entity.CloneProperties(nil); p == nil || len(p) != 0 {
		t.Errorf("CloneProperties(nil) = %v, want an empty map", p)
	}
	if long := strings.Repeat("x", 10); entity.CloneValue(long) != long {
		t.Error("a scalar changed")
	}
}
