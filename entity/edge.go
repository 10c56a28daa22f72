package entity

// Edge is a relationship seen from outside: From holds it, To is its peer. An
// edge always reads in the stored direction, also when it is walked backwards.
type Edge struct {
	From      ID
	Predicate Predicate
	To        ID
}

// Direction is how edges are walked.
type Direction uint8

// The directions.
const (
	Both Direction = iota
	Outgoing
	Incoming
)

// String is the direction's name on the wire.
func (d Direction) String() string {
	switch d {
	case Outgoing:
		return "outgoing"
	case Incoming:
		return "incoming"
	}
	return "both"
}

// Reverse is the direction that leads back.
func (d Direction) Reverse() Direction {
	switch d {
	case Outgoing:
		return Incoming
	case Incoming:
		return Outgoing
	}
	return Both
}
