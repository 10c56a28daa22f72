package entity

// Seq numbers the changes of a store, dense from 1 in the order of commit.
// It is the only order there is.
type Seq uint64

// ChangeKind says what happened to an entity.
type ChangeKind uint8

// The kinds of change.
const (
	Created  ChangeKind = iota + 1 // version 1
	Updated                        // a live version after a live one
	Deleted                        // a tombstone after a live version
	Restored                       // a live version after a tombstone
	Appended                       // a block at the end of a chain; the entity's tip is unchanged
)

var changeNames = [...]string{Created: "create", Updated: "update", Deleted: "delete", Restored: "restore", Appended: "append"}

// String is the kind's name in the events feed.
func (k ChangeKind) String() string {
	if int(k) < len(changeNames) && changeNames[k] != "" {
		return changeNames[k]
	}
	return "unknown"
}

// ParseChangeKind is the inverse of [ChangeKind.String].
func ParseChangeKind(s string) (ChangeKind, bool) {
	for k, name := range changeNames {
		if name == s && name != "" {
			return ChangeKind(k), true
		}
	}
	return 0, false
}

// Change is one step of one entity or chain.
type Change struct {
	_          struct{} `cbor:",toarray"`
	ID         ID
	Kind       ChangeKind
	Type       string // of the entity, after the change
	Collection ID     // the collection it belongs to; of a tombstone, belonged to; "" for none
	Ver        int64  // the version made; of a chain, the position of the block, from 1
	Old        Digest // the tip before; zero when there was none
	New        Digest // the tip after; of a chain, the block
	Chain      string // the chain's name, "" for a version
}

// CID is the block the change made.
func (c Change) CID() CID { return CIDOf(c.New) }

// Record is one transaction in the log: changes that became visible together.
// The first of them has the number Seq, the next Seq+1, and so on; the next
// record begins where this one ends.
type Record struct {
	_       struct{} `cbor:",toarray"`
	Seq     Seq      // of the first change
	At      int64    // time of commit, ms since 1970; for people, never for order
	Actor   Actor
	Changes []Change
}

// Last is the number of the record's last change.
func (r *Record) Last() Seq { return r.Seq + Seq(len(r.Changes)) - 1 }

// ChainBlock is one block of a chain hung on an entity.
type ChainBlock struct {
	ID    ID         `cbor:"id" json:"id"`
	Chain string     `cbor:"chain" json:"chain"`
	N     int64      `cbor:"n" json:"n"`       // from 1
	TS    int64      `cbor:"ts" json:"ts"`     // ms since 1970
	Prev  *Link      `cbor:"prev" json:"prev"` // nil exactly in block 1
	Body  Properties `cbor:"body" json:"body"`
}

// CheckChain makes sure that a chain can have the name. KindInvalid.
func CheckChain(name string) error {
	ok := name != "" && len(name) <= 64 && name[0] >= 'a' && name[0] <= 'z'
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
	}
	if !ok {
		return Invalid("entity.CheckChain", "%q cannot name a chain; use 1 to 64 of a-z, 0-9, _, . and -, a letter first", clip(name))
	}
	return nil
}

// OpenChainBlock reads a chain block from outside, as [OpenManifest] does a
// manifest.
func OpenChainBlock(block []byte) (*ChainBlock, CID, error) {
	const op = "entity.OpenChainBlock"
	if len(block) > MaxManifest {
		return nil, CID{}, Errorf(KindTooLarge, op, "the block takes %d bytes; at most %d are allowed", len(block), MaxManifest)
	}
	if err := ValidateBlock(block); err != nil {
		return nil, CID{}, err
	}
	b := new(ChainBlock)
	if err := DecodeBlock(block, b); err != nil {
		return nil, CID{}, err
	}
	if err := b.check(op); err != nil {
		return nil, CID{}, err
	}
	if b.Body == nil {
		b.Body = Properties{}
	}
	if err := checkValue(b.Body, 1); err != nil {
		return nil, CID{}, err
	}
	same, err := encodesTo(b, block)
	if err != nil {
		return nil, CID{}, err
	}
	if !same {
		return nil, CID{}, Invalid(op, "the block is not written as this server writes it: a field is absent, or has another name")
	}
	return b, SumBlock(block), nil
}

// check verifies all but the body.
func (b *ChainBlock) check(op string) error {
	if _, err := ParseID(string(b.ID)); err != nil {
		return err
	}
	if err := CheckChain(b.Chain); err != nil {
		return err
	}
	switch {
	case b.N < 1, b.TS < 0:
		return Invalid(op, "n must be at least 1, and ts milliseconds since 1970")
	case (b.N == 1) != (b.Prev == nil):
		return Invalid(op, "prev must be null in block 1 and a link in every other")
	case b.Prev != nil && !isBlock(b.Prev.CID):
		return Invalid(op, "prev must be a link to a block (bafyrei…)")
	}
	return nil
}

// PrevCID is the block before, undefined in block 1.
func (b *ChainBlock) PrevCID() CID {
	if b.Prev == nil {
		return CID{}
	}
	return b.Prev.CID
}

// ChainRef points at a block of a chain. The zero value is the head of an
// empty chain.
type ChainRef struct {
	N   int64
	CID CID
}

// Seal gives the block's canonical bytes and CID.
func (b *ChainBlock) Seal() ([]byte, CID, error) {
	if b.Body == nil {
		b.Body = Properties{}
	}
	block, c, err := sealed(b, b.Body)
	if err == nil && len(block) > MaxManifest {
		err = Errorf(KindTooLarge, "entity.Seal", "the block would take %d bytes; at most %d fit", len(block), MaxManifest)
	}
	return block, c, err
}

// SealedBlock is a block of a chain with its bytes, which nobody changes any more:
// who has one need not read it again to know what it is.
type SealedBlock struct {
	of    ChainBlock // without its body
	bytes []byte
	cid   CID
}

// Sealed seals a block for [Tx.AppendSealed], and checks what [OpenChainBlock]
// would.
func (b *ChainBlock) Sealed() (*SealedBlock, error) {
	if err := b.check("entity.Sealed"); err != nil {
		return nil, err
	}
	raw, c, err := b.Seal()
	if err != nil {
		return nil, err
	}
	s := &SealedBlock{of: *b, bytes: raw, cid: c}
	s.of.Body = nil
	return s, nil
}

// Block is the block, without its body.
func (s *SealedBlock) Block() *ChainBlock { return &s.of }

// CID names the block.
func (s *SealedBlock) CID() CID { return s.cid }

// Bytes are the block's, to be read only.
func (s *SealedBlock) Bytes() []byte { return s.bytes }
