package entity_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"stemma/entity"
)

func TestExpect(t *testing.T) {
	a, b, none := entity.SumBlock([]byte("a")), entity.SumBlock([]byte("b")), entity.CID{}
	for name, tt := range map[string]struct {
		expect entity.Expect
		allows []entity.CID
	}{
		"any":            {entity.Any, []entity.CID{a, b, none}},
		"at a":           {entity.At(a), []entity.CID{a}},
		"at none":        {entity.At(none), []entity.CID{none}},
		"text of a":      {entity.AtText(a.String()), []entity.CID{a}},
		"text of no CID": {entity.AtText("yesterday's"), nil},
		"empty text":     {entity.AtText(""), []entity.CID{none}},
	} {
		for _, tip := range []entity.CID{a, b, none} {
			want := false
			for _, c := range tt.allows {
				want = want || c == tip
			}
			if got := tt.expect.Allows(tip); got != want {
				t.Errorf("%s allows %v: %v, want %v", name, tip, got, want)
			}
		}
	}
}

// Clients find the two tips in the message (arke-notes, section 2).
func TestMismatch(t *testing.T) {
	a, b := entity.SumBlock([]byte("a")), entity.SumBlock([]byte("b"))
	for want, err := range map[string]*entity.Error{
		"expected tip " + a.String() + ", got " + b.String(): entity.At(a).Mismatch("op", idA, b),
		"expected tip none, got " + b.String():               entity.At(entity.CID{}).Mismatch("op", idA, b),
		"expected tip " + a.String() + ", got none":          entity.At(a).Mismatch("op", idA, entity.CID{}),
		"expected tip stale, got " + b.String():              entity.AtText("stale").Mismatch("op", idA, b),
	} {
		if err.Kind != entity.KindConflict || err.Message != want || err.Tips == nil || err.Tips.ID != idA || !strings.Contains(want, err.Tips.Expected) || !strings.Contains(want, err.Tips.Actual) {
			t.Errorf("%+v; want the message %q", err, want)
		}
	}
}

func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range entity.Kinds() {
		if name := k.String(); name == "" || strings.HasPrefix(name, "kind(") || seen[name] {
			t.Errorf("kind %d is called %q", k, name)
		}
		seen[k.String()] = true
		err := fmt.Errorf("outer: %w", &entity.Error{Kind: k, Op: "op", Err: io.EOF})
		if entity.KindOf(err) != k || !errors.Is(err, io.EOF) {
			t.Errorf("%v: kind %v, and its cause is lost: %v", k, entity.KindOf(err), !errors.Is(err, io.EOF))
		}
	}
	if entity.KindOf(io.EOF) != entity.KindInternal || entity.KindOf(nil) != entity.KindInternal {
		t.Error("an error that is not ours must be internal")
	}
	if s := entity.Kind(200).String(); s != "kind(200)" {
		t.Errorf("an unknown kind is called %q", s)
	}
}

func TestChangeKinds(t *testing.T) {
	for _, k := range []entity.ChangeKind{entity.Created, entity.Updated, entity.Deleted, entity.Restored, entity.Appended} {
		if got, ok := entity.ParseChangeKind(k.String()); !ok || got != k {
			t.Errorf("%v parses to %v, %v", k, got, ok)
		}
	}
	for _, s := range []string{"", "unknown", "Create"} {
		if k, ok := entity.ParseChangeKind(s); ok {
			t.Errorf("%q parses to %v", s, k)
		}
	}
	if s := entity.ChangeKind(99).String(); s != "unknown" {
		t.Errorf("an unknown kind is called %q", s)
	}
}

func TestDirections(t *testing.T) {
	for d, reverse := range map[entity.Direction]entity.Direction{entity.Both: entity.Both, entity.Outgoing: entity.Incoming, entity.Incoming: entity.Outgoing} {
		if d.Reverse() != reverse || d.String() == reverse.String() && d != entity.Both {
			t.Errorf("%v reversed is %v", d, d.Reverse())
		}
	}
}

func TestTransitionLive(t *testing.T) {
	live, grave := sample(t, `{}`), sample(t, `{}`)
	grave.Bury(entity.Tombstone{OriginalVer: 1})
	for _, tt := range []struct{ before, after, wantBefore, wantAfter *entity.Manifest }{
		{nil, live, nil, live}, {live, live, live, live}, {live, grave, live, nil}, {grave, live, nil, live}, {grave, grave, nil, nil},
	} {
		if b, a := (entity.Transition{Before: tt.before, After: tt.after}).Live(); b != tt.wantBefore || a != tt.wantAfter {
			t.Errorf("Live() of %v gives %v, %v", tt, b, a)
		}
	}
}

func TestFormatTime(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 30, 0, 7_900_000, time.FixedZone("", 2*3600))
	if got := entity.FormatTime(at); got != "2026-11-22T07:30:00.007Z" {
		t.Errorf("FormatTime = %s", got)
	}
	if got := entity.FormatMillis(at.UnixMilli()); got != entity.FormatTime(at) {
		t.Errorf("FormatMillis = %s", got)
	}
}

func TestChainBlockSeal(t *testing.T) {
	b := &entity.ChainBlock{ID: idA, Chain: "steps", N: 1, TS: 1}
	block, c, err := b.Seal()
	if err != nil || c != entity.SumBlock(block) || b.Body == nil {
		t.Fatalf("%x, %s, %v", block, c, err)
	}
	if err := entity.ValidateBlock(block); err != nil {
		t.Error(err)
	}
	b.Body = entity.Properties{"x": "\xff"}
	if _, _, err := b.Seal(); err == nil || entity.KindOf(err) != entity.KindInvalid {
		t.Errorf("a body that is not UTF-8: %v, want KindInvalid", err)
	}
	b.Body = entity.Properties{"x": strings.Repeat("x", entity.MaxManifest)}
	if _, _, err := b.Seal(); err == nil || entity.KindOf(err) != entity.KindTooLarge {
		t.Errorf("a body over the bound: %v, want KindTooLarge", err)
	}
}
