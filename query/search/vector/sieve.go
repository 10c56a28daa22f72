package vector

import (
	"maps"
	"slices"

	"stemma/entity"
)

// sieve is a filter in two parts: what the service leaves out, and what is left
// to ask about. It serves one query and one goroutine.
type sieve struct {
	f       Filter
	filter  wireFilter
	nothing bool // passes
	apart   map[string]bool
	scope   map[string]entity.Sight
}

// sieve divides a filter. Where the names of all types and collections are
// known, those that the caller cannot view stay at the service.
func (q *Qdrant) sieve(f Filter) *sieve {
	s := &sieve{f: f, apart: map[string]bool{}, scope: map[string]entity.Sight{}}
	s.filter.MustNot = []wireCondition{{HasID: []string{metaPoint}}}
	must := func(c wireCondition) { s.filter.Must = append(s.filter.Must, c) }
	if f.Types != nil {
		must(oneOf("type", f.Types))
	}
	if f.Collections != nil {
		named := make([]string, len(f.Collections))
		for i, c := range f.Collections {
			named[i] = wireCollection(c)
		}
		must(oneOf("collection", named))
	}
	s.nothing = f.Types != nil && len(f.Types) == 0 || f.Collections != nil && len(f.Collections) == 0
	if f.Visible == nil || s.nothing {
		return s
	}
	q.mu.RLock()
	known := q.known && len(q.collections) <= mostNamed
	types, collections := slices.Sorted(maps.Keys(q.types)), slices.Sorted(maps.Keys(q.collections))
	q.mu.RUnlock()
	if !known {
		return s
	}
	types = slices.DeleteFunc(types, func(t string) bool { return !s.isApart(t) })
	seen := slices.DeleteFunc(slices.Clone(collections), func(c string) bool { return s.sight(c) == entity.SightNone })
	if len(seen) == len(collections) {
		return s
	}
	var either []wireCondition
	if len(types) > 0 {
		either = append(either, oneOf("type", types))
	}
	if len(seen) > 0 {
		either = append(either, oneOf("collection", seen))
	}
	s.nothing = len(either) == 0
	must(wireCondition{Should: either})
	return s
}

func oneOf(field string, values []string) wireCondition {
	return wireCondition{Key: field, Match: &wireMatch{Any: values}}
}

func (s *sieve) isApart(typ string) bool {
	apart, ok := s.apart[typ]
	if !ok {
		apart = s.f.Visible.Apart(typ)
		s.apart[typ] = apart
	}
	return apart
}

func (s *sieve) sight(collection string) entity.Sight {
	sight, ok := s.scope[collection]
	if !ok {
		sight = s.f.Visible.Scope(ourCollection(collection))
		s.scope[collection] = sight
	}
	return sight
}

// passes decides about a row that the service gave.
func (s *sieve) passes(p wirePayload) bool {
	if s.f.Visible != nil {
		sight := entity.SightSome
		if !s.isApart(p.Type) {
			sight = s.sight(p.Collection)
		}
		if sight == entity.SightNone || sight == entity.SightSome && !s.f.Visible.Sees(p.ID, p.Type, ourCollection(p.Collection)) {
			return false
		}
	}
	return s.f.Live == nil || s.f.Live(p.ID)
}
