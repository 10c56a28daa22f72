package storetest

import (
	"context"
	"fmt"
	"time"

	"stemma/entity"
)

// Audit reads everything a store holds through its interface, in one View, and
// proves that it is one story: the log is dense and in order, every block has
// the CID it is found under and is strict dag-cbor, versions and chains link
// back one by one, and heads, histories and chain heads are what the log says.
// The error is of KindInternal and names the first thing that is not so.
func Audit(ctx context.Context, s entity.Store) error {
	return s.View(ctx, func(r entity.Reader) error {
		_, err := read(r)
		return err
	})
}

// contents is everything in a store but secrets and rows.
type contents struct {
	Seq      entity.Seq
	Records  []*entity.Record
	Blocks   map[string][]byte // by CID
	Heads    map[entity.ID]entity.Head
	Versions map[entity.ID][]entity.VersionRef // ascending
	Chains   map[chainKey][]entity.ChainRef    // ascending

	tips map[entity.ID]*entity.Manifest
}

// read takes down the contents, checking each on the way.
func read(r entity.Reader) (*contents, error) {
	c := &contents{
		Blocks: map[string][]byte{}, Heads: map[entity.ID]entity.Head{}, Versions: map[entity.ID][]entity.VersionRef{},
		Chains: map[chainKey][]entity.ChainRef{}, tips: map[entity.ID]*entity.Manifest{},
	}
	for rec, err := range r.Log(0) {
		if err != nil {
			return nil, err
		}
		if err := c.record(r, rec); err != nil {
			return nil, entity.Internal("storetest.Audit", fmt.Errorf("record %d: %w", rec.Seq, err))
		}
	}
	if r.Seq() != c.Seq {
		return nil, audit("the state is of change %d, its log ends with %d", r.Seq(), c.Seq)
	}
	for id := range c.Versions {
		if err := c.entity(r, id); err != nil {
			return nil, entity.Internal("storetest.Audit", fmt.Errorf("entity %s: %w", id, err))
		}
	}
	if err := c.heads(r); err != nil {
		return nil, err
	}
	for key := range c.Chains {
		if err := c.chain(r, key); err != nil {
			return nil, entity.Internal("storetest.Audit", fmt.Errorf("chain %s of %s: %w", key.chain, key.id, err))
		}
	}
	return c, nil
}

func audit(format string, args ...any) error {
	return entity.Internal("storetest.Audit", fmt.Errorf(format, args...))
}

func (c *contents) record(r entity.Reader, rec *entity.Record) error {
	if rec.Seq != c.Seq+1 {
		return fmt.Errorf("it follows change %d", c.Seq)
	}
	if len(rec.Changes) == 0 {
		return fmt.Errorf("it holds no change")
	}
	for i, change := range rec.Changes {
		step := c.version
		if change.Kind == entity.Appended {
			step = c.append
		}
		if err := step(r, rec, change); err != nil {
			return fmt.Errorf("change %d (%s of %s): %w", i, change.Kind, change.ID, err)
		}
	}
	c.Seq = rec.Last()
	c.Records = append(c.Records, rec)
	return nil
}

// block reads a block and hashes it again.
func (c *contents) block(r entity.Reader, cid entity.CID) ([]byte, error) {
	b, err := r.Block(cid)
	if err != nil {
		return nil, err
	}
	if got := entity.SumBlock(b); got != cid {
		return nil, fmt.Errorf("the block under %s has the CID %s", cid, got)
	}
	c.Blocks[cid.String()] = b
	return b, entity.ValidateBlock(b)
}

// version checks a change that made a version, against the one before.
func (c *contents) version(r entity.Reader, rec *entity.Record, change entity.Change) error {
	b, err := c.block(r, change.CID())
	if err != nil {
		return err
	}
	m, _, err := entity.OpenManifest(b)
	if err != nil {
		return err
	}
	before := c.tips[change.ID]
	old := c.Heads[change.ID]
	var created string
	if before != nil {
		created = before.CreatedAt
	} else {
		created = m.CreatedAt
	}
	at, err := time.Parse(entity.TimeLayout, created)
	if err != nil {
		return err
	}
	head := entity.Head{
		ID: change.ID, Tip: change.New, Ver: old.Ver + 1, TS: m.TS, CreatedAt: at.UnixMilli(),
		Type: m.Type, Label: m.Label(), Collection: m.Collection(), Deleted: m.Deleted(),
	}
	if head.Deleted {
		head.Collection, head.Label = old.Collection, old.Label
	}
	prev := entity.CID{}
	if before != nil {
		prev = old.CID()
	}
	switch {
	case m.ID != change.ID || m.Type != change.Type || m.Ver != change.Ver:
		return fmt.Errorf("its manifest is version %d of %s, a %s", m.Ver, m.ID, m.Type)
	case change.Ver != head.Ver:
		return fmt.Errorf("version %d follows version %d", change.Ver, old.Ver)
	case change.Old != old.Tip:
		return fmt.Errorf("it replaces %s, the tip was %s", entity.CIDOf(change.Old), old.CID())
	case m.PrevCID() != prev:
		return fmt.Errorf("prev is %s, the version before is %s", m.PrevCID(), prev)
	case m.CreatedAt != created:
		return fmt.Errorf("created_at went from %s to %s", created, m.CreatedAt)
	case change.Kind != kindOf(before, m):
		return fmt.Errorf("the step is of kind %s", kindOf(before, m))
	case change.Collection != head.Collection:
		return fmt.Errorf("it names the collection %q, the entity's is %q", change.Collection, head.Collection)
	case change.Chain != "":
		return fmt.Errorf("it names the chain %q", change.Chain)
	case m.EditedBy != rec.Actor:
		return fmt.Errorf("edited by %v in a record of %v", m.EditedBy, rec.Actor)
	}
	c.tips[change.ID], c.Heads[change.ID] = m, head
	c.Versions[change.ID] = append(c.Versions[change.ID], entity.VersionRef{Ver: change.Ver, CID: change.CID()})
	return nil
}

