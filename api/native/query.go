package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/query"
)

func (s *Service) queryOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "POST", Path: "/query", ID: "query", Tag: tagGraph, Summary: "Run a path query",
			Description: "Enters the graph at entities and hops along relationships; GET /query/syntax has the language. What is named exactly is matched exactly: all of it and only it, up to `k`. Free text finds what is like it, fuzzy terms relations that mean something like them; the scope says where text is searched, by default in the collections that it is about and among what belongs to none.",
			Permission:  "query:execute", Auth: wire.AuthRequired, Reads: true,
			Success: []wire.Success{{Status: 200, Body: QueryResponse{}}}, Errors: []int{400, 401, 501},
		}, s.query),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/query/syntax", ID: "querySyntax", Tag: tagGraph, Summary: "The path language on a page",
			Description: "Printed from the grammar's own table.",
			Success:     []wire.Success{{Status: 200, ContentType: "text/plain"}},
		}, func(context.Context, *struct{}) (*wire.Reply, error) {
			return wire.Bytes("text/plain; charset=utf-8", []byte(query.Syntax())), nil
		}),
		wire.Op(wire.Operation{
			Method: "POST", Path: "/query/explain", ID: "explainQuery", Tag: tagGraph, Summary: "How a path query would be run",
			Description: "The query in its canonical form and the steps of its plan with the rows they are expected to yield. Nothing is run.",
			Permission:  "query:execute", Auth: wire.AuthRequired, Reads: true,
			Success: []wire.Success{{Status: 200, Body: ExplainResponse{}}}, Errors: []int{400, 401},
		}, s.explain),
	}
}

type queryIn struct {
	Path       string    `json:"path" alias:"query" req:"true" min:"1" max:"16384" doc:"the query; see GET /query/syntax"`
	K          int       `json:"k" default:"25" min:"1" max:"100" doc:"results; | limit n in the query goes further"`
	KExplore   int       `json:"k_explore" min:"1" max:"300" doc:"candidates that a ranked stage hands on; by default three times k"`
	Collection entity.ID `json:"collection" alias:"collection_id,collection_pi" doc:"as if the query began with @:collection(id)"`
	Expand     string    `json:"expand" default:"preview" enum:"none,preview,full"`
}

type runQueryIn struct {
	queryIn
	sinceIn
}

func (in *queryIn) options(r entity.Reader, c *scorer) query.Options {
	o := query.Options{K: in.K, KExplore: in.KExplore, Collection: in.Collection, Lookup: lookup{r}}
	if c != nil {
		o.Scorer = c
	}
	return o
}

// lookup reads for the path language what the graph does not hold.
type lookup struct{ r entity.Reader }

func (l lookup) Manifest(id entity.ID) (*entity.Manifest, error) {
	h, err := l.r.Head(id)
	if err != nil {
		return nil, err
	}
	return l.r.Manifest(h.CID())
}

func (l lookup) Collection(id entity.ID) (entity.ID, error) {
	h, err := l.r.Head(id)
	return h.Collection, err
}

// QueryEntity is an entity that a query found.
type QueryEntity struct {
	PI           entity.ID       `json:"pi"`
	ID           entity.ID       `json:"id"`
	Type         string          `json:"type"`
	Label        string          `json:"label"`
	CollectionPI *entity.ID      `json:"collection_pi"`
	CollectionID *entity.ID      `json:"collection_id"`
	Preview      *EntityPreview  `json:"preview_data,omitempty"`
	Full         *EntityResponse `json:"full_entity,omitempty"`
}

// PathStep is an entity on a path, or the edge to the next.
type PathStep struct {
	Entity    entity.ID        `json:"entity,omitempty"`
	Label     *string          `json:"label,omitempty"`
	Type      string           `json:"type,omitempty"`
	Edge      entity.Predicate `json:"edge,omitempty"`
	Direction string           `json:"direction,omitempty" enum:"outgoing,incoming"`
	Score     float64          `json:"score,omitempty"`
	Preview   *EntityPreview   `json:"preview_data,omitempty"`
	Full      *EntityResponse  `json:"full_entity,omitempty"`
}

// QueryResult is an entity found, with the best path to it.
type QueryResult struct {
	Entity QueryEntity `json:"entity"`
	Path   []PathStep  `json:"path"`
	Score  float64     `json:"score"`
}

// ResolvedTerm says how a term of a relation was read.
type ResolvedTerm struct {
	Hop       int              `json:"hop"`
	Term      string           `json:"term"`
	As        string           `json:"as" enum:"exact,fuzzy"`
	Negated   bool             `json:"negated,omitempty"`
	Predicate entity.Predicate `json:"predicate,omitempty"`
}

// QueryMetadata says how an answer came about.
type QueryMetadata struct {
	Query           string         `json:"query"`
	Hops            int            `json:"hops"`
	K               int            `json:"k"`
	KExplore        int            `json:"k_explore"`
	Explored        int            `json:"total_candidates_explored"`
	ExecutionTimeMS float64        `json:"execution_time_ms"`
	Collection      entity.ID      `json:"collection,omitempty"`
	Terms           []ResolvedTerm `json:"terms,omitempty"`
	Truncated       bool           `json:"truncated,omitempty"`
	Missing         []string       `json:"missing,omitempty" doc:"parts of the search for text that could not answer"`
	Error           string         `json:"error,omitempty" enum:"no_entry_point,no_path_found"`
	Reason          string         `json:"reason,omitempty"`
	PartialPath     []PathStep     `json:"partial_path,omitempty"`
	StoppedAtHop    int            `json:"stopped_at_hop,omitempty"`
}

