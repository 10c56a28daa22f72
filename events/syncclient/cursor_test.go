package syncclient_test

import (
	"encoding/json"
	"testing"

	"stemma/entity"
	"stemma/events/syncclient"
)

func TestParseCursor(t *testing.T) {
	cid := entity.SumBlock([]byte("a block"))
	for text, want := range map[string]syncclient.Cursor{
		"":                             {},
		"0":                            {},
		"120":                          {Seq: 120},
		"120:118:" + cid.String():      {Seq: 120, Last: 118, CID: cid},
		"9223372036854775807":          {Seq: 1<<63 - 1},
		"118:118:" + cid.String() + "": syncclient.At(118, cid),
	} {
		got, err := syncclient.ParseCursor(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"x", "-1", "1.5", " 1", "1:", "1:1", "1:1:", "1:0:" + cid.String(), "1:2:" + cid.String(), "1:1:bafy", "9223372036854775808", "1:x:" + cid.String()} {
		if c, err := syncclient.ParseCursor(text); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%q: %+v, %v; want it refused", text, c, err)
		}
	}
}

// What is stored as text is read back as it was.
func FuzzCursor(f *testing.F) {
	f.Add(uint64(120), uint64(118), []byte("a block"))
	f.Add(uint64(1), uint64(0), []byte(nil))
	f.Fuzz(func(t *testing.T, seq, last uint64, block []byte) {
		c := syncclient.Cursor{Seq: entity.Seq(seq >> 1)}
		if last := entity.Seq(last); last > 0 && last <= c.Seq {
			c.Last, c.CID = last, entity.SumBlock(block)
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back syncclient.Cursor
		if err := json.Unmarshal(text, &back); err != nil || back != c {
			t.Errorf("%s is read back as %+v (%v); it was %+v", text, back, err, c)
		}
	})
}
