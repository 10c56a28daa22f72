package query

import (
	"context"
	"iter"
	"time"

	"stemma/entity"
)

// Source is the graph a query runs on: one consistent state of it, with
// constant answers for as long as the query runs. What somebody may not view is
// left out by the source: of a query's answer and plan nothing depends on more
// than the source shows.
type Source interface {
	// Type gives the type of an entity; live is false for one that was deleted
	// or never was.
	Type(id entity.ID) (typ string, live bool)
	// OfType yields the live entities of a type, in any order.
	OfType(typ string) iter.Seq[entity.ID]
	// TypeCount is the number of live entities of a type.
	TypeCount(typ string) int
	// Edges yields the edges at id in a direction, in the direction in which
	// they are stored; only nil means every predicate.
	Edges(id entity.ID, d entity.Direction, only []entity.Predicate) iter.Seq[entity.Edge]
	// Degree is how many edges [Source.Edges] would yield.
	Degree(id entity.ID, d entity.Direction, only []entity.Predicate) int
	// Uses tells whether there is an edge with a predicate.
	Uses(p entity.Predicate) bool
	// PredicateCount is the number of edges with a predicate.
	PredicateCount(p entity.Predicate) int
	// Nodes and EdgeCount are the size of the graph.
	Nodes() int
	EdgeCount() int
	// Counted tells that the numbers above are known. Otherwise, as of a graph
	// that is seen by somebody, they have to be counted, by looking at all there
	// is: plans then do without, and only [Plan.Steps] asks for them.
	Counted() bool
}

// Lookup reads what the graph does not hold. KindNotFound means that there is
// no such entity.
type Lookup interface {
	// Manifest is the current version, shared: read only.
	Manifest(id entity.ID) (*entity.Manifest, error)
	// Collection is the collection the entity belongs to, "" for none.
	Collection(id entity.ID) (entity.ID, error)
}

// Search asks a [Scorer] for entities to begin at.
type Search struct {
	Text       string
	Scope      ScopeKind
	Collection entity.ID // with ScopeCollection
	Types      []string  // only these; nil for every type
	Limit      int
}

// Scored is an entity with its likeness to a text.
type Scored struct {
	ID    entity.ID
	Score float64
}

// Scorer says how alike things are: a full text and vector index. Scores are
// from 0, nothing in common, to 1, the same; what lies outside is cut off.
// Errors are of [entity.Error]; those of ctx may be handed on as they are.
type Scorer interface {
	// Candidates gives at most Limit entities that are most like a text, best
	// first, each once.
	Candidates(ctx context.Context, s Search) ([]Scored, error)
	// Similarity gives, for each of ids in order, its likeness to text.
	Similarity(ctx context.Context, text string, ids []entity.ID) ([]float64, error)
	// Predicates gives, for each predicate in order, its likeness to that of
	// terms it is most like.
	Predicates(ctx context.Context, terms []string, predicates []entity.Predicate) ([]float64, error)
}

// Bounds of [Options].
const (
	DefaultK        = 25
	MaxK            = 100
	MaxKExplore     = 300
	DefaultMaxEdges = 2_000_000
)

// Options is what a query needs beside the graph. The zero value runs queries
// of exact parts without property filters.
type Options struct {
	K          int              // results, 1 to MaxK; 0 for DefaultK. "| limit n" overrides it
	KExplore   int              // candidates that a stage ranked by likeness hands on, 1 to MaxKExplore; 0 for 3*K, at most MaxKExplore
	Collection entity.ID        // as if the query began with @:collection(id), unless it has a scope or begins at @id; "" for none
	MaxEdges   int              // bound on edges looked at, manifests and candidates that hop; 0 for DefaultMaxEdges
	Scorer     Scorer           // nil: what needs it is KindNotImplemented
	Lookup     Lookup           // nil: what needs it is KindNotImplemented
	Now        func() time.Time // nil for time.Now
}

func (o Options) check() error {
	switch {
	case o.K < 0 || o.K > MaxK:
		return entity.Invalid("query.Plan", "k is %d; it is from 1 to %d (| limit n in the query goes to %d)", o.K, MaxK, MaxLimit)
	case o.KExplore < 0 || o.KExplore > MaxKExplore:
		return entity.Invalid("query.Plan", "k_explore is %d; it is from 1 to %d", o.KExplore, MaxKExplore)
	case o.MaxEdges < 0:
		return entity.Invalid("query.Plan", "the bound on edges is %d; it is at least 1", o.MaxEdges)
	}
	return nil
}

// withDefaults fills in what was left out, for a query with the limit given.
func (o Options) withDefaults(limit int) Options {
	if o.K == 0 {
		o.K = DefaultK
	}
	if limit > 0 {
		o.K = limit
	}
	if o.KExplore == 0 {
		o.KExplore = min(3*o.K, MaxKExplore)
	}
	if o.MaxEdges == 0 {
		o.MaxEdges = DefaultMaxEdges
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
