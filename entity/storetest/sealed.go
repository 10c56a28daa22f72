package storetest

import (
	"stemma/entity"
)

// sealedChain seals a chain of n blocks for an entity.
func sealedChain(r *rig, id entity.ID, chain string, n int) (blocks []*entity.SealedBlock) {
	for i := range n {
		b := &entity.ChainBlock{ID: id, Chain: chain, N: int64(i + 1), TS: 1, Body: entity.Properties{"n": int64(i)}}
		if i > 0 {
			b.Prev = &entity.Link{CID: blocks[i-1].CID()}
		}
		s, err := b.Sealed()
		if err != nil {
			r.Fatal(err)
		}
		blocks = append(blocks, s)
	}
	return blocks
}

func appendSealed(r *rig) {
	id := r.person("Ann").Manifest.ID
	blocks := sealedChain(r, id, "steps", 4)
	for _, part := range [][]*entity.SealedBlock{blocks[:1], blocks[1:]} {
		r.update(func(tx entity.Tx) error {
			last := part[len(part)-1]
			ref, err := tx.AppendSealed(part...)
			r.same("head", ref, entity.ChainRef{N: last.Block().N, CID: last.CID()})
			return err
		})
	}
	var want []entity.ChainRef
	for i, b := range blocks {
		want = append(want, entity.ChainRef{N: int64(i + 1), CID: b.CID()})
	}
	r.view(func(rd entity.Reader) error {
		wantChain(r, rd, id, "steps", 1, want)
		for _, b := range blocks {
			got, err := rd.Block(b.CID())
			if err != nil {
				return err
			}
			r.same("block", got, b.Bytes())
		}
		return nil
	})
	next := r.mustAppend(id, "steps")
	r.same("appended after it", next.N, int64(5))
}

func appendSealedRefused(r *rig) {
	id := r.person("Ann").Manifest.ID
	blocks := sealedChain(r, id, "steps", 3)
	try := func(blocks ...*entity.SealedBlock) error {
		_, err := r.try(func(tx entity.Tx) error {
			_, err := tx.AppendSealed(blocks...)
			return err
		})
		return err
	}
	r.unchanged(func() {
		r.wantTips(try(blocks[1]), id, entity.At(blocks[0].CID()), entity.CID{})
		r.wantTips(try(blocks[0], blocks[2]), id, entity.At(blocks[1].CID()), blocks[0].CID())
		r.wantKind(try(), entity.KindInvalid)
		r.wantKind(try(blocks[0], sealedChain(r, id, "others", 2)[1]), entity.KindInvalid)
		r.wantKind(try(sealedChain(r, r.id(), "steps", 1)...), entity.KindNotFound)
	})
	for name, b := range map[string]*entity.ChainBlock{
		"no id": {ID: "x", Chain: "steps", N: 1}, "a name": {ID: id, Chain: "No Name", N: 1}, "n": {ID: id, Chain: "steps"},
		"no prev": {ID: id, Chain: "steps", N: 2}, "a number": {ID: id, Chain: "steps", N: 1, Body: entity.Properties{"x": 1.0}},
	} {
		if s, err := b.Sealed(); entity.KindOf(err) != entity.KindInvalid {
			r.Errorf("%s: sealed as %v, %v", name, s, err)
		}
	}
}
