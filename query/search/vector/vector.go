package vector

import (
	"context"

	"stemma/entity"
)

// Row is an entity with its place in the space.
type Row struct {
	ID         entity.ID
	Type       string
	Collection entity.ID // as in [entity.Head]; "" of an entity that belongs to none
	Vector     []float32 // of the store's dimensions; its length is made 1 by the store, which copies it
}

// Filter says which rows a search is about. The zero value lets all of them
// through. It is decided inside the search: as long as there are k rows that
// pass, k are found.
type Filter struct {
	Types       []string          // one of these; nil: any
	Collections []entity.ID       // one of these ("" for rows that belong to none); nil: any
	Visible     entity.Visibility // nil hides nothing. Asked on the goroutine of the caller
	// Live refuses what the log knows to be deleted and this store does not yet.
	// nil: all are. Asked on the goroutine of the caller, last and for few.
	Live func(entity.ID) bool
}

// Match is a row that was found. Score is the cosine of the angle between it
// and what was asked for, -1..1.
type Match struct {
	ID    entity.ID
	Score float64
}

// Mean is the middle of some rows.
type Mean struct {
	// Vector is the sum of the rows' vectors, made length 1; nil where there are
	// no rows, or rows that cancel out.
	Vector []float32
	Rows   int
	// Unity is the length of the average of the rows' vectors, 0..1: 1 where they
	// are all the same, near 0 where they have nothing in common.
	Unity float64
}

// Stats is what a store says of itself. A field that a store cannot know is
// zero.
type Stats struct {
	Space      string
	Dimensions int
	Rows       int
	Cursor     entity.Seq
	Exact      bool    // searches score all rows exactly, without a prefilter
	Candidates int     // rows that the prefilter hands on, for k up to 10
	Recall     float64 // of the prefilter at 10, 0..1, as measured last; 0: not measured
	MeasuredAt int     // rows there were when it was
	DiskBytes  int64
	DeadBytes  int64 // of DiskBytes, what compaction would free
}

// Store keeps rows and finds the nearest. [Index] is one and [Qdrant] is one.
// All methods may be used by any number of goroutines. Errors are
// [*entity.Error]: [entity.KindInvalid] for a vector of other dimensions or
// without a direction (zero, infinite, not a number), [entity.KindUnavailable]
// for a service that does not answer.
type Store interface {
	// Apply puts and removes rows, and moves the cursor to the place in the log
	// that they bring the store up to. What has returned is seen by every search
	// that begins later, and is durable, rows and cursor as one. A row replaces
	// the one of its ID; what is removed need not be there. No ID is named twice.
	Apply(ctx context.Context, put []Row, remove []entity.ID, cursor entity.Seq) error
	// Cursor is where the log is to be followed from: that of the last Apply, 0 of
	// a store that is new or was made for another space.
	Cursor() entity.Seq
	// Nearest is the k rows nearest to q that pass the filter, nearest first,
	// fewer where there are fewer. q need not be of length 1.
	Nearest(ctx context.Context, q []float32, k int, f Filter) ([]Match, error)
	// Vector is the unit vector of a row, for the caller to keep;
	// [entity.KindNotFound] where there is none.
	Vector(ctx context.Context, id entity.ID) ([]float32, error)
	// Mean is the middle of the rows that pass the filter.
	Mean(ctx context.Context, f Filter) (Mean, error)
	Stats() Stats
	Close() error
}
