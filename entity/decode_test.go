package entity

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// sampleRecord is a record of everything that varies.
func sampleRecord(rnd *rand.Rand) *Record {
	text := func(most int) string { return strings.Repeat("é1", rnd.IntN(most)) }
	r := &Record{Seq: Seq(rnd.Uint64() >> rnd.IntN(64)), At: int64(rnd.Uint64() >> rnd.IntN(64)), Actor: Actor{UserID: ID(text(20)), Method: text(9)}}
	if rnd.IntN(2) == 0 {
		r.Actor.OnBehalfOf = ID(text(20))
	}
	for range 1 + rnd.IntN(5) {
		c := Change{ID: ID(text(20)), Kind: ChangeKind(rnd.IntN(256)), Type: text(200), Collection: ID(text(2)), Ver: int64(rnd.Uint64() >> rnd.IntN(64)), Chain: text(3)}
		for i := range c.New {
			c.Old[i], c.New[i] = byte(rnd.IntN(256)), byte(rnd.IntN(256))
		}
		r.Changes = append(r.Changes, c)
	}
	return r
}

// A record reads as it was written, and as the library reads it.
func TestDecodeRecord(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 2000 {
		r := sampleRecord(rnd)
		row, err := EncodeRow(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := readRecord(row); !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v reads as %+v", r, got)
		}
		for cut := range row { // nothing that is cut off is read
			if i > 20 {
				break
			}
			if readRecord(row[:cut]) != nil {
				t.Fatalf("%d of %d bytes are a record", cut, len(row))
			}
		}
	}
	if _, err := DecodeRecord([]byte{0x84}); KindOf(err) != KindInvalid || err == nil {
		t.Errorf("what is no record gives %v", err)
	}
	old := &Record{Seq: 1, Actor: Actor{UserID: "u", Method: MethodManual}} // which has no changes
	row, err := EncodeRow(old)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeRecord(row); err != nil || got.Seq != 1 || len(got.Changes) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// Whatever is read without the library the library reads too, and the same.
func FuzzDecodeRecord(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		row, err := EncodeRow(sampleRecord(rnd))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		got := readRecord(row)
		if got == nil {
			return
		}
		want := new(Record)
		if err := DecodeBlock(row, want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%x reads as %+v, by the library as %+v, %v", row, got, want, err)
		}
	})
}
