package guard

import (
	"fmt"
	"slices"

	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/scope"
)

// Tx is an [entity.Tx] of a principal.
type Tx struct {
	*Reader
	tx      entity.Tx
	scopes  *scope.Index
	allowed []entity.ID
	vouched []entity.ID // see Vouch
}

var _ entity.Tx = (*Tx)(nil)

// policy looks a scope up as the transaction sees it: in memory where that is of
// the version that the transaction has read, else in the manifests.
func (t *Tx) policy(id entity.ID) (*access.Policy, error) {
	h, err := t.tx.Head(id)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case !access.Own(h.Type):
		return nil, nil
	}
	if p := t.scopes.Policy(id); p != nil && p.Ver == h.Ver {
		return p, nil
	}
	m, err := t.tx.Manifest(h.CID())
	for err == nil && m.Deleted() {
		m, err = t.tx.Manifest(m.PrevCID())
	}
	if err != nil {
		return nil, err
	}
	p := access.PolicyOf(m)
	p.Ver = h.Ver
	return p, nil
}

// Actor is who the changes are recorded as made by.
func (t *Tx) Actor() entity.Actor { return t.tx.Actor() }

// NewID mints an identifier of the store's network.
func (t *Tx) NewID() entity.ID { return t.tx.NewID() }

// Create writes version 1. It takes T:create ([access.Making]) in each collection and tenant that
// the draft belongs to, or in none.
func (t *Tx) Create(d entity.Draft) (*entity.Version, error) {
	m := &entity.Manifest{ID: d.ID, Type: d.Type, Properties: d.Properties, Relationships: d.Relationships}
	if !slices.ContainsFunc(d.Relationships, func(r entity.Relationship) bool { return r.Predicate == entity.PredicateCollection }) {
		if err := t.May(access.Making(d.Type), entity.Head{Type: d.Type}); err != nil {
			return nil, err
		}
	}
	if err := t.rules(nil, m); err != nil {
		return nil, err
	}
	if err := t.needs(nil, entity.Head{}, nil, m); err != nil {
		return nil, err
	}
	v, err := t.tx.Create(d)
	if err == nil {
		t.allowed = append(t.allowed, v.Manifest.ID)
	}
	return v, err
}

// Put writes the next version of an entity on which something was allowed.
func (t *Tx) Put(id entity.ID, expect entity.Expect, edit func(*entity.Manifest) error) (*entity.Version, error) {
	const op = "guard.Put"
	h, err := t.tx.Head(id)
	if err != nil {
		return nil, err
	}
	if err := t.asked(op, id); err != nil {
		return nil, err
	}
	return t.tx.Put(id, expect, func(m *entity.Manifest) error {
		before, err := t.tx.Manifest(h.CID())
		if err != nil {
			return err
		}
		if err := edit(m); err != nil {
			return err
		}
		if err := t.rules(before, m); err != nil {
			return err
		}
		var had *access.Policy
		if access.Own(h.Type) {
			if had, err = t.policy(id); err != nil {
				return err
			}
		}
		return t.needs(had, h, before, m)
	})
}

// Permit lets the transaction write an entity on which nothing was asked: the
// answer for something else stands for it, and the caller says so.
func (t *Tx) Permit(id entity.ID) { t.allowed = append(t.allowed, id) }

func (t *Tx) asked(op string, id entity.ID) error {
	for i := len(t.allowed) - 1; i >= 0; i-- { // what was asked last is written next
		if t.allowed[i] == id {
			return nil
		}
	}
	return entity.Internal(op, fmt.Errorf("entity %s is written and nobody asked whether it may be", id))
}

// needs makes sure of what a change takes beyond its operation's action.
func (t *Tx) needs(had *access.Policy, old entity.Head, before, after *entity.Manifest) error {
	if after.Type == "" {
		after.Type = old.Type
	}
	step, err := access.Needs(had, old, before, after)
	if err != nil {
		return err
	}
	for _, need := range step.Needs {
		if err := t.meets(need); err != nil {
			return err
		}
	}
	for _, b := range step.Bound {
		if err := t.binds(b); err != nil {
			return err
		}
	}
	return nil
}

