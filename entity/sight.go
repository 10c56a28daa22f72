package entity

// Sight is how much of a scope somebody may view.
type Sight uint8

// The degrees of sight.
const (
	SightNone Sight = iota // nothing that belongs to the scope
	SightAll               // all of it
	SightSome              // some types, or some entities: [Visibility.Sees] tells
)

// Visibility says what one caller may view. It is a constant for as long as it
// is used, cheap to ask, and used by one goroutine. Where an engine takes one,
// nil hides nothing.
//
// An entity is hidden when [Visibility.Sees] refuses it. The other two let an
// engine decide for many at once: unless Apart(typ), what Scope says of the
// entity's collection holds for the entity, and only [SightSome] has to be
// asked about.
type Visibility interface {
	// Scope is the sight of what belongs to a collection; of "", of entities that
	// belong to none.
	Scope(collection ID) Sight
	// Apart tells that entities of the type are decided one by one, whatever
	// their collection: principals and scopes.
	Apart(typ string) bool
	// Sees decides about one entity, live or deleted. collection is as in [Head].
	Sees(id ID, typ string, collection ID) bool
}
