package guard

import (
	"iter"
	"slices"
	"time"

	"stemma/entity"
	"stemma/entity/access"
)

// Reader is an [entity.Reader] that leaves out what its principal may not view.
type Reader struct {
	entity.Reader
	who     access.Principal
	at      time.Time
	look    access.Lookup
	sight   *access.Sight // nil hides nothing
	known   map[entity.ID]entity.Sight
	allowed *[]entity.ID // of a transaction: on what something was allowed
}

// Principal is who reads.
func (r *Reader) Principal() access.Principal { return r.who }

// At is the time that decisions are made at.
func (r *Reader) At() time.Time { return r.at }

// Whole is the store as it is, for what a view has to look up by itself and does
// not show.
func (r *Reader) Whole() entity.Reader { return r.Reader }

// Policy is the policy of a scope, nil where there is none.
func (r *Reader) Policy(id entity.ID) (*access.Policy, error) { return r.look(id) }

// Visibility is what the principal may view, for engines that search; nil for
// everything. It is valid as long as the reader is.
func (r *Reader) Visibility() entity.Visibility {
	if r.sight == nil {
		return nil
	}
	return r.sight
}

// May decides an action on an entity: nil, or the error of [access.Check].
func (r *Reader) May(a access.Action, on entity.Head) error {
	err := access.Check(r.who, a, on, r.at, r.look)
	if err == nil && r.allowed != nil {
		*r.allowed = append(*r.allowed, on.ID)
	}
	return err
}

// Decide is what [Reader.May] goes by, with its reasons.
func (r *Reader) Decide(a access.Action, on entity.Head) (access.Decision, error) {
	return access.Decide(r.who, a, on, r.at, r.look)
}

// Sees tells whether the principal may view an entity.
func (r *Reader) Sees(h entity.Head) bool {
	if r.sight == nil {
		return true
	}
	if r.sight.Apart(h.Type) {
		return r.sight.Sees(h.ID, h.Type, h.Collection)
	}
	s, ok := r.known[h.Collection]
	if !ok {
		if r.known == nil {
			r.known = make(map[entity.ID]entity.Sight)
		}
		s = r.sight.Scope(h.Collection)
		r.known[h.Collection] = s
	}
	return s == entity.SightAll || s == entity.SightSome && r.sight.Sees(h.ID, h.Type, h.Collection)
}

// Head reads an entity's current state.
func (r *Reader) Head(id entity.ID) (entity.Head, error) {
	h, err := r.Reader.Head(id)
	if err == nil && !r.Sees(h) {
		return entity.Head{}, entity.Hidden("guard.Head", "Entity not found")
	}
	return h, err
}

// Heads yields the current state of every entity that the principal may view,
// ascending by identifier.
func (r *Reader) Heads() iter.Seq2[entity.Head, error] {
	return func(yield func(entity.Head, error) bool) {
		for h, err := range r.Reader.Heads() {
			if err == nil && !r.Sees(h) {
				continue
			}
			if !yield(h, err) {
				return
			}
		}
	}
}

// Known is [Reader.Head] for who may know that the entity is there without being
// allowed to view it: somebody who may only add to a collection.
func (r *Reader) Known(id entity.ID) (entity.Head, error) {
	h, err := r.Reader.Head(id)
	if err != nil || r.sight == nil {
		return h, err
	}
	known, err := access.Knows(r.who, h, r.at, r.look)
	if err == nil && !known {
		err = entity.Hidden("guard.Known", "Entity not found")
	}
	return h, err
}

// Allowed reads the head of an entity that the principal may take an action on;
// the error is that of [Reader.May].
func (r *Reader) Allowed(a access.Action, id entity.ID) (entity.Head, error) {
	h, err := r.Reader.Head(id)
	if err != nil {
		return h, err
	}
	if err := r.May(a, h); err != nil {
		return entity.Head{}, err
	}
	return h, nil
}

// sees is Sees for an id.
func (r *Reader) sees(id entity.ID) error {
	if r.sight == nil {
		return nil
	}
	_, err := r.Head(id)
	return err
}

// Manifest reads a version by its CID.
func (r *Reader) Manifest(c entity.CID) (*entity.Manifest, error) {
	m, err := r.Reader.Manifest(c)
	if err != nil || r.sight == nil {
		return m, err
	}
	if err := r.sees(m.ID); err != nil {
		return nil, absent(err, "manifest", c)
	}
	return m, nil
}

// absent is what a hidden block is: not there, in the words of the store, so that
// nobody can tell what is hidden from what is not.
func absent(err error, what string, c entity.CID) error {
	if entity.KindOf(err) != entity.KindNotFound {
		return err
	}
	return entity.Hidden("guard.Block", "no %s has the CID %s", what, c)
}

