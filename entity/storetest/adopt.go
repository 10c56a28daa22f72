package storetest

import (
	"stemma/entity"
)

var adoptCases = []lawCase{
	{law: "a history that is adopted version by version is the same history", run: adoptWhole},
	{law: "adopting what is there writes nothing", run: adoptTwice},
	{law: "a version that does not follow the tip is not adopted", run: adoptForks},
	{law: "a block that is not strict or of the other network is not adopted", run: adoptForeign},
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

// seq is how far the log goes.
func (r *rig) seq() (n entity.Seq) {
	r.view(func(tx entity.Reader) error {
		n = tx.Seq()
		return nil
	})
	return n
}
