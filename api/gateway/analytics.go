package gateway

import (
	"context"
	"encoding/base64"
	"time"

	"stemma/api/llm/usage"
	"stemma/api/wire"
	"stemma/entity"
)

// analyticsOps are what a key may see of its agent's calls. It sees those of no
// other agent of the tenant: a key is bound to one.
func (s *Service) analyticsOps() []wire.Operation {
	op := func(path, id, summary, description string, body any) wire.Operation {
		return wire.Operation{
			Method: "GET", Path: path, ID: id, Summary: summary, Description: description,
			Success: []wire.Success{{Status: 200, Body: body}}, Errors: []int{400, 401, 403, 503},
		}
	}
	return []wire.Operation{
		wire.Op(op("/v1/traces", "listTraces", "List the calls of the key's agent", "Newest first. `nextCursor` is the `cursor` of the next page. Without what was asked and said.", Traces{}), s.traces),
		wire.Op(op("/v1/analytics/summary", "getAnalyticsSummary", "Add up the calls of the key's agent", "Of the last `window` hours, which begin at a multiple of five minutes.", usage.Summary{}), s.summary),
		wire.Op(op("/v1/analytics/timeseries", "getAnalyticsTimeseries", "Add up the calls of the key's agent by time", "In buckets of so many minutes, a multiple of 5; 2000 at most.", []usage.Point{}), s.timeseries),
	}
}

// Traces is a page of calls.
type Traces struct {
	Traces []*usage.Trace `json:"traces"`
	Next   *string        `json:"nextCursor" doc:"null at the end"`
}

type tracesIn struct {
	Limit  int    `query:"limit" default:"50" min:"1" max:"200"`
	Cursor string `query:"cursor" max:"200" doc:"nextCursor of the page before"`
}

// mine runs fn with the scope of the key's agent.
func (s *Service) mine(ctx context.Context, fn func(r entity.Reader, of usage.Scope) error) error {
	c, _, err := s.caller(ctx)
	if err != nil {
		return err
	}
	return s.engine.View(ctx, c.Network, func(r entity.Reader) error { return fn(r, usage.Agent(c.Agent)) })
}

func noStore(r *wire.Reply) *wire.Reply { return r.WithHeader("Cache-Control", "no-store") }

func (s *Service) traces(ctx context.Context, in *tracesIn) (*wire.Reply, error) {
	raw, err := base64.RawURLEncoding.DecodeString(in.Cursor)
	after, ok := usage.ParseCursor(raw)
	if err != nil || !ok {
		e := entity.Invalid("gateway.traces", "cursor must be the nextCursor of an earlier answer")
		e.Issues = []entity.Issue{{Path: []any{"cursor"}, Message: e.Message}}
		return nil, e
	}
	var out Traces
	err = s.mine(ctx, func(r entity.Reader, of usage.Scope) (err error) {
		var next usage.Cursor
		out.Traces, next, err = usage.Traces(r, of, usage.Page{After: after, Limit: in.Limit})
		out.Next = nil
		if next != nil {
			text := base64.RawURLEncoding.EncodeToString(next)
			out.Next = &text
		}
		return err
	})
	return noStore(wire.OK(out)), err
}

type windowIn struct {
	Window int `query:"window" default:"24" min:"1" max:"87840" doc:"hours"`
}

func (s *Service) summary(ctx context.Context, in *windowIn) (*wire.Reply, error) {
	var out *usage.Summary
	err := s.mine(ctx, func(r entity.Reader, of usage.Scope) (err error) {
		out, err = usage.Summarize(r, []usage.Scope{of}, usage.Last(in.Window, s.now()))
		return err
	})
	return noStore(wire.OK(out)), err
}

type timeseriesIn struct {
	windowIn
	Bucket int `query:"bucket" default:"60" min:"5" max:"527040" doc:"minutes"`
}

func (s *Service) timeseries(ctx context.Context, in *timeseriesIn) (*wire.Reply, error) {
	var out []usage.Point
	err := s.mine(ctx, func(r entity.Reader, of usage.Scope) (err error) {
		out, err = usage.Series(r, []usage.Scope{of}, usage.Last(in.Window, s.now()), time.Duration(in.Bucket)*time.Minute)
		return err
	})
	return noStore(wire.OK(out)), err
}
