package arweave

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/entity"
)

// wallet is one of the two of testdata.
func wallet(t testing.TB, name string) *Wallet {
	t.Helper()
	w, err := OpenWallet(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func sign(t testing.TB, w *Wallet, tags []Tag, data string) *Item {
	t.Helper()
	i, err := w.Sign(tags, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func encode(t testing.TB, i *Item) []byte {
	t.Helper()
	b, err := i.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var someTags = []Tag{{"Content-Type", "text/plain"}, {"App-Name", "Stemma"}, {"Größe", strings.Repeat("ß", 300)}}

// What is signed is read back as it was, and verifies.
func TestItemRoundTrip(t *testing.T) {
	w := wallet(t, "one")
	for name, i := range map[string]*Item{
		"tags and data":                sign(t, w, someTags, "some data"),
		"nothing":                      sign(t, w, nil, ""),
		"as many tags as there may be": sign(t, w, slices.Repeat([]Tag{{"n", "v"}}, maxTags), "x"),
		"the longest value":            sign(t, w, []Tag{{strings.Repeat("n", 1000), strings.Repeat("v", maxTagValue)}}, "x"),
	} {
		b := encode(t, i)
		got, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(string(encode(t, got)), string(b)); diff != "" || got.ID() != i.ID() || !slices.Equal(got.Tags, i.Tags) || !bytes.Equal(got.Data, i.Data) {
			t.Errorf("%s reads as %+v", name, got)
		}
		if err := got.Verify(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A bit that is changed anywhere is noticed: the item does not parse or does not
// verify, or it is another signature that does not.
func TestItemTampered(t *testing.T) {
	good := encode(t, sign(t, wallet(t, "one"), someTags, "some data"))
	for at := range good {
		if at > 40 && at < 2+2*keySize-40 && at%37 != 0 {
			continue // within the signature and the key a few do
		}
		b := bytes.Clone(good)
		b[at] ^= 1
		if i, err := Parse(b); err == nil && i.Verify() == nil {
			t.Errorf("byte %d of %d may be another", at, len(b))
		}
	}
	for n := range good {
		if i, err := Parse(good[:n]); err == nil && i.Verify() == nil {
			t.Errorf("the first %d of %d bytes are an item", n, len(good))
		}
	}
}

// The salt makes two signatures of the same two items, of one owner.
func TestItemSignedTwice(t *testing.T) {
	w := wallet(t, "one")
	a, b := sign(t, w, someTags, "x"), sign(t, w, someTags, "x")
	if a.ID() == b.ID() || !bytes.Equal(a.Owner, b.Owner) {
		t.Errorf("signed twice: %s and %s", a.ID(), b.ID())
	}
	b.Owner = wallet(t, "two").owner()
	if b.Verify() == nil {
		t.Error("a signature verifies for another owner")
	}
}

// Forms that ANS-104 or its strictest reader does not allow.
func TestParseRefuses(t *testing.T) {
	good := encode(t, sign(t, wallet(t, "one"), []Tag{{"a", "b"}}, "data"))
	const tagsAt = 2 + 2*keySize + 2 // their number, size, bytes: 2 2 'a' 2 'b' 0
	with := func(number, size byte, tags string) []byte {
		b := bytes.Clone(good[:tagsAt])
		b = append(b, number, 0, 0, 0, 0, 0, 0, 0, size, 0, 0, 0, 0, 0, 0, 0)
		return append(append(b, tags...), "data"...)
	}
	if _, err := Parse(with(1, 6, "\x02\x02a\x02b\x00")); err != nil {
		t.Fatal(err)
	}
	set := func(at int, v byte) []byte {
		b := bytes.Clone(good)
		b[at] = v
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":                  nil,
		"one byte":                 {1},
		"an Ethereum signature":    set(0, 3),
		"type 257":                 set(1, 1),
		"a target that may be":     set(tagsAt-2, 2),
		"an anchor that may be":    set(tagsAt-1, 255),
		"a target that is not":     set(tagsAt-2, 1),
		"fewer tags than it says":  with(2, 6, "\x02\x02a\x02b\x00"),
		"more tags than it says":   with(1, 10, "\x04\x02a\x02b\x02a\x02b\x00"),
		"tags, but none":           with(0, 6, "\x02\x02a\x02b\x00"),
		"none, said at length":     with(0, 1, "\x00"),
		"two blocks":               with(2, 11, "\x02\x02a\x02b\x02\x02a\x02b\x00"),
		"a block with its size":    with(1, 7, "\x01\x08\x02a\x02b\x00"),
		"a long form of a length":  with(1, 7, "\x02\x82\x00a\x02b\x00"),
		"a length below 0":         with(1, 6, "\x02\x01a\x02b\x00"),
		"a length beyond":          with(1, 6, "\x02\x02a\x7eb\x00"),
		"no end of the tags":       with(1, 5, "\x02\x02a\x02b"),
		"something behind the end": with(1, 7, "\x02\x02a\x02b\x00\x00"),
		"an empty name":            with(1, 5, "\x02\x00\x02b\x00"),
		"an empty value":           with(1, 5, "\x02\x02a\x00\x00"),
		"a name that is no UTF-8":  with(1, 6, "\x02\x02\xff\x02b\x00"),
		"more tag bytes than are":  with(1, 200, "\x02\x02a\x02b\x00"),
		"too many tags":            with(129, 6, "\x02\x02a\x02b\x00"),
		"a size of 2^63":           set(tagsAt+15, 0x80),
		"a number of 2^63":         set(tagsAt+7, 0x80),
	} {
		if i, err := Parse(b); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
	}
	if _, err := Parse(make([]byte, MaxItem+1)); entity.KindOf(err) != entity.KindTooLarge {
		t.Errorf("a large one: %v", err)
	}
}

// What no reader would take is not signed.
func TestSignRefuses(t *testing.T) {
	w := wallet(t, "one")
	for name, tags := range map[string][]Tag{
		"too many":        slices.Repeat([]Tag{{"n", "v"}}, maxTags+1),
		"no name":         {{"", "v"}},
		"no value":        {{"n", ""}},
		"a long name":     {{strings.Repeat("n", maxTagName+1), "v"}},
		"a long value":    {{"n", strings.Repeat("v", maxTagValue+1)}},
		"no UTF-8":        {{"n", "\xff"}},
		"much altogether": slices.Repeat([]Tag{{strings.Repeat("n", 500), strings.Repeat("v", 600)}}, 4),
	} {
		if _, err := w.Sign(tags, nil); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := sign(t, w, nil, strings.Repeat("x", MaxItem)).Bytes(); entity.KindOf(err) != entity.KindTooLarge {
		t.Errorf("a large item: %v", err)
	}
}

func TestParseID(t *testing.T) {
	id := sign(t, wallet(t, "one"), nil, "x").ID()
	if got, err := ParseID(id); err != nil || got != id {
		t.Errorf("%s: %s, %v", id, got, err)
	}
	for _, s := range []string{"", "x", id[1:], id + "A", id[:42] + "!", id + "=", "../../../../../../../../../../../../etc/pass", strings.Repeat("_", 42) + "B"} {
		if _, err := ParseID(s); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Errorf("%q is an id: %v", s, err)
		}
	}
}

// Bytes that parse are those that are built of what they parse to, so that an
// item has one form, and the id of one is the id of all.
func FuzzParse(f *testing.F) {
	w := wallet(f, "one")
	for _, i := range []*Item{sign(f, w, someTags, "some data"), sign(f, w, nil, ""), {
		Signature: make([]byte, keySize), Owner: make([]byte, keySize), Target: make([]byte, hashSize), Anchor: make([]byte, hashSize), Tags: []Tag{{"a", "b"}},
	}} {
		f.Add(encode(f, i))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := Parse(b)
		if err != nil {
			if entity.KindOf(err) == entity.KindInternal {
				t.Error(err)
			}
			return
		}
		if again := encode(t, i); !bytes.Equal(again, b) {
			t.Errorf("%x is built again as %x", b, again)
		}
		_ = i.Verify() // of any bytes without a panic
	})
}

// Items of any tags and data are read back as they were built.
func FuzzBuild(f *testing.F) {
	f.Add("Content-Type", "text/plain", "Size", "12", []byte("data"), []byte{})
	f.Add("a", strings.Repeat("v", 3072), "b", "c", []byte{}, bytes.Repeat([]byte{7}, hashSize))
	f.Fuzz(func(t *testing.T, n1, v1, n2, v2 string, data, target []byte) {
		i := &Item{Signature: make([]byte, keySize), Owner: make([]byte, keySize), Target: target, Tags: []Tag{{n1, v1}, {n2, v2}}, Data: data}
		b, err := i.Bytes()
		if err != nil {
			return
		}
		got, err := Parse(b)
		if err != nil || !slices.Equal(got.Tags, i.Tags) || !bytes.Equal(got.Data, data) || !bytes.Equal(got.Target, target) || got.Anchor != nil {
			t.Errorf("%+v is read as %+v: %v", i, got, err)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	w := wallet(b, "one")
	for b.Loop() {
		sign(b, w, someTags, "some data")
	}
}
