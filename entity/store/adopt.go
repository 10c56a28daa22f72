package store

import (
	"bytes"

	"stemma/entity"
)

func (t *tx) Adopt(block []byte) (*entity.Version, error) {
	const op = "store.Adopt"
	m, c, err := entity.OpenManifest(block)
	if err != nil {
		return nil, err
	}
	v := &entity.Version{CID: c, Manifest: m}
	if m.ID.Network() != t.s.network {
		return nil, entity.Invalid(op, "version %s is of the %s network, this is %s", c, m.ID.Network(), t.s.network)
	}
	h, known, err := t.head(m.ID)
	if err != nil {
		return nil, err
	}
	if known && m.Ver <= h.Ver {
		at, err := t.VersionAt(m.ID, m.Ver)
		if err != nil || at == c {
			return v, err
		}
	}
	var before *entity.Manifest
	tip := entity.CID{}
	if known {
		tip = h.CID()
		if before, err = t.Manifest(tip); err != nil {
			return nil, err
		}
	}
	if m.PrevCID() != tip || m.Ver != h.Ver+1 {
		return nil, entity.At(m.PrevCID()).Mismatch(op, m.ID, tip)
	}
	if err := t.claim(op, m.ID, entity.At(tip)); err != nil {
		return nil, err
	}
	return t.place(before, h, v, bytes.Clone(block))
}

func (t *tx) AdoptBlock(block []byte) (entity.ChainRef, error) {
	const op = "store.AdoptBlock"
	none := entity.ChainRef{}
	b, c, err := entity.OpenChainBlock(block)
	if err != nil {
		return none, err
	}
	ref := entity.ChainRef{N: b.N, CID: c}
	if b.ID.Network() != t.s.network {
		return none, entity.Invalid(op, "block %s is of the %s network, this is %s", c, b.ID.Network(), t.s.network)
	}
	h, err := t.Head(b.ID)
	if err != nil {
		return none, err
	}
	last, err := t.ChainHead(b.ID, b.Chain)
	if err != nil {
		return none, err
	}
	if b.N <= last.N {
		at, err := t.chainAt(b.ID, b.Chain, b.N)
		if err != nil || at == c {
			return ref, err
		}
	}
	if b.PrevCID() != last.CID || b.N != last.N+1 {
		return none, entity.At(b.PrevCID()).Mismatch(op, b.ID, last.CID)
	}
	if err := t.claim(op, b.ID, entity.At(last.CID)); err != nil {
		return none, err
	}
	switch b.Chain {
	case entity.ChainErased:
	case entity.ChainContent: // which may come after the news that it is gone
		erased, err := entity.Erased(t, b.ID)
		if err != nil {
			return none, err
		}
		if entity.ErasureHolding(erased, b.N) != nil {
			return t.link(h, linked{b, c, nil})
		}
		fallthrough
	default:
		return t.link(h, linked{b, c, bytes.Clone(block)})
	}
	gone, err := entity.ErasureOf(b)
	if err != nil {
		return none, err
	}
	if ref, err = t.link(h, linked{b, c, bytes.Clone(block)}); err != nil {
		return none, err
	}
	return ref, t.erase(b.ID, gone)
}

func (t *tx) AppendSealed(blocks ...*entity.SealedBlock) (last entity.ChainRef, err error) {
	const op = "store.AppendSealed"
	none := entity.ChainRef{}
	if len(blocks) == 0 {
		return none, entity.Invalid(op, "there are no blocks")
	}
	id, chain := blocks[0].Block().ID, blocks[0].Block().Chain
	if err := appendable(op, chain); err != nil {
		return none, err
	}
	h, err := t.Head(id)
	if err != nil {
		return none, err
	}
	if last, err = t.ChainHead(id, chain); err != nil {
		return none, err
	}
	if err := t.claim(op, id, entity.At(last.CID)); err != nil {
		return none, err
	}
	all := make([]linked, len(blocks))
	for i, b := range blocks {
		of := b.Block()
		if of.ID != id || of.Chain != chain {
			return none, entity.Invalid(op, "the blocks are of several chains")
		}
		if of.PrevCID() != last.CID || of.N != last.N+1 {
			return none, entity.At(of.PrevCID()).Mismatch(op, id, last.CID)
		}
		all[i] = linked{of, b.CID(), b.Bytes()}
		last = entity.ChainRef{N: of.N, CID: b.CID()}
	}
	return t.link(h, all...)
}
