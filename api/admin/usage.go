package admin

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"time"

	"stemma/api/llm/tenant"
	"stemma/api/llm/usage"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

func (s *Service) usageOps() []wire.Operation {
	const windows = "The last `window` hours, widened to whole buckets. Of one tenant with `tenant_id`, also of one that is deleted, and with `rollup` of those below it; else of all. `source` tells the calls of agents from recorded runs, of which each is one request."
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/traces", ID: "adminListTraces", Summary: "List the calls of language models", Permission: administer,
			Description: "Newest first. A page may have fewer than `limit`; `nextCursor` is null at the end.",
			Success:     []wire.Success{{Status: 200, Body: Traces{}}}, Errors: []int{400, 404},
		}), s.listTraces),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/traces/{id}", ID: "adminGetTrace", Summary: "Get a call with its steps", Permission: administer,
			Description: "What a tenant has sealed stays sealed.",
			Success:     []wire.Success{{Status: 200, Body: usage.Detail{}}}, Errors: []int{400, 404},
		}), s.getTrace),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/analytics/summary", ID: "adminAnalyticsSummary", Summary: "Sum up the calls of language models", Permission: administer,
			Description: windows,
			Success:     []wire.Success{{Status: 200, Body: usage.Summary{}}}, Errors: []int{400, 404},
		}), s.summary),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/analytics/timeseries", ID: "adminAnalyticsTimeseries", Summary: "Count the calls of language models by time", Permission: administer,
			Description: windows + " In buckets of `bucket` minutes, a multiple of 5, as an array.",
			Success:     []wire.Success{{Status: 200, Body: []usage.Point{}}}, Errors: []int{400, 404},
		}), s.timeseries),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/analytics/models", ID: "adminAnalyticsModels", Summary: "Sum up the calls by model", Permission: administer,
			Description: windows + " The model that was asked most comes first.",
			Success:     []wire.Success{{Status: 200, Body: ModelUsage{}}}, Errors: []int{400, 404},
		}), s.models),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/analytics/tenants", ID: "adminAnalyticsTenants", Summary: "Sum up the calls by tenant", Permission: administer,
			Description: "The last `window` hours, widened to whole buckets. The tenant that asked most comes first; those that asked nothing are left out.",
			Success:     []wire.Success{{Status: 200, Body: TenantUsage{}}}, Errors: []int{400},
		}), s.tenants),
	}
}

// isTenant is KindNotFound for what never was a tenant.
func isTenant(r entity.Reader, id entity.ID) error {
	h, err := r.Head(id)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return err
	}
	if err != nil || h.Type != entity.TypeTenant {
		return entity.NotFound("admin.isTenant", "there is no tenant %s", id)
	}
	return nil
}

// Traces are a page of calls.
type Traces struct {
	Traces []*usage.Trace `json:"traces"`
	Next   *string        `json:"nextCursor" doc:"the cursor of the next page; null at the end"`
}

type listTracesIn struct {
	Tenant entity.ID `query:"tenant_id" alias:"tenantId"`
	Limit  int       `query:"limit" default:"50" min:"1" max:"200"`
	Cursor string    `query:"cursor" max:"200"`
}

func (s *Service) listTraces(ctx context.Context, in *listTracesIn) (*wire.Reply, error) {
	raw, err := base64.RawURLEncoding.DecodeString(in.Cursor)
	after, ok := usage.ParseCursor(raw)
	if err != nil || !ok {
		return nil, issue("cursor", "cursor must be the nextCursor of a page before, or be left out")
	}
	out := Traces{}
	err = s.view(ctx, func(r *guard.Reader) error {
		scope := usage.All()
		if in.Tenant != "" {
			if err := isTenant(r, in.Tenant); err != nil {
				return err
			}
			scope = usage.Tenant(in.Tenant)
		}
		next := usage.Cursor(nil)
		var err error
		if out.Traces, next, err = usage.Traces(r, scope, usage.Page{After: after, Limit: in.Limit}); err == nil {
			out.Next = orNull(base64.RawURLEncoding.EncodeToString(next))
		}
		return err
	})
	return secret(wire.OK(out)), err
}

func (s *Service) getTrace(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out *usage.Detail
	err := s.view(ctx, func(r *guard.Reader) (err error) {
		out, err = usage.DetailOf(r, in.ID, nil)
		return err
	})
	return secret(wire.OK(out)), err
}

