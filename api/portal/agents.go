package portal

import (
	"context"

	"stemma/api/llm/agent"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) agentOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/agents", ID: "portalListAgents", Summary: "List the tenant's agents", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: Agents{}}},
		}), s.listAgents),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/agents", ID: "portalCreateAgent", Summary: "Create an agent", Permission: anyMember,
			Success: []wire.Success{{Status: 201, Body: AgentResponse{}}}, Errors: []int{400, 503},
		}), s.createAgent),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/agents/{id}", ID: "portalGetAgent", Summary: "Get an agent", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: AgentResponse{}}}, Errors: []int{400, 404},
		}), s.getAgent),
		wire.Op(row(wire.Operation{
			Method: "PUT", Path: "/agents/{id}", ID: "portalUpdateAgent", Summary: "Update an agent", Permission: anyMember,
			Description: "What is left out stays, an empty text, list or object takes away. Each update is a version: `GET /versions/{id}` lists them, `POST /entities/{id}/restore` and a diff work as on any entity. With `expect_tip` it is made only if nobody was faster.",
			Success:     []wire.Success{{Status: 200, Body: AgentResponse{}}}, Errors: []int{400, 404, 409, 503},
		}), s.updateAgent),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/agents/{id}", ID: "portalDeleteAgent", Summary: "Delete an agent", Permission: anyMember,
			Description: "Its keys are void at once.",
			Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 404},
		}), s.deleteAgent),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/agents/{id}/resolved", ID: "portalResolveAgent", Summary: "Get what holds for an agent, with what it inherits", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: ResolvedResponse{}}}, Errors: []int{400, 404},
		}), s.resolveAgent),
	}
}

// Agent is an agent as the portal shows it.
type Agent struct {
	ID            entity.ID            `json:"id"`
	Name          string               `json:"name"`
	Kind          string               `json:"kind"`
	Provider      *tenant.ProviderView `json:"providerConfig" doc:"null: inherited from the tenant"`
	SystemPrompt  *string              `json:"systemPrompt"`
	Skills        []map[string]any     `json:"skills"`
	Endpoints     []map[string]any     `json:"mcpEndpoints"`
	Policies      Policies             `json:"mergePolicies"`
	Models        []string             `json:"availableModels"`
	Conversations bool                 `json:"conversations_enabled" alias:"conversationsEnabled"`
	TokenLimit    int64                `json:"conversation_token_limit" alias:"conversationTokenLimit"`
	SummaryModel  *string              `json:"conversation_summary_model" alias:"conversationSummaryModel"`
	KnowledgeBase *string              `json:"knowledgeBaseRef"`
	Limits        Limits               `json:"limits"`
	CreatedAt     string               `json:"createdAt"`
	UpdatedAt     string               `json:"updatedAt"`
	CID           string               `json:"cid" doc:"of this version: the expect_tip of an update"`
	Ver           int64                `json:"ver"`
}

// Policies say how what an agent has goes together with what a request brings.
type Policies struct {
	SystemPrompt string `json:"system_prompt" alias:"systemPrompt" enum:"prepend,append,overwrite,ignore"`
	Skills       string `json:"skills" enum:"merge,overwrite,ignore"`
	Endpoints    string `json:"mcp_endpoints" alias:"mcpEndpoints" enum:"merge"`
}

// Agents are the tenant's, newest first.
type Agents struct {
	Agents []Agent `json:"agents"`
}

// AgentResponse is one agent.
type AgentResponse struct {
	Agent Agent `json:"agent"`
}

func (h here) agent(v *entity.Version) (Agent, error) {
	m, got := v.Manifest, agent.Of(v.Manifest)
	out := Agent{
		ID: m.ID, Name: m.Label(), Kind: got.Kind, SystemPrompt: got.SystemPrompt, Skills: got.Skills, Endpoints: got.MCPEndpoints,
		Policies: policiesOf(got.Policies), Models: got.Models, Conversations: got.ConversationsEnabled, TokenLimit: got.TokenLimit,
		SummaryModel: orNull(got.SummaryModel), KnowledgeBase: orNull(got.KnowledgeBase), Limits: limitsOf(got.Limits),
		CreatedAt: m.CreatedAt, UpdatedAt: entity.FormatMillis(m.TS), CID: v.CID.String(), Ver: m.Ver,
	}
	var err error
	out.Provider, err = tenant.ViewProvider(h.raw, m.ID, m.Properties)
	return out, err
}