// meets makes sure of one need. What something enters has to be there.
func (t *Tx) meets(need access.Need) error {
	const op = "guard.Need"
	if into := need.On.Collection; need.On.ID == "" && into != "" {
		h, err := t.Known(into)
		switch {
		case err != nil && entity.KindOf(err) == entity.KindNotFound:
			return entity.NotFound(op, "Not found: there is no collection or tenant %s", into)
		case err != nil:
			return err
		case h.Type != entity.TypeCollection && h.Type != entity.TypeTenant:
			return entity.Invalid(op, "%s is of type %s; an entity belongs to a collection", into, h.Type)
		case h.Deleted:
			return entity.Invalid(op, "%s %s is deleted; restore it first", h.Type, into)
		}
	}
	return t.May(need.Action, need.On)
}

// principals are the types that can have a role.
var principals = []string{entity.TypeUser, entity.TypeAgent, entity.TypeGroup, entity.TypeService}

// binds makes sure that somebody is there to have the role.
func (t *Tx) binds(b access.Bound) error {
	fail := func(format string, args ...any) error {
		return &entity.Error{Kind: entity.KindInvalid, Op: "guard.Bind", Message: fmt.Sprintf(format, args...),
			Issues: []entity.Issue{{Path: []any{"relationships", b.At, "peer"}, Message: fmt.Sprintf(format, args...)}}}
	}
	h, err := t.Head(b.Who)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return fail("%s is nobody who can have a role: there is no such entity", b.Who)
	case err != nil:
		return err
	case h.Deleted:
		return fail("%s is deleted and cannot have a role", b.Who)
	case !slices.Contains(principals, h.Type):
		return fail("%s is of type %s; a user, an agent or a group can have a role", b.Who, h.Type)
	case (h.Type == entity.TypeGroup) != (b.Type == entity.TypeGroup):
		return fail("%s is of type %s; the relationship's peer_type has to say so", b.Who, h.Type)
	}
	return nil
}

// Append adds a block to a chain of an entity on which something was allowed.
func (t *Tx) Append(id entity.ID, chain string, expect entity.Expect, body entity.Properties) (entity.ChainRef, error) {
	if err := t.asked("guard.Append", id); err != nil {
		return entity.ChainRef{}, err
	}
	return t.tx.Append(id, chain, expect, body)
}

// AppendSealed adds blocks to a chain of an entity on which something was allowed.
func (t *Tx) AppendSealed(blocks ...*entity.SealedBlock) (entity.ChainRef, error) {
	for _, b := range blocks {
		if err := t.asked("guard.AppendSealed", b.Block().ID); err != nil {
			return entity.ChainRef{}, err
		}
	}
	return t.tx.AppendSealed(blocks...)
}

// Adopt is for the operator alone: what it brings in was decided elsewhere.
func (t *Tx) Adopt(block []byte) (*entity.Version, error) {
	if err := t.adopts(); err != nil {
		return nil, err
	}
	return t.tx.Adopt(block)
}

// AdoptBlock is [Tx.Adopt] for a block of a chain.
func (t *Tx) AdoptBlock(block []byte) (entity.ChainRef, error) {
	if err := t.adopts(); err != nil {
		return entity.ChainRef{}, err
	}
	return t.tx.AdoptBlock(block)
}

// Erase implements [entity.Tx], for who may take the whole store away. What else
// erases content does it in the store's own name.
func (t *Tx) Erase(id entity.ID, what entity.Erasure) (entity.ChainRef, error) {
	if err := t.adopts(); err != nil {
		return entity.ChainRef{}, err
	}
	return t.tx.Erase(id, what)
}

// AdoptGap implements [entity.Tx], as Adopt does.
func (t *Tx) AdoptGap(id entity.ID, n int64, c entity.CID) (entity.ChainRef, error) {
	if err := t.adopts(); err != nil {
		return entity.ChainRef{}, err
	}
	return t.tx.AdoptGap(id, n, c)
}

func (t *Tx) adopts() error { return t.May("store:backup", entity.Head{}) }

// SetSecret writes to the secret space, in this transaction.
func (t *Tx) SetSecret(key string, value []byte) { t.tx.SetSecret(key, value) }

// DeleteSecret removes a secret.
func (t *Tx) DeleteSecret(key string) { t.tx.DeleteSecret(key) }
