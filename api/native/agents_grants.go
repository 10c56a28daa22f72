package native

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
)

// Grants are roles for a time. A role that invoking makes is named after its
// actions, so that agents which need the same share one, and one that says
// something else than its name is not taken for it.
const grantRole = "agent_"

func roleOf(actions []access.Action) string {
	sum := sha256.Sum256([]byte(joinActions(actions)))
	return grantRole + hex.EncodeToString(sum[:6])
}

func joinActions(actions []access.Action) string {
	texts := make([]string, len(actions))
	for i, a := range actions {
		texts[i] = string(a)
	}
	return strings.Join(texts, ",")
}

// logActions are what an agent has in the collection of its jobs: it writes the
// log there, and hangs it on the collection.
var logActions = []access.Action{"collection:update", "entity:view", "file:create"}

// requires are the actions that an agent has to be allowed, in order and once.
func requires(m *entity.Manifest) []access.Action {
	var out []access.Action
	list, _ := m.Properties[guard.AgentActions].([]any)
	for _, a := range list {
		if text, ok := a.(string); ok {
			out = append(out, access.Action(text))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// grant is what one agent needs in one collection.
type grant struct {
	agent   entity.ID
	label   string
	in      entity.ID
	actions []access.Action
	role    string
	covered bool  // what it has holds until then
	live    bool  // it has the role now
	was     int64 // until when it has or had the role, ms since 1970; 0: never
	expired bool
	missing bool // it has the role, and the role has not all of the actions
}

// planGrant compares what an agent needs until a time with what it has in a scope.
func planGrant(agent *entity.Manifest, p *access.Policy, actions []access.Action, at, until time.Time) grant {
	g := grant{agent: agent.ID, label: agent.Label(), in: p.ID, actions: actions, role: roleOf(actions)}
	var holds []access.Action
	for _, b := range p.Bound[agent.ID] {
		if b.Expires == 0 || b.Expires >= until.UnixMilli() {
			holds = append(holds, p.Roles[b.Role]...)
		}
		if b.Role != g.role {
			continue
		}
		g.was = b.Expires
		g.live = b.Expires == 0 || b.Expires > at.UnixMilli()
		g.expired = !g.live
		g.missing = !grantsAll(p.Roles[b.Role], actions)
	}
	g.covered = grantsAll(holds, actions)
	return g
}

func grantsAll(patterns, actions []access.Action) bool {
	return !slices.ContainsFunc(actions, func(a access.Action) bool { return !access.Grants(patterns, a) })
}

// relationship is the grant as its scope holds it: for longer where it held for
// longer. job is what it is for.
func (g *grant) relationship(by, job entity.ID, at, until time.Time) entity.Relationship {
	props := entity.Properties{"granted_at": entity.FormatTime(at), "granted_by": string(by), "job": string(job)}
	switch {
	case g.live && g.was == 0:
	case g.live && g.was > until.UnixMilli():
		props["expires_at"] = entity.FormatMillis(g.was)
	default:
		props["expires_at"] = entity.FormatTime(until)
	}
	return entity.Relationship{Predicate: entity.Predicate(g.role), Peer: g.agent, PeerType: entity.TypeAgent, Properties: props}
}

// give is the edit of a scope that makes grants hold; replaced are the
// relationships that stood in their place.
func (p *invocation) give(in entity.ID, grants []grant, by, job entity.ID, replaced *[]entity.Relationship) func(*entity.Manifest) error {
	roles := p.policies[in].Roles
	return func(m *entity.Manifest) error {
		held := maps.Clone(roles)
		for _, g := range grants {
			held[g.role] = g.actions
		}
		dropRelationships(m, func(r entity.Relationship) bool {
			return ownRole(string(r.Predicate), roles) && over(r, p.at)
		})
		for _, g := range grants {
			r := g.relationship(by, job, p.at, p.until)
			dropRelationships(m, func(have entity.Relationship) bool {
				same := have.Predicate == r.Predicate && have.Peer == r.Peer
				if same {
					*replaced = append(*replaced, have)
				}
				return same
			})
			m.Relationships = append(m.Relationships, r)
		}
		return setRoles(m, held)
	}
}

// ownRole tells whether a role is one that invoking made: its name says so, and
// its actions are those of its name.
func ownRole(name string, in map[string][]access.Action) bool {
	return strings.HasPrefix(name, grantRole) && name == roleOf(in[name])
}

func over(r entity.Relationship, at time.Time) bool {
	ends := access.ExpiresAt(r)
	return !ends.IsZero() && !at.Before(ends)
}

func dropRelationships(m *entity.Manifest, drop func(entity.Relationship) bool) {
	m.Relationships = slices.DeleteFunc(m.Relationships, drop)
}

// setRoles writes a scope's roles, without those of ours that nobody has.
func setRoles(m *entity.Manifest, held map[string][]access.Action) error {
	maps.DeleteFunc(held, func(name string, _ []access.Action) bool {
		return ownRole(name, held) && !slices.ContainsFunc(m.Relationships, func(r entity.Relationship) bool { return string(r.Predicate) == name })
	})
	tree, err := entity.Normalize(held)
	if err == nil {
		m.Properties["roles"] = tree
	}
	return err
}

// takeBack is the edit that undoes what was given for a job, where nobody has
// given anew since: replaced are the relationships that stood there before.
func takeBack(roles map[string][]access.Action, replaced []entity.Relationship, job entity.ID) func(*entity.Manifest) error {
	return func(m *entity.Manifest) error {
		dropRelationships(m, func(r entity.Relationship) bool {
			return strings.HasPrefix(string(r.Predicate), grantRole) && r.Properties["job"] == any(string(job))
		})
		for _, r := range replaced {
			if m.Related(r.Predicate, r.Peer) < 0 {
				m.Relationships = append(m.Relationships, r)
			}
		}
		return setRoles(m, maps.Clone(roles))
	}
}