func policiesOf(p agent.Policies) Policies {
	return Policies{SystemPrompt: p.SystemPrompt, Skills: p.Skills, Endpoints: p.MCPEndpoints}
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func (s *Service) listAgents(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out Agents
	err := s.view(ctx, func(h here) error {
		out.Agents = []Agent{}
		return h.each(entity.TypeAgent, func(v *entity.Version) error {
			a, err := h.agent(v)
			out.Agents = append(out.Agents, a)
			return err
		})
	})
	return secret(wire.OK(out)), err
}

type agentFields struct {
	Kind          *string               `json:"kind" enum:"inference,embedding"`
	Provider      *tenant.ProviderInput `json:"providerConfig" alias:"provider_config"`
	SystemPrompt  *string               `json:"systemPrompt" alias:"system_prompt" max:"200000"`
	Skills        []map[string]any      `json:"skills" max:"500" doc:"tools in OpenAI's form"`
	Endpoints     []map[string]any      `json:"mcpEndpoints" alias:"mcp_endpoints" max:"100" doc:"name and url, and what the client that calls it needs"`
	Policies      *Policies             `json:"mergePolicies" alias:"merge_policies"`
	Models        []string              `json:"availableModels" alias:"available_models" max:"500"`
	Conversations *bool                 `json:"conversationsEnabled" alias:"conversations_enabled"`
	TokenLimit    *int64                `json:"conversationTokenLimit" alias:"conversation_token_limit" min:"1" max:"10000000"`
	SummaryModel  *string               `json:"conversationSummaryModel" alias:"conversation_summary_model" max:"200"`
	KnowledgeBase *string               `json:"knowledgeBaseRef" alias:"knowledge_base_ref,knowledge_base" max:"200" doc:"the name of one of the tenant's knowledge bases"`
	Limits        *Limits               `json:"limits"`
}

// write puts what the request gives into an agent's properties.
func (in *agentFields) write(p entity.Properties) {
	for name, text := range map[string]*string{"kind": in.Kind, "system_prompt": in.SystemPrompt, "conversation_summary_model": in.SummaryModel, "knowledge_base": in.KnowledgeBase} {
		if text != nil {
			setText(p, name, *text)
		}
	}
	if in.Skills != nil {
		p["skills"] = list(in.Skills)
	}
	if in.Endpoints != nil {
		p["mcp_endpoints"] = list(in.Endpoints)
	}
	if in.Models != nil {
		p["available_models"] = list(in.Models)
	}
	if in.Conversations != nil {
		p["conversations_enabled"] = *in.Conversations
	}
	if in.TokenLimit != nil {
		p["conversation_token_limit"] = *in.TokenLimit
	}
	if in.Limits != nil {
		p["limits"] = in.Limits.tree()
	}
	if in.Policies != nil {
		tree, _ := p["merge_policies"].(map[string]any)
		if tree == nil {
			tree = map[string]any{}
		}
		for name, text := range map[string]string{"system_prompt": in.Policies.SystemPrompt, "skills": in.Policies.Skills, "mcp_endpoints": in.Policies.Endpoints} {
			if text != "" {
				tree[name] = text
			}
		}
		p["merge_policies"] = tree
	}
}

type createAgentIn struct {
	Name string `json:"name" alias:"label" req:"true" min:"1" max:"200"`
	agentFields
}

func (s *Service) createAgent(ctx context.Context, in *createAgentIn) (*wire.Reply, error) {
	if err := trimName(&in.Name); err != nil {
		return nil, err
	}
	if err := tenant.CheckTools(in.Skills, in.Endpoints); err != nil {
		return nil, err
	}
	var out AgentResponse
	err := s.update(ctx, func(t txn) error {
		if err := t.needWorkspace(); err != nil {
			return err
		}
		id := t.tx.NewID()
		p := entity.Properties{"label": in.Name, "kind": agent.Inference, "status": "active"}
		in.write(p)
		if err := tenant.SetProvider(t.tx, s.Box, id, t.tenant.ID, p, in.Provider); err != nil {
			return err
		}
		v, err := t.tx.Create(entity.Draft{ID: id, Type: entity.TypeAgent, Properties: p, Relationships: t.inWorkspace()})
		if err != nil {
			return err
		}
		out.Agent, err = t.agent(v)
		return err
	})
	return secret(wire.Created(out)), err
}

func (s *Service) getAgent(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out AgentResponse
	err := s.view(ctx, func(h here) error {
		v, err := h.live("agent:view", in.ID, entity.TypeAgent, "agent")
		if err == nil {
			out.Agent, err = h.agent(v)
		}
		return err
	})
	return secret(wire.OK(out)), err
}

type updateAgentIn struct {
	idIn
	ExpectTip wire.Tip `json:"expect_tip" alias:"expectTip"`
	Name      *string  `json:"name" alias:"label" min:"1" max:"200"`
	Note      string   `json:"note" max:"10000"`
	agentFields
}

func (s *Service) updateAgent(ctx context.Context, in *updateAgentIn) (*wire.Reply, error) {
	if err := tenant.CheckTools(in.Skills, in.Endpoints); err != nil {
		return nil, err
	}
	if err := trimName(in.Name); err != nil {
		return nil, err
	}
	var out AgentResponse
	err := s.update(ctx, func(t txn) error {
		if _, err := t.live("agent:update", in.ID, entity.TypeAgent, "agent"); err != nil {
			return err
		}
		v, err := t.tx.Put(in.ID, in.ExpectTip.Expect(), func(m *entity.Manifest) error {
			m.Note = in.Note
			if in.Name != nil {
				m.Properties["label"] = *in.Name
			}
			in.write(m.Properties)
			return tenant.SetProvider(t.tx, s.Box, m.ID, t.tenant.ID, m.Properties, in.Provider)
		})
		if err != nil {
			return err
		}
		out.Agent, err = t.agent(v)
		return err
	})
	return secret(wire.OK(out)), err
}

func (s *Service) deleteAgent(ctx context.Context, in *idIn) (*wire.Reply, error) {
	return wire.NoContent(), s.update(ctx, func(t txn) error {
		if _, err := t.live("agent:delete", in.ID, entity.TypeAgent, "agent"); err != nil {
			return err
		}
		return tenant.Bury(t.tx, in.ID, entity.Any, t.At())
	})
}

// ResolvedResponse is what holds for an agent.
type ResolvedResponse struct {
	Resolved Resolved `json:"resolved"`
}

// Resolved is an agent with what it inherits.
type Resolved struct {
	Provider     *tenant.ProviderView `json:"providerConfig"`
	SystemPrompt *string              `json:"systemPrompt"`
	Skills       []map[string]any     `json:"skills"`
	Endpoints    []map[string]any     `json:"mcpEndpoints"`
	Policies     Policies             `json:"mergePolicies"`
	Models       []string             `json:"availableModels"`
	Active       bool                 `json:"active"`
	Answers      string               `json:"answersBy" doc:"the model that answers when a client names none: stemma/extract is built in and no language model; empty when the client has to name one, or nothing can answer"`
	Chain        []Level              `json:"inheritanceChain"`
	Origins      Origins              `json:"origins"`
}

// Origins say where what holds comes from.
type Origins struct {
	Provider     *int  `json:"providerConfig" doc:"a place in inheritanceChain, from 0; null where no level says it: it is the operator's, or there is none"`
	SystemPrompt *int  `json:"systemPrompt"`
	Models       *int  `json:"availableModels"`
	Skills       []int `json:"skills" doc:"of each skill, in their order"`
	Endpoints    []int `json:"mcpEndpoints" doc:"of each endpoint, in their order"`
}

func originsOf(o agent.Origins) Origins {
	place := func(at int) *int {
		if at == agent.Nobody {
			return nil
		}
		return &at
	}
	return Origins{place(o.Provider), place(o.SystemPrompt), place(o.Models), append([]int{}, o.Skills...), append([]int{}, o.MCPEndpoints...)}
}

// Level is a step of what an agent inherits from. A tenant above is named only
// for who may view it.
type Level struct {
	Level string    `json:"level" doc:"agent or tenant"`
	Name  string    `json:"name"`
	ID    entity.ID `json:"id"`
}

func (s *Service) resolveAgent(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out ResolvedResponse
	err := s.view(ctx, func(h here) error {
		if _, err := h.live("agent:view", in.ID, entity.TypeAgent, "agent"); err != nil {
			return err
		}
		got, err := agent.Resolve(h.raw, in.ID)
		if err != nil {
			return err
		}
		out.Resolved = Resolved{
			SystemPrompt: got.SystemPrompt, Skills: got.Skills, Endpoints: got.MCPEndpoints, Policies: policiesOf(got.Policies),
			Models: got.Models, Active: got.Active, Chain: []Level{}, Origins: originsOf(got.Origins),
		}
		for _, l := range got.Chain {
			step := Level{Level: l.Level, Name: l.Name, ID: l.ID}
			if _, err := h.Head(l.ID); err != nil {
				step.Name, step.ID = "", "" // of a tenant above that the caller is not in
			}
			out.Resolved.Chain = append(out.Resolved.Chain, step)
		}
		if got.Provider == nil {
			return nil
		}
		tree := map[string]any{"provider_config": got.Provider.Config.Tree()}
		if got.Provider.Provider != "" {
			tree["provider_config"].(map[string]any)["gateway_provider_id"] = string(got.Provider.Provider)
		}
		out.Resolved.Provider, err = tenant.ViewProvider(h.raw, got.Credential, tree)
		return err
	})
	if err != nil {
		return nil, err
	}
	switch p, err := s.Engine.Plan(ctx, wire.NetworkOf(ctx), in.ID); {
	case err == nil:
		out.Resolved.Answers = p.Model()
	case entity.KindOf(err) != entity.KindForbidden && entity.KindOf(err) != entity.KindUnavailable: // of a provider that is not open to the tenant, or whose key does not open
		return nil, err
	}
	return secret(wire.OK(out)), nil
}
