package listing

import (
	"bytes"
	"encoding/binary"
	"time"

	"stemma/entity"
)

// name of the projection and its rows.
const name = "listing"

const (
	spaceAll  = 'a'
	spaceType = 't'
	idLength  = 26
)

// Projection keeps the rows. It has no memory state.
type Projection struct{ entity.RowsOnly }

// Name implements [entity.Projection].
func (Projection) Name() string { return name }

// Version implements [entity.Projection].
func (Projection) Version() int { return 1 }

// Apply implements [entity.Projection]. An edit that leaves type and
// collections alone touches no row.
func (Projection) Apply(t entity.Transition, w entity.RowWriter) error {
	before, after := t.Live()
	entity.MoveRows(w, rows(before), rows(after))
	return nil
}

// rows of one version; nil of none.
func rows(m *entity.Manifest) (out []entity.Row) {
	if m == nil {
		return nil
	}
	tail := []byte(nil)
	for _, r := range m.Relationships {
		if r.Predicate != entity.PredicateCollection || len(r.Peer) != idLength {
			continue
		}
		if tail == nil {
			tail = newestFirst(m)
		}
		out = append(out, entity.Row{Key: append(prefix(r.Peer, ""), tail...)}, entity.Row{Key: append(prefix(r.Peer, m.Type), tail...)})
	}
	return out
}

func newestFirst(m *entity.Manifest) []byte {
	created, _ := time.Parse(entity.TimeLayout, m.CreatedAt) // sealed, so it parses
	tail := binary.BigEndian.AppendUint64(nil, ^uint64(created.UnixMilli()))
	for _, c := range []byte(m.ID) {
		tail = append(tail, ^c)
	}
	return tail
}

func prefix(collection entity.ID, typ string) []byte {
	if typ == "" {
		return append([]byte{spaceAll}, collection...)
	}
	return append(append(append([]byte{spaceType}, collection...), typ...), 0)
}

// Collection gives limit entities of a collection, newest first, after the
// first offset of them; typ "" means any. more tells whether others follow.
// keep, where it is not nil, tells which of them count at all.
func Collection(r entity.Reader, collection entity.ID, typ string, offset, limit int, keep func(entity.ID) (bool, error)) (ids []entity.ID, more bool, err error) {
	n := 0
	for row, err := range r.Rows(name).Scan(prefix(collection, typ), nil) {
		if err != nil {
			return nil, false, err
		}
		id := tailID(row.Key)
		if keep != nil {
			kept, err := keep(id)
			if err != nil {
				return nil, false, err
			}
			if !kept {
				continue
			}
		}
		if n++; n <= offset {
			continue
		}
		if len(ids) == limit {
			return ids, true, nil
		}
		ids = append(ids, id)
	}
	return ids, false, nil
}

func tailID(key []byte) entity.ID {
	id := bytes.Clone(key[len(key)-idLength:])
	for i := range id {
		id[i] = ^id[i]
	}
	return entity.ID(id)
}
