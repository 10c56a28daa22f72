package graph

import (
	"context"

	"stemma/entity"
)

// PathsQuery asks how sources and targets are connected.
type PathsQuery struct {
	Sources, Targets []entity.ID
	MaxDepth         int // hops, 1 to [MaxDepth]
	Direction        entity.Direction
	Limit            int // paths; 0 is [DefaultLimit]
	MaxEdges         int // half-edges looked at; 0 is [DefaultMaxEdges]
}

// PathsResult answers a [PathsQuery]. Visited is the number of half-edges that
// were looked at; of a graph that is seen 0, for hidden ones would be among them.
type PathsResult struct {
	Paths     []Path // shortest first, then by the order of the sources and targets
	Truncated bool   // there is more, or may be: limit, bound or deadline
	Visited   int
}

// Paths finds one shortest path for every pair of a source and another target
// that are connected within some hops. Ids that are not in the graph connect to
// nothing. The errors are of [entity.KindInvalid] and [entity.KindCanceled];
// past its deadline a search answers with what it has.
func (s *Snapshot) Paths(ctx context.Context, q PathsQuery) (PathsResult, error) {
	const op = "graph.Paths"
	if err := checkBounds(op, q.MaxDepth, MaxDepth, &q.Limit, &q.MaxEdges); err != nil {
		return PathsResult{}, err
	}
	b := s.newBidirectional(newMeter(ctx, op, q.MaxEdges), q.Direction)
	defer b.close()
	rank := ranking{limit: q.Limit}
	sources, targets := s.nodesOf(q.Sources), s.nodesOf(q.Targets)
	for _, src := range sources {
		b.source(src)
		for _, dst := range targets {
			depth := rank.useful(q.MaxDepth)
			if depth == 0 || b.stopped {
				break
			}
			b.step(1)
			if src == dst {
				continue
			}
			if b.target(dst, depth) {
				rank.add(Path{s.ids.at(src), s.ids.at(dst), b.edges()})
			}
		}
	}
	if b.cancelled != nil {
		return PathsResult{}, b.cancelled
	}
	return PathsResult{rank.paths(), rank.dropped || b.stopped, s.told(b.visited)}, nil
}
