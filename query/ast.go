package query

import "stemma/entity"

// MaxText bounds the bytes of a query's text.
const MaxText = 16 << 10

// MaxDepth bounds the length of the path of one hop.
const MaxDepth = 8

// MaxLimit bounds the n of "| limit n".
const MaxLimit = 1000

// Query is a parsed query. Positions (Pos) are offsets in bytes into the text
// that was parsed.
type Query struct {
	Scope  Scope
	Entry  Selector
	Filter *Selector // of the entry; nil for none
	Hops   []Hop
	Limit  int  // 0 for none
	Count  bool // the answer is the number of results

	text string // what was parsed, for errors that point into it
}

// ScopeKind says where the text of an entry is searched.
type ScopeKind uint8

// The scopes. ScopeDefault is none written, which means discovery.
const (
	ScopeDefault     ScopeKind = iota
	ScopeDiscover              // related collections first, then inside each
	ScopeCollections           // collections themselves
	ScopeCollection            // inside one collection
	ScopePublic                // the public domain
)

// Scope is the prefix of a query.
type Scope struct {
	Pos        int
	Kind       ScopeKind
	Collection entity.ID // of ScopeCollection
}

// Selector says which entities a query begins at, or which a hop may end at.
// An entity must satisfy all parts that are set.
type Selector struct {
	Pos     int
	IDs     []entity.ID // one of these
	Types   []string    // of one of these types, or with Not of none of them
	Not     bool
	Where   []Condition // all of these
	Text    string      // like this text, which is a matter of degree
	TextPos int
}

// Exact tells whether an entity satisfies the selector or does not, with
// nothing between.
func (s *Selector) Exact() bool { return s == nil || s.Text == "" }

// Op compares a property with a value.
type Op string

// The comparisons.
const (
	OpEqual        Op = "="
	OpNotEqual     Op = "!="
	OpLess         Op = "<"
	OpLessEqual    Op = "<="
	OpGreater      Op = ">"
	OpGreaterEqual Op = ">="
	OpContains     Op = "~" // text that contains, upper and lower case alike
)

// Condition is a comparison of the property at a path. Value is nil, bool,
// int64, float64 or string.
type Condition struct {
	Pos   int
	Path  []string
	Op    Op
	Value any
}

// Hop is one step of a query: along a path of Min to Max edges.
type Hop struct {
	Pos       int
	Direction entity.Direction
	Any       bool // any relation: "*"
	Terms     []Term
	Min, Max  int       // 1 <= Min <= Max <= MaxDepth
	Target    *Selector // nil for any entity
}

// TermMode says how a term of a relation is to be read.
type TermMode uint8

// The modes of a term.
const (
	TermAuto   TermMode = iota // exact if it names a predicate in use, else fuzzy
	TermExact                  // =term: that predicate, in use or not
	TermFuzzy                  // ~term: predicates that mean something like it
	TermExcept                 // !term: not that predicate
)

// Term is one word of a relation.
type Term struct {
	Pos  int
	Mode TermMode
	Name string
}
