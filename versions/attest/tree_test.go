package attest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
)

// The edge of a tree gives the root that others compute, at every size about the
// ends of tiles and at the end of a tile of tiles.
func TestEdge(t *testing.T) {
	e := &edge{}
	others := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	if root := e.root(); string(root[:]) != string(rfc6962.DefaultHasher.EmptyRoot()) {
		t.Errorf("the empty root is %s", root)
	}
	const most = 1<<16 + 600
	for n := range int64(most) {
		h := tlog.RecordHash(fmt.Append(nil, n))
		e.grow(h)
		if err := others.Append(h[:], nil); err != nil {
			t.Fatal(err)
		}
		if n > 600 && n < 1<<16-600 && n%97 != 0 {
			continue
		}
		want, err := others.GetRootHash(nil)
		if root := e.root(); err != nil || string(root[:]) != string(want) {
			t.Fatalf("at size %d the root is %s, not %x (%v)", n+1, root, want, err)
		}
	}
	if got := len(e.added[2]) / 32; got != 1 {
		t.Errorf("%d tiles of tiles", got)
	}
}

// The index finds every leaf, also among digests that begin alike, and nothing else.
func TestIndex(t *testing.T) {
	var x index
	rnd := rand.New(rand.NewPCG(1, 2))
	var all []entity.Digest
	digest := func(first uint32) (d entity.Digest) {
		for i := range 4 {
			binary.BigEndian.PutUint64(d[8*i:], rnd.Uint64())
		}
		if first > 0 {
			binary.BigEndian.PutUint32(d[:], first)
		}
		return d
	}
	is := func(d entity.Digest) func(int64) (bool, error) {
		return func(leaf int64) (bool, error) { return all[leaf] == d, nil }
	}
	if _, ok, _ := x.find(digest(0), is(digest(0))); ok {
		t.Error("found in nothing")
	}
	for i := range 20_000 {
		first := uint32(0)
		switch i % 100 {
		case 0:
			first = 0xffffffff // the last slot, and over the end
		case 1:
			first = 1
		}
		all = append(all, digest(first))
		x.add(all[i][:], int64(i))
	}
	for i, d := range all {
		if leaf, ok, err := x.find(d, is(d)); !ok || err != nil || leaf != int64(i) {
			t.Fatalf("leaf %d is %d, %v %v", i, leaf, ok, err)
		}
	}
	for _, first := range []uint32{0, 1, 0xffffffff} {
		d := digest(first)
		if leaf, ok, err := x.find(d, is(d)); ok || err != nil {
			t.Errorf("found %d", leaf)
		}
	}
	if perLeaf := 8 * len(x.slots) / len(all); perLeaf > 24 {
		t.Errorf("%d bytes a leaf", perLeaf)
	}
}
