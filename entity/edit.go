package entity

import (
	"slices"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Edit is a change to an entity's open parts. Removals come before additions,
// so that one request can replace a subtree.
type Edit struct {
	Properties          Properties         // merged, see [Merge]
	PropertiesRemove    any                // see [Remove]
	RelationshipsAdd    []RelationshipEdit // upserted by (predicate, peer)
	RelationshipsRemove []RelationshipRef
	Note                string
}

// RelationshipEdit adds a relationship, or changes the one with the same
// predicate and peer: its properties are removed and merged as those of an
// entity are, its peer type and label replaced where given.
type RelationshipEdit struct {
	Relationship
	PropertiesRemove any
}

// RelationshipRef names a relationship, or with Peer "" all of a predicate.
type RelationshipRef struct {
	Predicate Predicate
	Peer      ID
}

// Apply makes the change to m, which the caller owns. What is to be removed
// and is not there is passed over. The error is of [KindInvalid].
func (e Edit) Apply(m *Manifest) error {
	if err := Remove(m.Properties, e.PropertiesRemove); err != nil {
		return err
	}
	Merge(m.Properties, e.Properties)
	for _, ref := range e.RelationshipsRemove {
		m.Unrelate(ref)
	}
	if err := m.Relate(e.RelationshipsAdd...); err != nil {
		return err
	}
	m.Note = e.Note
	return nil
}

// Unrelate removes what ref names and tells whether there was anything.
func (m *Manifest) Unrelate(ref RelationshipRef) bool {
	before := len(m.Relationships)
	m.Relationships = slices.DeleteFunc(m.Relationships, func(r Relationship) bool {
		return r.Predicate == ref.Predicate && (ref.Peer == "" || r.Peer == ref.Peer)
	})
	return len(m.Relationships) < before
}

// Relate adds or changes relationships, in order.
func (m *Manifest) Relate(edits ...RelationshipEdit) error {
	if len(edits) == 0 {
		return nil
	}
	type key struct {
		p    Predicate
		peer ID
	}
	at := make(map[key]int, len(m.Relationships)+len(edits))
	for i, r := range m.Relationships {
		at[key{r.Predicate, r.Peer}] = i
	}
	for _, e := range edits {
		k := key{e.Predicate, e.Peer}
		i, ok := at[k]
		if !ok {
			i = len(m.Relationships)
			at[k] = i
			m.Relationships = append(m.Relationships, Relationship{Predicate: e.Predicate, Peer: e.Peer})
		}
		if err := m.Relationships[i].apply(e); err != nil {
			return err
		}
	}
	return nil
}

func (r *Relationship) apply(e RelationshipEdit) error {
	if e.PeerType != "" {
		r.PeerType = e.PeerType
	}
	if e.PeerLabel != "" {
		r.PeerLabel = e.PeerLabel
	}
	if e.PropertiesRemove == nil && len(e.Properties) == 0 {
		return nil
	}
	if r.Properties == nil {
		r.Properties = Properties{}
	}
	if err := Remove(r.Properties, e.PropertiesRemove); err != nil {
		return err
	}
	Merge(r.Properties, e.Properties)
	if len(r.Properties) == 0 {
		r.Properties = nil
	}
	return nil
}
