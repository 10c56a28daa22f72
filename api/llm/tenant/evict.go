package tenant

import (
	"slices"

	"stemma/api/llm/agent"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/scope"
)

// Evict takes away the roles that a user has in what lies in a tenant by a
// relationship of its own, as who makes an agent or a collection owns it. What
// nobody else owns is the heir's then. The caller may manage it all, or is the
// user.
func Evict(tx entity.Tx, in, user, heir entity.ID) error {
	var scopes []entity.ID
	for id, err := range scope.Of(tx, user) {
		if err != nil {
			return err
		}
		if id != in {
			scopes = append(scopes, id)
		}
	}
	for _, id := range scopes {
		h, err := tx.Head(id)
		if err != nil || h.Deleted {
			if err != nil && entity.KindOf(err) != entity.KindNotFound {
				return err
			}
			continue
		}
		m, err := tx.Manifest(h.CID())
		if err != nil {
			return err
		}
		of, err := agent.TenantOf(tx, m)
		if err != nil {
			return err
		}
		if of != in && m.Related(entity.PredicateTenant, in) < 0 {
			continue
		}
		l, ok := tx.(leaver)
		if ok = ok && l.Principal().ID == user && !ownsAlone(m, user); ok {
			_, err = l.Leave(id)
		} else {
			permit(tx, id)
			_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error { unbind(m, user, heir); return nil })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// leaver is a transaction whose principal may give up roles.
type leaver interface {
	Principal() access.Principal
	Leave(entity.ID) (*entity.Version, error)
}

// ownsAlone tells whether a user owns a scope without an end and nobody else does.
func ownsAlone(m *entity.Manifest, user entity.ID) (alone bool) {
	for _, r := range m.Relationships {
		if string(r.Predicate) == RoleOwner && access.ExpiresAt(r).IsZero() {
			if r.Peer != user {
				return false
			}
			alone = true
		}
	}
	return alone
}

// unbind takes away a user's roles in a scope.
func unbind(m *entity.Manifest, user, heir entity.ID) {
	p, alone := access.PolicyOf(m), ownsAlone(m, user)
	m.Relationships = slices.DeleteFunc(m.Relationships, func(r entity.Relationship) bool {
		return r.Peer == user && p.Roles[string(r.Predicate)] != nil
	})
	if alone {
		m.Relationships = append(m.Relationships, entity.Relationship{Predicate: RoleOwner, Peer: heir, PeerType: entity.TypeUser})
	}
}
