package storetest

import (
	"time"

	"stemma/entity"
)

// oracleTx is a reader of the commit to come, and the one who writes to it.
type oracleTx struct {
	oracleReader
	oracle  *Oracle
	by      entity.Actor
	at      time.Time
	changes []entity.Change
	steps   []entity.Transition
	undo    undo
}

// begin starts a transaction; the caller holds o.writing.
func (o *Oracle) begin(by entity.Actor) *oracleTx {
	r := o.reader(o.disk.commit)
	r.commit++
	return &oracleTx{oracleReader: r, oracle: o, by: by, at: o.opts.Clock()}
}

func (tx *oracleTx) Actor() entity.Actor { return tx.by }

func (tx *oracleTx) NewID() entity.ID { return tx.oracle.ids.New(tx.network) }

func (tx *oracleTx) Create(d entity.Draft) (*entity.Version, error) {
	const op = "storetest.Create"
	if d.ID == "" {
		d.ID = tx.NewID()
	}
	if _, err := entity.ParseID(string(d.ID)); err != nil {
		return nil, err
	}
	if d.ID.Network() != tx.network {
		return nil, entity.Invalid(op, "id %s is of the network %s; this store is %s", d.ID, d.ID.Network(), tx.network)
	}
	if _, err := tx.Head(d.ID); err == nil {
		return nil, entity.Errorf(entity.KindExists, op, "the entity %s exists", d.ID)
	}
	m := &entity.Manifest{
		Type: d.Type, CreatedAt: entity.FormatTime(tx.at), Properties: d.Properties, Relationships: d.Relationships, Note: d.Note,
	}
	if m.Properties == nil {
		m.Properties = entity.Properties{}
	}
	if m.Relationships == nil {
		m.Relationships = []entity.Relationship{}
	}
	return tx.write(d.ID, nil, entity.Head{}, m)
}

func (tx *oracleTx) Put(id entity.ID, expect entity.Expect, edit func(*entity.Manifest) error) (*entity.Version, error) {
	head, err := tx.Head(id)
	if err != nil {
		return nil, err
	}
	if !expect.Allows(head.CID()) {
		return nil, expect.Mismatch("storetest.Put", id, head.CID())
	}
	before, err := tx.Manifest(head.CID())
	if err != nil {
		return nil, err
	}
	m := before.Clone()
	m.Note = ""
	if err := edit(m); err != nil {
		return nil, err
	}
	m.CreatedAt = before.CreatedAt
	return tx.write(id, before, head, m)
}

// write seals m as the version after before and makes it the tip.
func (tx *oracleTx) write(id entity.ID, before *entity.Manifest, old entity.Head, m *entity.Manifest) (*entity.Version, error) {
	m.Schema, m.ID, m.Ver, m.TS, m.Prev, m.EditedBy = entity.Schema, id, old.Ver+1, tx.at.UnixMilli(), nil, tx.by
	if before != nil {
		m.Prev = &entity.Link{CID: old.CID()}
	}
	block, cid, err := m.Seal()
	if err != nil {
		return nil, err
	}
	return tx.place(before, old, &entity.Version{CID: cid, Manifest: m}, block)
}

func (tx *oracleTx) Adopt(block []byte) (*entity.Version, error) {
	m, cid, err := entity.OpenManifest(block)
	if err != nil {
		return nil, err
	}
	v := &entity.Version{CID: cid, Manifest: m}
	if m.ID.Network() != tx.network {
		return nil, entity.Invalid("storetest.Adopt", "a version of the network %s", m.ID.Network())
	}
	if at, err := tx.VersionAt(m.ID, m.Ver); err == nil && at == cid {
		return v, nil
	}
	head, err := tx.Head(m.ID)
	if entity.KindOf(err) == entity.KindNotFound && err != nil {
		if m.Prev != nil {
			return nil, entity.At(m.PrevCID()).Mismatch("storetest.Adopt", m.ID, entity.CID{})
		}
		return tx.place(nil, entity.Head{}, v, block)
	}
	if err != nil {
		return nil, err
	}
	if m.PrevCID() != head.CID() {
		return nil, entity.At(m.PrevCID()).Mismatch("storetest.Adopt", m.ID, head.CID())
	}
	before, err := tx.Manifest(head.CID())
	if err != nil {
		return nil, err
	}
	return tx.place(before, head, v, block)
}

// place makes a sealed version the tip.
func (tx *oracleTx) place(before *entity.Manifest, old entity.Head, v *entity.Version, block []byte) (*entity.Version, error) {
	m, cid, id := v.Manifest, v.CID, v.Manifest.ID
	tip, _ := entity.DigestOf(cid)
	created, err := time.Parse(entity.TimeLayout, m.CreatedAt)
	if err != nil {
		return nil, entity.Internal("storetest.write", err)
	}
	head := entity.Head{
		ID: id, Tip: tip, Ver: m.Ver, TS: m.TS, CreatedAt: created.UnixMilli(),
		Type: m.Type, Label: m.Label(), Collection: m.Collection(), Deleted: m.Deleted(),
	}
	if head.Deleted {
		head.Collection, head.Label = old.Collection, old.Label
	}
	put(tx.disk, &tx.undo, tx.disk.blocks, cid, tx.commit, block)
	put(tx.disk, &tx.undo, tx.disk.heads, id, tx.commit, head)
	tx.changes = append(tx.changes, entity.Change{
		ID: id, Kind: kindOf(before, m), Type: m.Type, Collection: head.Collection, Ver: m.Ver, Old: old.Tip, New: tip,
	})
	tx.steps = append(tx.steps, entity.Transition{ID: id, Before: before, After: m})
	return v, nil
}

