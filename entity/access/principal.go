package access

import "stemma/entity"

// Kind is what a principal is.
type Kind uint8

// The kinds of principal.
const (
	Anonymous Kind = iota // nobody proved who they are
	User                  // a person, an entity of type user
	Agent                 // a program that acts by itself, an entity of type agent
	Service               // a program of the operator's, which may act for users
)

var kindNames = [...]string{"anonymous", "user", "agent", "service"}

// String is the kind's name in answers and logs.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Principal is who calls, as a credential proved it. The zero value is
// anonymous. Two principals of the same ID have the same roles.
type Principal struct {
	// ID is whose roles count: of a service that acts for a user, the user's.
	ID   entity.ID
	Kind Kind // of ID
	// System may do everything that Scopes allow: the operator's own key, and a
	// service that acts for nobody else.
	System bool
	// By is the service that acts for the user ID, "" for none.
	By entity.ID
	// Owner is, of an agent, the user it belongs to; "" where that is not known.
	Owner entity.ID
	// Scopes bound what this credential may be used for, as patterns of actions;
	// nil does not.
	Scopes []Action
}

// Anonymous tells whether nobody proved who they are.
func (p Principal) Anonymous() bool { return p.ID == "" }

// Actor is the principal as manifests record it: who acted, and for whom where
// that is somebody else.
func (p Principal) Actor() entity.Actor {
	switch {
	case p.By != "":
		return entity.Actor{UserID: p.By, Method: entity.MethodManual, OnBehalfOf: p.ID}
	case p.Kind == Agent:
		return entity.Actor{UserID: p.ID, Method: entity.MethodAI, OnBehalfOf: p.Owner}
	}
	return entity.Actor{UserID: p.ID, Method: entity.MethodManual}
}
