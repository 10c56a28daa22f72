package entity

// Content may have to go, and what it was the content of to stay. What may have
// to go is therefore kept in blocks of the chain [ChainContent], which other
// blocks refer to by CID, and goes with [Tx.Erase]: bytes go, and hashes, places
// and the log stay. That they went is said by a block of the chain [ChainErased] of
// the same entity, and by nothing else: a block that is not here and that none of
// those names is damage.
const (
	ChainContent = "content"
	ChainErased  = "erased"
)

// ContentSalt is the member of a content block's body that nobody can guess: with
// it the hash that stays tells nothing of content that is gone, however few things
// it could have been, and no two blocks with the same content are one.
const ContentSalt = "salt"

// Erasure says which blocks of an entity's content are gone, and why.
type Erasure struct {
	From, To int64      // places in the chain [ChainContent], both included
	Why      Properties // what else the block of [ChainErased] says
	At       int64      // when, ms since 1970; of one that is read
}

// Body is the body of the block that says it.
func (e Erasure) Body() Properties {
	body := Properties{"chain": ChainContent, "from": e.From, "to": e.To}
	for k, v := range e.Why {
		if _, ours := body[k]; !ours {
			body[k] = v
		}
	}
	return body
}

// ErasureOf reads a block of [ChainErased]. KindInvalid where it says none.
func ErasureOf(b *ChainBlock) (e Erasure, err error) {
	const op = "entity.ErasureOf"
	chain, _ := b.Body["chain"].(string)
	from, isFrom := b.Body["from"].(int64)
	to, isTo := b.Body["to"].(int64)
	if b.Chain != ChainErased || chain != ChainContent || !isFrom || !isTo {
		return e, Invalid(op, "block %d of %s/%s does not say what was erased: chain, which is %s, and the numbers from and to", b.N, b.ID, b.Chain, ChainContent)
	}
	e = Erasure{From: from, To: to, Why: Properties{}, At: b.TS}
	for k, v := range b.Body {
		if k != "chain" && k != "from" && k != "to" {
			e.Why[k] = v
		}
	}
	return e, e.Check()
}

// MaxErased is how many blocks one erasure names.
const MaxErased = 10_000

// Check makes sure that it names blocks, and not too many. KindInvalid.
func (e Erasure) Check() error {
	if e.From < 1 || e.To < e.From || e.To-e.From >= MaxErased {
		return Invalid("entity.Erasure", "blocks %d to %d cannot be erased; the first is 1, and %d go at once", e.From, e.To, MaxErased)
	}
	return nil
}

// Chains is where chains are read from: a [Reader].
type Chains interface {
	ChainHead(id ID, chain string) (ChainRef, error)
	Block(CID) ([]byte, error)
}

// Erased gives what was erased of an entity, newest first. It follows the links, so
// that a transaction is none that scans.
func Erased(r Chains, id ID) (all []Erasure, err error) {
	head, err := r.ChainHead(id, ChainErased)
	if err != nil || head.N == 0 {
		return nil, err
	}
	for at := head.CID; at.Defined(); {
		raw, err := r.Block(at)
		if err != nil {
			return nil, err
		}
		b, _, err := OpenChainBlock(raw)
		if err != nil {
			return nil, err
		}
		e, err := ErasureOf(b)
		if err != nil {
			return nil, err
		}
		all, at = append(all, e), b.PrevCID()
	}
	return all, nil
}

// ErasureHolding is that of the erasures which names the place; nil for none.
func ErasureHolding(all []Erasure, n int64) *Erasure {
	for i := range all {
		if all[i].From <= n && n <= all[i].To {
			return &all[i]
		}
	}
	return nil
}
