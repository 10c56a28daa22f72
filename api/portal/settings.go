package portal

import (
	"context"

	"stemma/api/llm/agent"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) settingsOps() []wire.Operation {
	ops := []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/settings", ID: "portalGetSettings", Summary: "Get the tenant's settings", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: TenantSettings{}}},
		}), s.getSettings),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/settings/providers", ID: "portalGetProviders", Summary: "Get the tenant's provider, and those it may use", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: ProviderSettings{}}},
		}), s.getProviders),
		wire.Op(row(wire.Operation{
			Method: "PUT", Path: "/settings/providers", ID: "portalSetProviders", Summary: "Set the tenant's provider", Permission: ownerOnly,
			Description: "What is left out stays. The key is kept sealed; it is dropped when `provider` or `baseUrl` changes without a new one.",
			Success:     []wire.Success{{Status: 200, Body: ProviderSettings{}}}, Errors: []int{400, 503},
		}), s.setProviders),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/available-providers", ID: "portalAvailableProviders", Summary: "List the operator's providers that are open to the tenant", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: AvailableProviders{}}},
		}), s.availableProviders),
	}
	for _, method := range []string{"PUT", "PATCH"} {
		id := map[string]string{"PUT": "portalSetSettings", "PATCH": "portalPatchSettings"}[method]
		ops = append(ops, wire.Op(row(wire.Operation{
			Method: method, Path: "/settings", ID: id, Summary: "Change the tenant's settings", Permission: ownerOnly,
			Description: "PUT and PATCH are the same: what is left out stays, an empty text or list takes away.",
			Success:     []wire.Success{{Status: 200, Body: TenantSettings{}}}, Errors: []int{400, 409, 503},
		}), s.setSettings))
	}
	return ops
}

// TenantSettings are what a tenant says for its agents.
type TenantSettings struct {
	ID           entity.ID            `json:"id"`
	Name         string               `json:"name"`
	OrgSlug      string               `json:"orgSlug"`
	Status       string               `json:"status"`
	Provider     *tenant.ProviderView `json:"providerConfig" doc:"null: inherited from the tenant above, or none"`
	Models       []string             `json:"availableModels"`
	SystemPrompt *string              `json:"systemPrompt"`
	Skills       []map[string]any     `json:"skills"`
	Endpoints    []map[string]any     `json:"mcpEndpoints"`
	Embedder     map[string]any       `json:"embedder"`
	Limits       Limits               `json:"limits"`
	SealContent  bool                 `json:"sealContent" doc:"prompts and answers are kept sealed"`
}

// Limits bound what is spent; 0 does not.
type Limits struct {
	RequestsPerMinute int64   `json:"requestsPerMinute" alias:"requests_per_minute" min:"0" max:"1000000000"`
	TokensPerMinute   int64   `json:"tokensPerMinute" alias:"tokens_per_minute" min:"0" max:"1000000000000"`
	USDPerDay         float64 `json:"usdPerDay" alias:"usd_per_day" min:"0" max:"1000000000"`
}

func limitsOf(l agent.Limits) Limits {
	return Limits{RequestsPerMinute: l.RequestsPerMinute, TokensPerMinute: l.TokensPerMinute, USDPerDay: l.USDPerDay}
}

func (l Limits) tree() map[string]any {
	usd, _ := entity.Normalize(l.USDPerDay) // finite, as JSON has it
	return map[string]any{"requests_per_minute": l.RequestsPerMinute, "tokens_per_minute": l.TokensPerMinute, "usd_per_day": usd}
}

func (h here) settings() (TenantSettings, error) {
	m := h.tenant
	got := agent.OfTenant(m)
	out := TenantSettings{
		ID: m.ID, Name: m.Label(), OrgSlug: tenant.Slug(m), Status: agent.StatusActive, Models: got.Models, SystemPrompt: got.SystemPrompt,
		Skills: got.Skills, Endpoints: got.MCPEndpoints, Embedder: got.Embedder, Limits: limitsOf(got.Limits), SealContent: got.SealContent,
	}
	var err error
	out.Provider, err = tenant.ViewProvider(h.raw, m.ID, tenant.Settings(m))
	return out, err
}

