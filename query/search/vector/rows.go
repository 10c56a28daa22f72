package vector

import "stemma/entity"

const chunkRows = 1024

// rows are the vectors in memory, without gaps: the last moves to where one is
// taken away. They lie in chunks, so that growing copies nothing.
type rows struct {
	dims, signBytes int
	chunks          []*chunk
	n               int
	at              map[entity.ID]int
	types           names
	collections     names
	bytes           int64 // of the rows' encodings on disk
}

type chunk struct {
	vectors     []float32
	signs       []byte
	factors     []float32 // see [signs]
	ids         [chunkRows]entity.ID
	types       [chunkRows]uint32 // by names
	collections [chunkRows]uint32
}

// names numbers strings.
type names struct {
	number map[string]uint32
	list   []string
}

func (n *names) of(s string) uint32 {
	i, ok := n.number[s]
	if !ok {
		i = uint32(len(n.list))
		n.number[s] = i
		n.list = append(n.list, s)
	}
	return i
}

func newRows(dims int) *rows {
	return &rows{
		dims: dims, signBytes: (dims + 7) / 8, at: map[entity.ID]int{},
		types:       names{number: map[string]uint32{}},
		collections: names{number: map[string]uint32{}},
	}
}

func (r *rows) grow() {
	r.chunks = append(r.chunks, &chunk{
		vectors: make([]float32, chunkRows*r.dims),
		signs:   make([]byte, chunkRows*r.signBytes),
		factors: make([]float32, chunkRows),
	})
}

// vector is the vector at a position, not to be kept.
func (r *rows) vector(i int) []float32 {
	j := i % chunkRows
	return r.chunks[i/chunkRows].vectors[j*r.dims : (j+1)*r.dims]
}

func (r *rows) id(i int) entity.ID { return r.chunks[i/chunkRows].ids[i%chunkRows] }

// row is the row at a position; its vector is not to be kept.
func (r *rows) row(i int) Row {
	c, j := r.chunks[i/chunkRows], i%chunkRows
	return Row{c.ids[j], r.types.list[c.types[j]], entity.ID(r.collections.list[c.collections[j]]), r.vector(i)}
}

// put adds or replaces a row, whose vector is of length 1, and copies it.
func (r *rows) put(row Row) {
	i, ok := r.at[row.ID]
	if ok {
		r.bytes -= rowBytes(r.row(i))
	} else {
		i = r.n
		if i == len(r.chunks)*chunkRows {
			r.grow()
		}
		r.n++
		r.at[row.ID] = i
	}
	c, j := r.chunks[i/chunkRows], i%chunkRows
	copy(c.vectors[j*r.dims:], row.Vector)
	c.factors[j] = signs(c.signs[j*r.signBytes:(j+1)*r.signBytes], row.Vector)
	c.ids[j] = row.ID
	c.types[j] = r.types.of(row.Type)
	c.collections[j] = r.collections.of(string(row.Collection))
	r.bytes += rowBytes(row)
}

func (r *rows) remove(id entity.ID) {
	i, ok := r.at[id]
	if !ok {
		return
	}
	r.bytes -= rowBytes(r.row(i))
	delete(r.at, id)
	r.n--
	from, to := r.chunks[r.n/chunkRows], r.chunks[i/chunkRows]
	j, k := r.n%chunkRows, i%chunkRows
	if i != r.n {
		copy(to.vectors[k*r.dims:(k+1)*r.dims], from.vectors[j*r.dims:])
		copy(to.signs[k*r.signBytes:(k+1)*r.signBytes], from.signs[j*r.signBytes:])
		to.factors[k], to.ids[k] = from.factors[j], from.ids[j]
		to.types[k], to.collections[k] = from.types[j], from.collections[j]
		r.at[to.ids[k]] = i
	}
	from.ids[j] = ""
	if j == 0 && r.n/chunkRows+1 < len(r.chunks) {
		r.chunks = r.chunks[:r.n/chunkRows+1] // one that is empty may stay
	}
}