type windowIn struct {
	Tenant entity.ID `query:"tenant_id" alias:"tenantId"`
	Window int       `query:"window" default:"24" min:"1" max:"87840" doc:"hours"`
	Rollup bool      `query:"rollup" doc:"with the tenants below tenant_id"`
	Source string    `query:"source" enum:"gateway,recorder" doc:"of the calls of agents alone, or of what was recorded; left out: of both"`
}

// scopes are what is counted.
func (in *windowIn) scopes(r entity.Reader) (all []usage.Scope, err error) {
	source, of := usage.Source(in.Source), []entity.ID{in.Tenant}
	if in.Tenant == "" {
		return source.OfAll(), nil
	}
	if err := isTenant(r, in.Tenant); err != nil {
		return nil, err
	}
	if in.Rollup {
		if of, err = tenant.WithBelow(r, in.Tenant); err != nil {
			return nil, err
		}
	}
	return source.Of(r, of)
}

// read runs fn for the calls that a request is about.
func (s *Service) read(ctx context.Context, in *windowIn, fn func(entity.Reader, []usage.Scope, usage.Window) error) error {
	return s.view(ctx, func(r *guard.Reader) error {
		scopes, err := in.scopes(r)
		if err != nil {
			return err
		}
		return fn(r, scopes, usage.Last(in.Window, r.At()))
	})
}

func (s *Service) summary(ctx context.Context, in *windowIn) (*wire.Reply, error) {
	var out *usage.Summary
	err := s.read(ctx, in, func(r entity.Reader, scopes []usage.Scope, w usage.Window) (err error) {
		out, err = usage.Summarize(r, scopes, w)
		return err
	})
	return wire.OK(out), err
}

type seriesIn struct {
	windowIn
	Bucket int `query:"bucket" default:"60" min:"5" max:"527040" doc:"minutes"`
}

func (s *Service) timeseries(ctx context.Context, in *seriesIn) (*wire.Reply, error) {
	var out []usage.Point
	err := s.read(ctx, &in.windowIn, func(r entity.Reader, scopes []usage.Scope, w usage.Window) (err error) {
		out, err = usage.Series(r, scopes, w, time.Duration(in.Bucket)*time.Minute)
		return err
	})
	return wire.OK(out), err
}

// ModelUsage is what each model comes to.
type ModelUsage struct {
	Models []usage.Model `json:"models"`
}

func (s *Service) models(ctx context.Context, in *windowIn) (*wire.Reply, error) {
	var out ModelUsage
	err := s.read(ctx, in, func(r entity.Reader, scopes []usage.Scope, w usage.Window) (err error) {
		out.Models, err = usage.Models(r, scopes, w)
		return err
	})
	return wire.OK(out), err
}

// TenantUsage is what each tenant comes to.
type TenantUsage struct {
	Tenants []UsageOfTenant `json:"tenants"`
}

// UsageOfTenant is what a tenant comes to.
type UsageOfTenant struct {
	ID       entity.ID `json:"id"`
	Name     string    `json:"name"`
	Requests int64     `json:"requests"`
	Errors   int64     `json:"errors"`
	Tokens   int64     `json:"tokens"`
	CostUSD  *float64  `json:"costUSD" doc:"null when no model had a price"`
}

type tenantsIn struct {
	Window int `query:"window" default:"24" min:"1" max:"87840" doc:"hours"`
}

func (s *Service) tenants(ctx context.Context, in *tenantsIn) (*wire.Reply, error) {
	out := TenantUsage{Tenants: []UsageOfTenant{}}
	err := s.view(ctx, func(r *guard.Reader) error {
		for e, err := range tenant.All(r) {
			if err != nil {
				return err
			}
			sum, err := usage.Summarize(r, []usage.Scope{usage.Tenant(e.ID)}, usage.Last(in.Window, r.At()))
			if err != nil {
				return err
			}
			if sum.Requests == 0 {
				continue
			}
			m, err := tenantOf(r, e.ID)
			if err != nil {
				return err
			}
			out.Tenants = append(out.Tenants, UsageOfTenant{ID: e.ID, Name: m.Label(), Requests: sum.Requests, Errors: sum.Errors, Tokens: sum.Tokens, CostUSD: sum.CostUSD})
		}
		slices.SortStableFunc(out.Tenants, func(a, b UsageOfTenant) int { return cmp.Compare(b.Requests, a.Requests) })
		return nil
	})
	return wire.OK(out), err
}