func (s *Service) getSettings(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out TenantSettings
	err := s.view(ctx, func(h here) (err error) {
		out, err = h.settings()
		return err
	})
	return secret(wire.OK(out)), err
}

type setSettingsIn struct {
	tenant.ProviderInput
	Config       *tenant.ProviderInput `json:"providerConfig" alias:"provider_config" doc:"the same fields in an object"`
	Name         *string               `json:"name" min:"1" max:"180"`
	OrgSlug      *string               `json:"orgSlug" alias:"org_slug" pattern:"^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$"`
	Models       []string              `json:"availableModels" alias:"available_models" max:"500"`
	SystemPrompt *string               `json:"systemPrompt" alias:"system_prompt" max:"200000"`
	Skills       []map[string]any      `json:"skills" max:"500"`
	Endpoints    []map[string]any      `json:"mcpEndpoints" alias:"mcp_endpoints" max:"100"`
	Embedder     map[string]any        `json:"embedder" doc:"of knowledge bases: provider (openai, azure, ollama or gemini), base_url, deployment and api_version as of a provider, model and dimensions, or gateway_provider_id in place of the first four; the key is that of the tenant's provider of that kind and address. Empty: the operator's, else the server's"`
	Limits       *Limits               `json:"limits"`
	SealContent  *bool                 `json:"sealContent" alias:"seal_content"`
}

func (in *setSettingsIn) provider() (*tenant.ProviderInput, error) {
	if in.Config == nil {
		return &in.ProviderInput, nil
	}
	if in.ProviderInput.Given() {
		return nil, issue("providerConfig", "give the provider's fields in providerConfig or beside it, not both")
	}
	return in.Config, nil
}

// fields writes into the settings what the request gives.
func (in *setSettingsIn) fields(tree map[string]any) {
	if in.Models != nil {
		tree["available_models"] = list(in.Models)
	}
	if in.SystemPrompt != nil {
		setText(tree, "system_prompt", *in.SystemPrompt)
	}
	if in.Skills != nil {
		tree["skills"] = list(in.Skills)
	}
	if in.Endpoints != nil {
		tree["mcp_endpoints"] = list(in.Endpoints)
	}
	if in.Embedder != nil {
		tree["embedder"] = in.Embedder
		if len(in.Embedder) == 0 {
			delete(tree, "embedder")
		}
	}
	if in.Limits != nil {
		tree["limits"] = in.Limits.tree()
	}
	if in.SealContent != nil {
		tree["seal_content"] = *in.SealContent
	}
}

// setText sets a text; an empty one takes it away.
func setText(tree map[string]any, name, value string) {
	tree[name] = value
	if value == "" {
		delete(tree, name)
	}
}

func list[T any](items []T) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = item
	}
	return out
}

func (s *Service) setSettings(ctx context.Context, in *setSettingsIn) (*wire.Reply, error) {
	config, err := in.provider()
	if err != nil {
		return nil, err
	}
	if err := tenant.CheckTools(in.Skills, in.Endpoints); err != nil {
		return nil, err
	}
	if len(in.Embedder) > 0 {
		if err := tenant.CheckEmbedder(in.Embedder); err != nil {
			return nil, err
		}
	}
	if err := trimName(in.Name); err != nil {
		return nil, err
	}
	var out TenantSettings
	err = s.update(ctx, func(t txn) (err error) {
		err = t.editTenant(func(m *entity.Manifest) error {
			if in.Name != nil {
				m.Properties["label"] = *in.Name
			}
			if in.OrgSlug != nil {
				if err := tenant.TakeSlug(t.raw, m.ID, *in.OrgSlug); err != nil {
					return err
				}
				m.Properties["org_slug"] = *in.OrgSlug
			}
			tree := tenant.EditSettings(m)
			in.fields(tree)
			return tenant.SetProvider(t.tx, s.Box, m.ID, m.ID, tree, config)
		})
		if err != nil {
			return err
		}
		out, err = t.settings()
		return err
	})
	return secret(wire.OK(out)), err
}

