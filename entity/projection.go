package entity

import (
	"bytes"
	"iter"
)

// Projection is a deterministic function of the log, kept up by the store: its
// rows change in the transaction that changes the entity, its memory right
// after that transaction is on disk and before anybody is answered.
type Projection interface {
	// Name is unique, lower case, and names the rows on disk.
	Name() string
	// Version is stored with the rows. When it differs at open the store wipes
	// the rows and replays the log.
	Version() int
	// Apply turns one step of an entity into row edits. It depends on nothing
	// but its argument, and may run several times for a step that is then
	// never committed: it must not touch memory state.
	Apply(Transition, RowWriter) error
	// Load builds memory state from the rows. It is called once, before any
	// call of Committed.
	Load(Rows) error
	// Committed is told of steps that are on disk, in log order, by one
	// goroutine. Readers see the new state when it returns.
	Committed([]Transition)
}

// Transition is one step of one entity. Manifests are shared: read only.
type Transition struct {
	ID            ID
	Before, After *Manifest // Before is nil at creation; either may be a tombstone
}

// Live gives both sides with tombstones as nil: what a projection of living
// entities has to take away and to put in.
func (t Transition) Live() (before, after *Manifest) {
	if t.Before != nil && !t.Before.Deleted() {
		before = t.Before
	}
	if t.After != nil && !t.After.Deleted() {
		after = t.After
	}
	return before, after
}

// Row is one row of a projection.
type Row struct{ Key, Value []byte }

// Rows reads a projection's rows.
type Rows interface {
	// Get gives the value, nil when there is no such row.
	Get(key []byte) ([]byte, error)
	// Scan yields the rows whose key begins with prefix, ascending, from the
	// key from on (nil: from the first). Key and Value are valid until the next
	// row.
	Scan(prefix, from []byte) iter.Seq2[Row, error]
}

// RowWriter changes a projection's rows. Key and value are taken over.
type RowWriter interface {
	Set(key, value []byte)
	Delete(key []byte)
	// Add adds to a row of [Sums], which nothing else but Add writes. It reads
	// nothing, so steps that add to the same row are in nobody's way: what is
	// there is added to when the transaction is committed. The key is the caller's.
	Add(key []byte, more Sums)
}

// RowsOnly is embedded by projections that keep nothing in memory.
type RowsOnly struct{}

// Load implements [Projection].
func (RowsOnly) Load(Rows) error { return nil }

// Committed implements [Projection].
func (RowsOnly) Committed([]Transition) {}

// MoveRows takes back the rows of a version and gives those of the next; what both
// have is not touched.
func MoveRows(w RowWriter, was, is []Row) {
	for i, row := range was {
		if find(is, i, row.Key) == nil {
			w.Delete(row.Key)
		}
	}
	for i, row := range is {
		if had := find(was, i, row.Key); had == nil || !bytes.Equal(had.Value, row.Value) {
			w.Set(row.Key, row.Value)
		}
	}
}

// find finds a row by its key; where an edit leaves it, it is at the same place.
func find(rows []Row, at int, key []byte) *Row {
	if at < len(rows) && bytes.Equal(rows[at].Key, key) {
		return &rows[at]
	}
	for i := range rows {
		if bytes.Equal(rows[i].Key, key) {
			return &rows[i]
		}
	}
	return nil
}
