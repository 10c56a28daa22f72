package guard

import (
	"slices"

	"stemma/entity"
	"stemma/entity/access"
)

// Leave takes away the roles that its principal has in a scope: anybody may give
// up what was given to them, without the right to manage the scope. KindForbidden
// for who has none there, or has a credential with scopes; KindInvalid when the
// scope would be left without an owner.
func (t *Tx) Leave(id entity.ID) (*entity.Version, error) {
	had, err := t.policy(id)
	if err != nil {
		return nil, err
	}
	if had == nil || t.who.ID == "" || t.who.Scopes != nil || had.Bound[t.who.ID] == nil {
		return nil, entity.Errorf(entity.KindForbidden, "guard.Leave", "Forbidden: you have no role there that you could give up")
	}
	return t.tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		m.Relationships = slices.DeleteFunc(m.Relationships, func(r entity.Relationship) bool {
			return r.Peer == t.who.ID && had.Roles[string(r.Predicate)] != nil
		})
		_, err := access.Needs(had, entity.Head{ID: id, Type: m.Type}, nil, m)
		return err
	})
}
