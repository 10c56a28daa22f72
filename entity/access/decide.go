package access

import (
	"slices"
	"time"

	"stemma/entity"
)

// Lookup gives the policy of a scope; nil where there is no such scope.
type Lookup func(entity.ID) (*Policy, error)

// Method is what decided.
type Method string

// The methods. Those of a denial are "".
const (
	BySystem     Method = "system"
	BySelf       Method = "self"
	ByCollection Method = "collection" // a role in the entity's own scope
	ByTenant     Method = "tenant"     // a role one level up
	ByPublic     Method = "public"
	ByOpenSeason Method = "open_season"
)

// Decision is the answer of [Decide].
type Decision struct {
	Allowed bool
	Method  Method
	Scope   entity.ID // the scope whose role allows it, "" for none
	Role    string
	Cut     bool // the principal may, the scopes of its credential may not
}

// maxAbove bounds how many levels of tenants are climbed.
const maxAbove = 4

// target is what an action is asked about, once for any number of principals.
type target struct {
	on    entity.Head
	at    time.Time
	look  Lookup
	chain []level  // from the nearest scope up; empty for none
	first [2]level // backs chain where it is no longer, as most are
}

type level struct {
	*Policy
	above bool // not the entity's own scope, but a tenant of it
}

// init climbs from the entity's scope.
func (t *target) init(on entity.Head, at time.Time, look Lookup) error {
	t.on, t.at, t.look = on, at, look
	t.chain = t.first[:0]
	start := on.Collection
	if Own(on.Type) && on.ID != "" {
		start = on.ID
	}
	if start == "" {
		return nil
	}
	return t.climb(start, false, 0)
}

