package graph

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"stemma/entity"
)

// link is an edge seen from the entity that holds it.
type link struct {
	pred entity.Predicate
	peer entity.ID
}

func compareLinks(a, b link) int {
	if c := cmp.Compare(a.pred, b.pred); c != 0 {
		return c
	}
	return cmp.Compare(a.peer, b.peer)
}

// links appends the edges that m holds, sorted, each once. nil holds none, and
// the wildcard is not a node.
func links(m *entity.Manifest, into []link) []link {
	if m == nil {
		return into
	}
	for _, r := range m.Relationships {
		if len(r.Peer) == idLen {
			into = append(into, link{r.Predicate, r.Peer})
		}
	}
	if !slices.IsSortedFunc(into, compareLinks) {
		slices.SortFunc(into, compareLinks)
	}
	return slices.Compact(into)
}

// same tells whether two versions surely have the same row. It is what an edit
// of properties costs: relationships keep their order, and their texts are
// mostly the same memory.
func same(a, b *entity.Manifest) bool {
	return a.Type == b.Type && slices.EqualFunc(a.Relationships, b.Relationships, func(x, y entity.Relationship) bool {
		return x.Peer == y.Peer && x.Predicate == y.Predicate
	})
}

// collection is m's collection as the graph keeps it: "" for none.
func collection(m *entity.Manifest) entity.ID {
	if id := m.Collection(); len(id) == idLen {
		return id
	}
	return ""
}

// encodeRow writes the value described in the package comment.
func encodeRow(m *entity.Manifest) []byte {
	edges := links(m, nil)
	b := make([]byte, 0, 64+len(m.Type)+len(edges)*(idLen+2))
	b = binary.AppendUvarint(b, uint64(len(m.Type)))
	b = append(b, m.Type...)
	if id := collection(m); id != "" {
		b = append(append(b, 1), id...)
	} else {
		b = append(b, 0)
	}
	for len(edges) > 0 {
		pred := edges[0].pred
		n := slices.IndexFunc(edges, func(l link) bool { return l.pred != pred })
		if n < 0 {
			n = len(edges)
		}
		b = binary.AppendUvarint(b, uint64(len(pred)))
		b = append(b, pred...)
		b = binary.AppendUvarint(b, uint64(n))
		for _, l := range edges[:n] {
			b = append(b, l.peer...)
		}
		edges = edges[n:]
	}
	return b
}

var errRow = errors.New("the row of the graph is cut short or has another form")

// rowReader takes a row apart. What it yields is valid as long as the row.
type rowReader struct{ rest []byte }

// bytes takes the next n.
func (r *rowReader) bytes(n uint64) ([]byte, error) {
	if n > uint64(len(r.rest)) {
		return nil, errRow
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, nil
}

func (r *rowReader) number() (uint64, error) {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		return 0, errRow
	}
	r.rest = r.rest[n:]
	return v, nil
}

// text takes a length and as many bytes.
func (r *rowReader) text() ([]byte, error) {
	n, err := r.number()
	if err != nil {
		return nil, err
	}
	return r.bytes(n)
}

// head takes type and collection; the latter is nil for none.
func (r *rowReader) head() (typ, coll []byte, err error) {
	if typ, err = r.text(); err != nil {
		return nil, nil, err
	}
	flag, err := r.bytes(1)
	if err != nil || flag[0] > 1 {
		return nil, nil, errRow
	}
	if flag[0] == 1 {
		coll, err = r.bytes(idLen)
	}
	return typ, coll, err
}

// group takes the next predicate and its peers, one after the other, ascending.
func (r *rowReader) group() (pred, peers []byte, err error) {
	if pred, err = r.text(); err != nil {
		return nil, nil, err
	}
	n, err := r.number()
	if err != nil || n == 0 || n > uint64(len(r.rest))/idLen {
		return nil, nil, errRow
	}
	if peers, err = r.bytes(n * idLen); err != nil {
		return nil, nil, err
	}
	for at := idLen; at < len(peers); at += idLen {
		if bytes.Compare(peers[at-idLen:at], peers[at:at+idLen]) >= 0 {
			return nil, nil, errRow
		}
	}
	return pred, peers, nil
}
