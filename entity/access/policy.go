package access

import (
	"maps"
	"slices"
	"time"

	"stemma/entity"
)

// Names of roles and properties that a policy is read from.
const (
	RoleOwner  = "owner"
	RolePublic = "public"
	// RoleMember is the role of a group's members: the predicate by which groups
	// hold them.
	RoleMember = string(entity.PredicateContains)

	propRoles      = "roles"
	propVisibility = "visibility" // of a scope: private or public; else that of what it belongs to
	propExpires    = "expires_at" // of a binding: RFC 3339
)

// Visibility of a scope, as its property says.
const (
	Private = "private"
	Public  = "public"
)

// defaultRoles are the roles of a scope that holds none, by its type.
var defaultRoles = map[string]map[string][]Action{
	entity.TypeCollection: {
		RoleOwner:  {"*:view", "*:update", "*:create", "collection:update", "collection:manage"},
		"editor":   {"*:view", "*:update", "*:create"},
		"viewer":   {"*:view"},
		RolePublic: {"*:view"},
	},
	entity.TypeTenant: {
		RoleOwner: {"*:view", "*:update", "*:create", "collection:create", "collection:update", "collection:manage", "group:create", "group:update", "group:manage", "tenant:update", "tenant:manage"},
		"editor":  {"*:view", "*:update", "*:create", "collection:create"},
		"member":  {"*:view"},
	},
	entity.TypeGroup: {
		RoleOwner:  {"group:view", "group:update", "group:manage"},
		RoleMember: {"group:view"},
	},
	entity.TypeAgent: {
		RoleOwner: {"agent:*"},
	},
	entity.TypeChat: {
		RoleOwner: {"chat:send", "chat:view", "chat:delete"}, // what was said stays as it was said
	},
}

// privateTypes are private where nothing says otherwise.
var privateTypes = map[string]bool{entity.TypeTenant: true, entity.TypeGroup: true, entity.TypeService: true, entity.TypeChat: true, "provider": true, "price_table": true}

// DefaultRoles are the roles of a scope of the type that holds none, for
// whoever wants to store or to print them.
func DefaultRoles(typ string) map[string][]Action {
	out := make(map[string][]Action, len(defaultRoles[typ]))
	for role, actions := range defaultRoles[typ] {
		out[role] = slices.Clone(actions)
	}
	return out
}

// Binding is a role that somebody has in a scope.
type Binding struct {
	Role    string
	Expires int64 // ms since 1970, from when on it is void; 0 is never
}

func (b Binding) holds(at time.Time) bool { return b.Expires == 0 || at.UnixMilli() < b.Expires }

// Policy is what a scope's manifest says about who may do what. It is shared
// and never changes.
type Policy struct {
	ID         entity.ID
	Type       string
	Ver        int64       // the version it was read from; of a deleted scope, the tombstone's
	Visibility string      // Private, Public, or "" to be that of what it belongs to
	Above      []entity.ID // the tenants it belongs to, and the collection an agent or group is in
	Roles      map[string][]Action
	Bound      map[entity.ID][]Binding // by principal, group or [entity.Wildcard]
	Groups     []entity.ID             // of Bound, those that are groups
}

// PolicyOf reads a scope's policy out of a live version of it; nil when it is of
// no type that has one. A binding whose time cannot be read is void.
func PolicyOf(m *entity.Manifest) *Policy {
	if !Own(m.Type) {
		return nil
	}
	p := &Policy{ID: m.ID, Type: m.Type, Ver: m.Ver, Roles: rolesOf(m)}
	if v, _ := m.Properties[propVisibility].(string); v == Private || v == Public {
		p.Visibility = v
	}
	for _, r := range m.Relationships {
		switch {
		case r.Predicate == entity.PredicateTenant, r.Predicate == entity.PredicateCollection && m.Type != entity.TypeCollection:
			p.Above = append(p.Above, r.Peer)
		case p.Roles[string(r.Predicate)] != nil:
			p.bind(r)
		}
	}
	return p
}

// rolesOf reads the roles; those of the type where none are held. The owner's
// are always there.
func rolesOf(m *entity.Manifest) map[string][]Action {
	held, _ := m.Properties[propRoles].(map[string]any)
	defaults := defaultRoles[m.Type]
	if len(held) == 0 {
		return defaults
	}
	roles := make(map[string][]Action, len(held)+1)
	for role, list := range held {
		actions := []Action{}
		list, _ := list.([]any)
		for _, a := range list {
			text, _ := a.(string)
			actions = append(actions, Action(text))
		}
		roles[role] = actions
	}
	if roles[RoleOwner] == nil && defaults[RoleOwner] != nil {
		roles[RoleOwner] = defaults[RoleOwner]
	}
	if m.Type == entity.TypeGroup && roles[RoleMember] == nil {
		roles[RoleMember] = defaults[RoleMember]
	}
	if equalRoles(roles, defaults) {
		return defaults // shared by most
	}
	return roles
}

func equalRoles(a, b map[string][]Action) bool {
	return maps.EqualFunc(a, b, func(x, y []Action) bool { return slices.Equal(x, y) })
}

func (p *Policy) bind(r entity.Relationship) {
	if p.Bound == nil {
		p.Bound = make(map[entity.ID][]Binding)
	}
	expires, ok := expiry(r.Properties)
	if !ok {
		expires = 1 // long ago
	}
	if r.PeerType == entity.TypeGroup && p.Bound[r.Peer] == nil {
		p.Groups = append(p.Groups, r.Peer)
	}
	p.Bound[r.Peer] = append(p.Bound[r.Peer], Binding{Role: string(r.Predicate), Expires: expires})
}

// expiry reads when a binding ends, 0 for never; ok is false for what is no
// time.
func expiry(props entity.Properties) (ms int64, ok bool) {
	v, given := props[propExpires]
	if !given || v == nil {
		return 0, true
	}
	text, _ := v.(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.UnixMilli() < 1 {
		return 0, false
	}
	return t.UnixMilli(), true
}

// ExpiresAt reads the time at which a binding, a relationship of a scope, ends;
// zero for never, and the past for what is no time.
func ExpiresAt(r entity.Relationship) time.Time {
	switch ms, ok := expiry(r.Properties); {
	case !ok:
		return time.UnixMilli(1)
	case ms != 0:
		return time.UnixMilli(ms)
	}
	return time.Time{}
}

// same tells whether two policies let the same people do the same.
func (p *Policy) same(q *Policy) bool {
	if p == nil || q == nil {
		return p == q
	}
	return p.Visibility == q.Visibility && slices.Equal(p.Above, q.Above) && equalRoles(p.Roles, q.Roles) &&
		maps.EqualFunc(p.Bound, q.Bound, sameBindings)
}

func sameBindings(a, b []Binding) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x Binding) bool { return !slices.Contains(b, x) })
}

// Closed tells that there may be somebody who may not view what is in the scope.
func (p *Policy) Closed() bool {
	return p.Visibility == Private || privateTypes[p.Type] || len(p.Above) > 0
}

// HasDefaultRoles tells that the roles are those of every scope of its type
// that holds none.
func (p *Policy) HasDefaultRoles() bool { return equalRoles(p.Roles, defaultRoles[p.Type]) }

// owned tells whether somebody owns the scope without an end.
func (p *Policy) owned() bool {
	for who, list := range p.Bound {
		if who != entity.Wildcard && slices.Contains(list, Binding{Role: RoleOwner}) {
			return true
		}
	}
	return false
}
