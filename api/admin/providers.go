package admin

import (
	"context"
	"strings"

	"stemma/api/llm/agent"
	"stemma/api/llm/provider"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

func (s *Service) providerOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/providers", ID: "adminListProviders", Summary: "List the operator's providers", Permission: administer,
			Description: "Oldest first, as an array.",
			Success:     []wire.Success{{Status: 200, Body: []Provider{}}},
		}), s.listProviders),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/providers", ID: "adminCreateProvider", Summary: "Create a provider", Permission: administer,
			Description: "Tenants use it by `gatewayProviderId` when it is open to all (`tenantAvailable`) or granted to them. Its key is kept sealed and never shown.",
			Success:     []wire.Success{{Status: 201, Body: Provider{}}}, Errors: []int{400, 503},
		}), s.createProvider),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/providers/{id}", ID: "adminGetProvider", Summary: "Get a provider", Permission: administer,
			Success: []wire.Success{{Status: 200, Body: Provider{}}}, Errors: []int{400, 404},
		}), s.getProvider),
		wire.Op(row(wire.Operation{
			Method: "PUT", Path: "/providers/{id}", ID: "adminUpdateProvider", Summary: "Change a provider", Permission: administer,
			Description: "What is left out stays, an empty text or list takes away. The key is dropped when `type` or `baseUrl` changes without a new one.",
			Success:     []wire.Success{{Status: 200, Body: Provider{}}}, Errors: []int{400, 404, 503},
		}), s.updateProvider),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/providers/{id}", ID: "adminDeleteProvider", Summary: "Delete a provider", Permission: administer,
			Description: "With its key. Agents that name it are refused from then on.",
			Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 404},
		}), s.deleteProvider),
	}
}

// Provider is one of the operator's.
type Provider struct {
	ID              entity.ID         `json:"id"`
	Name            string            `json:"name"`
	Description     *string           `json:"description"`
	Type            string            `json:"type"`
	IsDefault       bool              `json:"isDefault" doc:"of agents for which nobody names a provider, where it is open to their tenant"`
	TenantAvailable bool              `json:"tenantAvailable" doc:"to all tenants; else to those that it is granted to"`
	Models          []string          `json:"availableModels"`
	Model           *string           `json:"model" doc:"where neither agent nor client names one"`
	BaseURL         *string           `json:"baseUrl" doc:"null: that of the type"`
	Deployment      *string           `json:"deployment"`
	DeploymentMap   map[string]string `json:"deploymentMap" doc:"Azure: deployment by model"`
	APIVersion      *string           `json:"apiVersion"`
	APIKey          *string           `json:"apiKey" doc:"dots where a key is kept, else null"`
	CreatedAt       string            `json:"createdAt"`
	UpdatedAt       string            `json:"updatedAt"`
}

// mask stands for a key that is kept.
const mask = "••••••••"

// isMask tells that a client sends back what it was shown.
func isMask(key *string) bool { return key != nil && *key != "" && strings.Trim(*key, "•") == "" }

// masked shows whether a key is kept for an entity.
func masked(r entity.Reader, of entity.ID) (*string, error) {
	has, err := provider.HasCredential(r, of)
	if err != nil || !has {
		return nil, err
	}
	return orNull(mask), nil
}

func providerView(r entity.Reader, m *entity.Manifest) (out Provider, err error) {
	p := m.Properties
	out = Provider{
		ID: m.ID, Name: m.Label(), Description: orNull(text(p, "description")), Type: text(p, "kind"), BaseURL: orNull(text(p, "base_url")), Model: orNull(text(p, "model")),
		Deployment: orNull(text(p, "deployment")), APIVersion: orNull(text(p, "api_version")), CreatedAt: m.CreatedAt, UpdatedAt: entity.FormatMillis(m.TS),
	}
	out.TenantAvailable, _ = p["tenant_available"].(bool)
	if c, err := provider.ConfigOf(p); err == nil && c != nil {
		out.Type, out.Models, out.DeploymentMap = string(c.Kind), c.Models, c.DeploymentMap
	}
	chosen, err := agent.Default(r)
	if err != nil {
		return out, err
	}
	out.IsDefault = chosen == m.ID
	out.APIKey, err = masked(r, m.ID)
	return out, err
}

