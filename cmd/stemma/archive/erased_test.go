package archive_test

import (
	"slices"
	"testing"

	"stemma/cmd/stemma/archive"
	"stemma/entity"
)

// A file has what is left of erased content and the block that says what is gone; a
// store that takes it is sound (the rig checks it). A file from before the erasure
// brings nothing back.
func TestErasedContent(t *testing.T) {
	from, to := newPlace(t), newPlace(t)
	id := from.create(t, entity.Draft{Type: "run"}).Manifest.ID
	var refs []entity.ChainRef
	from.update(t, func(tx entity.Tx) error {
		refs = nil
		for range 5 {
			ref, err := tx.Append(id, entity.ChainContent, entity.Any, entity.Properties{"text": "said"})
			if err != nil {
				return err
			}
			refs = append(refs, ref)
		}
		return nil
	})
	old, _ := from.export(t, archive.Selection{})
	from.update(t, func(tx entity.Tx) error {
		_, err := tx.Erase(id, entity.Erasure{From: 3, To: 5})
		return err
	})
	file, wrote := from.export(t, archive.Selection{})
	if wrote.ChainBlocks != 3 {
		t.Errorf("%d chain blocks are written; want two of content and one that says what is gone", wrote.ChainBlocks)
	}
	roots, blocks := unpack(t, file)
	for _, root := range roots {
		if !slices.ContainsFunc(blocks, func(b block) bool { return b.cid == root }) {
			t.Errorf("the root %s is not in the file", root)
		}
	}
	for _, f := range [][]byte{file, old} {
		if took, refused := to.take(t, f, archive.ImportOptions{}); len(refused) > 0 {
			t.Errorf("refused %+v of %+v", refused, took)
		}
	}
	err := to.View(t.Context(), func(r entity.Reader) error {
		for _, ref := range refs {
			if _, err := r.Block(ref.CID); (err == nil) != (ref.N < 3) {
				t.Errorf("block %d: %v", ref.N, err)
			}
		}
		all, err := entity.Erased(r, id)
		if entity.ErasureHolding(all, 4) == nil {
			t.Errorf("erased: %v", all)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