func (t *target) climb(id entity.ID, above bool, depth int) error {
	if depth > maxAbove || t.climbed(id) {
		return nil
	}
	p, err := t.look(id)
	if err != nil || p == nil {
		return err
	}
	t.chain = append(t.chain, level{p, above})
	for _, up := range p.Above {
		if err := t.climb(up, true, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (t *target) climbed(id entity.ID) bool {
	for i := range t.chain {
		if t.chain[i].ID == id {
			return true
		}
	}
	return false
}

// public tells whether anybody may view: the nearest scope that says so
// decides, else what the nearest's type is by itself.
func (t *target) public() bool {
	if len(t.chain) == 0 {
		return !Own(t.on.Type) || t.on.ID == ""
	}
	for _, l := range t.chain {
		if l.Visibility != "" {
			return l.Visibility == Public
		}
		if privateTypes[l.Type] {
			return false
		}
	}
	return true
}

// roles yields the roles that a principal has, nearest scope first.
func (t *target) roles(p Principal, yield func(l level, role string) bool) error {
	open := t.public()
	for _, l := range t.chain {
		for _, b := range l.Bound[p.ID] {
			if p.ID != "" && b.holds(t.at) && !yield(l, b.Role) {
				return nil
			}
		}
		for _, g := range l.Groups {
			in, err := t.inGroup(p, g)
			if err != nil {
				return err
			}
			for _, b := range l.Bound[g] {
				if in && b.holds(t.at) && !yield(l, b.Role) {
					return nil
				}
			}
		}
		if !open {
			continue // what is private has nothing for everybody
		}
		for _, b := range l.Bound[entity.Wildcard] {
			if b.holds(t.at) && !yield(l, b.Role) {
				return nil
			}
		}
	}
	return nil
}

func (t *target) inGroup(p Principal, group entity.ID) (bool, error) {
	if p.ID == "" {
		return false, nil
	}
	g, err := t.look(group)
	if err != nil || g == nil || g.Type != entity.TypeGroup {
		return false, err
	}
	return slices.ContainsFunc(g.Bound[p.ID], func(b Binding) bool { return b.Role == RoleMember && b.holds(t.at) }), nil
}

// selfVerbs are what a principal may do with its own entity.
var selfVerbs = []string{"view", "tip", "download", "update", "reupload", "upload", "credentials"}

// decide answers for a concrete type and verb, before the scopes of the
// credential are looked at.
func (t *target) decide(p Principal, typ, verb string) (d Decision, err error) {
	reads := verbRows[verb].Reads
	switch {
	case p.System:
		return Decision{Allowed: true, Method: BySystem}, nil
	case aboutStore[typ]:
		return Decision{Allowed: reads || !p.Anonymous(), Method: ByPublic}, nil
	case p.ID != "" && t.on.ID == p.ID && slices.Contains(selfVerbs, verb):
		return Decision{Allowed: true, Method: BySelf}, nil
	case typeRows[typ].Sealed && !reads:
		return Decision{}, nil
	}
	want := wantedOf(typ, verb)
	err = t.roles(p, func(l level, role string) bool {
		if want.grantedByAny(l.Roles[role]) && (reads || !p.Anonymous()) {
			d = Decision{Allowed: true, Method: ByCollection, Scope: l.ID, Role: role}
			if l.above || l.Type == entity.TypeTenant {
				d.Method = ByTenant
			}
		}
		return !d.Allowed
	})
	switch {
	case err != nil || d.Allowed:
	case (verb == "view" || verb == "tip" || verb == "download") && t.public():
		d = Decision{Allowed: true, Method: ByPublic}
		if len(t.chain) == 0 {
			d.Method = ByOpenSeason
		}
	case len(t.chain) == 0 && t.inSeason(verb):
		d = Decision{Allowed: !p.Anonymous(), Method: ByOpenSeason}
	}
	return d, err
}

// inSeason tells whether an entity that lies in no scope is everybody's: an
// ordinary one, and a scope that is yet to be created by its owner.
func (t *target) inSeason(verb string) bool {
	switch {
	case t.on.Type == entity.TypeUser, typeRows[t.on.Type].Name == "store":
		return false
	case Own(t.on.Type):
		return t.on.ID == "" && verb == "create"
	}
	return true
}

// concrete is the type and verb that an action means on an entity.
func concrete(a Action, on entity.Head) (typ, verb string) {
	typ, verb = a.split()
	if on.Type != "" && !aboutStore[typ] && typ != "store" {
		typ = on.Type
	}
	return typ, verb
}

// Decide is the one decision. on is the entity that the action is about: as it
// is, or, of one to be created, its type and its collection; the zero value is
// the store as a whole. An action of another type than the entity's is that
// action on the entity's type: folder:update on a file is file:update.
func Decide(p Principal, a Action, on entity.Head, at time.Time, look Lookup) (Decision, error) {
	var t target
	if err := t.init(on, at, look); err != nil {
		return Decision{}, err
	}
	return t.answer(p, a)
}

// answer is [Decide] on the target.
func (t *target) answer(p Principal, a Action) (Decision, error) {
	typ, verb := concrete(a, t.on)
	if t.on.Type == "" {
		t.on.Type, _ = a.split()
	}
	d, err := t.decide(p, typ, verb)
	if err == nil && d.Allowed && !p.reaches(typ, verb) {
		d = Decision{Cut: true}
	}
	return d, err
}

// reaches tells whether the credential may be used for an action. One that may
// view everything may also ask the graph, search and follow the feed.
func (p Principal) reaches(typ, verb string) bool {
	return p.Scopes == nil || granted(p.Scopes, typ, verb) ||
		aboutStore[typ] && verbRows[verb].Reads && granted(p.Scopes, BaseType, "view")
}

// Check is [Decide] as an error: nil, KindNotFound for who may not know that
// the entity is there, KindUnauthenticated or KindForbidden.
func Check(p Principal, a Action, on entity.Head, at time.Time, look Lookup) error {
	const op = "access.Check"
	var t target
	if err := t.init(on, at, look); err != nil {
		return err
	}
	d, err := t.answer(p, a)
	if err != nil || d.Allowed {
		return err
	}
	if on.ID != "" && !d.Cut {
		if known, err := t.knows(p); err != nil {
			return err
		} else if !known {
			return errHidden
		}
	}
	typ, verb := concrete(a, on)
	if typeRows[typ].Name == "" {
		typ = BaseType // as the tables have it
	}
	switch {
	case d.Cut:
		return entity.Errorf(entity.KindForbidden, op, "Forbidden: the scopes of this credential do not reach %s:%s", typ, verb)
	case p.Anonymous():
		return entity.Errorf(entity.KindUnauthenticated, op, "Unauthorized: Missing or invalid authentication token")
	}
	return entity.Errorf(entity.KindForbidden, op, "Forbidden: You do not have permission to perform this action (%s:%s)", typ, verb)
}

// Knows tells whether a principal may know that an entity is there: it may view
// it, or has some role in its scope.
func Knows(p Principal, on entity.Head, at time.Time, look Lookup) (known bool, err error) {
	var t target
	if err := t.init(on, at, look); err != nil {
		return false, err
	}
	return t.knows(p)
}

// errHidden is shared: what is hidden is met often, and never changed.
var errHidden = entity.Hidden("access.Check", "Entity not found")

func (t *target) knows(p Principal) (known bool, err error) {
	d, err := t.decide(p, t.on.Type, "view")
	if err != nil || d.Allowed {
		return d.Allowed, err
	}
	err = t.roles(p, func(level, string) bool {
		known = true
		return false
	})
	return known, err
}

// CheckStore is [Check] for an action on the store as a whole.
func CheckStore(p Principal, a Action) error {
	return Check(p, a, entity.Head{}, time.Time{}, nil)
}