// providerOf is a provider that is there; KindNotFound for anything else.
func providerOf(r entity.Reader, id entity.ID) (*entity.Manifest, error) {
	missing := entity.NotFound("admin.providerOf", "there is no provider %s", id)
	h, err := r.Head(id)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return nil, missing
	case err != nil:
		return nil, err
	case h.Type != agent.TypeProvider || h.Deleted:
		return nil, missing
	}
	return r.Manifest(h.CID())
}

func (s *Service) listProviders(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out []Provider
	err := s.view(ctx, func(r *guard.Reader) error {
		out = []Provider{}
		for e, err := range tenant.Providers(r) {
			if err != nil {
				return err
			}
			m, err := providerOf(r, e.ID)
			if err != nil {
				return err
			}
			p, err := providerView(r, m)
			if err != nil {
				return err
			}
			out = append(out, p)
		}
		return nil
	})
	return secret(wire.OK(out)), err
}

func (s *Service) getProvider(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out Provider
	err := s.view(ctx, func(r *guard.Reader) error {
		m, err := providerOf(r, in.ID)
		if err == nil {
			out, err = providerView(r, m)
		}
		return err
	})
	return secret(wire.OK(out)), err
}

type providerFields struct {
	Description     *string           `json:"description" max:"2000"`
	APIKey          *string           `json:"apiKey" alias:"api_key" max:"4096" doc:"kept sealed and never shown; dots leave it as it is"`
	BaseURL         *string           `json:"baseUrl" alias:"base_url" max:"2000"`
	Deployment      *string           `json:"deployment" max:"200"`
	DeploymentMap   map[string]string `json:"deploymentMap" alias:"deployment_map" max:"200"`
	APIVersion      *string           `json:"apiVersion" alias:"api_version" max:"50"`
	Model           *string           `json:"model" max:"200"`
	Models          []string          `json:"availableModels" alias:"available_models" max:"500"`
	IsDefault       *bool             `json:"isDefault" alias:"is_default"`
	TenantAvailable *bool             `json:"tenantAvailable" alias:"tenant_available"`
}

// write puts what the request gives into a provider's properties.
func (in *providerFields) write(p entity.Properties) {
	for name, text := range map[string]*string{"description": in.Description, "base_url": in.BaseURL, "deployment": in.Deployment, "api_version": in.APIVersion, "model": in.Model} {
		switch {
		case text == nil:
		case *text == "":
			delete(p, name)
		default:
			p[name] = *text
		}
	}
	if in.DeploymentMap != nil {
		byModel := map[string]any{}
		for model, deployment := range in.DeploymentMap {
			byModel[model] = deployment
		}
		p["deployment_map"] = byModel
	}
	if in.Models != nil {
		models := make([]any, len(in.Models))
		for i, m := range in.Models {
			models[i] = m
		}
		p["available_models"] = models
	}
	if in.TenantAvailable != nil {
		p["tenant_available"] = *in.TenantAvailable
	}
}

// settle keeps, or drops, the key of a provider that was at before, nil for a new
// one, and makes it the default, or not.
func (s *Service) settle(tx *guard.Tx, in *providerFields, id entity.ID, before, now *provider.Config) error {
	if in.IsDefault != nil {
		chosen, err := agent.Default(tx)
		if err != nil {
			return err
		}
		if *in.IsDefault {
			agent.SetDefault(tx, id)
		} else if chosen == id {
			agent.SetDefault(tx, "")
		}
	}
	switch {
	case in.APIKey != nil && !isMask(in.APIKey):
		return provider.SetCredential(tx, s.Box, id, now, *in.APIKey)
	case before == nil || before.Kind != now.Kind || before.Base() != now.Base():
		return provider.SetCredential(tx, s.Box, id, nil, "")
	}
	return nil
}

type createProviderIn struct {
	Name string `json:"name" req:"true" min:"1" max:"200"`
	Type string `json:"type" alias:"kind,provider" req:"true" enum:"openai,azure,ollama,anthropic,gemini"`
	providerFields
}

