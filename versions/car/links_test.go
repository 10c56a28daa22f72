package car_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/node/basicnode"
	"github.com/ipld/go-ipld-prime/traversal"

	"stemma/entity"
	"stemma/versions/car"
)

func TestLinks(t *testing.T) {
	a, b := entity.SumRaw([]byte("a")), entity.SumBlock([]byte("b"))
	p := cborPiece(t, map[string]any{
		"prev": entity.Link{CID: b}, "deep": []any{map[string]any{"x": entity.Link{CID: a}}, "text", int64(1 << 40), 0.5, nil, []byte("bytes")},
		"again": entity.Link{CID: a},
	})
	got, err := car.Links(p.data)
	if want := []entity.CID{a, b, a}; err != nil || !slices.Equal(got, want) { // keys: deep, prev, again
		t.Errorf("links %v, %v; want %v", got, err, want)
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "cut": p.data[:len(p.data)-1], "more": append(bytes.Clone(p.data), 0), "promise": {0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"open": {0x9f, 0xff}, "no link": {0xd8, 42, 0x01}, "bad link": {0xd8, 42, 0x42, 0, 1}, "many": {0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0},
	} {
		if got, err := car.Links(bad); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// The reference implementation finds the same links wherever it can read.
func FuzzLinks(f *testing.F) {
	f.Add(cborPiece(f, map[string]any{"prev": entity.Link{CID: entity.SumRaw(nil)}, "a": []any{entity.Link{CID: entity.SumBlock(nil)}}}).data)
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, block []byte) {
		got, err := car.Links(block)
		if entity.ValidateBlock(block) != nil {
			return // only that it ends, without a panic
		}
		if err != nil {
			t.Fatalf("a strict block: %v", err)
		}
		build := basicnode.Prototype.Any.NewBuilder()
		if err := dagcbor.Decode(build, bytes.NewReader(block)); err != nil {
			return
		}
		theirs, err := traversal.SelectLinks(build.Build())
		if err != nil {
			t.Fatal(err)
		}
		if len(theirs) != len(got) {
			t.Fatalf("%d links, go-ipld-prime finds %d", len(got), len(theirs))
		}
		for i, l := range theirs {
			if l.Binary() != got[i].KeyString() {
				t.Errorf("link %d is %s, go-ipld-prime has %s", i, got[i], l)
			}
		}
	})
}

// Whatever the bytes, reading ends without a panic and within the limits, and
// a file that is read without a complaint is written again as it was.
func FuzzReader(f *testing.F) {
	pieces := some(f)[:2]
	f.Add(file(f, []entity.CID{pieces[0].cid}, pieces...))
	f.Add(file(f, nil))
	f.Add([]byte{10, 0xa1, 0x67, 'v', 'e', 'r', 's', 'i', 'o', 'n', 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		roots, got, refused, err := read(bytes.NewReader(b), car.Limits{Header: 1 << 10, Block: 1 << 12, Content: 1 << 12})
		for _, p := range got {
			if len(p.data) > 1<<12 {
				t.Errorf("a block of %d bytes", len(p.data))
			}
			if p.cid != entity.SumBlock(p.data) && p.cid != entity.SumRaw(p.data) {
				t.Errorf("%s is not its content", p.cid)
			}
		}
		if err == nil && len(refused) == 0 {
			if again := file(t, roots, got...); !bytes.Equal(again, b) {
				t.Errorf("written again it is %x, was %x", again, b)
			}
		}
	})
}
