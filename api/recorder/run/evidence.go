package run

import "stemma/entity"

// Proven is a block of a chain whose bytes were shown to be those of its CID.
type Proven struct {
	CID entity.CID
	*entity.ChainBlock
}

// CheckEvidence makes sure that blocks are all of what the manifests pin: where
// there are blocks of a run whose manifest pins a head, they are its chain from the
// first block to that head, each following the one before, and nothing else.
// KindInvalid says what is missing or does not belong there. A manifest without
// blocks is evidence of itself alone.
func CheckEvidence(manifests []*entity.Manifest, blocks []Proven) error {
	const op = "run.CheckEvidence"
	for _, m := range manifests {
		pin, ok := Pin(m)
		if !ok {
			continue
		}
		chain := map[int64]Proven{}
		for _, b := range blocks {
			if b.ID == m.ID && b.Chain == Chain {
				chain[b.N] = b
			}
		}
		if len(chain) == 0 {
			continue
		}
		last := entity.CID{}
		for n := int64(1); n <= pin.N; n++ {
			b, ok := chain[n]
			switch {
			case !ok:
				return entity.Invalid(op, "block %d of %d of the run %s is not among the evidence", n, pin.N, m.ID)
			case b.PrevCID() != last:
				return entity.Invalid(op, "block %d of the run %s does not follow block %d of the evidence", n, m.ID, n-1)
			}
			last = b.CID
		}
		switch {
		case last != pin.CID:
			return entity.Invalid(op, "the run %s ended with %s, and the evidence with %s", m.ID, pin.CID, last)
		case int64(len(chain)) > pin.N:
			return entity.Invalid(op, "the run %s ended with block %d, and the evidence goes on", m.ID, pin.N)
		}
	}
	return nil
}
