package portal

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"time"

	"stemma/api/llm/agent"
	"stemma/api/llm/runs"
	"stemma/api/llm/tenant"
	"stemma/api/llm/usage"
	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) analyticsOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/traces", ID: "portalListTraces", Summary: "List the calls of the tenant's agents", Permission: anyMember,
			Description: "Newest first. `nextCursor` is the `cursor` of the next page; a page may have fewer than `limit`. Tokens, cost and times are null where they are not known.",
			Success:     []wire.Success{{Status: 200, Body: Traces{}}}, Errors: []int{400, 404},
		}), s.listTraces),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/traces/{id}", ID: "portalGetTrace", Summary: "Read a call", Permission: anyMember,
			Description: "With every step: what was asked, what was found, what the model was sent and said, which tools were called. What is kept sealed is opened.",
			Success:     []wire.Success{{Status: 200, Body: usage.Detail{}}}, Errors: []int{400, 404},
		}), s.getTrace),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/analytics/summary", ID: "portalSummary", Summary: "Add up the tenant's calls", Permission: anyMember,
			Description: "Of the last `window` hours, with `rollup` of the tenants below it too. They are counted when they are over; the window begins at a multiple of five minutes. `source` tells the calls of agents from the runs of the tenant's recordings, which programs tell of or the proxy sees: each of these is one request, with all its tokens and cost.",
			Success:     []wire.Success{{Status: 200, Body: usage.Summary{}}}, Errors: []int{400},
		}), s.summary),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/analytics/timeseries", ID: "portalTimeseries", Summary: "Add up the tenant's calls by time", Permission: anyMember,
			Description: "In buckets of so many minutes, a multiple of 5, that begin at multiples of that since 1970, the first where the window does or before. Buckets without a call are there too; there are 2000 at most.",
			Success:     []wire.Success{{Status: 200, Body: []usage.Point{}}}, Errors: []int{400},
		}), s.timeseries),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/analytics/models", ID: "portalModels", Summary: "Add up the tenant's calls by model", Permission: anyMember,
			Description: "The most asked first. Recorded runs with more than one model are `several`.",
			Success:     []wire.Success{{Status: 200, Body: Models{}}}, Errors: []int{400},
		}), s.models),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/analytics/agents", ID: "portalAgentUsage", Summary: "Add up the tenant's calls by agent", Permission: anyMember,
			Description: "The most asked first, and those that were not asked. Calls of agents that were deleted are in none of them.",
			Success:     []wire.Success{{Status: 200, Body: AgentsUsage{}}}, Errors: []int{400},
		}), s.agentUsage),
	}
}

// Traces is a page of calls.
type Traces struct {
	Traces []*usage.Trace `json:"traces"`
	Next   *string        `json:"nextCursor" doc:"null at the end"`
}

type listTracesIn struct {
	Agent  entity.ID `query:"agent_id" doc:"those of one agent"`
	Limit  int       `query:"limit" default:"50" min:"1" max:"200"`
	Cursor string    `query:"cursor" max:"200" doc:"nextCursor of the page before"`
}

func (s *Service) listTraces(ctx context.Context, in *listTracesIn) (*wire.Reply, error) {
	raw, err := base64.RawURLEncoding.DecodeString(in.Cursor)
	after, ok := usage.ParseCursor(raw)
	if err != nil || !ok {
		return nil, issue("cursor", "cursor must be the nextCursor of an earlier answer")
	}
	var out Traces
	err = s.view(ctx, func(h here) (err error) {
		of := usage.Tenant(h.tenant.ID)
		if in.Agent != "" {
			of = usage.Agent(in.Agent)
			if _, err := h.live("agent:view", in.Agent, entity.TypeAgent, "agent"); err != nil {
				return err
			}
		}
		var next usage.Cursor
		out.Traces, next, err = usage.Traces(h.raw, of, usage.Page{After: after, Limit: in.Limit, Sees: h.Sees})
		out.Next = nil
		if next != nil {
			text := base64.RawURLEncoding.EncodeToString(next)
			out.Next = &text
		}
		return err
	})
	return secret(wire.OK(out)), err
}

