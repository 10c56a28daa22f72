package access

import "stemma/entity"

// Action is what an operation does, as type:verb ("entity:update").
type Action string

// Principal is who calls. The zero value is anonymous.
type Principal struct {
	User  entity.ID
	Owner bool // the key was made with the store: it may do everything
}

// Anonymous tells whether nobody proved who they are.
func (p Principal) Anonymous() bool { return p.User == "" }

// Actor is the principal as manifests record it.
func (p Principal) Actor() entity.Actor {
	return entity.Actor{UserID: p.User, Method: entity.MethodManual}
}

// readVerbs may be taken by anybody: every collection is readable by the
// public until it can be made private.
var readVerbs = map[string]bool{"view": true, "tip": true, "list": true, "read": true, "query": true, "execute": true, "download": true}

// Check is the one decision: nil, or an error of KindUnauthenticated or
// KindForbidden. target is the entity the action is on; its zero value stands
// for the store as a whole.
func Check(p Principal, a Action, target entity.Head) error {
	const op = "access.Check"
	if readVerbs[a.verb()] || p.Owner {
		return nil
	}
	if p.Anonymous() {
		return entity.Errorf(entity.KindUnauthenticated, op, "Unauthorized: Missing or invalid authentication token")
	}
	return entity.Errorf(entity.KindForbidden, op, "Forbidden: You do not have permission to perform this action (%s)", a)
}

func (a Action) verb() string {
	for i := range a {
		if a[i] == ':' {
			return string(a[i+1:])
		}
	}
	return ""
}