func (s *Service) createProvider(ctx context.Context, in *createProviderIn) (*wire.Reply, error) {
	name, err := trimmed(in.Name)
	if err != nil {
		return nil, err
	}
	if isMask(in.APIKey) {
		return nil, issue("apiKey", "the dots stand for a key that is kept, and a new provider has none: give the key, or leave it out")
	}
	p := entity.Properties{"label": name, "kind": in.Type, "tenant_available": false}
	in.write(p)
	config, err := provider.ConfigOf(p)
	if err != nil {
		return nil, err
	}
	var out Provider
	err = s.update(ctx, func(tx *guard.Tx) error {
		v, err := tx.Create(entity.Draft{Type: agent.TypeProvider, Properties: p})
		if err != nil {
			return err
		}
		if err := s.settle(tx, &in.providerFields, v.Manifest.ID, nil, config); err != nil {
			return err
		}
		out, err = providerView(tx, v.Manifest)
		return err
	})
	return secret(wire.Created(out)), err
}

type updateProviderIn struct {
	idIn
	Name *string `json:"name" min:"1" max:"200"`
	Type *string `json:"type" alias:"kind,provider" enum:"openai,azure,ollama,anthropic,gemini"`
	providerFields
}

func (in *providerFields) given() bool {
	return in.Description != nil || in.APIKey != nil || in.BaseURL != nil || in.Deployment != nil || in.DeploymentMap != nil || in.APIVersion != nil || in.Model != nil || in.Models != nil || in.IsDefault != nil || in.TenantAvailable != nil
}

func (s *Service) updateProvider(ctx context.Context, in *updateProviderIn) (*wire.Reply, error) {
	if in.Name == nil && in.Type == nil && !in.given() {
		return nil, entity.Invalid("admin.updateProvider", "nothing is to change: give name, type, apiKey, baseUrl, or another field of the provider")
	}
	name := ""
	if in.Name != nil {
		var err error
		if name, err = trimmed(*in.Name); err != nil {
			return nil, err
		}
	}
	return s.changeProvider(ctx, in.ID, &in.providerFields, func(m *entity.Manifest) error {
		if in.Name != nil {
			m.Properties["label"] = name
		}
		if in.Type != nil {
			delete(m.Properties, "provider") // as another view may have written it
			m.Properties["kind"] = *in.Type
		}
		return nil
	})
}

// changeProvider writes the next version of a provider that is there, with the
// fields and what edit does, and answers with it.
func (s *Service) changeProvider(ctx context.Context, id entity.ID, in *providerFields, edit func(*entity.Manifest) error) (*wire.Reply, error) {
	var out Provider
	err := s.update(ctx, func(tx *guard.Tx) error {
		m, err := providerOf(tx, id)
		if err != nil {
			return err
		}
		before, err := provider.ConfigOf(m.Properties)
		if err != nil {
			before = nil // of a form that cannot be called, until now
		}
		tx.Permit(id)
		v, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			if err := edit(m); err != nil {
				return err
			}
			in.write(m.Properties)
			now, err := provider.ConfigOf(m.Properties)
			if err == nil && now == nil {
				err = issue("type", "say which type the provider is of: openai, azure, ollama, anthropic or gemini")
			}
			if err != nil {
				return err
			}
			return s.settle(tx, in, id, before, now)
		})
		if err == nil {
			out, err = providerView(tx, v.Manifest)
		}
		return err
	})
	return secret(wire.OK(out)), err
}

func (s *Service) deleteProvider(ctx context.Context, in *idIn) (*wire.Reply, error) {
	return wire.NoContent(), s.update(ctx, func(tx *guard.Tx) error {
		if _, err := providerOf(tx, in.ID); err != nil {
			return err
		}
		if chosen, err := agent.Default(tx); err != nil {
			return err
		} else if chosen == in.ID {
			agent.SetDefault(tx, "")
		}
		if err := provider.SetCredential(tx, s.Box, in.ID, nil, ""); err != nil {
			return err
		}
		return tenant.Bury(tx, in.ID, entity.Any, tx.At())
	})
}
