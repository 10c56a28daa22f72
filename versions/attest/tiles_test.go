package attest_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
	"stemma/versions/attest"
)

// Names of tiles, as tlog-tiles writes them; whatever else is none.
func TestParseTile(t *testing.T) {
	for text, want := range map[string]attest.Tile{
		"0/000":                 {Width: 256},
		"0/067":                 {N: 67, Width: 256},
		"63/x001/x234/067":      {Level: 63, N: 1234067, Width: 256},
		"1/x001/000.p/1":        {Level: 1, N: 1000, Width: 1},
		"entries/x001/234.p/99": {Entries: true, N: 1234, Width: 99},
	} {
		if got, err := attest.ParseTile(text); err != nil || got != want {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "/", "0", "0/", "0/0", "0/00", "0/0000", "0/x00", "0/x001", "0/001/002", "0/x000/001", "00/000", "64/000", "-1/000", "+1/000", "a/000", "0/-01", "0/+01", "0/0x1",
		"0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/", "0/000.p", "0/000.p/1/2", "0/000/", "data/000", "entries/0", "0/x999/x999/x999/x999/x999/x999/999", "0/x1/000", "0/X001/000",
	} {
		if got, err := attest.ParseTile(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		} else {
			wantKind(t, err, entity.KindNotFound)
		}
	}
}

func FuzzParseTile(f *testing.F) {
	f.Add("entries/x001/234.p/99")
	f.Add("3/000")
	f.Fuzz(func(t *testing.T, text string) {
		tile, err := attest.ParseTile(text)
		if err != nil {
			return
		}
		level := fmt.Sprint(tile.Level)
		if tile.Entries {
			level = "entries"
		}
		number := fmt.Sprintf("%03d", tile.N%1000)
		for n := tile.N / 1000; n > 0; n /= 1000 {
			number = fmt.Sprintf("x%03d/%s", n%1000, number)
		}
		back := level + "/" + number
		if tile.Width < 256 {
			back += fmt.Sprintf(".p/%d", tile.Width)
		}
		if back != text {
			t.Errorf("%q is read as %q", text, back)
		}
	})
}

// Tiles and entries are there exactly as far as the signed tree goes, in every width
// that a tree has had.
func TestTiles(t *testing.T) {
	s := openStore(t, "")
	l := open(t, s, attest.Options{})
	write(t, s, 330, "x")
	size := settled(t, s, l).Size
	all := cids(t, s)
	for _, tile := range []attest.Tile{{Width: 256}, {Width: 1}, {Width: 255}, {N: 1, Width: 256}, {N: 2, Width: 3}, {Level: 1, Width: 1}, {Level: 1, Width: 2}} {
		b, err := l.Tile(t.Context(), tile)
		if err != nil || len(b) != 32*tile.Width {
			t.Fatalf("%+v: %d bytes, %v", tile, len(b), err)
		}
		for i := range tile.Width {
			want := attest.LeafHash(all[int(tile.N)*256+i])
			if tile.Level == 1 {
				below, err := l.Tile(t.Context(), attest.Tile{N: int64(i), Width: 256})
				if err != nil {
					t.Fatal(err)
				}
				var leaves []tlog.Hash
				for len(below) > 0 {
					leaves, below = append(leaves, tlog.Hash(below)), below[32:]
				}
				want = halves(leaves)
			}
			if tlog.Hash(b[32*i:]) != want {
				t.Errorf("%+v: hash %d is another", tile, i)
			}
		}
	}
	for n := range size/256 + 1 {
		width := int(min(size-256*n, 256))
		b, err := l.Tile(t.Context(), attest.Tile{Entries: true, N: n, Width: width})
		if err != nil {
			t.Fatal(err)
		}
		for i := range width {
			entry := b[2 : 2+binary.BigEndian.Uint16(b)]
			if c := all[int(n)*256+i]; string(entry) != string(c.Bytes()) {
				t.Errorf("entry %d of bundle %d is %x, not %s", i, n, entry, c)
			}
			b = b[2+len(entry):]
		}
		if len(b) > 0 {
			t.Errorf("bundle %d has %d bytes more", n, len(b))
		}
	}
	rest := int(size % 256)
	for _, tile := range []attest.Tile{
		{N: size / 256, Width: 256}, {N: size / 256, Width: rest + 1}, {N: size/256 + 1, Width: 1}, {N: 1 << 40, Width: 1}, {Level: 1, Width: 256}, {Level: 1, Width: 3},
		{Level: 2, Width: 1}, {Level: 63, Width: 1}, {Entries: true, N: size / 256, Width: rest + 1},
	} {
		_, err := l.Tile(t.Context(), tile)
		wantKind(t, err, entity.KindNotFound)
	}
}

// halves hashes a tree of a power of two of leaves.
func halves(hs []tlog.Hash) tlog.Hash {
	if len(hs) == 1 {
		return hs[0]
	}
	return tlog.NodeHash(halves(hs[:len(hs)/2]), halves(hs[len(hs)/2:]))
}
