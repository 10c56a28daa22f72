package graph

import (
	"iter"
	"slices"
	"unsafe"

	"stemma/entity"
)

// Snapshot is the graph at one time, all of it or as one caller sees it
// ([Snapshot.Seen]). It never changes.
type Snapshot struct {
	order
	types     names
	nodes     paged[node]
	kinds     paged[uint32]    // by node: the type's index+1; 0 is not live
	homes     paged[uint32]    // by node: which of colls, from 1; 0 is none
	colls     []uint32         // the nodes that anything was ever a member of; append-only
	predEdges paged[int]       // by predicate: how many edges
	members   paged[adjacency] // by type: the live entities, ascending by id
	live      int
	edges     int
	pool      *scratchPool
	sight     *sight // nil sees everything
}

// Nodes is the number of live entities. See [Snapshot.Counted].
func (s *Snapshot) Nodes() int {
	return s.countOf(0, all)
}

// EdgeCount is the number of edges. See [Snapshot.Counted].
func (s *Snapshot) EdgeCount() int {
	if s.sight != nil {
		return s.census().all
	}
	return s.edges
}

// Type is an entity's type. live is false, and typ empty, for one that does not
// exist, was deleted, or is only known as a peer.
func (s *Snapshot) Type(id entity.ID) (typ string, live bool) {
	u, ok := s.ids.find(id)
	if !ok {
		return "", false
	}
	kind := s.kind(u)
	if kind == 0 {
		return "", false
	}
	return s.types.list[kind-1], true
}

// Collection is the collection a live entity belongs to, "" for none.
func (s *Snapshot) Collection(id entity.ID) entity.ID {
	u, ok := s.find(id)
	if !ok {
		return ""
	}
	if c := s.coll(u); c != 0 && s.shows(c-1) {
		return s.ids.at(c - 1)
	}
	return ""
}

// coll is the collection's node+1, whoever may view it; 0 is none.
func (s *Snapshot) coll(u uint32) uint32 {
	if home := *s.homes.get(u); home != 0 {
		return s.colls[home-1] + 1
	}
	return 0
}

// OfType yields the live entities of a type, ascending by id: for minted
// identifiers, in the order of their creation.
func (s *Snapshot) OfType(typ string) iter.Seq[entity.ID] {
	return func(yield func(entity.ID) bool) {
		i, ok := s.types.find(typ)
		if !ok {
			return
		}
		a, whole := s.members.get(i), s.sight == nil
		for run := range a.runs(a.all()) {
			for _, h := range run {
				if !whole && !s.sees(h.peer(), i+1) {
					continue
				}
				if !yield(s.ids.at(h.peer())) {
					return
				}
			}
		}
	}
}

// TypeCount is the number of live entities of a type.
func (s *Snapshot) TypeCount(typ string) int {
	i, ok := s.types.find(typ)
	if !ok {
		return 0
	}
	return s.countOf(i+1, all)
}

// Types yields the types in use, ascending, with their numbers of live entities.
func (s *Snapshot) Types() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for _, i := range s.types.sorted {
			if n := s.countOf(i+1, all); n > 0 && !yield(s.types.list[i], n) {
				return
			}
		}
	}
}

// Uses tells whether there is an edge with the predicate.
func (s *Snapshot) Uses(p entity.Predicate) bool {
	i, ok := s.preds.find(string(p))
	return ok && *s.predEdges.get(i) > 0 && (s.sight == nil || s.uses(i))
}

// PredicateCount is the number of edges with the predicate. See [Snapshot.Counted].
func (s *Snapshot) PredicateCount(p entity.Predicate) int {
	i, ok := s.preds.find(string(p))
	if !ok {
		return 0
	}
	return s.edgesOf(i)
}

func (s *Snapshot) edgesOf(pred uint32) int {
	if s.sight != nil {
		return s.census().byPred[pred]
	}
	return *s.predEdges.get(pred)
}

// Predicates yields the predicates in use, ascending, with their numbers of edges.
func (s *Snapshot) Predicates() iter.Seq2[entity.Predicate, int] {
	return func(yield func(entity.Predicate, int) bool) {
		for _, i := range s.preds.sorted {
			if n := s.edgesOf(i); n > 0 && !yield(entity.Predicate(s.preds.list[i]), n) {
				return
			}
		}
	}
}

