package recorder

import (
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"

	"stemma/api/recorder/run"
)

// accountOf is whose recordings a principal's are: the tenant that its entity
// belongs to, else itself.
func accountOf(r *guard.Reader) (id entity.ID, tenant bool, err error) {
	who := r.Principal()
	h, err := r.Reader.Head(who.ID)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return who.ID, false, nil // a reader's key of a read-only server
	case err != nil:
		return "", false, err
	}
	m, err := r.Reader.Manifest(h.CID())
	if err != nil {
		return "", false, err
	}
	for _, rel := range m.Relationships {
		if rel.Predicate == entity.PredicateTenant {
			return rel.Peer, true, nil
		}
	}
	return who.ID, false, nil
}

// recordings is the collection of the caller's recordings; "" where there is
// none yet.
func recordings(r *guard.Reader) (entity.ID, error) {
	account, _, err := accountOf(r)
	if err != nil {
		return "", err
	}
	return run.CollectionOf(r, account)
}

// ensureRecordings is [recordings], which it makes where there is none.
func ensureRecordings(tx *guard.Tx) (entity.ID, error) {
	account, tenant, err := accountOf(tx.Reader)
	if err != nil {
		return "", err
	}
	id, err := run.CollectionOf(tx, account)
	if err != nil {
		return "", err
	}
	if id != "" {
		h, err := tx.Reader.Reader.Head(id)
		if err == nil && h.Deleted {
			err = entity.Invalid("recorder.ensure", "the collection of your recordings, %s, is deleted; restore it with POST /entities/%s/restore", h.ID, h.ID)
		}
		return h.ID, err
	}
	who := tx.Principal()
	owner := entity.Relationship{Predicate: access.RoleOwner, Peer: who.ID, PeerType: who.Kind.String()}
	related := []entity.Relationship{owner}
	if tenant {
		related = append(related, entity.Relationship{Predicate: entity.PredicateTenant, Peer: account, PeerType: entity.TypeTenant})
	}
	v, err := tx.Create(entity.Draft{Type: entity.TypeCollection, Relationships: related, Properties: entity.Properties{
		"label": "Recordings", "description": "Runs of agents as the recorder keeps them.", "visibility": access.Private,
	}})
	if err != nil {
		return "", err
	}
	run.SetCollection(tx, account, v.Manifest.ID)
	return v.Manifest.ID, nil
}

// agentKey is what an agent was found by.
type agentKey struct {
	collection entity.ID
	name       string
}

// agent is the agent that the caller records for: by its id, by its name in the
// collection, where it is made on first sight, or the caller itself.
func (s *Service) agent(tx *guard.Tx, collection entity.ID, name string) (entity.Head, error) {
	const op = "recorder.agent"
	if name == "" {
		if who := tx.Principal(); who.Kind == access.Agent {
			return tx.Reader.Reader.Head(who.ID)
		}
		return entity.Head{}, invalidField("is required: the name of the agent that is recorded, like sales-bot; an agent that is new is made", "X-Agent-Name")
	}
	if id, err := entity.ParseID(name); err == nil {
		h, err := tx.Head(id)
		if err == nil && (h.Type != entity.TypeAgent || h.Deleted) {
			err = entity.NotFound(op, "there is no agent %s", id)
		}
		return h, err
	}
	key := agentKey{collection, name}
	if known, ok := s.agents.Load(key); ok {
		h, err := tx.Reader.Reader.Head(known.(entity.ID))
		if err == nil && !h.Deleted && h.Type == entity.TypeAgent && h.Collection == collection && h.Label == name {
			return h, nil
		}
	}
	id, err := run.AgentNamed(tx, collection, name)
	if err != nil {
		return entity.Head{}, err
	}
	if id == "" {
		v, err := tx.Create(entity.Draft{Type: entity.TypeAgent, Properties: entity.Properties{"label": name}, Relationships: []entity.Relationship{
			{Predicate: entity.PredicateCollection, Peer: collection, PeerType: entity.TypeCollection},
		}})
		if err != nil {
			return entity.Head{}, err
		}
		id = v.Manifest.ID
	}
	s.agents.Store(key, id) // a hint: what is found by it is looked at again
	return tx.Reader.Reader.Head(id)
}