func (s *Service) getTrace(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out *usage.Detail
	err := s.view(ctx, func(h here) error {
		if _, err := h.live("run:view", in.ID, runs.Type, "trace"); err != nil {
			return err
		}
		var err error
		out, err = usage.DetailOf(h.raw, in.ID, s.box(h))
		return err
	})
	return secret(wire.OK(out)), err
}

type windowIn struct {
	Window int    `query:"window" default:"24" min:"1" max:"87840" doc:"hours"`
	Rollup bool   `query:"rollup" doc:"with the tenants below"`
	Source string `query:"source" enum:"gateway,recorder" doc:"of the calls of agents alone, or of what was recorded; left out: of both"`
}

// counted runs fn with what is asked for.
func (s *Service) counted(ctx context.Context, in windowIn, fn func(r entity.Reader, of []usage.Scope, w usage.Window) error) error {
	return s.view(ctx, func(h here) (err error) {
		of := []entity.ID{h.tenant.ID}
		if in.Rollup {
			if of, err = tenant.WithBelow(h.raw, h.tenant.ID); err != nil {
				return err
			}
		}
		scopes, err := usage.Source(in.Source).Of(h.raw, of)
		if err != nil {
			return err
		}
		return fn(h.raw, scopes, usage.Last(in.Window, h.At()))
	})
}

func (s *Service) summary(ctx context.Context, in *windowIn) (*wire.Reply, error) {
	var out *usage.Summary
	err := s.counted(ctx, *in, func(r entity.Reader, of []usage.Scope, w usage.Window) (err error) {
		out, err = usage.Summarize(r, of, w)
		return err
	})
	return secret(wire.OK(out)), err
}

type timeseriesIn struct {
	windowIn
	Bucket int `query:"bucket" default:"60" min:"5" max:"527040" doc:"minutes"`
}

func (s *Service) timeseries(ctx context.Context, in *timeseriesIn) (*wire.Reply, error) {
	var out []usage.Point
	err := s.counted(ctx, in.windowIn, func(r entity.Reader, of []usage.Scope, w usage.Window) (err error) {
		out, err = usage.Series(r, of, w, time.Duration(in.Bucket)*time.Minute)
		return err
	})
	return secret(wire.OK(out)), err
}

// Models are what the tenant's models come to.
type Models struct {
	Models []usage.Model `json:"models"`
}

func (s *Service) models(ctx context.Context, in *windowIn) (*wire.Reply, error) {
	var out Models
	err := s.counted(ctx, *in, func(r entity.Reader, of []usage.Scope, w usage.Window) (err error) {
		out.Models, err = usage.Models(r, of, w)
		return err
	})
	return secret(wire.OK(out)), err
}

// AgentUsage is what an agent comes to.
type AgentUsage struct {
	ID         entity.ID `json:"agentId"`
	Name       string    `json:"name"`
	Requests   int64     `json:"requests"`
	ErrorRate  float64   `json:"errorRate"`
	AvgLatency *float64  `json:"avgLatencyMs"`
	Tokens     int64     `json:"totalTokens"`
	CostUSD    *float64  `json:"estimatedCostUSD"`
}

// AgentsUsage is what the tenant's agents come to.
type AgentsUsage struct {
	Agents []AgentUsage `json:"agents"`
}

type agentUsageIn struct {
	Window int `query:"window" default:"24" min:"1" max:"87840" doc:"hours"`
}

func (s *Service) agentUsage(ctx context.Context, in *agentUsageIn) (*wire.Reply, error) {
	var out AgentsUsage
	err := s.view(ctx, func(h here) error {
		out.Agents = []AgentUsage{}
		window := usage.Last(in.Window, h.At())
		return h.each(entity.TypeAgent, func(v *entity.Version) error {
			if agent.Of(v.Manifest).Kind != agent.Inference {
				return nil
			}
			sum, err := usage.Summarize(h.raw, []usage.Scope{usage.Agent(v.Manifest.ID)}, window)
			if err != nil {
				return err
			}
			out.Agents = append(out.Agents, AgentUsage{v.Manifest.ID, v.Manifest.Label(), sum.Requests, sum.ErrorRate, sum.AvgLatency, sum.Tokens, sum.CostUSD})
			return nil
		})
	})
	slices.SortStableFunc(out.Agents, func(a, b AgentUsage) int { return cmp.Compare(b.Requests, a.Requests) })
	return secret(wire.OK(out)), err
}
