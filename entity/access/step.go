package access

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"stemma/entity"
)

// Need is an action that a change takes beyond the operation's own.
type Need struct {
	Action Action
	On     entity.Head
}

// Step is what one change of an entity means for who may do what.
type Step struct {
	Needs []Need
	Bound []Bound // that were not bound before
}

// Bound is somebody who is given a role.
type Bound struct {
	Who  entity.ID
	Type string // that the relationship says who is of
	At   int    // position of the relationship
}

// Needs reads off a change what else it takes. had is the policy before, nil
// when there was none; old the head before, whose zero value is creation; before
// may be nil, and both manifests may be tombstones. The error is of KindInvalid:
// roles or bindings that mean nothing, or a scope left without an owner.
//
//	into a collection           T:create in it
//	out of its collection       T:delete in it
//	into a tenant               T:create in it
//	a tenant under another      tenant:create in that
//	another policy of a scope   T:manage on it; of a user, user:update
func Needs(had *Policy, old entity.Head, before, after *entity.Manifest) (s Step, err error) {
	if after.Deleted() {
		return s, nil // the action of deleting is all it takes
	}
	var now *Policy
	if Own(after.Type) {
		now = PolicyOf(after)
		if err := check(after, now, had); err != nil {
			return s, err
		}
	}
	created := old.ID == ""
	if !created && !had.same(now) {
		s.Needs = append(s.Needs, Need{Action: manage(after.Type), On: old})
	}
	s.into(had, old, before, after)
	s.bound(had, now, after)
	return s, nil
}

func manage(typ string) Action {
	if slices.Contains(typeRows[typ].Verbs, "manage") {
		return Action(typ + ":manage")
	}
	return Action(typ + ":update")
}

// into adds what entering and leaving collections and tenants takes.
func (s *Step) into(had *Policy, old entity.Head, before, after *entity.Manifest) {
	for _, r := range after.Relationships {
		switch {
		case r.Predicate == entity.PredicateCollection, r.Predicate == entity.PredicateTenant:
		case r.Predicate == entity.PredicateParent && after.Type == entity.TypeTenant: // it inherits from that
		default:
			continue
		}
		was := before != nil && before.Related(r.Predicate, r.Peer) >= 0 || r.Peer == old.Collection || had != nil && slices.Contains(had.Above, r.Peer)
		if !was {
			s.Needs = append(s.Needs, Need{Action: Action(after.Type + ":create"), On: entity.Head{Type: after.Type, Collection: r.Peer}})
		}
	}
	if old.Collection != "" && after.Type != entity.TypeCollection && after.Collection() != old.Collection {
		s.Needs = append(s.Needs, Need{Action: Action(after.Type + ":delete"), On: old})
	}
}

func (s *Step) bound(had, now *Policy, after *entity.Manifest) {
	if now == nil {
		return
	}
	for i, r := range after.Relationships {
		if _, role := now.Roles[string(r.Predicate)]; !role || r.Peer == entity.Wildcard {
			continue
		}
		if had == nil || had.Bound[r.Peer] == nil {
			s.Bound = append(s.Bound, Bound{Who: r.Peer, Type: r.PeerType, At: i})
		}
	}
}

// reserved are predicates that cannot be roles, as they mean something else.
var reserved = []string{string(entity.PredicateCollection), string(entity.PredicateRoot), string(entity.PredicateTenant), string(entity.PredicateParent), string(entity.PredicateIn)}

// check makes sure that a scope's roles and bindings mean something, and that
// somebody owns it who did before, or who should from the start.
func check(m *entity.Manifest, now, had *Policy) error {
	var issues []entity.Issue
	add := func(message string, path ...any) {
		issues = append(issues, entity.Issue{Path: path, Message: message})
	}
	held, _ := m.Properties[propRoles].(map[string]any)
	for role := range held {
		if err := checkRole(m.Type, role, now.Roles[role]); err != nil {
			add(err.Error(), "properties", propRoles, role)
		}
	}
	if v, given := m.Properties[propVisibility]; given && v != Private && v != Public {
		add("must be private or public, or left out", "properties", propVisibility)
	}
	for i, r := range m.Relationships {
		if _, role := now.Roles[string(r.Predicate)]; !role {
			continue
		}
		if _, ok := expiry(r.Properties); !ok {
			add("must be a time like "+time.RFC3339, "relationships", i, "properties", propExpires)
		}
		if r.Peer == entity.Wildcard && (r.Predicate == RoleOwner || m.Type == entity.TypeGroup) {
			add("cannot be everybody", "relationships", i, "peer")
		}
	}
	if len(issues) == 0 && !now.owned() && (had == nil && mustBeOwned[m.Type] && !inTenant(m, now) || had != nil && had.owned()) {
		add("a "+m.Type+" keeps an owner whose role does not end: give the role to somebody else first", "relationships")
	}
	if len(issues) == 0 {
		return nil
	}
	return &entity.Error{Kind: entity.KindInvalid, Op: "access.Needs", Message: issues[0].Message, Issues: issues}
}

// inTenant tells that a collection may do without an owner of its own, as those of
// its tenant reach into it.
func inTenant(m *entity.Manifest, p *Policy) bool {
	return m.Type == entity.TypeCollection && len(p.Above) > 0
}

var mustBeOwned = map[string]bool{entity.TypeCollection: true, entity.TypeTenant: true, entity.TypeGroup: true, entity.TypeChat: true}

// maxRole is the most characters of a role's name.
const maxRole = 50

// CheckRole makes sure that a scope of the type can have a role of the name
// with the actions. KindInvalid.
func CheckRole(typ, role string, actions []Action) error {
	if err := checkRole(typ, role, actions); err != nil {
		return entity.Invalid("access.CheckRole", "%s", err)
	}
	return nil
}

func checkRole(typ, role string, actions []Action) error {
	n := utf8.RuneCountInString(role)
	switch {
	case n == 0 || n > maxRole:
		return fmt.Errorf("the name of a role has 1 to %d characters", maxRole)
	case slices.Contains(reserved, role) || role == RoleMember && typ != entity.TypeGroup:
		return fmt.Errorf("%q is a relationship with another meaning and cannot be a role", role)
	case len(actions) == 0:
		return fmt.Errorf("a role needs an action, like *:view")
	}
	if role == RoleOwner && mustBeOwned[typ] && !granted(actions, typ, "manage") {
		return fmt.Errorf("the owner's role keeps %s:manage, or nobody could give it back", typ)
	}
	for _, a := range actions {
		if err := CheckPattern(a); err != nil {
			return fmt.Errorf("%s", err.(*entity.Error).Message)
		}
	}
	return nil
}