// editTenant writes the next version of the tenant, by an owner.
func (t *txn) editTenant(edit func(*entity.Manifest) error) error {
	if err := t.owns(); err != nil {
		return err
	}
	t.tx.Vouch(t.tenant.ID)
	v, err := t.tx.Put(t.tenant.ID, entity.Any, edit)
	if err == nil {
		t.tenant = v.Manifest
	}
	return err
}

// ProviderSettings is the tenant's provider with those that it may use.
type ProviderSettings struct {
	Config    *tenant.ProviderView `json:"providerConfig" doc:"null: inherited, or none"`
	Models    []string             `json:"availableModels"`
	Available []AvailableProvider  `json:"providers" doc:"the operator's that are open to the tenant: see gatewayProviderId"`
}

func (h here) providers() (out ProviderSettings, err error) {
	out.Models = agent.OfTenant(h.tenant).Models
	if out.Config, err = tenant.ViewProvider(h.raw, h.tenant.ID, tenant.Settings(h.tenant)); err != nil {
		return out, err
	}
	out.Available, err = h.available()
	return out, err
}

func (s *Service) getProviders(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out ProviderSettings
	err := s.view(ctx, func(h here) (err error) {
		out, err = h.providers()
		return err
	})
	return secret(wire.OK(out)), err
}

type setProvidersIn struct {
	tenant.ProviderInput
	Config *tenant.ProviderInput `json:"providerConfig" alias:"provider_config" doc:"the same fields in an object"`
	Models []string              `json:"availableModels" alias:"available_models" max:"500"`
}

func (s *Service) setProviders(ctx context.Context, in *setProvidersIn) (*wire.Reply, error) {
	both := setSettingsIn{ProviderInput: in.ProviderInput, Config: in.Config, Models: in.Models}
	config, err := both.provider()
	if err != nil {
		return nil, err
	}
	var out ProviderSettings
	err = s.update(ctx, func(t txn) (err error) {
		err = t.editTenant(func(m *entity.Manifest) error {
			tree := tenant.EditSettings(m)
			both.fields(tree)
			return tenant.SetProvider(t.tx, s.Box, m.ID, m.ID, tree, config)
		})
		if err != nil {
			return err
		}
		out, err = t.providers()
		return err
	})
	return secret(wire.OK(out)), err
}

// AvailableProvider is one of the operator's providers.
type AvailableProvider struct {
	ID      entity.ID `json:"id"`
	Name    string    `json:"name"`
	Type    string    `json:"type"`
	Models  []string  `json:"availableModels"`
	BaseURL string    `json:"baseUrl"`
}

// AvailableProviders are those that are open to the tenant.
type AvailableProviders struct {
	Providers []AvailableProvider `json:"providers"`
}

func (h here) available() ([]AvailableProvider, error) {
	out := []AvailableProvider{}
	for e, err := range tenant.Providers(h.raw) {
		if err != nil {
			return nil, err
		}
		v, err := entity.Tip(h.raw, e.ID)
		if err != nil {
			return nil, err
		}
		m := v.Manifest
		if !agent.OpenTo(m, h.tenant.ID) {
			continue
		}
		p := AvailableProvider{ID: e.ID, Name: m.Label(), Type: text(m.Properties, "kind"), BaseURL: text(m.Properties, "base_url"), Models: []string{}}
		models, _ := m.Properties["available_models"].([]any)
		for _, v := range models {
			if model, ok := v.(string); ok {
				p.Models = append(p.Models, model)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

func (s *Service) availableProviders(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out AvailableProviders
	err := s.view(ctx, func(h here) (err error) {
		out.Providers, err = h.available()
		return err
	})
	return wire.OK(out), err
}
