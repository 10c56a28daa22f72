package query

import "stemma/entity"

// Result answers a query.
type Result struct {
	Items []Item // never nil; of "| count" empty
	Count *int   // of "| count", else nil
	Meta  Metadata
}

// Item is an entity that the query leads to, with the best path to it.
type Item struct {
	ID    entity.ID
	Type  string
	Path  []PathStep // begins with the entry; of a query without hops that is all
	Score float64
}

// PathStep is an entity, or the edge between the one before and the one after.
type PathStep struct {
	Entity    entity.ID        // "" for an edge
	Type      string           // of the entity
	Edge      entity.Predicate // "" for an entity
	Direction entity.Direction // of the edge as it was walked: Outgoing or Incoming
	// Score of an entity the query names is its likeness to the text asked
	// for, 1 when it was asked for exactly; of an edge its likeness to the
	// relation, 1 likewise; 0 of an entity on the way.
	Score float64
}

// Errors that an answer without results reports.
const (
	NoEntryPoint = "no_entry_point" // nothing to begin at
	NoPathFound  = "no_path_found"  // StoppedAtHop led nowhere
)

// Metadata says how the answer came about.
type Metadata struct {
	Query         string // canonical
	Hops          int
	K             int
	KExplore      int
	Explored      int       // candidates of all stages
	ExecutionTime float64   // ms
	Collection    entity.ID // that the entry was restricted to, "" for none
	Resolved      []Resolved
	Truncated     bool   // a bound was met: there may be more, and better paths
	Error         string // NoEntryPoint or NoPathFound, "" for none
	Reason        string // of Error or Truncated, for people
	PartialPath   []PathStep
	StoppedAtHop  int // from 1; 0 for none
}

// Resolved says how one term of a relation was read.
type Resolved struct {
	Hop       int // from 1
	Term      string
	Exact     bool             // else fuzzy
	Except    bool             // the relation is any but this
	Predicate entity.Predicate // when Exact
}
