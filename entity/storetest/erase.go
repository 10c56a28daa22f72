package storetest

import "stemma/entity"

// appendContent adds a block to an entity's content, and gives its bytes.
func appendContent(r *rig, id entity.ID, text string) (ref entity.ChainRef, block []byte) {
	r.Helper()
	r.update(func(tx entity.Tx) (err error) {
		if ref, err = tx.Append(id, entity.ChainContent, entity.Any, entity.Properties{"text": text}); err == nil {
			block, err = tx.Block(ref.CID)
		}
		return err
	})
	return ref, block
}

// wantHere fails unless the block is here, or gone.
func wantHere(r *rig, c entity.CID, here bool) {
	r.Helper()
	r.view(func(rd entity.Reader) error {
		_, err := rd.Block(c)
		if got := err == nil; got != here || err != nil && entity.KindOf(err) != entity.KindNotFound {
			r.Errorf("block %s is here: %v (%v); want %v", c, got, err, here)
		}
		return nil
	})
}

func eraseContent(r *rig) {
	ann, bob := r.person("Ann").Manifest.ID, r.person("Bob").Manifest.ID
	var refs []entity.ChainRef
	for range 3 {
		ref, _ := appendContent(r, ann, "the same")
		refs = append(refs, ref)
	}
	other, _ := appendContent(r, bob, "the same")
	erase := func() {
		r.update(func(tx entity.Tx) error {
			ref, err := tx.Erase(ann, entity.Erasure{From: 1, To: 2, Why: entity.Properties{"days": int64(30)}})
			if err != nil {
				return err
			}
			head, err := tx.ChainHead(ann, entity.ChainErased)
			r.same("head of what was erased", head, ref)
			if _, err := tx.Block(refs[0].CID); entity.KindOf(err) != entity.KindNotFound {
				r.Errorf("inside the transaction block 1 is %v", err)
			}
			return err
		})
	}
	erase()
	erase() // again: nothing more goes
	wantHere(r, refs[0].CID, false)
	wantHere(r, refs[1].CID, false)
	wantHere(r, refs[2].CID, true)
	wantHere(r, other.CID, true)
	next, _ := appendContent(r, ann, "after it")
	r.view(func(rd entity.Reader) error {
		wantChain(r, rd, ann, entity.ChainContent, 1, append(refs, next))
		all, err := entity.Erased(rd, ann)
		if len(all) != 2 || all[1].From != 1 || all[1].To != 2 || all[1].Why["days"] != int64(30) {
			r.Errorf("erased: %+v", all)
		}
		return err
	})
}

func eraseRefused(r *rig) {
	id := r.person("Ann").Manifest.ID
	ref, _ := appendContent(r, id, "kept")
	for _, what := range []entity.Erasure{{From: 1, To: 2}, {From: 0, To: 1}, {From: 2, To: 1}, {From: 1, To: entity.MaxErased + 1}} {
		refuse(r, func(tx entity.Tx) error {
			_, err := tx.Erase(id, what)
			return err
		})
	}
	refuse(r, func(tx entity.Tx) error {
		_, err := tx.Append(id, entity.ChainErased, entity.Any, entity.Erasure{From: 1, To: 1}.Body())
		return err
	})
	wantHere(r, ref.CID, true)
}

func adoptErased(r *rig) {
	id := r.person("Ann").Manifest.ID
	first, block := appendContent(r, id, "brought here, and then erased elsewhere")
	gone := entity.ChainBlock{ID: id, Chain: entity.ChainContent, N: 2, TS: 5, Prev: &entity.Link{CID: first.CID}, Body: entity.Properties{"text": "gone before"}}
	late, cid, err := gone.Seal()
	if err != nil {
		r.Fatal(err)
	}
	news := entity.ChainBlock{ID: id, Chain: entity.ChainErased, N: 1, TS: 6, Body: entity.Erasure{From: 1, To: 3}.Body()}
	told, _, err := news.Seal()
	if err != nil {
		r.Fatal(err)
	}
	third := entity.ChainBlock{ID: id, Chain: entity.ChainContent, N: 3, TS: 5, Prev: &entity.Link{CID: cid}, Body: entity.Properties{"text": "late"}}
	lateToo, cidToo, err := third.Seal()
	if err != nil {
		r.Fatal(err)
	}
	refuse(r, func(tx entity.Tx) error {
		_, err := tx.AdoptGap(id, 3, cid)
		return err
	})
	r.update(func(tx entity.Tx) error {
		ref, err := tx.AdoptGap(id, 2, cid)
		r.same("the gap", ref, entity.ChainRef{N: 2, CID: cid})
		return err
	})
	r.update(func(tx entity.Tx) error {
		_, err := tx.AdoptBlock(told)
		return err
	})
	r.update(func(tx entity.Tx) error {
		for _, b := range [][]byte{block, late, lateToo} { // of an older copy: they bring nothing back
			if _, err := tx.AdoptBlock(b); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range []entity.CID{first.CID, cid, cidToo} {
		wantHere(r, c, false)
	}
}

// refuse fails unless the store finds the update invalid, and takes nothing of it.
func refuse(r *rig, fn func(entity.Tx) error) {
	r.Helper()
	r.unchanged(func() {
		_, err := r.try(fn)
		r.wantKind(err, entity.KindInvalid)
	})
}
