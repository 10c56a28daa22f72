package auth

import (
	"reflect"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity/access"
)

var someGrants = []grant{
	{User: "01KDVR00000000000000000ANN", Owner: true, Kind: access.User, Prefix: "uk_111111111"},
	{User: "IIKDVR0000000000000000AGNT", Kind: access.Agent, ID: "01KDVDNAZ8V63QXKKD6T5AR6KF", Prefix: "ak_111111111", Label: "a label of more than twenty-three bytes", Created: 1_767_225_601_000, Expires: 1 << 62},
	{User: "01KDVR0000000000000000SRVC", Kind: access.Service, Label: "é", Scopes: []access.Action{"*:view", "entity:update", "a_type-of-many-letters:a_verb_of_many_letters"}, Created: 23, Expires: 24},
	{Scopes: []access.Action{}, Created: 255, Expires: 65_536},
	{},
}

// What the library encodes is read back as it was.
func TestDecodeGrant(t *testing.T) {
	for _, g := range someGrants {
		b, err := cbor.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeGrant(b); err != nil || !reflect.DeepEqual(got, g) {
			t.Errorf("%+v came back as %+v, %v", g, got, err)
		}
		for i := range b {
			if _, err := decodeGrant(b[:i]); err == nil {
				t.Errorf("%x, cut after %d bytes, is a grant", b, i)
			}
		}
	}
	first, err := cbor.Marshal([]any{"01KDVR00000000000000000ANN", true})
	if err != nil {
		t.Fatal(err)
	}
	if g, err := decodeGrant(first); err != nil || !reflect.DeepEqual(g, grant{User: "01KDVR00000000000000000ANN", Owner: true, Kind: access.User}) {
		t.Errorf("the first form: %+v, %v", g, err)
	}
}

// FuzzDecodeGrant: what is read by hand, the library reads too, and the same.
func FuzzDecodeGrant(f *testing.F) {
	for _, g := range someGrants {
		b, err := cbor.Marshal(g)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeGrant(b)
		if err != nil || b[0] != 0x80|fieldsOfGrant {
			return
		}
		var want grant
		if err := cbor.Unmarshal(b, &want); err != nil {
			return // the library is stricter about UTF-8 and numbers over their type
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%x is %+v, not %+v", b, got, want)
		}
	})
}

func BenchmarkDecodeGrant(b *testing.B) {
	row, err := cbor.Marshal(someGrants[2])
	if err != nil {
		b.Fatal(err)
	}
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeGrant(row); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var g grant
			if err := cbor.Unmarshal(row, &g); err != nil {
				b.Fatal(err)
			}
		}
	})
}
