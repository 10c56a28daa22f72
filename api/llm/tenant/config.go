package tenant

import (
	"maps"
	"net/url"

	"stemma/api/llm/agent"
	"stemma/api/llm/provider"
	"stemma/api/llm/seal"
	"stemma/entity"
)

// ProviderInput is a change of the provider of an agent or a tenant: what is nil
// stays as it is, "" takes it away.
type ProviderInput struct {
	Provider      *string           `json:"provider" alias:"type,kind" doc:"openai, azure, ollama, anthropic or gemini; empty takes the configuration away, so that it is inherited"`
	APIKey        *string           `json:"apiKey" alias:"api_key" max:"4096" doc:"kept sealed and never shown; left out, the one that is kept stays, if neither provider nor baseUrl changes"`
	BaseURL       *string           `json:"baseUrl" alias:"base_url" max:"2000"`
	Deployment    *string           `json:"deployment" max:"200"`
	APIVersion    *string           `json:"apiVersion" alias:"api_version" max:"50"`
	Model         *string           `json:"model" max:"200" doc:"when neither the agent nor the client names one"`
	GatewayID     *string           `json:"gatewayProviderId" alias:"gateway_provider_id" doc:"of one of the operator's providers, in place of one's own"`
	DeploymentMap map[string]string `json:"deploymentMap" alias:"deployment_map" max:"200" doc:"Azure: deployment by model"`
}

// Given tells whether anything is to change.
func (in *ProviderInput) Given() bool {
	return in != nil && (in.Provider != nil || in.APIKey != nil || in.BaseURL != nil || in.Deployment != nil || in.APIVersion != nil || in.Model != nil || in.GatewayID != nil || in.DeploymentMap != nil)
}

// SetProvider changes the provider that entity of has, in tree under
// "provider_config", and its sealed key. scope is the tenant that has to be let
// at one of the operator's. A key is kept for one kind and one address: when
// either changes and no key is given, the old one is dropped. KindInvalid says
// what is wrong with the configuration.
func SetProvider(tx entity.Tx, box *seal.Box, of, scope entity.ID, tree map[string]any, in *ProviderInput) error {
	if !in.Given() {
		return nil
	}
	const field = "provider_config"
	old, _ := tree[field].(map[string]any)
	now := maps.Clone(old)
	if now == nil {
		now = map[string]any{}
	}
	for name, text := range map[string]*string{
		"provider": in.Provider, "base_url": in.BaseURL, "deployment": in.Deployment, "api_version": in.APIVersion, "model": in.Model, "gateway_provider_id": in.GatewayID,
	} {
		switch {
		case text == nil:
		case *text == "":
			delete(now, name)
		default:
			now[name] = *text
		}
	}
	if in.DeploymentMap != nil {
		byModel := map[string]any{}
		for model, deployment := range in.DeploymentMap {
			byModel[model] = deployment
		}
		now["deployment_map"] = byModel
	}
	if in.Provider != nil && *in.Provider == "" && in.GatewayID == nil {
		now = nil
	}
	if err := checkProvider(whole(tx), scope, now); err != nil {
		return err
	}
	if now == nil {
		delete(tree, field)
		return provider.SetCredential(tx, box, of, nil, "")
	}
	tree[field] = now
	same := old["provider"] == now["provider"] && old["base_url"] == now["base_url"] && now["gateway_provider_id"] == nil
	switch {
	case in.APIKey != nil && now["gateway_provider_id"] != nil && *in.APIKey != "":
		return entity.Invalid("tenant.SetProvider", "a provider of the operator's has a key already: leave out apiKey, or gatewayProviderId")
	case in.APIKey != nil:
		c, err := provider.ConfigOf(now)
		if err != nil {
			return err
		}
		return provider.SetCredential(tx, box, of, c, *in.APIKey)
	case !same:
		return provider.SetCredential(tx, box, of, nil, "")
	}
	return nil
}

// whole is the store as it is where r is as somebody may see it: a provider is
// open to tenants whose people may not view its entity.
func whole(r entity.Reader) entity.Reader {
	if guarded, ok := r.(interface{ Whole() entity.Reader }); ok {
		return guarded.Whole()
	}
	return r
}

