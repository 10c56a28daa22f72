package search

import (
	"context"

	"stemma/entity"
)

// Bounds of a request.
const (
	MaxText  = 500 // characters of a query's text: arke.txt, POST /search/entities
	MaxLimit = 300 // hits of one answer; query's k_explore goes so far
)

// Mode says which of the two indexes rank.
type Mode string

// The modes. The zero value is Hybrid.
const (
	Hybrid  Mode = "hybrid"  // both, joined by reciprocal rank fusion
	Text    Mode = "text"    // full text: BM25
	Meaning Mode = "meaning" // vectors: cosine similarity
)

// Parts of a search that may be missing from an answer.
const (
	PartText    = "text"
	PartMeaning = "meaning"
)

// Query asks for entities.
//
// The text is words. "Quoted words" must stand in this order, word* is every
// word that begins so; nothing else in it means anything. An entity is found by
// any of the words, and by all of the quoted parts.
type Query struct {
	Text          string            // 1 to MaxText characters
	Mode          Mode              // "" is Hybrid
	Types         []string          // only these; empty for every type
	Collections   []entity.ID       // only what belongs to one of these ("" for what belongs to none); empty for everything
	Members       bool              // not the collections themselves, each of which belongs to itself
	Unowned       bool              // only what belongs to no collection
	PerCollection int               // at most so many hits of one collection; 0 for no bound
	Visible       entity.Visibility // nil for everything
	Limit         int               // 1 to MaxLimit; as many come back as there are
	Highlights    bool              // fill Hit.Highlights, by text that Visible shows
}

// Hit is an entity that was found.
type Hit struct {
	ID         entity.ID
	Type       string
	Label      string
	Collection entity.ID // "" for none
	Score      float64   // 0 to 1, descending in an answer; see the package's doc
	CreatedAt  int64     // ms since 1970
	UpdatedAt  int64     // likewise
	Highlights []Highlight
}

// Highlight is a piece of an entity's text around what was found.
type Highlight struct {
	Field string // "label", "description", the path of a property as "a.b", or [FieldContent]
	Text  string // plain text, at most MaxHighlight bytes
	Spans []Span // the words that were found, ascending and apart
}

// FieldContent is the field of a highlight out of a file's content.
const FieldContent = "content"

// MaxHighlight bounds the text of a highlight, in bytes.
const MaxHighlight = 240

// Span is a half-open range of bytes in [Highlight.Text].
type Span struct{ From, To int }

// Results is an answer.
type Results struct {
	Hits []Hit
	// Missing names the parts that could not answer, so that the hits are of the
	// others alone: [PartMeaning] when the embedder is down or has not come to the
	// documents yet. Nil when all did.
	Missing []string
	// Seen is the last change that the text index had taken in.
	Seen entity.Seq
	// Searched are the collections that a search in steps went into.
	Searched []entity.ID
}

// Discover asks in two steps: for the collections that a text is about, then
// for entities in each.
type Discover struct {
	Text          string
	Mode          Mode // of both steps
	Highlights    bool // fill Hit.Highlights
	Types         []string
	Visible       entity.Visibility
	Limit         int // 1 to MaxLimit
	Collections   int // at most so many are searched; 0 is 10
	PerCollection int // at most so many hits of each; 0 is 5
}

// CollectionQuery asks for collections by what they and their members are about.
type CollectionQuery struct {
	Text       string
	Mode       Mode
	Highlights bool     // fill Hit.Highlights, by what collections say of themselves
	Holding    []string // only those with a member of one of these types; empty for all
	Visible    entity.Visibility
	Limit      int
}

// SimilarQuery asks for what is like an entity, or of collections like a
// collection. The entity itself is never among the hits. It is the caller's to
// have checked that the entity may be seen.
type SimilarQuery struct {
	ID          entity.ID
	Types       []string    // of the hits; not for collections
	Collections []entity.ID // that the hits belong to; not for collections
	Visible     entity.Visibility
	Limit       int
}

// SimilarItemsQuery asks in two tiers: for collections like one, then for
// entities in each that are like an entity.
type SimilarItemsQuery struct {
	ID          entity.ID // what the hits are like
	Collection  entity.ID // what the collections are like
	Tier1       int       // at most so many collections; 0 is 10
	Tier2       int       // at most so many hits of each; 0 is 5
	ExcludeSame bool      // leave Collection itself out
	Visible     entity.Visibility
	Limit       int
}

// Contents reads the text of files. It is what [Options] wants of the packages
// that keep and extract content.
type Contents interface {
	// Text gives at most limit bytes of the text of a file's content, by the
	// file's properties; "" when it has none: no content yet, or of a kind that
	// has no text, or that is not what it says it is. It is a function of the
	// properties and of content that never changes. An error means that it may
	// succeed later, as when a disk or a bucket does not answer: it is logged,
	// and the file is indexed without it and read again from time to time, until it
	// can be or the index is closed.
	Text(ctx context.Context, file entity.Properties, limit int) (string, error)
}

// Status is how far an index has come.
type Status struct {
	Seen      entity.Seq // the last change in the text index
	Latest    entity.Seq // the last change of the store
	Documents int        // live entities
	Embedded  int        // of them with a vector in the space that serves
	Waiting   int        // that have no vector in the configured space: not yet, or as they have no text
	Recall    float64    // of the approximate search for the nearest in it, as measured; 0: not measured
	Exact     bool       // that search is exact
	Serving   string     // the space that serves, as provider/model/dimensions; "" for none
	Building  string     // the one that is being built, likewise
}