// Edges yields the edges of an entity in the given direction, outgoing ones
// first, each part ascending by predicate and then by the other end. only nil
// means every predicate; an empty list that is not nil means none. Nothing is
// read before it is yielded, but for a binary search per predicate.
func (s *Snapshot) Edges(id entity.ID, d entity.Direction, only []entity.Predicate) iter.Seq[entity.Edge] {
	return func(yield func(entity.Edge) bool) {
		u, ok := s.find(id)
		if !ok {
			return
		}
		p, self, preds, whole := s.nodes.get(u), s.ids.at(u), s.predicates(only), s.sight == nil
		if d != entity.Incoming {
			for h := range s.halves(&p.out, preds) {
				if !whole && !s.shows(h.peer()) {
					continue
				}
				if !yield(entity.Edge{From: self, Predicate: s.pred(h), To: s.ids.at(h.peer())}) {
					return
				}
			}
		}
		if d == entity.Outgoing {
			return
		}
		for h := range s.halves(&p.in, preds) {
			if d == entity.Both && h.peer() == u || !whole && !s.shows(h.peer()) {
				continue // a loop, yielded above; or hidden
			}
			if !yield(entity.Edge{From: s.ids.at(h.peer()), Predicate: s.pred(h), To: self}) {
				return
			}
		}
	}
}

// Degree is the number of edges that [Snapshot.Edges] would yield, found without
// looking at them one by one unless some may be hidden.
func (s *Snapshot) Degree(id entity.ID, d entity.Direction, only []entity.Predicate) int {
	u, ok := s.find(id)
	if !ok {
		return 0
	}
	p, preds := s.nodes.get(u), s.predicates(only)
	out, in := &p.out, &p.in
	switch d {
	case entity.Outgoing:
		return s.degree(out, preds)
	case entity.Incoming:
		return s.degree(in, preds)
	}
	return s.degree(out, preds) + s.degree(in, preds) - s.loops(u, out, preds)
}

func (s *Snapshot) pred(h half) entity.Predicate { return entity.Predicate(s.preds.list[h.pred()]) }

// predicates resolves a filter: ascending by name, each once, those in use. nil
// stays nil.
func (s *Snapshot) predicates(only []entity.Predicate) []uint32 {
	if only == nil {
		return nil
	}
	found := make([]uint32, 0, len(only))
	for _, p := range only {
		if i, ok := s.preds.find(string(p)); ok {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, s.comparePred)
	return slices.Compact(found)
}

// halves yields what a filter leaves of a list.
func (s *Snapshot) halves(a *adjacency, preds []uint32) iter.Seq[half] {
	return func(yield func(half) bool) {
		if preds == nil {
			for run := range a.runs(a.all()) {
				for _, h := range run {
					if !yield(h) {
						return
					}
				}
			}
			return
		}
		for _, p := range preds {
			for run := range a.runs(a.bounds(&s.order, p)) {
				for _, h := range run {
					if !yield(h) {
						return
					}
				}
			}
		}
	}
}

func (s *Snapshot) degree(a *adjacency, preds []uint32) int {
	if s.sight != nil {
		n := 0
		for h := range s.halves(a, preds) {
			if s.shows(h.peer()) {
				n++
			}
		}
		return n
	}
	if preds == nil {
		return a.len()
	}
	n := 0
	for _, p := range preds {
		n += a.count(a.bounds(&s.order, p))
	}
	return n
}

// loops counts u's edges to itself, with one binary search per predicate.
func (s *Snapshot) loops(u uint32, out *adjacency, preds []uint32) int {
	n := 0
	if preds != nil {
		for _, p := range preds {
			if out.has(&s.order, makeHalf(p, u)) {
				n++
			}
		}
		return n
	}
	for m, end := out.all(); m != end; {
		pred := out.chunk(m.chunk)[m.at].pred()
		if out.has(&s.order, makeHalf(pred, u)) {
			n++
		}
		_, m = out.bounds(&s.order, pred)
	}
	return n
}

// MemoryBytes estimates what the graph takes in memory, from counts alone. Of a
// graph that is seen it tells nothing: 0.
func (s *Snapshot) MemoryBytes() int {
	if s.sight != nil {
		return 0
	}
	var (
		n    = int(s.ids.n)
		size = len(s.ids.chunks)*idChunk*idLen + 4*len(s.ids.cells)
	)
	size += (n + pageMask) / pageSize * int(unsafe.Sizeof(page[node]{})+2*unsafe.Sizeof(page[uint32]{}))
	size += 3 * len(s.nodes.root) * int(unsafe.Sizeof(directory[node]{}))
	size += 8*(2*s.edges+s.live) + 4*len(s.colls)
	for _, in := range [...]*names{&s.preds, &s.types} {
		size += 20 * len(in.list)
		for _, name := range in.list {
			size += len(name)
		}
	}
	return size
}
