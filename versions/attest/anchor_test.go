package attest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"stemma/entity"
	"stemma/versions/attest"
)

// Anchors are found by leaf and by name, last over restarts, and only go forward.
func TestAnchors(t *testing.T) {
	s, dir := openStore(t, ""), t.TempDir()
	l := open(t, s, attest.Options{Dir: dir})
	write(t, s, 200, "x")
	size := settled(t, s, l).Size
	if _, ok := l.LatestAnchor(); ok {
		t.Error("there is an anchor")
	}
	if _, ok := l.AnchorOf(0); ok {
		t.Error("something is anchored")
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const n = 150 // more than two pages
	anchor := func(i int) attest.Anchor {
		return attest.Anchor{Size: int64(i + 1), Tx: fmt.Sprint("tx", i), URL: "https://arweave.net/", At: at, Checkpoint: "text"}
	}
	for i := range n {
		if err := l.AddAnchor(t.Context(), anchor(i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, again := range []int{0, 70, n - 1} {
		if err := l.AddAnchor(t.Context(), anchor(again)); err != nil {
			t.Errorf("anchor %d again: %v", again, err)
		}
	}
	for name, a := range map[string]attest.Anchor{
		"behind": {Size: 5, Tx: "late"}, "of nothing": {Size: 0, Tx: "x"}, "beyond": {Size: size + 1, Tx: "x"}, "without a name": {Size: size}, "below": {Size: -1, Tx: "x"},
	} {
		if err := l.AddAnchor(t.Context(), a); entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	holds := func(l *attest.Log) {
		t.Helper()
		if a, ok := l.LatestAnchor(); !ok || a != anchor(n-1) {
			t.Errorf("the latest is %+v", a)
		}
		for _, leaf := range []int{0, 1, 63, 64, 100, n - 1} {
			if a, ok := l.AnchorOf(int64(leaf)); !ok || a != anchor(leaf) {
				t.Errorf("leaf %d is anchored by %+v", leaf, a)
			}
		}
		if a, ok := l.AnchorOf(n); ok {
			t.Errorf("leaf %d is anchored by %+v", n, a)
		}
		if a, ok := l.AnchorByTx("tx77"); !ok || a != anchor(77) {
			t.Errorf("tx77 is %+v", a)
		}
		if _, ok := l.AnchorByTx("other"); ok {
			t.Error("there is another")
		}
	}
	holds(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	holds(open(t, s, attest.Options{Dir: dir}))
}

// The same anchor by many at once is one.
func TestAnchorsAtOnce(t *testing.T) {
	s := openStore(t, "")
	l := open(t, s, attest.Options{})
	write(t, s, 10, "x")
	settled(t, s, l)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := l.AddAnchor(t.Context(), attest.Anchor{Size: 3, Tx: "a"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := l.AddAnchor(t.Context(), attest.Anchor{Size: 3, Tx: "b"}); err != nil {
		t.Error(err)
	}
	if a, _ := l.AnchorOf(2); a.Tx != "a" {
		t.Errorf("%+v", a)
	}
	if a, _ := l.LatestAnchor(); a.Tx != "b" {
		t.Errorf("%+v", a)
	}
}