// append checks a change that made a block of a chain.
func (c *contents) append(r entity.Reader, _ *entity.Record, change entity.Change) error {
	b, err := c.block(r, change.CID())
	if entity.KindOf(err) == entity.KindNotFound && err != nil && change.Chain == entity.ChainContent {
		erased, failed := entity.Erased(r, change.ID)
		if failed == nil && entity.ErasureHolding(erased, change.Ver) != nil {
			key := chainKey{change.ID, change.Chain}
			c.Chains[key] = append(c.Chains[key], entity.ChainRef{N: change.Ver, CID: change.CID()})
			return nil
		}
	}
	if err != nil {
		return err
	}
	var block entity.ChainBlock
	if err := entity.DecodeBlock(b, &block); err != nil {
		return err
	}
	key := chainKey{change.ID, change.Chain}
	var last entity.ChainRef
	if list := c.Chains[key]; len(list) > 0 {
		last = list[len(list)-1]
	}
	prev, old := entity.CID{}, entity.CID{}
	if block.Prev != nil {
		prev = block.Prev.CID
	}
	if change.Old != (entity.Digest{}) {
		old = entity.CIDOf(change.Old)
	}
	head, exists := c.Heads[change.ID]
	switch {
	case !exists:
		return fmt.Errorf("there is no such entity yet")
	case block.ID != change.ID || block.Chain != change.Chain || block.N != change.Ver:
		return fmt.Errorf("its block is number %d of chain %q of %s", block.N, block.Chain, block.ID)
	case block.N != last.N+1:
		return fmt.Errorf("block %d follows block %d", block.N, last.N)
	case prev != last.CID || old != last.CID:
		return fmt.Errorf("prev is %s and old %s, the block before is %s", prev, old, last.CID)
	case change.Type != head.Type || change.Collection != head.Collection:
		return fmt.Errorf("it names type %q and collection %q, the entity's are %q and %q", change.Type, change.Collection, head.Type, head.Collection)
	}
	c.Chains[key] = append(c.Chains[key], entity.ChainRef{N: block.N, CID: change.CID()})
	return nil
}

// entity compares what the store says of an entity with what the log said.
func (c *contents) entity(r entity.Reader, id entity.ID) error {
	head, err := r.Head(id)
	if err != nil {
		return err
	}
	if head != c.Heads[id] {
		return fmt.Errorf("the head is %+v, the log makes it %+v", head, c.Heads[id])
	}
	want := c.Versions[id]
	n := len(want)
	for ref, err := range r.History(id, 0) {
		if err != nil {
			return err
		}
		if n--; n < 0 || ref != want[n] {
			return fmt.Errorf("the history gives version %d as %s", ref.Ver, ref.CID)
		}
	}
	if n != 0 {
		return fmt.Errorf("the history ends before version %d", n)
	}
	for _, ref := range want {
		if got, err := r.VersionAt(id, ref.Ver); err != nil || got != ref.CID {
			return fmt.Errorf("version %d is found as %s (error: %v)", ref.Ver, got, err)
		}
	}
	return nil
}

// heads compares what all heads are with what the log said.
func (c *contents) heads(r entity.Reader) error {
	n, last := 0, entity.ID("")
	for h, err := range r.Heads() {
		if err != nil {
			return err
		}
		if h.ID <= last {
			return audit("the head of %s comes after that of %s", h.ID, last)
		}
		if h != c.Heads[h.ID] {
			return audit("among all heads there is %+v, the log makes it %+v", h, c.Heads[h.ID])
		}
		n, last = n+1, h.ID
	}
	if n != len(c.Heads) {
		return audit("there are %d heads, the log makes %d", n, len(c.Heads))
	}
	return nil
}

// chain compares what the store says of a chain with what the log said.
func (c *contents) chain(r entity.Reader, key chainKey) error {
	want := c.Chains[key]
	head, err := r.ChainHead(key.id, key.chain)
	if err != nil {
		return err
	}
	if head != want[len(want)-1] {
		return fmt.Errorf("the head is block %d, %s", head.N, head.CID)
	}
	n := 0
	for ref, err := range r.Chain(key.id, key.chain, 1) {
		if err != nil {
			return err
		}
		if n == len(want) || ref != want[n] {
			return fmt.Errorf("block %d is given as %s", ref.N, ref.CID)
		}
		n++
	}
	if n != len(want) {
		return fmt.Errorf("the chain ends after block %d of %d", n, len(want))
	}
	return nil
}
