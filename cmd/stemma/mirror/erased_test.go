package mirror_test

import (
	"strings"
	"testing"

	"stemma/entity"
)

// What the source has erased before a mirror begins is a gap of it, and what it
// erases afterwards goes from the mirror too. Both have the same log, and are sound
// (the rig checks them); other content is here.
func TestErasedContent(t *testing.T) {
	s := newSource(t)
	var id entity.ID
	var refs []entity.ChainRef
	write := func(fn func(entity.Tx) error) {
		t.Helper()
		if _, err := s.main().Update(t.Context(), entity.Actor{UserID: "01KDVR000000000000000000AN", Method: entity.MethodSystem}, fn); err != nil {
			t.Fatal(err)
		}
	}
	write(func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: "run"})
		if err != nil {
			return err
		}
		id, refs = v.Manifest.ID, nil
		for range 6 {
			ref, err := tx.Append(id, entity.ChainContent, entity.Any, entity.Properties{"text": "said"})
			if err != nil {
				return err
			}
			refs = append(refs, ref)
		}
		return nil
	})
	erase := func(from, to int64) {
		write(func(tx entity.Tx) error {
			_, err := tx.Erase(id, entity.Erasure{From: from, To: to})
			return err
		})
	}
	erase(5, 6)
	erase(2, 2)
	s.start()
	into := newMirror(t, entity.Main)
	s.mustOnce(t, into)
	erase(3, 4)
	s.mustOnce(t, into)
	both(t, s.main(), into, func(a, b entity.Reader) {
		if a.Seq() != b.Seq() {
			t.Errorf("the mirror stands at %d of %d", b.Seq(), a.Seq())
		}
		for _, ref := range refs {
			_, inSource := a.Block(ref.CID)
			raw, inMirror := b.Block(ref.CID)
			if (inSource == nil) != (ref.N == 1) || (inMirror == nil) != (ref.N == 1) || ref.N == 1 && !strings.Contains(string(raw), "said") {
				t.Errorf("block %d: %v in the source, %v in the mirror", ref.N, inSource, inMirror)
			}
		}
	})
}
