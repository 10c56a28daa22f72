package query

import (
	"iter"

	"stemma/entity"
)

// statistics are the numbers that a plan goes by. A source that would have to
// count them ([Source.Counted]) is looked at only as far as that is cheap, and
// the rest is habit: nothing then depends on what the source does not show.
type statistics struct {
	src   Source
	habit bool
}

// The habits of graphs, where there are no numbers to go by.
const (
	habitNodes  = 100_000
	habitFan    = 8   // edges at an entity, one way
	habitNamed  = 2   // of them with one predicate
	habitShare  = 0.1 // of the entities that have one type
	habitCounts = 1024
)

// upTo counts what is yielded, most at most.
func upTo[T any](seq iter.Seq[T], most int) int {
	n := 0
	for range seq {
		if n == most {
			break
		}
		n++
	}
	return n
}

func (st statistics) nodes() int {
	if st.habit {
		return habitNodes
	}
	return st.src.Nodes()
}

// typeCount is how many entities of the types there are.
func (st statistics) typeCount(types []string) int {
	n := 0
	for _, t := range types {
		if st.habit {
			n += upTo(st.src.OfType(t), habitCounts)
		} else {
			n += st.src.TypeCount(t)
		}
	}
	return n
}

// share is which part of the entities has one of the types.
func (st statistics) share(types map[string]bool) float64 {
	if st.habit {
		return min(1, habitShare*float64(len(types)))
	}
	n := 0
	for name := range types {
		n += st.src.TypeCount(name)
	}
	return min(1, float64(n)/float64(max(st.src.Nodes(), 1)))
}

// members is how many entities the graph takes for members of a collection.
func (st statistics) members(c entity.ID) int {
	return st.degree(c, entity.Incoming, memberOf) + 1
}

// degree is how many edges are at an entity; only is as in [Source.Edges].
func (st statistics) degree(id entity.ID, d entity.Direction, only []entity.Predicate) int {
	if st.habit {
		return upTo(st.src.Edges(id, d, only), habitCounts)
	}
	return st.src.Degree(id, d, only)
}

// degrees is how many edges of a relation are at some entities.
func (st statistics) degrees(rel *relation, ids []entity.ID, d entity.Direction) float64 {
	n := 0
	for _, id := range ids {
		if !rel.none {
			n += st.degree(id, d, rel.only)
		}
	}
	return float64(n)
}

// fan estimates how many of the hop's edges are at an entity.
func (st statistics) fan(h *hopPlan) float64 {
	var f float64
	switch {
	case !st.habit:
		f = float64(h.rel.edges(st.src)) / float64(max(st.src.Nodes(), 1))
	case h.rel.none:
	case h.rel.only == nil:
		f = habitFan
	default:
		f = min(habitFan, habitNamed*float64(len(h.rel.only)))
	}
	if h.Direction == entity.Both {
		f *= 2
	}
	return f
}

// fewer tells whether a collection has fewer members than there are entities of
// some types. Where it has to count, it counts no more than it takes.
func (st statistics) fewer(c entity.ID, types []string) bool {
	if !st.habit {
		return st.members(c) < st.typeCount(types)
	}
	for most := habitCounts; ; most *= 4 {
		members, typed := upTo(st.src.Edges(c, entity.Incoming, memberOf), most), 0
		for _, t := range types {
			typed += upTo(st.src.OfType(t), most-typed)
		}
		if members+1 < most || typed < most {
			return members+1 < typed
		}
	}
}
