package storetest

import (
	"stemma/entity"
)

var adoptCases = []lawCase{
	{law: "a history that is adopted version by version is the same history", run: adoptWhole},
	{law: "adopting what is there writes nothing", run: adoptTwice},
	{law: "a version that does not follow the tip is not adopted", run: adoptForks},
	{law: "a block that is not strict or of the other network is not adopted", run: adoptForeign},
	{law: "a chain that is adopted block by block is the same chain", run: adoptChain},
	{law: "a chain block that does not follow the head is not adopted", run: adoptChainForks},
	{law: "blocks that were sealed before are the same chain, one by one or together", run: appendSealed},
	{law: "sealed blocks that do not follow the head, are of several chains, of none or of no entity are not written", run: appendSealedRefused},
	{law: "a chain block that is not strict, of the other network or of no entity is not adopted", run: adoptChainForeign},
}

// elsewhere is a history made in another store: its blocks, oldest first.
func elsewhere(r *rig, id entity.ID) (blocks [][]byte) {
	other, err := NewOracle(Options{Network: id.Network(), Clock: NewClock().Now, Entropy: Entropy(99)})
	if err != nil {
		r.Fatal(err)
	}
	defer other.Close()
	edits := []func(*entity.Manifest) error{set("x", int64(1)), set("y", "two"), bury}
	_, err = other.Update(r.ctx, author, func(tx entity.Tx) error {
		blocks = nil
		v, err := tx.Create(person(id, "made elsewhere"))
		for i := 0; err == nil; i++ {
			block, _, sealErr := v.Manifest.Seal()
			if sealErr != nil {
				return sealErr
			}
			if blocks = append(blocks, block); i == len(edits) {
				break
			}
			v, err = tx.Put(id, entity.At(v.CID), edits[i])
		}
		return err
	})
	if err != nil {
		r.Fatal(err)
	}
	return blocks
}

func adopt(block []byte) func(entity.Tx) error {
	return func(tx entity.Tx) error {
		_, err := tx.Adopt(block)
		return err
	}
}

func adoptWhole(r *rig) {
	id := r.id()
	blocks := elsewhere(r, id)
	for _, b := range blocks[:2] {
		r.update(adopt(b))
	}
	r.update(func(tx entity.Tx) error { // the rest in one transaction
		for _, b := range blocks[2:] {
			if _, err := tx.Adopt(b); err != nil {
				return err
			}
		}
		return nil
	})
	r.view(func(tx entity.Reader) error {
		head, err := tx.Head(id)
		if err != nil {
			return err
		}
		if !head.Deleted || head.Ver != int64(len(blocks)) {
			r.Errorf("head: %+v", head)
		}
		n := len(blocks)
		for ref, err := range tx.History(id, 0) {
			if err != nil {
				return err
			}
			n--
			if ref.CID != entity.SumBlock(blocks[n]) {
				r.Errorf("version %d is %s", ref.Ver, ref.CID)
			}
		}
		return nil
	})
}

func adoptTwice(r *rig) {
	blocks := elsewhere(r, r.id())
	for _, b := range blocks {
		r.update(adopt(b))
	}
	before := r.seq()
	for _, b := range blocks {
		r.update(adopt(b))
	}
	if after := r.seq(); after != before {
		r.Errorf("%d changes more", after-before)
	}
}

func adoptForks(r *rig) {
	id := r.id()
	blocks := elsewhere(r, id)
	if _, err := r.Update(r.ctx, author, adopt(blocks[1])); entity.KindOf(err) != entity.KindConflict {
		r.Errorf("version 2 of an unknown entity: %v", err)
	}
	r.update(adopt(blocks[0]))
	r.update(func(tx entity.Tx) error {
		_, err := tx.Put(id, entity.Any, set("x", "made here"))
		return err
	})
	before := r.seq()
	if _, err := r.Update(r.ctx, author, adopt(blocks[1])); entity.KindOf(err) != entity.KindConflict || tipsOf(err) == nil {
		r.Errorf("a fork: %v", err)
	}
	if r.seq() != before {
		r.Error("the fork was written")
	}
}

func adoptForeign(r *rig) {
	blocks := elsewhere(r, r.id())
	foreign := elsewhere(r, "II"+r.id()[2:])
	for name, b := range map[string][]byte{
		"nothing": nil, "cut": blocks[0][:len(blocks[0])-1], "more": append(blocks[0][:len(blocks[0]):len(blocks[0])], 0), "foreign": foreign[0],
	} {
		if _, err := r.Update(r.ctx, author, adopt(b)); entity.KindOf(err) != entity.KindInvalid {
			r.Errorf("%s: %v", name, err)
		}
	}
	if r.seq() != 0 {
		r.Error("something was written")
	}
}

