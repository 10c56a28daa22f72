package graph

import "slices"

// insert adds h in the batch given by epoch and tells whether it was missing.
func (a *adjacency) insert(o *order, h half, epoch uint64) bool {
	m, found := a.place(o, h)
	if found {
		return false
	}
	if a.isHub {
		a.ownHub(epoch).insert(m, h, epoch)
		a.n++
		return true
	}
	old := a.list()
	if m.chunk > 0 { // past the end
		m.at = len(old)
	}
	*a = build(with(old, m.at, h), epoch)
	return true
}

// remove takes h out in the batch given by epoch and tells whether it was there.
func (a *adjacency) remove(o *order, h half, epoch uint64) bool {
	m, found := a.place(o, h)
	if !found {
		return false
	}
	if !a.isHub {
		*a = build(without(a.list(), m.at), epoch)
		return true
	}
	a.ownHub(epoch).remove(m, epoch)
	if a.n--; a.n < hubUntil {
		list := make([]half, 0, a.n)
		for _, c := range a.hub().chunks {
			list = append(list, c.halves...)
		}
		*a = listOf(list)
	}
	return true
}

// with and without are copies of exactly the size.
func with(list []half, at int, h half) []half {
	more := make([]half, len(list)+1)
	copy(more, list[:at])
	more[at] = h
	copy(more[at+1:], list[at:])
	return more
}

func without(list []half, at int) []half {
	less := make([]half, len(list)-1)
	copy(less, list[:at])
	copy(less[at:], list[at+1:])
	return less
}

// ownHub copies the directory unless the batch has done so before.
func (a *adjacency) ownHub(epoch uint64) *hub {
	if h := a.hub(); h.born != epoch {
		*a = hubOf(&hub{born: epoch, chunks: slices.Clone(h.chunks)}, a.n)
	}
	return a.hub()
}

func (h *hub) insert(m mark, x half, epoch uint64) {
	if m.chunk == len(h.chunks) { // past the end: into the last chunk, or a new one
		m = mark{m.chunk - 1, len(h.chunks[m.chunk-1].halves)}
		if m.at >= chunkMax {
			// Identifiers ascend, so most hubs grow at the end: chunks stay full.
			h.chunks = append(h.chunks, chunk{epoch, []half{x}})
			return
		}
	}
	if len(h.chunks[m.chunk].halves) >= chunkMax {
		m = h.split(m, epoch)
	}
	c := &h.chunks[m.chunk]
	if c.born == epoch {
		c.halves = slices.Insert(c.halves, m.at, x)
		return
	}
	*c = chunk{epoch, with(c.halves, m.at, x)}
}

// split cuts the chunk at m in two and gives m's new place.
func (h *hub) split(m mark, epoch uint64) mark {
	whole := h.chunks[m.chunk].halves
	mid := len(whole) / 2
	h.chunks[m.chunk] = chunk{epoch, slices.Clone(whole[:mid])}
	h.chunks = slices.Insert(h.chunks, m.chunk+1, chunk{epoch, slices.Clone(whole[mid:])})
	if m.at > mid {
		return mark{m.chunk + 1, m.at - mid}
	}
	return m
}

func (h *hub) remove(m mark, epoch uint64) {
	c := &h.chunks[m.chunk]
	switch {
	case len(c.halves) == 1:
		h.chunks = slices.Delete(h.chunks, m.chunk, m.chunk+1)
		return
	case c.born == epoch:
		c.halves = slices.Delete(c.halves, m.at, m.at+1)
	default:
		*c = chunk{epoch, without(c.halves, m.at)}
	}
	h.join(m.chunk, epoch)
}

// join keeps the directory short: a chunk that fits into half a chunk together
// with the next one is put there.
func (h *hub) join(i int, epoch uint64) {
	i = min(i, len(h.chunks)-2)
	if i < 0 || len(h.chunks[i].halves)+len(h.chunks[i+1].halves) > chunkMax/2 {
		return
	}
	h.chunks[i] = chunk{epoch, slices.Concat(h.chunks[i].halves, h.chunks[i+1].halves)}
	h.chunks = slices.Delete(h.chunks, i+1, i+2)
}
