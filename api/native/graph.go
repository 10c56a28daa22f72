package native

import (
	"context"
	"strings"
	"time"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/graph"
)

const tagGraph = "Graph & Query"

// graphTimeout bounds one graph or path query; what was found by then is
// answered as truncated.
const graphTimeout = 5 * time.Second

func (s *Service) graphOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "POST", Path: "/graph/paths", ID: "findPaths", Tag: tagGraph, Summary: "Find paths between entities",
			Description: "One shortest path for each pair of a source and a target, shortest first. An edge always reads in the stored direction. Within five seconds and a bound on visited edges; what was found by then is answered with `truncated`.",
			Permission:  "graph:query", Auth: wire.AuthRequired, Reads: true,
			Success: []wire.Success{{Status: 200, Body: PathsResponse{}}}, Errors: []int{400, 401},
		}, s.paths),
		wire.Op(wire.Operation{
			Method: "POST", Path: "/graph/reachable", ID: "findReachable", Tag: tagGraph, Summary: "Find what can be reached",
			Description: "Every entity of a type within max_depth of a source, each with one shortest path, shortest first. Exhaustive up to the limit; for ranked results use POST /query.",
			Permission:  "graph:query", Auth: wire.AuthRequired, Reads: true,
			Success: []wire.Success{{Status: 200, Body: ReachableResponse{}}}, Errors: []int{400, 401},
		}, s.reachable),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/graph/entity/{id}", ID: "getGraphEntity", Tag: tagGraph, Summary: "Get an entity with what points at it",
			Description: "Outgoing and incoming relationships. `direction` and `predicate` narrow them, `limit` and `offset` page through them.",
			Permission:  "graph:query", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: GraphEntityResponse{}}}, Errors: []int{400, 401, 404},
		}, s.graphEntity),
	}
}

type walkIn struct {
	MaxDepth  int    `json:"max_depth" default:"4" min:"1" max:"8"`
	Direction string `json:"direction" default:"both" enum:"outgoing,incoming,both"`
	Limit     int    `json:"limit" default:"100" min:"1" max:"1000"`
	Expand    string `query:"expand" default:"preview" enum:"preview,full,none"`
}

func (in walkIn) direction() entity.Direction {
	switch in.Direction {
	case "outgoing":
		return entity.Outgoing
	case "incoming":
		return entity.Incoming
	}
	return entity.Both
}

type pathsIn struct {
	Sources []entity.ID `json:"source_ids" alias:"source_pis" req:"true" min:"1" max:"1000"`
	Targets []entity.ID `json:"target_ids" alias:"target_pis" req:"true" min:"1" max:"1000"`
	walkIn
}

// PathEdge is one edge of a path, in the stored direction.
type PathEdge struct {
	SubjectPI      entity.ID        `json:"subject_pi"`
	SubjectID      entity.ID        `json:"subject_id"`
	SubjectLabel   string           `json:"subject_label"`
	SubjectType    string           `json:"subject_type"`
	SubjectPreview *EntityPreview   `json:"subject_preview,omitempty"`
	SubjectEntity  *EntityResponse  `json:"subject_entity,omitempty"`
	Predicate      entity.Predicate `json:"predicate"`
	ObjectPI       entity.ID        `json:"object_pi"`
	ObjectID       entity.ID        `json:"object_id"`
	ObjectLabel    string           `json:"object_label"`
	ObjectType     string           `json:"object_type"`
	ObjectPreview  *EntityPreview   `json:"object_preview,omitempty"`
	ObjectEntity   *EntityResponse  `json:"object_entity,omitempty"`
}

// PathResult is a path between two entities.
type PathResult struct {
	SourcePI entity.ID  `json:"source_pi"`
	SourceID entity.ID  `json:"source_id"`
	TargetPI entity.ID  `json:"target_pi"`
	TargetID entity.ID  `json:"target_id"`
	Length   int        `json:"length"`
	Edges    []PathEdge `json:"edges"`
}

// PathsResponse has the paths found.
type PathsResponse struct {
	Paths     []PathResult `json:"paths"`
	Truncated bool         `json:"truncated"`
}

// ReachableResult is an entity that can be reached, with a path to it.
type ReachableResult struct {
	PathResult
	TargetLabel   string          `json:"target_label"`
	TargetType    string          `json:"target_type"`
	TargetPreview *EntityPreview  `json:"target_preview,omitempty"`
	TargetEntity  *EntityResponse `json:"target_entity,omitempty"`
}