// Block reads any block's bytes.
func (r *Reader) Block(c entity.CID) ([]byte, error) {
	b, _, err := r.Owned(c)
	return b, err
}

// Owned is Block with the head of the entity that the block is a version of, or
// of a chain of.
func (r *Reader) Owned(c entity.CID) ([]byte, entity.Head, error) {
	b, err := r.Reader.Block(c)
	if err != nil {
		return nil, entity.Head{}, err
	}
	id, chain, err := owner(b)
	if err != nil {
		return nil, entity.Head{}, err
	}
	h, err := r.Head(id)
	if err == nil && chain != "" {
		err = r.readsChain(h, chain)
	}
	if err != nil {
		return nil, entity.Head{}, absent(err, "block", c)
	}
	return b, h, nil
}

// readsChain is KindNotFound for a chain that the principal may not read.
func (r *Reader) readsChain(h entity.Head, chain string) error {
	a := access.ReadChain(chain)
	if a == "entity:view" {
		return nil // who sees the head may
	}
	d, err := r.Decide(a, h)
	if err == nil && !d.Allowed {
		err = entity.NotFound("guard.Chain", "there is no chain %s for you here", chain)
	}
	return err
}

// VersionAt is one look-up however long the history.
func (r *Reader) VersionAt(id entity.ID, ver int64) (entity.CID, error) {
	if err := r.sees(id); err != nil {
		return entity.CID{}, err
	}
	return r.Reader.VersionAt(id, ver)
}

// History yields versions of an entity, newest first.
func (r *Reader) History(id entity.ID, from int64) iter.Seq2[entity.VersionRef, error] {
	if err := r.sees(id); err != nil {
		return failing[entity.VersionRef](err)
	}
	return r.Reader.History(id, from)
}

func failing[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

func (r *Reader) chain(id entity.ID, chain string) error {
	h, err := r.Head(id)
	if err != nil {
		return err
	}
	return r.readsChain(h, chain)
}

// ChainHead is the last block of a chain.
func (r *Reader) ChainHead(id entity.ID, chain string) (entity.ChainRef, error) {
	if err := r.chain(id, chain); err != nil {
		return entity.ChainRef{}, err
	}
	return r.Reader.ChainHead(id, chain)
}

// Chain yields a chain's blocks ascending.
func (r *Reader) Chain(id entity.ID, chain string, from int64) iter.Seq2[entity.ChainRef, error] {
	if err := r.chain(id, chain); err != nil {
		return failing[entity.ChainRef](err)
	}
	return r.Reader.Chain(id, chain, from)
}

// Log yields the records after a change, ascending. A hidden change is one
// without content: its place in the record is kept, so that the others have
// their numbers.
func (r *Reader) Log(after entity.Seq) iter.Seq2[*entity.Record, error] {
	return r.veiled(r.Reader.Log(after))
}

// LogBefore is [Reader.Log], descending.
func (r *Reader) LogBefore(before entity.Seq) iter.Seq2[*entity.Record, error] {
	return r.veiled(r.Reader.LogBefore(before))
}

func (r *Reader) veiled(log iter.Seq2[*entity.Record, error]) iter.Seq2[*entity.Record, error] {
	if r.sight == nil {
		return log
	}
	return func(yield func(*entity.Record, error) bool) {
		for rec, err := range log {
			if err == nil {
				rec, err = r.veil(rec)
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// veil takes out of a record what is hidden; the record itself when nothing is.
func (r *Reader) veil(rec *entity.Record) (*entity.Record, error) {
	var out *entity.Record
	for i, c := range rec.Changes {
		shown, err := r.seesChange(&c)
		if err != nil {
			return nil, err
		}
		if shown {
			continue
		}
		if out == nil {
			copied := *rec
			copied.Changes = slices.Clone(rec.Changes)
			out = &copied
		}
		out.Changes[i] = entity.Change{}
	}
	if out == nil {
		return rec, nil
	}
	return out, nil
}

// seesChange goes by where the entity is now: what was moved out of sight has no
// past either.
func (r *Reader) seesChange(c *entity.Change) (bool, error) {
	h, err := r.Head(c.ID)
	if err == nil && c.Chain != "" {
		err = r.readsChain(h, c.Chain)
	}
	switch {
	case err == nil:
		return true, nil
	case entity.KindOf(err) == entity.KindNotFound:
		return false, nil
	}
	return false, err
}

// Public tells whether anybody may take the action, without a credential.
func (r *Reader) Public(a access.Action, on entity.Head) bool {
	d, err := access.Decide(access.Principal{}, a, on, r.at, r.look)
	return err == nil && d.Allowed
}
