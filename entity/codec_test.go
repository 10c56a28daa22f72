package entity_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/entity"
)

// A block from outside that is canonical but no manifest of ours is refused.
func TestOpenManifestRefuses(t *testing.T) {
	valid := func(edit func(map[string]any)) []byte {
		var tree map[string]any
		block, _, err := sample(t, `{"label":"x"}`, rel("in", idB)).Seal()
		if err != nil {
			t.Fatal(err)
		}
		if err := entity.DecodeBlock(block, &tree); err != nil {
			t.Fatal(err)
		}
		edit(tree)
		b, _, err := entity.EncodeBlock(tree)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	relationship := func(m map[string]any) map[string]any { return m["relationships"].([]any)[0].(map[string]any) }
	if _, _, err := entity.OpenManifest(valid(func(map[string]any) {})); err != nil {
		t.Fatalf("an untouched manifest: %v", err)
	}
	for name, block := range map[string][]byte{
		"nothing":              nil,
		"no dag-cbor":          []byte("{}"),
		"another value":        {0x01},
		"empty map":            {0xa0},
		"trailing byte":        append(valid(func(map[string]any) {}), 0),
		"unknown field":        valid(func(m map[string]any) { m["extra"] = true }),
		"field in capitals":    valid(func(m map[string]any) { m["Type"] = m["type"]; delete(m, "type") }),
		"field missing":        valid(func(m map[string]any) { delete(m, "type") }),
		"no prev":              valid(func(m map[string]any) { delete(m, "prev") }),
		"no relationships":     valid(func(m map[string]any) { delete(m, "relationships") }),
		"null relationships":   valid(func(m map[string]any) { m["relationships"] = nil }),
		"null properties":      valid(func(m map[string]any) { m["properties"] = nil }),
		"null note":            valid(func(m map[string]any) { m["note"] = nil }),
		"empty note":           valid(func(m map[string]any) { m["note"] = "" }),
		"empty on_behalf_of":   valid(func(m map[string]any) { m["edited_by"].(map[string]any)["on_behalf_of"] = "" }),
		"empty peer type":      valid(func(m map[string]any) { relationship(m)["peer_type"] = "" }),
		"empty rel properties": valid(func(m map[string]any) { relationship(m)["properties"] = map[string]any{} }),
		"unknown rel field":    valid(func(m map[string]any) { relationship(m)["direction"] = "out" }),
		"ver as text":          valid(func(m map[string]any) { m["ver"] = "1" }),
		"ver as a fraction":    valid(func(m map[string]any) { m["ver"] = 1.5 }),
		"prev as text":         valid(func(m map[string]any) { m["prev"] = entity.SumBlock(nil).String(); m["ver"] = int64(2) }),
		"id as a link":         valid(func(m map[string]any) { m["id"] = entity.Link{CID: entity.SumRaw(nil)} }),
		"id not of the form":   valid(func(m map[string]any) { m["id"] = "x" }),
		"too deep":             valid(func(m map[string]any) { m["properties"] = map[string]any{"d": nest(entity.MaxDepth, int64(1))} }),
		"foreign link": valid(func(m map[string]any) {
			m["properties"] = map[string]any{"l": entity.Link{CID: foreignCIDs(t)["version 0"]}}
		}),
	} {
		m, c, err := entity.OpenManifest(block)
		if err == nil || entity.KindOf(err) != entity.KindInvalid || m != nil || c.Defined() {
			t.Errorf("%s: %v, %v; want KindInvalid", name, m, err)
		}
	}
}

func TestLinkBinary(t *testing.T) {
	want := entity.Link{CID: entity.SumBlock([]byte{0xa0})}
	b, err := want.MarshalBinary()
	if err != nil || b[0] != 0 {
		t.Fatalf("%x, %v", b, err)
	}
	var got entity.Link
	if err := got.UnmarshalBinary(b); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range [][]byte{nil, {}, {0}, {1, 2}, b[1:], b[:10], append(b, 0)} {
		if err := new(entity.Link).UnmarshalBinary(bad); err == nil {
			t.Errorf("%x is taken for a link", bad)
		}
	}
}

func TestEncodeBlockRefuses(t *testing.T) {
	for name, v := range map[string]any{
		"NaN":      map[string]any{"x": math.NaN()},
		"+Inf":     math.Inf(1),
		"-Inf":     []any{math.Inf(-1)},
		"function": func() {},
	} {
		if b, _, err := entity.EncodeBlock(v); err == nil || entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s: %x, %v; want KindInvalid", name, b, err)
		}
	}
}

// The log's own structures survive their encoding.
func TestBlocksRoundTrip(t *testing.T) {
	digest := func(s string) entity.Digest {
		d, _ := entity.DigestOf(entity.SumBlock([]byte(s)))
		return d
	}
	record := &entity.Record{Seq: 7, At: 1795330800000, Actor: entity.Actor{UserID: idB, Method: entity.MethodAI, OnBehalfOf: idC}, Changes: []entity.Change{
		{ID: idA, Kind: entity.Created, Type: "letter", Collection: idC, Ver: 1, New: digest("a")},
		{ID: idA, Kind: entity.Appended, Type: "letter", Ver: math.MaxInt64, Old: digest("a"), New: digest("b"), Chain: "steps"},
	}}
	chain := &entity.ChainBlock{ID: idA, Chain: "steps", N: 2, TS: 1, Prev: &entity.Link{CID: entity.SumBlock(nil)}, Body: object(t, `{"a":[1,{"b":0.5}],"n":9007199254740993}`)}
	head := &entity.Head{Tip: digest("t"), Ver: 3, TS: 4, CreatedAt: 5, Type: "letter", Label: "L", Collection: idC, Deleted: true}
	for _, want := range []any{record, chain, head} {
		b, c, err := entity.EncodeBlock(want)
		if err != nil || c != entity.SumBlock(b) {
			t.Fatalf("%T: %v", want, err)
		}
		got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
		if err := entity.DecodeBlock(b, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpUnexported); diff != "" {
			t.Errorf("%T -want +got:\n%s", want, diff)
		}
		if err := entity.ValidateBlock(b); err != nil {
			t.Errorf("%T is not strict dag-cbor: %v", want, err)
		}
	}
	if record.Last() != 8 || record.Changes[0].CID() != entity.SumBlock([]byte("a")) || head.CID() != entity.SumBlock([]byte("t")) {
		t.Errorf("Last %d, CIDs %s %s", record.Last(), record.Changes[0].CID(), head.CID())
	}
}

var cmpUnexported = cmp.Exporter(func(t reflect.Type) bool {
	return strings.HasPrefix(t.PkgPath(), "stemma/") || t.PkgPath() == "github.com/ipfs/go-cid"
})

func TestDecodeBlockRefuses(t *testing.T) {
	var r entity.Record
	err := entity.DecodeBlock([]byte{0x01}, &r)
	var e *entity.Error
	if !errors.As(err, &e) || e.Kind != entity.KindInvalid || !strings.Contains(e.Message, "Record") {
		t.Errorf("%v; want KindInvalid that names the type", err)
	}
	for name, text := range map[string]string{
		"duplicate key": "a2 626964 60 626964 60",
		"unknown field": "a1 6178 01",
		"array":         "80",
		"trailing byte": "a000",
	} {
		if err := entity.DecodeBlock(unhex(t, text), new(entity.Manifest)); err == nil || entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s: %v; want KindInvalid", name, err)
		}
	}
}
