package memory

import (
	"bytes"
	"iter"

	"stemma/entity"
)

// name of the projection and its rows.
const name = "memory"

const (
	spaceWorkspace = 'w' // conversations by workspace
	spaceIn        = 'c' // conversations by workspace and partition
	spacePartition = 'p' // partitions by workspace
	spaceBelow     = 'b' // partitions by workspace and the one above
)

const idLength = 26

// Projection keeps the rows. It has no memory state.
type Projection struct{ entity.RowsOnly }

// Name implements [entity.Projection].
func (Projection) Name() string { return name }

// Version implements [entity.Projection].
func (Projection) Version() int { return 1 }

// Apply implements [entity.Projection].
func (Projection) Apply(t entity.Transition, w entity.RowWriter) error {
	before, after := t.Live()
	entity.MoveRows(w, rows(before), rows(after))
	return nil
}

// rows of one version. The workspace is in each, so that nobody
// appears in a list of another's.
func rows(m *entity.Manifest) (out []entity.Row) {
	if m == nil || m.Type != TypeConversation && m.Type != TypePartition {
		return nil
	}
	all, under, p := byte(spaceWorkspace), byte(spaceIn), PredicatePartition
	if m.Type == TypePartition {
		all, under, p = spacePartition, spaceBelow, entity.PredicateParent
	}
	workspace := m.Collection()
	if len(workspace) != idLength {
		return nil
	}
	out = append(out, entity.Row{Key: key(all, workspace, m.ID)})
	for _, r := range m.Relationships {
		if r.Predicate == p && len(r.Peer) == idLength {
			out = append(out, entity.Row{Key: key(under, workspace+r.Peer, m.ID)})
		}
	}
	return out
}

// key has the newest first.
func key(space byte, under, id entity.ID) []byte {
	k := append([]byte{space}, under...)
	for _, c := range []byte(id) {
		k = append(k, ^c)
	}
	return k
}

// scan yields what lies under something, newest first, after one of them; nothing
// where there is no workspace.
func scan(r entity.Reader, space byte, under, after entity.ID) iter.Seq2[entity.ID, error] {
	return func(yield func(entity.ID, error) bool) {
		if len(under)%idLength != 0 || under == "" {
			return
		}
		prefix, from := append([]byte{space}, under...), []byte(nil)
		if after != "" {
			from = append(key(space, under, after), 0)
		}
		for row, err := range r.Rows(name).Scan(prefix, from) {
			if err != nil {
				yield("", err)
				return
			}
			id := bytes.Clone(row.Key[len(row.Key)-idLength:])
			for i := range id {
				id[i] = ^id[i]
			}
			if !yield(entity.ID(id), nil) {
				return
			}
		}
	}
}

// Conversations are those of a workspace, newest first, after one of them; of a
// partition alone where that is not "".
func Conversations(r entity.Reader, workspace, partition, after entity.ID) iter.Seq2[entity.ID, error] {
	if partition == "" {
		return scan(r, spaceWorkspace, workspace, after)
	}
	return scan(r, spaceIn, workspace+partition, after)
}

// Partitions are those of a workspace, newest first; right below one of them
// where that is not "".
func Partitions(r entity.Reader, workspace, above entity.ID) iter.Seq2[entity.ID, error] {
	if above == "" {
		return scan(r, spacePartition, workspace, "")
	}
	return scan(r, spaceBelow, workspace+above, "")
}
