package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
)

const (
	projectionName = "runs"

	spaceRuns  = 'r'
	spaceAgent = 'a'
	spaceName  = 'n'
	spaceDue   = 'd'
	spaceOpen  = 'o'
	spaceKept  = 't'
	idLength   = 26
	nameLength = 16
	tailLength = 8 + idLength
)

// Projection keeps the rows. It has no memory state.
type Projection struct{ entity.RowsOnly }

// Name implements [entity.Projection].
func (Projection) Name() string { return projectionName }

// Version implements [entity.Projection].
func (Projection) Version() int { return 4 }

// Apply implements [entity.Projection].
func (Projection) Apply(t entity.Transition, w entity.RowWriter) error {
	before, after := t.Live()
	old, err := rowsOf(before)
	if err != nil {
		return err
	}
	now, err := rowsOf(after)
	if err != nil {
		return err
	}
	if after == nil { // what was recorded of a deleted run is here, and its end is to be looked for
		old = slices.DeleteFunc(old, func(row entity.Row) bool { return row.Key[0] == spaceDue || row.Key[0] == spaceOpen })
	}
	entity.MoveRows(w, old, now)
	return nil
}

func rowsOf(m *entity.Manifest) ([]entity.Row, error) {
	if m != nil && m.Type == entity.TypeAgent {
		if c := m.Collection(); len(c) == idLength && m.Label() != "" {
			return []entity.Row{{Key: append(namePrefix(c, m.Label()), m.ID...)}}, nil
		}
	}
	if m != nil && m.Type == entity.TypeCollection && DueAfter(m) != 0 {
		return []entity.Row{{Key: append([]byte{spaceKept}, m.ID...)}}, nil
	}
	s := SummaryOf(m)
	if s == nil || len(s.Collection) != idLength {
		return nil, nil
	}
	value, err := cbor.Marshal(s)
	if err != nil {
		return nil, entity.Internal("run.rowsOf", err)
	}
	tail := binary.BigEndian.AppendUint64(nil, ^uint64(s.Started))
	for _, c := range []byte(s.ID) {
		tail = append(tail, ^c)
	}
	rows := []entity.Row{{Key: append(runsPrefix(s.Collection, ""), tail...), Value: value}}
	if len(s.Agent) == idLength {
		rows = append(rows, entity.Row{Key: append(runsPrefix(s.Collection, s.Agent), tail...), Value: value})
	}
	if key := dueKey(s); key != nil {
		rows = append(rows, entity.Row{Key: key})
	}
	if key := openKey(s); key != nil {
		rows = append(rows, entity.Row{Key: key})
	}
	return rows, nil
}

func namePrefix(collection entity.ID, label string) []byte {
	sum := sha256.Sum256([]byte(label))
	return append(append([]byte{spaceName}, collection...), sum[:nameLength]...)
}

func runsPrefix(collection, agent entity.ID) []byte {
	if agent == "" {
		return append([]byte{spaceRuns}, collection...)
	}
	return append(append([]byte{spaceAgent}, collection...), agent...)
}

// AgentNamed is the oldest agent of a collection with the name; "" for none.
func AgentNamed(r entity.Reader, collection entity.ID, name string) (entity.ID, error) {
	for row, err := range r.Rows(projectionName).Scan(namePrefix(collection, name), nil) {
		if err != nil {
			return "", err
		}
		return entity.ID(row.Key[len(row.Key)-idLength:]), nil
	}
	return "", nil
}

// Cursor is a place in a list of runs. The zero value is its beginning.
type Cursor []byte

// ParseCursor reads a cursor from outside; ok is false for what is none.
func ParseCursor(b []byte) (Cursor, bool) { return b, len(b) == 0 || len(b) == tailLength }

// Page bounds a look at a list.
type Page struct {
	After Cursor
	Limit int // runs to find
	Scan  int // runs to look at
}

// ErrEnough is what keep answers to end a page before the run at hand.
var ErrEnough = errors.New("run: the page ends here")

// List gives the runs of a collection, or of one agent in it, newest first, as
// far as keep wants them. next is where to go on, nil at the end; it is there
// also when the look ended at [Page.Scan] with fewer runs than asked for.
func List(r entity.Reader, collection, agent entity.ID, p Page, keep func(*Summary) (bool, error)) (out []*Summary, next Cursor, err error) {
	prefix := runsPrefix(collection, agent)
	var from []byte
	if p.After != nil {
		from = append(bytes.Clone(prefix), p.After...)
	}
	looked := 0
	for row, err := range r.Rows(projectionName).Scan(prefix, from) {
		if err != nil {
			return nil, nil, err
		}
		tail := row.Key[len(prefix):]
		if bytes.Equal(tail, p.After) {
			continue // the last of the page before
		}
		if len(out) == p.Limit || looked == p.Scan {
			return out, next, nil
		}
		looked++
		s, err := decodeSummary(row.Value, tail)
		if err != nil {
			return nil, nil, err
		}
		kept, err := keep(s)
		switch {
		case errors.Is(err, ErrEnough):
			return out, next, nil
		case err != nil:
			return nil, nil, err
		}
		next = append(next[:0], tail...)
		if kept {
			out = append(out, s)
		}
	}
	return out, nil, nil
}

func decodeSummary(value, tail []byte) (*Summary, error) {
	s := new(Summary)
	if err := cbor.Unmarshal(value, s); err != nil {
		return nil, entity.Internal("run.decodeSummary", err)
	}
	id := bytes.Clone(tail[8:])
	for i := range id {
		id[i] = ^id[i]
	}
	s.ID = entity.ID(id)
	return s, nil
}
