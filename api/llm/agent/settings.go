package agent

import (
	"slices"

	"stemma/api/llm/provider"
	"stemma/entity"
)

// Types of entities and predicates that are the gateway's.
const (
	TypeProvider = "provider" // of the operator's

	PredicateWorkspace   entity.Predicate = "workspace"    // tenant → the collection that its agents are in
	PredicateAvailableTo entity.Predicate = "available_to" // provider → a tenant that may use it
)

// Kinds of agents.
const (
	Inference = "inference"
	Embedding = "embedding"
)

// Status of a tenant, its property of this name. A tenant without one is active.
const (
	StatusActive   = "active"
	StatusInactive = "inactive"
)

// How what an agent has goes together with what a request brings.
const (
	Prepend   = "prepend"   // system prompt, the default: the agent's before the request's
	Append    = "append"    // system prompt: the agent's after the request's
	Merge     = "merge"     // skills and MCP endpoints, the default: the agent's first, then the others by name
	Overwrite = "overwrite" // the agent's alone
	Ignore    = "ignore"    // the request's alone
)

// Policies say how what an agent has goes together with what a request brings.
type Policies struct {
	SystemPrompt string // Prepend, Append, Overwrite or Ignore
	Skills       string // Merge, Overwrite or Ignore
	MCPEndpoints string // Merge
}

// DefaultPolicies are those of an agent that says nothing.
var DefaultPolicies = Policies{SystemPrompt: Prepend, Skills: Merge, MCPEndpoints: Merge}

// PromptPolicies and SkillPolicies are what a policy may be.
func PromptPolicies() []string { return []string{Prepend, Append, Overwrite, Ignore} }

// SkillPolicies are what the policy of skills may be.
func SkillPolicies() []string { return []string{Merge, Overwrite, Ignore} }

// Limits bound what is spent; 0 does not.
type Limits struct {
	RequestsPerMinute int64
	TokensPerMinute   int64
	USDPerDay         float64
}

// Bounds and defaults of conversations.
const DefaultTokenLimit = 4000

// ProviderRef is the provider of one level: a configuration, or one of the
// operator's with what this level says about models.
type ProviderRef struct {
	Config   provider.Config // of a reference: Model, Deployment and DeploymentMap alone
	Provider entity.ID       // of the operator's; "": the configuration is of the level itself
}

// Settings are what an agent, or a tenant, says.
type Settings struct {
	Provider     *ProviderRef     // nil: inherited
	SystemPrompt *string          // nil: inherited
	Skills       []map[string]any // tools in OpenAI's form
	MCPEndpoints []map[string]any // each has name and url; anything else is for the client that calls it
	Models       []string         // that may be asked for; empty: not bounded
	Limits       Limits

	// Of agents alone.
	Kind                 string // Inference or Embedding
	Policies             Policies
	ConversationsEnabled bool
	TokenLimit           int64 // of a conversation before it is summed up
	SummaryModel         string
	KnowledgeBase        string // its name

	// Of tenants alone.
	Embedder    map[string]any // provider and model of embeddings; nil: the server's
	SealContent bool           // keep prompts and answers of runs sealed
}

// Of reads the settings of an agent.
func Of(m *entity.Manifest) Settings {
	p := m.Properties
	s := inherited(p)
	s.Kind = oneOf(p["kind"], Inference, Embedding)
	policies, _ := p["merge_policies"].(map[string]any)
	s.Policies = Policies{
		SystemPrompt: oneOf(policies["system_prompt"], PromptPolicies()...),
		Skills:       oneOf(policies["skills"], SkillPolicies()...),
		MCPEndpoints: Merge,
	}
	s.ConversationsEnabled, _ = p["conversations_enabled"].(bool)
	if s.TokenLimit, _ = p["conversation_token_limit"].(int64); s.TokenLimit <= 0 {
		s.TokenLimit = DefaultTokenLimit
	}
	s.SummaryModel, _ = p["conversation_summary_model"].(string)
	s.KnowledgeBase, _ = p["knowledge_base"].(string)
	return s
}