// ReachableResponse has the entities found.
type ReachableResponse struct {
	Results   []ReachableResult `json:"results"`
	Truncated bool              `json:"truncated"`
}

func (s *Service) paths(ctx context.Context, in *pathsIn) (*wire.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, graphTimeout)
	defer cancel()
	var out PathsResponse
	err := s.view(context.WithoutCancel(ctx), func(r *guard.Reader) error {
		if err := r.May("graph:query", entity.Head{}); err != nil {
			return err
		}
		found, err := s.graph(ctx, r).Paths(ctx, graph.PathsQuery{
			Sources: in.Sources, Targets: in.Targets, MaxDepth: in.MaxDepth, Direction: in.direction(), Limit: in.Limit,
		})
		if err != nil {
			return err
		}
		out = PathsResponse{Paths: make([]PathResult, 0, len(found.Paths)), Truncated: found.Truncated}
		x := newExpander(r, in.Expand)
		for _, p := range found.Paths {
			result, err := x.path(p, true)
			if err != nil {
				return err
			}
			out.Paths = append(out.Paths, result)
		}
		return nil
	})
	return wire.OK(out), err
}

type reachableIn struct {
	Sources    []entity.ID `json:"source_ids" alias:"source_pis" req:"true" min:"1" max:"1000"`
	TargetType string      `json:"target_type" req:"true" min:"1" max:"100"`
	walkIn
}

func (s *Service) reachable(ctx context.Context, in *reachableIn) (*wire.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, graphTimeout)
	defer cancel()
	var out ReachableResponse
	err := s.view(context.WithoutCancel(ctx), func(r *guard.Reader) error {
		if err := r.May("graph:query", entity.Head{}); err != nil {
			return err
		}
		found, err := s.graph(ctx, r).Reachable(ctx, graph.ReachQuery{
			Sources: in.Sources, TargetType: in.TargetType, MaxDepth: in.MaxDepth, Direction: in.direction(), Limit: in.Limit,
		})
		if err != nil {
			return err
		}
		out = ReachableResponse{Results: make([]ReachableResult, 0, len(found.Results)), Truncated: found.Truncated}
		x := newExpander(r, in.Expand)
		for _, p := range found.Results {
			path, err := x.path(p, false)
			if err != nil {
				return err
			}
			result := ReachableResult{PathResult: path}
			if result.TargetLabel, result.TargetType, err = x.name(p.Target); err != nil {
				return err
			}
			if result.TargetPreview, result.TargetEntity, err = x.expand(p.Target); err != nil {
				return err
			}
			out.Results = append(out.Results, result)
		}
		return nil
	})
	return wire.OK(out), err
}

// graph is the graph as the reader's principal may see it.
func (s *Service) graph(ctx context.Context, r *guard.Reader) *graph.Snapshot {
	return s.network(ctx).Graph.Snapshot().Seen(r.Visibility())
}

// path renders a path, with its entities expanded where expand says so.
func (x *expander) path(p graph.Path, expand bool) (PathResult, error) {
	out := PathResult{SourcePI: p.Source, SourceID: p.Source, TargetPI: p.Target, TargetID: p.Target, Length: len(p.Edges), Edges: make([]PathEdge, 0, len(p.Edges))}
	for _, e := range p.Edges {
		edge := PathEdge{SubjectPI: e.From, SubjectID: e.From, Predicate: e.Predicate, ObjectPI: e.To, ObjectID: e.To}
		var err error
		if edge.SubjectLabel, edge.SubjectType, err = x.name(e.From); err != nil {
			return out, err
		}
		if edge.ObjectLabel, edge.ObjectType, err = x.name(e.To); err != nil {
			return out, err
		}
		if expand {
			if edge.SubjectPreview, edge.SubjectEntity, err = x.expand(e.From); err != nil {
				return out, err
			}
			if edge.ObjectPreview, edge.ObjectEntity, err = x.expand(e.To); err != nil {
				return out, err
			}
		}
		out.Edges = append(out.Edges, edge)
	}
	return out, nil
}

// name gives what to call an entity and its type, empty for one that is not
// here.
func (x *expander) name(id entity.ID) (label, typ string, err error) {
	h, err := x.r.Head(id)
	if err != nil && entity.KindOf(err) == entity.KindNotFound {
		return "", "", nil
	}
	return h.Label, h.Type, err
}

