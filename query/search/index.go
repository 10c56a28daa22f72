package search

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// Options say how an index is opened.
type Options struct {
	Dir      string                // of this index alone; "" keeps it in memory
	Store    entity.Store          // what is followed; outlives the index
	Embedder Embedder              // nil: no search by meaning
	Contents Contents              // nil: files are found by their properties alone
	Logger   *slog.Logger          // nil discards
	Registry prometheus.Registerer // nil registers nothing
	Clock    func() time.Time      // nil is time.Now; for metrics and retries, never for order
}

// Index makes the entities of one store findable. It is safe for concurrent
// use.
type Index struct {
	store entity.Store
}

// Open opens or creates an index and begins to follow the store. What is in Dir
// and cannot be read, is of another version or of another store is wiped and
// made again from the log; Open does not wait for it.
func Open(o Options) (*Index, error) { return &Index{store: o.Store}, nil }

// Close stops following. Searches under way are waited for.
func (x *Index) Close() error { return nil }

// Wait returns when the text of a change is searchable: KindTimeout or
// KindCanceled when ctx ends first, KindUnavailable when the index is closed,
// KindInvalid when the store has no such change. Vectors of a local embedder come
// with the text; others come when they come.
func (x *Index) Wait(ctx context.Context, seq entity.Seq) error { return todo("Wait") }

// Status tells how far the index has come.
func (x *Index) Status() Status { return Status{} }

// Search finds entities. KindInvalid for a query out of its bounds.
func (x *Index) Search(ctx context.Context, q Query) (Results, error) {
	return Results{}, todo("Search")
}

// Discover finds entities in the collections that a text is about.
func (x *Index) Discover(ctx context.Context, q Discover) (Results, error) {
	return Results{}, todo("Discover")
}

// Collections finds collections by a text.
func (x *Index) Collections(ctx context.Context, q CollectionQuery) (Results, error) {
	return Results{}, todo("Collections")
}

// Similar finds entities that are like one. KindNotFound when that is not live.
func (x *Index) Similar(ctx context.Context, q SimilarQuery) (Results, error) {
	return Results{}, todo("Similar")
}

// SimilarCollections finds collections that are like one, by their weighted
// centroids. KindNotFound when that is not a live collection.
func (x *Index) SimilarCollections(ctx context.Context, q SimilarQuery) (Results, error) {
	return Results{}, todo("SimilarCollections")
}

// SimilarItems finds entities like one in collections like one. KindNotFound
// when either is not live.
func (x *Index) SimilarItems(ctx context.Context, q SimilarItemsQuery) (Results, error) {
	return Results{}, todo("SimilarItems")
}

// Candidates are [Index.Search] for a ranking of others: the ids and scores
// alone.
func (x *Index) Candidates(ctx context.Context, q Query) ([]Candidate, error) {
	return nil, todo("Candidates")
}

// DiscoverCandidates are [Index.Discover] likewise.
func (x *Index) DiscoverCandidates(ctx context.Context, q Discover) ([]Candidate, error) {
	return nil, todo("DiscoverCandidates")
}

// CollectionCandidates are [Index.Collections] likewise.
func (x *Index) CollectionCandidates(ctx context.Context, q CollectionQuery) ([]Candidate, error) {
	return nil, todo("CollectionCandidates")
}

// Similarity gives each entity's likeness to a text, from 0 to 1, on the scale
// of [Index.Search] in mode Hybrid; 0 for what is not live or visible.
func (x *Index) Similarity(ctx context.Context, text string, ids []entity.ID, visible entity.Visibility) ([]float64, error) {
	return nil, todo("Similarity")
}

// Predicates gives, for each predicate, its likeness to the one of terms that it
// is most like, from 0 to 1.
func (x *Index) Predicates(ctx context.Context, terms []string, predicates []entity.Predicate) ([]float64, error) {
	return nil, todo("Predicates")
}

func todo(what string) error {
	return entity.Errorf(entity.KindNotImplemented, "search."+what, "search is not served yet")
}