// QueryResponse is the answer of a query; count is there when it ended in
// "| count".
type QueryResponse struct {
	Results  []QueryResult `json:"results"`
	Count    *int          `json:"count,omitempty"`
	Metadata QueryMetadata `json:"metadata"`
}

func (s *Service) query(ctx context.Context, in *runQueryIn) (*wire.Reply, error) {
	q, err := query.Parse(in.Path)
	if err != nil {
		return nil, err
	}
	if err := s.caughtUp(ctx, in.sinceIn); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, graphTimeout)
	defer cancel()
	var out QueryResponse
	err = s.view(ctx, func(r *guard.Reader) error {
		if err := r.May("query:execute", entity.Head{}); err != nil {
			return err
		}
		c := s.scorer(ctx, r)
		found, err := q.Run(ctx, s.graph(ctx, r), in.options(r, c))
		if err != nil {
			return err
		}
		out, err = newExpander(r, in.Expand).query(found)
		if c != nil {
			out.Metadata.Missing = c.missing
		}
		return err
	})
	return wire.OK(out), err
}

func (x *expander) query(found *query.Result) (out QueryResponse, err error) {
	out = QueryResponse{Results: make([]QueryResult, 0, len(found.Items)), Count: found.Count}
	for _, item := range found.Items {
		result := QueryResult{Score: item.Score}
		if result.Entity, err = x.found(item.ID); err != nil {
			return out, err
		}
		if result.Path, err = x.steps(item.Path); err != nil {
			return out, err
		}
		out.Results = append(out.Results, result)
	}
	m := found.Meta
	out.Metadata = QueryMetadata{
		Query: m.Query, Hops: m.Hops, K: m.K, KExplore: m.KExplore, Explored: m.Explored, ExecutionTimeMS: m.ExecutionTime,
		Collection: m.Collection, Truncated: m.Truncated, Error: m.Error, Reason: m.Reason, StoppedAtHop: m.StoppedAtHop,
		Terms: terms(m.Resolved),
	}
	if m.PartialPath != nil {
		out.Metadata.PartialPath, err = x.steps(m.PartialPath)
	}
	return out, err
}

func terms(resolved []query.Resolved) []ResolvedTerm {
	out := make([]ResolvedTerm, 0, len(resolved))
	for _, t := range resolved {
		as := "fuzzy"
		if t.Exact {
			as = "exact"
		}
		out = append(out, ResolvedTerm{Hop: t.Hop, Term: t.Term, As: as, Negated: t.Except, Predicate: t.Predicate})
	}
	return out
}

func (x *expander) found(id entity.ID) (e QueryEntity, err error) {
	e = QueryEntity{PI: id, ID: id}
	h, err := x.r.Head(id)
	if err != nil && entity.KindOf(err) == entity.KindNotFound {
		return e, nil // the graph is newer than the state read
	}
	e.Label, e.Type = h.Label, h.Type
	if h.Collection != "" {
		e.CollectionPI, e.CollectionID = &h.Collection, &h.Collection
	}
	if err == nil {
		e.Preview, e.Full, err = x.expand(id)
	}
	return e, err
}

func (x *expander) steps(path []query.PathStep) ([]PathStep, error) {
	out := make([]PathStep, 0, len(path))
	for _, p := range path {
		step := PathStep{Entity: p.Entity, Edge: p.Edge, Score: p.Score}
		if p.Entity == "" {
			step.Direction = p.Direction.String()
			out = append(out, step)
			continue
		}
		label, typ, err := x.name(p.Entity)
		if err != nil {
			return nil, err
		}
		step.Label, step.Type = &label, typ
		if step.Preview, step.Full, err = x.expand(p.Entity); err != nil {
			return nil, err
		}
		out = append(out, step)
	}
	return out, nil
}

// ExplainResponse is the plan of a query.
type ExplainResponse struct {
	Query string        `json:"query"`
	Steps []ExplainStep `json:"steps"`
}

// ExplainStep is one step of a plan.
type ExplainStep struct {
	Op          string `json:"op"`
	Detail      string `json:"detail"`
	Rows        int    `json:"rows" doc:"how many entities it is thought to leave"`
	Position    int    `json:"position" doc:"in the query, in bytes"`
	NeedsSearch bool   `json:"needs_search,omitempty" doc:"likeness decides here: a search index is needed"`
}

func (s *Service) explain(ctx context.Context, in *queryIn) (*wire.Reply, error) {
	q, err := query.Parse(in.Path)
	if err != nil {
		return nil, err
	}
	out := ExplainResponse{Query: q.String(), Steps: []ExplainStep{}}
	err = s.view(ctx, func(r *guard.Reader) error {
		if err := r.May("query:execute", entity.Head{}); err != nil {
			return err
		}
		steps, err := q.Explain(s.graph(ctx, r), query.Options{K: in.K, KExplore: in.KExplore, Collection: in.Collection})
		for _, step := range steps {
			out.Steps = append(out.Steps, ExplainStep{Op: step.Op, Detail: step.Detail, Rows: step.Rows, Position: step.Position, NeedsSearch: step.NeedsScorer})
		}
		return err
	})
	return wire.OK(out), err
}
