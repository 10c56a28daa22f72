package gateway

import (
	"context"
	"slices"

	"stemma/api/llm/turn"
	"stemma/api/wire"
	"stemma/entity"
)

// Model is a model, with the members that clients of OpenAI and of Anthropic
// look for.
type Model struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Created     int64  `json:"created"`
	OwnedBy     string `json:"owned_by"`
	Type        string `json:"type"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
}

// Models is a page of models, which has all of them.
type Models struct {
	Object  string  `json:"object"`
	Data    []Model `json:"data"`
	HasMore bool    `json:"has_more"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
}

// modelOf describes a model. When it was made is not known: the agent's version
// stands for it.
func modelOf(p *turn.Plan, name string) Model {
	at := p.Agent.TS
	return Model{ID: name, Object: "model", Created: at / 1000, OwnedBy: "stemma", Type: "model", DisplayName: name, CreatedAt: entity.FormatMillis(at)}
}

func (s *Service) models(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	_, plan, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	out := Models{Object: "list"}
	for _, name := range plan.ModelNames() {
		out.Data = append(out.Data, modelOf(plan, name))
	}
	if n := len(out.Data); n > 0 {
		out.FirstID, out.LastID = &out.Data[0].ID, &out.Data[n-1].ID
	}
	return wire.OK(out), nil
}

func (s *Service) model(ctx context.Context, in *struct {
	Model string `path:"model"`
}) (*wire.Reply, error) {
	_, plan, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(plan.ModelNames(), in.Model) {
		return nil, entity.NotFound("gateway.model", "The model %.64q is not one of this agent's; GET /v1/models lists them", in.Model)
	}
	return wire.OK(modelOf(plan, in.Model)), nil
}
