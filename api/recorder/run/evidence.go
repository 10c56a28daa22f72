package run

import "stemma/entity"

// Proven is a block of a chain whose bytes were shown to be those of its CID.
type Proven struct {
	CID entity.CID
	*entity.ChainBlock
}

// RunGap is a gap in the evidence of a run.
type RunGap struct {
	Run entity.ID
	Gap
}

// CheckEvidence makes sure that blocks are all of what the manifests pin: where
// there are blocks of a run whose manifest pins a head, they are its chain from the
// first block to that head, each following the one before, with the content that
// they name, and nothing else. Content that is not there must be said to be erased by
// a block that is proven as well, and is a gap. KindInvalid says what is missing or
// does not belong there. A manifest without blocks is evidence of itself alone.
func CheckEvidence(manifests []*entity.Manifest, blocks []Proven) (found []RunGap, err error) {
	for _, m := range manifests {
		pin, ok := Pin(m)
		if !ok {
			continue
		}
		e, err := evidenceOf(m.ID, blocks)
		if err != nil {
			return nil, err
		}
		if len(e.chain) == 0 {
			continue
		}
		list, err := e.check(pin)
		if err != nil {
			return nil, err
		}
		for _, g := range list {
			found = append(found, RunGap{m.ID, g})
		}
	}
	return found, nil
}

// evidence is what there is of one run.
type evidence struct {
	id             entity.ID
	chain, content map[int64]Proven
	erased         []entity.Erasure
}

func evidenceOf(id entity.ID, blocks []Proven) (*evidence, error) {
	e := &evidence{id: id, chain: map[int64]Proven{}, content: map[int64]Proven{}}
	for _, b := range blocks {
		switch {
		case b.ID != id:
		case b.Chain == Chain:
			e.chain[b.N] = b
		case b.Chain == entity.ChainContent:
			e.content[b.N] = b
		case b.Chain == entity.ChainErased:
			gone, err := entity.ErasureOf(b.ChainBlock)
			if err != nil {
				return nil, err
			}
			e.erased = append(e.erased, gone)
		}
	}
	return e, nil
}

func (e *evidence) check(pin entity.ChainRef) (list []Gap, err error) {
	const op = "run.CheckEvidence"
	last, contents, counted := entity.CID{}, 0, int64(0)
	for n := int64(1); n <= pin.N; n++ {
		b, ok := e.chain[n]
		switch {
		case !ok:
			return nil, entity.Invalid(op, "block %d of %d of the run %s is not among the evidence", n, pin.N, e.id)
		case b.PrevCID() != last:
			return nil, entity.Invalid(op, "block %d of the run %s does not follow block %d of the evidence", n, e.id, n-1)
		}
		last = b.CID
		at, ok := contentAt(b.Body)
		if !ok {
			continue
		}
		content, here := e.content[at.N]
		if here && content.CID == at.Block.CID && holds(content.ChainBlock, &at) {
			if at.N > counted { // and not shared with the one before
				contents, counted = contents+1, at.N
			}
			continue
		}
		gone := entity.ErasureHolding(e.erased, at.N)
		if here || gone == nil {
			return nil, entity.Invalid(op, "the content of block %d of the run %s, %s, is not among the evidence, and nothing there says that it was deleted", n, e.id, at.Block.CID)
		}
		list = gaps(list, n, deletionOf(gone))
	}
	switch {
	case last != pin.CID:
		return nil, entity.Invalid(op, "the run %s ended with %s, and the evidence with %s", e.id, pin.CID, last)
	case int64(len(e.chain)) > pin.N:
		return nil, entity.Invalid(op, "the run %s ended with block %d, and the evidence goes on", e.id, pin.N)
	case len(e.content) > contents:
		return nil, entity.Invalid(op, "the evidence has content that no block of the run %s names", e.id)
	}
	return list, nil
}