// kindOf names the step from one version to the next.
func kindOf(before, after *entity.Manifest) entity.ChangeKind {
	switch {
	case before == nil:
		return entity.Created
	case after.Deleted() && !before.Deleted():
		return entity.Deleted
	case before.Deleted() && !after.Deleted():
		return entity.Restored
	}
	return entity.Updated
}

func (tx *oracleTx) Append(id entity.ID, chain string, expect entity.Expect, body entity.Properties) (entity.ChainRef, error) {
	if chain == entity.ChainErased {
		return entity.ChainRef{}, entity.Invalid("storetest.Append", "the chain %s grows by erasing alone", chain)
	}
	return tx.append(id, chain, expect, body)
}

func (tx *oracleTx) append(id entity.ID, chain string, expect entity.Expect, body entity.Properties) (entity.ChainRef, error) {
	head, err := tx.Head(id)
	if err != nil {
		return entity.ChainRef{}, err
	}
	last, err := tx.ChainHead(id, chain)
	if err != nil {
		return entity.ChainRef{}, err
	}
	if !expect.Allows(last.CID) {
		return entity.ChainRef{}, expect.Mismatch("storetest.Append", id, last.CID)
	}
	b := entity.ChainBlock{ID: id, Chain: chain, N: last.N + 1, TS: tx.at.UnixMilli(), Body: body}
	if last.N > 0 {
		b.Prev = &entity.Link{CID: last.CID}
	}
	block, cid, err := b.Seal()
	if err != nil {
		return entity.ChainRef{}, err
	}
	return tx.link(head, last, &b, cid, block), nil
}

// link makes a sealed block the head of its chain, in place of last.
func (tx *oracleTx) link(head entity.Head, last entity.ChainRef, b *entity.ChainBlock, cid entity.CID, block []byte) entity.ChainRef {
	ref := entity.ChainRef{N: b.N, CID: cid}
	put(tx.disk, &tx.undo, tx.disk.blocks, cid, tx.commit, block)
	put(tx.disk, &tx.undo, tx.disk.chains, chainKey{b.ID, b.Chain}, tx.commit, ref)
	old, _ := entity.DigestOf(last.CID)
	made, _ := entity.DigestOf(cid)
	tx.changes = append(tx.changes, entity.Change{
		ID: b.ID, Kind: entity.Appended, Type: head.Type, Collection: head.Collection, Ver: b.N, Old: old, New: made, Chain: b.Chain,
	})
	return ref
}

func (tx *oracleTx) AdoptBlock(block []byte) (entity.ChainRef, error) {
	b, cid, err := entity.OpenChainBlock(block)
	if err != nil {
		return entity.ChainRef{}, err
	}
	if b.ID.Network() != tx.network {
		return entity.ChainRef{}, entity.Invalid("storetest.AdoptBlock", "a block of the network %s", b.ID.Network())
	}
	head, err := tx.Head(b.ID)
	if err != nil {
		return entity.ChainRef{}, err
	}
	for ref, err := range tx.Chain(b.ID, b.Chain, b.N) {
		if err != nil {
			return ref, err
		}
		if ref.CID == cid {
			return ref, nil
		}
		break
	}
	last, err := tx.ChainHead(b.ID, b.Chain)
	if err != nil {
		return last, err
	}
	if last.CID != b.PrevCID() || last.N+1 != b.N {
		return entity.ChainRef{}, entity.At(b.PrevCID()).Mismatch("storetest.AdoptBlock", b.ID, last.CID)
	}
	return tx.adopted(head, last, b, cid, block)
}

func (tx *oracleTx) AppendSealed(blocks ...*entity.SealedBlock) (ref entity.ChainRef, err error) {
	if len(blocks) == 0 {
		return ref, entity.Invalid("storetest.AppendSealed", "no blocks")
	}
	for _, b := range blocks {
		of, first := b.Block(), blocks[0].Block()
		if of.ID != first.ID || of.Chain != first.Chain {
			return entity.ChainRef{}, entity.Invalid("storetest.AppendSealed", "blocks of several chains")
		}
		head, err := tx.Head(of.ID)
		if err != nil {
			return ref, err
		}
		last, err := tx.ChainHead(of.ID, of.Chain)
		if err != nil {
			return ref, err
		}
		if last.CID != of.PrevCID() || last.N+1 != of.N {
			return entity.ChainRef{}, entity.At(of.PrevCID()).Mismatch("storetest.AppendSealed", of.ID, last.CID)
		}
		ref = tx.link(head, last, of, b.CID(), b.Bytes())
	}
	return ref, nil
}

func (tx *oracleTx) SetSecret(key string, value []byte) {
	put(tx.disk, &tx.undo, tx.disk.secrets, key, tx.commit, append([]byte{}, value...))
}

func (tx *oracleTx) DeleteSecret(key string) {
	put(tx.disk, &tx.undo, tx.disk.secrets, key, tx.commit, nil)
}

// project folds what was written into the rows of every projection.
func (tx *oracleTx) project() error {
	for _, p := range tx.oracle.opts.Projections {
		for _, step := range tx.steps {
			if err := p.Apply(step, rowWriter{tx.disk, p.Name(), tx.commit, &tx.undo}); err != nil {
				return err
			}
		}
	}
	return nil
}
