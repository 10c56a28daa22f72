package tenant

import (
	"time"

	"stemma/api/auth"
	"stemma/api/llm/agent"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/listing"
)

// TypeKey is the type of the entity that a key of an agent has.
const TypeKey = "api_key"

// predicateAgent leads from a key to the agent that it is of.
const predicateAgent entity.Predicate = "agent"

// States of a key.
const (
	KeyActive  = "active"
	KeyRevoked = "revoked"
)

// Key is what is shown of a key.
type Key struct {
	ID        entity.ID `json:"id"`
	Name      string    `json:"name"`
	Prefix    string    `json:"keyPrefix"`
	Status    string    `json:"status"`
	CreatedAt string    `json:"createdAt"`
	AgentID   entity.ID `json:"agentId"`
	AgentName string    `json:"agentName"`
}

// NewKey is a key that was just made: the only answer that has all of it.
type NewKey struct {
	Key
	Secret string `json:"key" doc:"shown this once"`
}

// permitter is a transaction that is told which entity it may write besides
// those that were asked about.
type permitter interface{ Permit(entity.ID) }

// MintKey makes a key of an agent in a tenant's workspace, with its entity.
// KindNotFound for an agent of another workspace.
func MintKey(tx entity.Tx, a *auth.Authenticator, maker access.Principal, workspace, of entity.ID, name string) (*NewKey, error) {
	h, err := tx.Head(of)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return nil, err
	}
	if err != nil || h.Type != entity.TypeAgent || h.Deleted || workspace == "" || h.Collection != workspace {
		return nil, entity.NotFound("tenant.MintKey", "there is no agent %s in this tenant", of)
	}
	key, info, err := a.MintKey(tx, h, access.Principal{ID: maker.ID}, auth.KeySpec{Form: auth.GatewayForm, Label: name, Scopes: []access.Action{"agent:invoke"}})
	if err != nil {
		return nil, err
	}
	vouch(tx, entity.ID(info.ID))
	v, err := tx.Create(entity.Draft{
		ID: entity.ID(info.ID), Type: TypeKey, Properties: entity.Properties{"label": name, "key_prefix": info.Prefix, "status": KeyActive},
		Relationships: []entity.Relationship{
			{Predicate: entity.PredicateCollection, Peer: workspace, PeerType: entity.TypeCollection},
			{Predicate: predicateAgent, Peer: of, PeerType: entity.TypeAgent},
		},
	})
	if err != nil {
		return nil, err
	}
	return &NewKey{Key: keyOf(v.Manifest, h.Label), Secret: key}, nil
}

func keyOf(m *entity.Manifest, agentName string) Key {
	k := Key{ID: m.ID, Name: m.Label(), CreatedAt: m.CreatedAt, AgentID: agent.Peer(m, predicateAgent), AgentName: agentName}
	k.Prefix, _ = m.Properties["key_prefix"].(string)
	k.Status, _ = m.Properties["status"].(string)
	return k
}

// Keys are the keys of the agents of a workspace, newest first, also those that
// were revoked.
func Keys(r entity.Reader, workspace entity.ID) ([]Key, error) {
	out := []Key{}
	if workspace == "" {
		return out, nil
	}
	ids, _, err := listing.Collection(r, workspace, TypeKey, 0, mostListed, nil)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		v, err := entity.Tip(r, id)
		if err != nil {
			return nil, err
		}
		m := v.Manifest
		name := ""
		if of, err := r.Head(agent.Peer(m, predicateAgent)); err == nil {
			name = of.Label
		}
		out = append(out, keyOf(m, name))
	}
	return out, nil
}

// mostListed bounds lists that have no pages.
const mostListed = 10_000

// RevokeKey ends a key of a workspace; forget takes its entity away too. One that
// was revoked can be forgotten. KindNotFound when the workspace has no such key.
func RevokeKey(tx entity.Tx, a *auth.Authenticator, workspace, id entity.ID, forget bool, at time.Time) error {
	missing := entity.NotFound("tenant.RevokeKey", "there is no API key %s in this tenant", id)
	h, err := tx.Head(id)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return err
	}
	if err != nil || h.Type != TypeKey || h.Deleted || workspace == "" || h.Collection != workspace {
		return missing
	}
	m, err := tx.Manifest(h.CID())
	if err != nil {
		return err
	}
	if err := revoke(tx, a, workspace, agent.Peer(m, predicateAgent), id); err != nil {
		return err
	}
	if forget {
		vouch(tx, id)
		return Bury(tx, id, entity.Any, at)
	}
	permit(tx, id)
	vouch(tx, id)
	_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		m.Properties["status"] = KeyRevoked
		m.Properties["revoked_at"] = entity.FormatTime(at)
		return nil
	})
	return err
}

// revoke ends the key where it is: with the agent that its entity names, unless
// somebody has edited that, or with another of the workspace. One that is nowhere
// is void already.
func revoke(tx entity.Tx, a *auth.Authenticator, workspace, of, id entity.ID) error {
	agents, _, err := listing.Collection(tx, workspace, entity.TypeAgent, 0, mostListed, nil)
	if err != nil {
		return err
	}
	for _, of := range append([]entity.ID{of}, agents...) {
		err := a.RevokeKeyByID(tx, of, string(id))
		if err == nil || entity.KindOf(err) != entity.KindNotFound {
			return err
		}
	}
	return nil
}

// Bury deletes an entity that the caller was asked about.
func Bury(tx entity.Tx, id entity.ID, expect entity.Expect, at time.Time) error {
	permit(tx, id)
	_, err := tx.Put(id, expect, func(m *entity.Manifest) error {
		m.Bury(entity.Tombstone{DeletedAt: entity.FormatTime(at), DeletedBy: tx.Actor().UserID, OriginalVer: m.Ver})
		return nil
	})
	return err
}

// voucher is a transaction that is told of which entities the server itself
// writes what nobody else may.
type voucher interface{ Vouch(entity.ID) }

func vouch(tx entity.Tx, id entity.ID) {
	if v, ok := tx.(voucher); ok {
		v.Vouch(id)
	}
}

func permit(tx entity.Tx, id entity.ID) {
	if p, ok := tx.(permitter); ok {
		p.Permit(id)
	}
}
