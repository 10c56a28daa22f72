package store

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"stemma/entity"
)

// logOrder are the blocks in the order of the log.
func logOrder(t *testing.T, r entity.Reader) (cids []entity.CID) {
	t.Helper()
	for rec, err := range r.Log(0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range rec.Changes {
			cids = append(cids, c.CID())
		}
	}
	return cids
}

// Reading ahead gives what looking up gives: in the order of the log, where most
// blocks come without a look-up, backwards, with gaps and twice, over the ends
// of packs, and of blocks that lie in no pack.
func TestReadAhead(t *testing.T) {
	dir := t.TempDir()
	s := openPacked(t, dir)
	defer mustClose(t, s)
	fillBatch(t, s, 10)
	fillBatch(t, s, 400)
	s.packs.end = packSize // it is full
	fillBatch(t, s, 400)
	fillBatch(t, s, 10)

	v := s.view()
	defer v.release()
	cids := logOrder(t, v)
	backwards := slices.Clone(cids)
	slices.Reverse(backwards)
	gaps := slices.DeleteFunc(slices.Clone(cids), func(c entity.CID) bool { return c.Bytes()[20]%4 == 0 })
	ahead := 0
	for _, c := range slices.Concat(cids, backwards, gaps, gaps[:9], gaps[:9]) {
		d, _ := entity.DigestOf(c)
		was := v.ahead
		if was.take(s.packs, d) != nil {
			ahead++
		}
		b, err := v.Block(c)
		if err != nil {
			t.Fatal(err)
		}
		if entity.SumBlock(b) != c {
			t.Fatalf("%s has other bytes", c)
		}
		_ = append(b, 0xff) // it is the caller's own
		clear(b)
	}
	if ahead < len(cids)/2 {
		t.Errorf("%d blocks were read ahead of %d that were asked for in order", ahead, len(cids))
	}
}

// A damaged block is what it is when it is looked up, and those behind it are
// read as ever.
func TestReadAheadOfDamage(t *testing.T) {
	dir := t.TempDir()
	s := openPacked(t, dir)
	fillBatch(t, s, 400)
	v := s.view()
	cids := logOrder(t, v)
	want, err := v.Block(cids[100])
	if err != nil {
		t.Fatal(err)
	}
	v.release()
	file := packFiles(t, dir)[0]
	bytesOf, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(bytesOf, want)
	for _, damage := range []int{0, len(want) / 2, len(want) - 1} {
		broken := slices.Clone(bytesOf)
		broken[at+damage] ^= 0xff
		if err := os.WriteFile(file, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		v := s.view()
		for i, c := range cids {
			b, err := v.Block(c)
			if err != nil {
				t.Fatal(err)
			}
			if good := entity.SumBlock(b) == c; good == (i == 100) || len(b) == 0 {
				t.Errorf("byte %d damaged: block %d is right: %v", damage, i, good)
			}
		}
		v.release()
	}
	if err := os.WriteFile(file, bytesOf, 0o600); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
}
