package storetest

import "stemma/entity"

func (tx *oracleTx) Erase(id entity.ID, what entity.Erasure) (entity.ChainRef, error) {
	if err := what.Check(); err != nil {
		return entity.ChainRef{}, err
	}
	last, err := tx.ChainHead(id, entity.ChainContent)
	if err != nil {
		return last, err
	}
	if what.To > last.N {
		return entity.ChainRef{}, entity.Invalid("storetest.Erase", "the content of %s ends with block %d", id, last.N)
	}
	ref, err := tx.append(id, entity.ChainErased, entity.Any, what.Body())
	if err != nil {
		return ref, err
	}
	return ref, tx.erase(id, what)
}

func (tx *oracleTx) erase(id entity.ID, what entity.Erasure) error {
	for ref, err := range tx.Chain(id, entity.ChainContent, what.From) {
		if err != nil || ref.N > what.To {
			return err
		}
		put(tx.disk, &tx.undo, tx.disk.blocks, ref.CID, tx.commit, nil)
	}
	return nil
}

func (tx *oracleTx) AdoptGap(id entity.ID, n int64, c entity.CID) (entity.ChainRef, error) {
	head, err := tx.Head(id)
	if err != nil {
		return entity.ChainRef{}, err
	}
	last, err := tx.ChainHead(id, entity.ChainContent)
	if err != nil {
		return last, err
	}
	if n != last.N+1 {
		return entity.ChainRef{}, entity.Invalid("storetest.AdoptGap", "block %d does not follow block %d", n, last.N)
	}
	return tx.link(head, last, &entity.ChainBlock{ID: id, Chain: entity.ChainContent, N: n}, c, nil), nil
}

// adopted is link for a block from elsewhere: of content that was erased here, or
// that says that content was.
func (tx *oracleTx) adopted(head entity.Head, last entity.ChainRef, b *entity.ChainBlock, cid entity.CID, block []byte) (entity.ChainRef, error) {
	none := entity.ChainRef{}
	switch b.Chain {
	case entity.ChainContent:
		erased, err := entity.Erased(tx, b.ID)
		if err != nil {
			return none, err
		}
		if entity.ErasureHolding(erased, b.N) != nil {
			block = nil
		}
	case entity.ChainErased:
		what, err := entity.ErasureOf(b)
		if err != nil {
			return none, err
		}
		return tx.link(head, last, b, cid, block), tx.erase(b.ID, what)
	}
	return tx.link(head, last, b, cid, block), nil
}
