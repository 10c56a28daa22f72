package portal

import (
	"context"

	"stemma/api/llm/agent"
	"stemma/api/llm/budget"
	"stemma/api/llm/tenant"
	"stemma/api/llm/turn"
	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) limitOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/limits", ID: "portalLimits", Summary: "Get the tenant's limits, and what is used of them", Permission: anyMember,
			Description: "Those of the tenant hold for all of its agents together and are set with `PUT /v1/portal/settings`; those of an agent hold for each of its keys and are set with `PUT /v1/portal/agents/{id}`. Keys that were revoked are left out.",
			Success:     []wire.Success{{Status: 200, Body: LimitsResponse{}}},
		}), s.limits),
	}
}

// Bounded is what has limits.
type Bounded struct {
	Limits Limits `json:"limits"`
	Used   Used   `json:"used"`
}

// Used is what is used of limits.
type Used struct {
	Requests float64 `json:"requests" doc:"of the last minute; they flow back evenly. 0 where nothing bounds them"`
	Tokens   float64 `json:"tokens" doc:"of the last minute, as requests"`
	USD      float64 `json:"usd" doc:"of the day, which ends at midnight UTC, with what calls under way may cost"`
}

// BoundedKey is a key of an agent with the agent's limits.
type BoundedKey struct {
	tenant.Key
	Bounded
}

// LimitsResponse is what bounds the tenant.
type LimitsResponse struct {
	Tenant Bounded      `json:"tenant"`
	Keys   []BoundedKey `json:"keys"`
}

func (s *Service) limits(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	out := LimitsResponse{}
	var id entity.ID
	var of agent.Limits
	var keys []tenant.Key
	by := map[entity.ID]agent.Limits{} // of agents
	err := s.view(ctx, func(h here) (err error) {
		id, of, by = h.tenant.ID, agent.OfTenant(h.tenant).Limits, map[entity.ID]agent.Limits{}
		if keys, err = tenant.Keys(h.raw, h.workspace); err != nil {
			return err
		}
		return h.each(entity.TypeAgent, func(v *entity.Version) error {
			by[v.Manifest.ID] = agent.Of(v.Manifest).Limits
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	used, err := s.Engine.UsedByTenant(id, of)
	if err != nil {
		return nil, err
	}
	out.Tenant, out.Keys = bounded(of, used), []BoundedKey{}
	for _, k := range keys {
		of, there := by[k.AgentID]
		if !there || k.Status != tenant.KeyActive {
			continue
		}
		if used, err = s.Engine.UsedByKey(turn.KeyOf(k.AgentID, k.Prefix), of); err != nil {
			return nil, err
		}
		out.Keys = append(out.Keys, BoundedKey{k, bounded(of, used)})
	}
	return secret(wire.OK(out)), nil
}

func bounded(l agent.Limits, u budget.Used) Bounded {
	return Bounded{limitsOf(l), Used{u.Requests, u.Tokens, u.USD}}
}