type graphEntityIn struct {
	ID        entity.ID `path:"id"`
	Expand    string    `query:"expand" default:"preview" enum:"preview,full,none"`
	Direction string    `query:"direction" default:"both" enum:"outgoing,incoming,both"`
	Predicate string    `query:"predicate" doc:"only these, separated by commas"`
	Limit     int       `query:"limit" default:"1000" min:"1" max:"10000"`
	Offset    int       `query:"offset" default:"0" min:"0"`
}

// RelationshipInfo is a relationship seen from one of its ends.
type RelationshipInfo struct {
	Direction   string            `json:"direction"`
	Predicate   entity.Predicate  `json:"predicate"`
	PeerPI      entity.ID         `json:"peer_pi"`
	PeerID      entity.ID         `json:"peer_id"`
	PeerType    string            `json:"peer_type"`
	PeerLabel   string            `json:"peer_label"`
	Properties  entity.Properties `json:"properties"`
	PeerPreview *EntityPreview    `json:"peer_preview,omitempty"`
	PeerEntity  *EntityResponse   `json:"peer_entity,omitempty"`
}

// GraphEntityResponse is an entity with the relationships on both sides of it.
type GraphEntityResponse struct {
	PI            entity.ID          `json:"pi"`
	ID            entity.ID          `json:"id"`
	Type          string             `json:"type"`
	Label         string             `json:"label"`
	CollectionPI  *entity.ID         `json:"collection_pi"`
	CollectionID  *entity.ID         `json:"collection_id"`
	CreatedAt     string             `json:"created_at"`
	UpdatedAt     string             `json:"updated_at"`
	Relationships []RelationshipInfo `json:"relationships"`
	HasMore       bool               `json:"has_more"`
}

func (s *Service) graphEntity(ctx context.Context, in *graphEntityIn) (*wire.Reply, error) {
	var out GraphEntityResponse
	err := s.view(ctx, func(r *guard.Reader) error {
		if err := r.May("graph:query", entity.Head{}); err != nil {
			return err
		}
		h, err := r.Allowed("entity:view", in.ID)
		if err != nil {
			return err
		}
		if h.Deleted {
			return entity.NotFound("native.graphEntity", "Entity not found: %s is deleted", in.ID)
		}
		out = GraphEntityResponse{PI: h.ID, ID: h.ID, Type: h.Type, Label: h.Label, CreatedAt: entity.FormatMillis(h.CreatedAt), UpdatedAt: entity.FormatMillis(h.TS), Relationships: []RelationshipInfo{}}
		if h.Collection != "" {
			out.CollectionPI, out.CollectionID = &h.Collection, &h.Collection
		}
		return in.relationships(newExpander(r, in.Expand), s.graph(ctx, r), &out)
	})
	return wire.OK(out), err
}

// relationships fills in one page of edges, outgoing first.
func (in *graphEntityIn) relationships(x *expander, snap *graph.Snapshot, out *GraphEntityResponse) error {
	var only []entity.Predicate
	for p := range strings.SplitSeq(in.Predicate, ",") {
		if p != "" {
			only = append(only, entity.Predicate(p))
		}
	}
	n := 0
	for _, d := range []entity.Direction{entity.Outgoing, entity.Incoming} {
		if in.Direction != "both" && in.Direction != d.String() {
			continue
		}
		degree := snap.Degree(in.ID, d, only)
		if n+degree <= in.Offset {
			n += degree
			continue
		}
		for e := range snap.Edges(in.ID, d, only) {
			if n++; n <= in.Offset {
				continue
			}
			if len(out.Relationships) == in.Limit {
				out.HasMore = true
				return nil
			}
			info, err := x.relationship(e, d)
			if err != nil {
				return err
			}
			out.Relationships = append(out.Relationships, info)
		}
	}
	return nil
}

// relationship renders an edge as seen from the end that d leads away from.
func (x *expander) relationship(e entity.Edge, d entity.Direction) (RelationshipInfo, error) {
	peer := e.To
	if d == entity.Incoming {
		peer = e.From
	}
	info := RelationshipInfo{Direction: d.String(), Predicate: e.Predicate, PeerPI: peer, PeerID: peer, Properties: entity.Properties{}}
	holder, err := x.version(e.From)
	if err != nil {
		return info, err
	}
	if holder != nil {
		if i := holder.Manifest.Related(e.Predicate, e.To); i >= 0 && holder.Manifest.Relationships[i].Properties != nil {
			info.Properties = holder.Manifest.Relationships[i].Properties
		}
	}
	if info.PeerLabel, info.PeerType, err = x.name(peer); err != nil {
		return info, err
	}
	info.PeerPreview, info.PeerEntity, err = x.expand(peer)
	return info, err
}