func checkProvider(r entity.Reader, scope entity.ID, tree map[string]any) error {
	const op = "tenant.SetProvider"
	if tree == nil {
		return nil
	}
	if id, _ := tree["gateway_provider_id"].(string); id != "" {
		h, err := r.Head(entity.ID(id))
		if err == nil && h.Type == agent.TypeProvider && !h.Deleted {
			m, err := r.Manifest(h.CID())
			if err != nil {
				return err
			}
			if agent.OpenTo(m, scope) {
				return nil
			}
		}
		if err != nil && entity.KindOf(err) != entity.KindNotFound {
			return err
		}
		return entity.Invalid(op, "gatewayProviderId must be that of a provider which is open to the tenant: GET /v1/portal/available-providers lists those")
	}
	c, err := provider.ConfigOf(tree)
	switch {
	case err != nil:
		return err
	case c == nil:
		return entity.Invalid(op, "say which provider: openai, azure, ollama, anthropic or gemini")
	}
	return nil
}

// ProviderView is what is shown of a provider's configuration: never its key.
type ProviderView struct {
	Provider      *string           `json:"provider"`
	BaseURL       *string           `json:"baseUrl"`
	Deployment    *string           `json:"deployment"`
	APIVersion    *string           `json:"apiVersion"`
	Model         *string           `json:"model"`
	GatewayID     *string           `json:"gatewayProviderId"`
	DeploymentMap map[string]string `json:"deploymentMap"`
	HasAPIKey     bool              `json:"hasApiKey" doc:"a key is kept, sealed"`
}

// ViewProvider shows the configuration that an entity has in tree under
// "provider_config"; nil for none.
func ViewProvider(r entity.Reader, of entity.ID, tree map[string]any) (*ProviderView, error) {
	config, _ := tree["provider_config"].(map[string]any)
	if config == nil {
		return nil, nil
	}
	out := &ProviderView{DeploymentMap: map[string]string{}}
	for name, into := range map[string]**string{
		"provider": &out.Provider, "base_url": &out.BaseURL, "deployment": &out.Deployment, "api_version": &out.APIVersion, "model": &out.Model, "gateway_provider_id": &out.GatewayID,
	} {
		if text, _ := config[name].(string); text != "" {
			*into = &text
		}
	}
	byModel, _ := config["deployment_map"].(map[string]any)
	for model, v := range byModel {
		out.DeploymentMap[model], _ = v.(string)
	}
	var err error
	out.HasAPIKey, err = provider.HasCredential(r, of)
	return out, err
}

// Settings is the property settings of a tenant, to be read.
func Settings(m *entity.Manifest) map[string]any {
	tree, _ := m.Properties["settings"].(map[string]any)
	return tree
}

// EditSettings is the property settings of a tenant that is being edited.
func EditSettings(m *entity.Manifest) map[string]any {
	tree, _ := m.Properties["settings"].(map[string]any)
	if tree == nil {
		tree = map[string]any{}
		m.Properties["settings"] = tree
	}
	return tree
}

// secretFields are what an endpoint must not have: it stands in a manifest.
var secretFields = []string{"headers", "authorization", "Authorization", "apiKey", "api_key", "token", "password", "secret"}

// CheckTools makes sure that tools and MCP endpoints can be called by their
// names. KindInvalid says which cannot.
func CheckTools(skills, endpoints []map[string]any) error {
	e := &entity.Error{Kind: entity.KindInvalid, Op: "tenant.CheckTools", Message: "Validation failed"}
	add := func(message string, path ...any) {
		e.Issues = append(e.Issues, entity.Issue{Path: path, Message: message})
	}
	seen := map[string]bool{}
	for i, tool := range skills {
		switch name := agent.SkillName(tool); {
		case name == "":
			add(`must be a tool in OpenAI's form, with a name: {"type":"function","function":{"name":"…"}}`, "skills", i)
		case seen[name]:
			add("repeats the name "+name, "skills", i)
		default:
			seen[name] = true
		}
	}
	clear(seen)
	for i, endpoint := range endpoints {
		name, text := agent.EndpointName(endpoint), endpoint["url"]
		raw, _ := text.(string)
		u, err := url.Parse(raw)
		switch {
		case name == "":
			add("must have a name, by which its tools are called", "mcpEndpoints", i, "name")
		case seen[name]:
			add("repeats the name "+name, "mcpEndpoints", i, "name")
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil:
			add("must be a URL like https://tools.example/mcp, without a password in it", "mcpEndpoints", i, "url")
		}
		seen[name] = true
		for _, field := range secretFields {
			if _, given := endpoint[field]; given {
				add("is a secret, and what is kept of an agent can be read by everybody who may view it", "mcpEndpoints", i, field)
			}
		}
	}
	if e.Issues != nil {
		return e
	}
	return nil
}