// chainElsewhere is a chain made in another store, on an entity with the id:
// its blocks, the first one first.
func chainElsewhere(r *rig, id entity.ID, bodies ...entity.Properties) (blocks [][]byte) {
	other, err := NewOracle(Options{Network: id.Network(), Clock: NewClock().Now, Entropy: Entropy(99)})
	if err != nil {
		r.Fatal(err)
	}
	defer other.Close()
	_, err = other.Update(r.ctx, author, func(tx entity.Tx) error {
		blocks = nil
		if _, err := tx.Create(person(id, "made elsewhere")); err != nil {
			return err
		}
		for _, body := range bodies {
			ref, err := tx.Append(id, "steps", entity.Any, body)
			if err != nil {
				return err
			}
			block, err := tx.Block(ref.CID)
			if err != nil {
				return err
			}
			blocks = append(blocks, block)
		}
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	return blocks
}

func adoptBlock(block []byte) func(entity.Tx) error {
	return func(tx entity.Tx) error {
		_, err := tx.AdoptBlock(block)
		return err
	}
}

func adoptChain(r *rig) {
	id := r.person("Ann").Manifest.ID
	blocks := chainElsewhere(r, id, entity.Properties{"n": int64(1)}, nil, entity.Properties{"deep": map[string]any{"x": 0.5}})
	r.update(adoptBlock(blocks[0]))
	r.update(func(tx entity.Tx) error { // the rest in one transaction, each twice
		for i, b := range blocks[1:] {
			for range 2 {
				ref, err := tx.AdoptBlock(b)
				if err != nil {
					return err
				}
				r.same("adopted", ref, entity.ChainRef{N: int64(i + 2), CID: entity.SumBlock(b)})
			}
		}
		return nil
	})
	var want []entity.ChainRef
	for i, b := range blocks {
		want = append(want, entity.ChainRef{N: int64(i + 1), CID: entity.SumBlock(b)})
	}
	before := r.seq()
	for _, b := range blocks {
		r.update(adoptBlock(b))
	}
	r.same("changes", r.seq(), before)
	r.view(func(rd entity.Reader) error {
		wantChain(r, rd, id, "steps", 1, want)
		for _, b := range blocks {
			got, err := rd.Block(entity.SumBlock(b))
			if err != nil {
				return err
			}
			r.same("block", got, b)
		}
		return nil
	})
	next := r.mustAppend(id, "steps")
	r.same("appended after it", next.N, int64(4))
}

func adoptChainForks(r *rig) {
	id := r.person("Ann").Manifest.ID
	ours := chainElsewhere(r, id, entity.Properties{"n": int64(1)}, entity.Properties{"n": int64(2)})
	theirs := chainElsewhere(r, id, entity.Properties{"n": int64(1)}, entity.Properties{"n": "two"}, nil)
	r.unchanged(func() {
		_, err := r.try(adoptBlock(ours[1]))
		r.wantTips(err, id, entity.At(entity.SumBlock(ours[0])), entity.CID{})
	})
	r.update(adoptBlock(ours[0]))
	r.update(adoptBlock(ours[1]))
	r.unchanged(func() {
		_, err := r.try(adoptBlock(theirs[1]))
		r.wantTips(err, id, entity.At(entity.SumBlock(theirs[0])), entity.SumBlock(ours[1]))
		_, err = r.try(adoptBlock(theirs[2]))
		r.wantTips(err, id, entity.At(entity.SumBlock(theirs[1])), entity.SumBlock(ours[1]))
	})
}

func adoptChainForeign(r *rig) {
	id := r.person("Ann").Manifest.ID
	block := chainElsewhere(r, id, nil)[0]
	bad := map[string][]byte{
		"nothing": nil, "cut": block[:len(block)-1], "more": append(block[:len(block):len(block)], 0),
		"other network": chainElsewhere(r, "II"+id[2:], nil)[0], "a manifest": elsewhere(r, id)[0],
	}
	sound := entity.ChainBlock{ID: id, Chain: "steps", N: 1, TS: 1}
	for name, spoil := range map[string]func(*entity.ChainBlock){
		"no id": func(b *entity.ChainBlock) { b.ID = "x" }, "a name": func(b *entity.ChainBlock) { b.Chain = "No Name" },
		"n": func(b *entity.ChainBlock) { b.N = 0 }, "ts": func(b *entity.ChainBlock) { b.TS = -1 }, "no prev": func(b *entity.ChainBlock) { b.N = 2 },
		"prev":     func(b *entity.ChainBlock) { b.Prev = &entity.Link{CID: entity.SumBlock(nil)} },
		"raw prev": func(b *entity.ChainBlock) { b.N, b.Prev = 2, &entity.Link{CID: entity.SumRaw(nil)} },
	} {
		b := sound
		spoil(&b)
		var err error
		if bad[name], _, err = b.Seal(); err != nil {
			r.Fatal(err)
		}
	}
	r.unchanged(func() {
		for name, b := range bad {
			if _, err := r.try(adoptBlock(b)); err == nil || entity.KindOf(err) != entity.KindInvalid {
				r.Errorf("%s: %v", name, err)
			}
		}
		_, err := r.try(adoptBlock(chainElsewhere(r, r.id(), nil)[0]))
		r.wantKind(err, entity.KindNotFound)
	})
}

// seq is how far the log goes.
func (r *rig) seq() (n entity.Seq) {
	r.view(func(tx entity.Reader) error {
		n = tx.Seq()
		return nil
	})
	return n
}
