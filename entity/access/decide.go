package access

import (
	"strings"

	"stemma/entity"
)

// Action is what an operation does, as type:verb ("entity:update").
type Action string

// readVerbs may be taken by anybody: every collection is readable by the
// public until it can be made private.
var readVerbs = map[string]bool{"view": true, "tip": true, "list": true, "read": true, "query": true, "execute": true, "download": true}

// Check is the one decision: nil, or an error of KindUnauthenticated or
// KindForbidden. target is the entity the action is on; its zero value stands
// for the store as a whole.
func Check(p Principal, a Action, target entity.Head) error {
	const op = "access.Check"
	if readVerbs[a.verb()] || p.System {
		return nil
	}
	if p.Anonymous() {
		return entity.Errorf(entity.KindUnauthenticated, op, "Unauthorized: Missing or invalid authentication token")
	}
	return entity.Errorf(entity.KindForbidden, op, "Forbidden: You do not have permission to perform this action (%s)", a)
}

func (a Action) verb() string {
	_, verb, _ := strings.Cut(string(a), ":")
	return verb
}