// OfTenant reads the settings of a tenant.
func OfTenant(m *entity.Manifest) Settings {
	p, _ := m.Properties["settings"].(map[string]any)
	s := inherited(p)
	s.Embedder, _ = p["embedder"].(map[string]any)
	s.SealContent, _ = p["seal_content"].(bool)
	return s
}

// Active tells whether a tenant is served.
func Active(tenant *entity.Manifest) bool {
	return !tenant.Deleted() && tenant.Properties["status"] != StatusInactive
}

// inherited reads what both have.
func inherited(p map[string]any) (s Settings) {
	s.Provider = providerOf(p["provider_config"])
	if text, ok := p["system_prompt"].(string); ok && text != "" {
		s.SystemPrompt = &text
	}
	s.Skills = named(p["skills"], SkillName)
	s.MCPEndpoints = named(p["mcp_endpoints"], EndpointName)
	s.Models = texts(p["available_models"])
	limits, _ := p["limits"].(map[string]any)
	s.Limits = Limits{RequestsPerMinute: count(limits["requests_per_minute"]), TokensPerMinute: count(limits["tokens_per_minute"]), USDPerDay: amount(limits["usd_per_day"])}
	return s
}

// providerOf reads a level's provider; nil for none.
func providerOf(v any) *ProviderRef {
	tree, _ := v.(map[string]any)
	if tree == nil {
		return nil
	}
	if id, _ := tree["gateway_provider_id"].(string); id != "" {
		ref := &ProviderRef{Provider: entity.ID(id)}
		ref.Config.Model, _ = tree["model"].(string)
		ref.Config.Deployment, _ = tree["deployment"].(string)
		if byModel, ok := tree["deployment_map"].(map[string]any); ok {
			ref.Config.DeploymentMap = map[string]string{}
			for model, v := range byModel {
				if text, ok := v.(string); ok {
					ref.Config.DeploymentMap[model] = text
				}
			}
		}
		return ref
	}
	c, err := provider.ConfigOf(tree)
	if err != nil || c == nil {
		return nil
	}
	return &ProviderRef{Config: *c}
}

// SkillName is what a tool is called: the name of its function, or its own.
func SkillName(tool map[string]any) string {
	if f, ok := tool["function"].(map[string]any); ok {
		if name, _ := f["name"].(string); name != "" {
			return name
		}
	}
	return EndpointName(tool)
}

// EndpointName is the field name.
func EndpointName(endpoint map[string]any) string {
	name, _ := endpoint["name"].(string)
	return name
}

// named are the objects of a list that have a name, the first of each.
func named(v any, name func(map[string]any) string) (out []map[string]any) {
	list, _ := v.([]any)
	for _, item := range list {
		if tree, ok := item.(map[string]any); ok && name(tree) != "" {
			out = unite(out, []map[string]any{tree}, name)
		}
	}
	return out
}

// unite adds to near those of far whose names near does not have.
func unite(near, far []map[string]any, name func(map[string]any) string) []map[string]any {
	for _, tree := range far {
		n := name(tree)
		if !slices.ContainsFunc(near, func(have map[string]any) bool { return name(have) == n }) {
			near = append(near, tree)
		}
	}
	return near
}

func oneOf(v any, allowed ...string) string {
	if text, _ := v.(string); slices.Contains(allowed, text) {
		return text
	}
	return allowed[0]
}

func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, item := range list {
		if text, ok := item.(string); ok && text != "" {
			out = append(out, text)
		}
	}
	return out
}

func count(v any) int64 { return int64(amount(v)) }

func amount(v any) float64 {
	var f float64
	switch v := v.(type) {
	case int64:
		f = float64(v)
	case float64:
		f = v
	}
	return max(f, 0)
}
