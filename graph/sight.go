package graph

import (
	"slices"

	"stemma/entity"
)

// sight is what one caller may view, as far as it has been asked: of each type
// whether it is apart, of each collection its scope. Asking costs a search two
// loads for each entity that it meets; the memory is that of the chunks of
// collections it has met.
type sight struct {
	v      entity.Visibility
	apart  []verdict                    // by type
	scopes []*[verdictsPerChunk]verdict // by home; nil where nothing was asked

	edges *census // of what is visible; nil until counted
}

// verdict is an answer of a Visibility.
type verdict uint8

// Of a collection. That of a type is 0 when the collection decides, else single
// or unasked, so that both together are shown or hidden only if they settle it.
const (
	shown  verdict = 1
	hidden verdict = 2
	single verdict = 4 // decided entity by entity

	unasked verdict = 8 // of a type; of a collection it is 0
)

const verdictsPerChunk = 1024

// Seen is the graph as one caller sees it: what v hides does not exist. nil
// hides nothing and gives s itself; of a graph seen already, v decides alone.
//
// What it costs is to be asked about what is met. v is asked once for each type
// and collection, and once or more for each entity that these do not decide.
// Unlike other snapshots, it is for one goroutine, as v is.
func (s *Snapshot) Seen(v entity.Visibility) *Snapshot {
	if v == nil {
		return s
	}
	c := *s
	c.sight = &sight{
		v: v, apart: slices.Repeat([]verdict{unasked}, len(s.types.list)),
		scopes: make([]*[verdictsPerChunk]verdict, len(s.colls)/verdictsPerChunk+1),
	}
	return &c
}

// Counted tells that nothing is hidden, so that the graph's numbers are known.
// Otherwise each of [Snapshot.Nodes], [Snapshot.TypeCount], [Snapshot.Degree],
// [Snapshot.EdgeCount] and [Snapshot.PredicateCount] looks at what it counts.
func (s *Snapshot) Counted() bool { return s.sight == nil }

// kind is u's type as the caller sees it: the type's index+1, 0 for what is not
// live and what is hidden.
func (s *Snapshot) kind(u uint32) uint32 {
	kind := *s.kinds.get(u)
	if kind != 0 && s.sight != nil && !s.sees(u, kind) {
		return 0
	}
	return kind
}

// shows tells whether u may be shown: as an entity, or if it is not live as
// something that others name.
func (s *Snapshot) shows(u uint32) bool {
	if s.sight == nil {
		return true
	}
	if kind := *s.kinds.get(u); kind != 0 {
		return s.sees(u, kind)
	}
	return s.sight.v.Sees(s.ids.at(u), "", "")
}

// told is a search's work as its caller may know it.
func (s *Snapshot) told(visited int) int {
	if s.sight != nil {
		return 0
	}
	return visited
}

// find is the node of an id that may be shown.
func (s *Snapshot) find(id entity.ID) (uint32, bool) {
	u, ok := s.ids.find(id)
	return u, ok && s.shows(u)
}

// sees decides about a live entity, for a snapshot with sight.
func (s *Snapshot) sees(u, kind uint32) bool {
	home := *s.homes.get(u)
	if c := s.sight.scopes[home/verdictsPerChunk]; c != nil {
		switch c[home%verdictsPerChunk] | s.sight.apart[kind-1] {
		case shown:
			return true
		case hidden:
			return false
		}
	}
	return s.ask(u, kind, home)
}

// ask decides what was not asked before, or has to be asked each time.
func (s *Snapshot) ask(u, kind, home uint32) bool {
	g, coll := s.sight, entity.ID("")
	if home != 0 {
		coll = s.ids.at(s.colls[home-1])
	}
	apart := &g.apart[kind-1]
	if *apart == unasked {
		*apart = 0
		if g.v.Apart(s.types.list[kind-1]) {
			*apart = single
		}
	}
	if *apart == single {
		return g.v.Sees(s.ids.at(u), s.types.list[kind-1], coll)
	}
	scope := g.scope(home)
	if *scope == 0 {
		*scope = verdictOf(g.v.Scope(coll))
	}
	if *scope == single {
		return g.v.Sees(s.ids.at(u), s.types.list[kind-1], coll)
	}
	return *scope == shown
}

// scope is where the verdict on a collection is kept.
func (g *sight) scope(home uint32) *verdict {
	c := &g.scopes[home/verdictsPerChunk]
	if *c == nil {
		*c = new([verdictsPerChunk]verdict)
	}
	return &(*c)[home%verdictsPerChunk]
}

// verdictOf is what a scope means for what belongs to it.
func verdictOf(s entity.Sight) verdict {
	switch s {
	case entity.SightAll:
		return shown
	case entity.SightSome:
		return single
	}
	return hidden
}
