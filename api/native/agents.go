package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

const tagAgents = "Agents"

func (s *Service) agentOps() []wire.Operation {
	ops := []wire.Operation{
		wire.Op(wire.Operation{
			Method: "POST", Path: "/agents", ID: "createAgent", Tag: tagAgents, Summary: "Create an agent",
			Description: "A program that is called at its `endpoint`. It starts in development; the caller becomes its owner. An agent that another uses and that is not there, or disabled, is a warning.",
			Permission:  "agent:create", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 201, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
		}, s.createAgent),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/agents/{id}", ID: "getAgent", Tag: tagAgents, Summary: "Get an agent",
			Permission: "agent:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}, {Status: 304}}, Errors: []int{400, 403, 404},
		}, func(ctx context.Context, in *getEntityIn) (*wire.Reply, error) {
			return s.replyEntity(ctx, in, entity.TypeAgent)
		}),
		wire.Op(wire.Operation{
			Method: "PUT", Path: "/agents/{id}", ID: "updateAgent", Tag: tagAgents, Summary: "Update an agent",
			Description: "As PUT /entities/{id}, with the agent's own fields at the root of the request, not in `properties`. `status` becomes active only when the endpoint is verified; another `endpoint` is not, and puts the agent back into development.",
			Permission:  "agent:update", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
		}, s.updateAgent),
	}
	return append(ops, s.verifyOp(), s.invokeOp(), s.jobStatusOp(), s.signingKeyOp())
}

// usedAgent is an agent that another one calls.
type usedAgent struct {
	PI          entity.ID `json:"pi" alias:"id,agent_id" req:"true"`
	Label       string    `json:"label" max:"200"`
	Description string    `json:"description" max:"2000"`
}

// agentFields are the fields of an agent that may be left out.
type agentFields struct {
	Description  *string        `json:"description" max:"2000"`
	Uses         []usedAgent    `json:"uses_agents" max:"50" doc:"agents that this one calls, which are granted the same"`
	InputSchema  map[string]any `json:"input_schema" doc:"JSON Schema of an invocation's input"`
	OutputSchema map[string]any `json:"output_schema"`
}

func (f agentFields) properties() entity.Properties {
	p := given(map[string]*string{"description": f.Description})
	if f.Uses != nil {
		list := make([]any, len(f.Uses))
		for i, u := range f.Uses {
			used := entity.Properties{"pi": string(u.PI)}
			for key, text := range map[string]string{"label": u.Label, "description": u.Description} {
				if text != "" {
					used[key] = text
				}
			}
			list[i] = used
		}
		p[guard.AgentUses] = list
	}
	for key, schema := range map[string]map[string]any{"input_schema": f.InputSchema, "output_schema": f.OutputSchema} {
		if schema != nil {
			p[key] = schema
		}
	}
	return p
}

func textList(texts []string) []any {
	list := make([]any, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}

// rootFields are those that an agent's requests have at their root.
var rootFields = []string{guard.AgentEndpoint, guard.AgentActions, guard.AgentStatus, guard.AgentUses, "input_schema", "output_schema"}

// checkBag refuses an agent's own fields among the open properties: a client that
// puts them there may believe that they are something else.
func checkBag(p entity.Properties) error {
	for _, name := range rootFields {
		if _, ok := p[name]; ok {
			return invalidField("is a field of the request itself, beside properties", "properties", name)
		}
	}
	return nil
}

type createAgentIn struct {
	createBody
	agentFields
	ID         entity.ID `json:"id"`
	Label      string    `json:"label" req:"true" min:"1" max:"200"`
	Endpoint   string    `json:"endpoint" req:"true" min:"1" max:"2000" doc:"URL under which it serves /process, /status/{job_id} and /.well-known/arke-verification"`
	Actions    []string  `json:"actions_required" req:"true" min:"1" max:"100" pattern:"^[a-z_]+:[a-z_]+$" doc:"what it has to be allowed on a target, like entity:update"`
	Collection entity.ID `json:"collection" alias:"collection_pi,collection_id" req:"true"`
}

func (s *Service) createAgent(ctx context.Context, in *createAgentIn) (*wire.Reply, error) {
	if err := checkBag(in.Properties); err != nil {
		return nil, err
	}
	root := in.properties()
	root["label"], root[guard.AgentEndpoint], root[guard.AgentActions], root[guard.AgentStatus] = in.Label, in.Endpoint, textList(in.Actions), guard.InDevelopment
	var e *EntityResponse
	err := s.update(ctx, func(tx txn) error {
		p := tx.Principal()
		body := in.createBody
		body.Relationships = append([]relationshipBody{{Predicate: entity.PredicateOwner, Peer: p.ID, PeerType: p.Kind.String()}}, in.Relationships...)
		v, err := tx.create("agent:create", body, in.ID, entity.TypeAgent, in.Collection, root)
		if err != nil {
			return err
		}
		e = respondVersion(v)
		e.Warnings, err = usesWarnings(tx.Reader, v.Manifest)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.Created(e).WithETag(`"` + e.CID + `"`), nil
}

type updateAgentIn struct {
	ID entity.ID `path:"id"`
	editBody
	agentFields
	Label    *string  `json:"label" min:"1" max:"200"`
	Endpoint *string  `json:"endpoint" min:"1" max:"2000"`
	Actions  []string `json:"actions_required" min:"1" max:"100" pattern:"^[a-z_]+:[a-z_]+$"`
	Status   *string  `json:"status" enum:"development,active,disabled"`
}

func (s *Service) updateAgent(ctx context.Context, in *updateAgentIn) (*wire.Reply, error) {
	if err := checkBag(in.Properties); err != nil {
		return nil, err
	}
	root := in.properties()
	entity.Merge(root, given(map[string]*string{"label": in.Label, guard.AgentEndpoint: in.Endpoint, guard.AgentStatus: in.Status}))
	if in.Actions != nil {
		root[guard.AgentActions] = textList(in.Actions)
	}
	edit := in.edit(root)
	var e *EntityResponse
	err := s.update(ctx, func(tx txn) error {
		v, err := tx.put("agent:update", in.ID, in.ExpectTip, edit.Apply, entity.TypeAgent)
		if err != nil {
			return err
		}
		e = respondVersion(v)
		e.Warnings, err = usesWarnings(tx.Reader, v.Manifest)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(e).WithETag(`"` + e.CID + `"`), nil
}

// AgentWarning is what is wrong with an agent that another uses.
type AgentWarning struct {
	SubAgentID    entity.ID `json:"sub_agent_id"`
	ParentAgentID entity.ID `json:"parent_agent_id,omitempty"`
	Reason        string    `json:"reason" doc:"not_found, not_an_agent or disabled"`
	Message       string    `json:"message"`
}

// AppendJSON writes the warning.
func (w AgentWarning) AppendJSON(b []byte) []byte {
	b = append(b, `{"sub_agent_id":`...)
	b = wire.AppendString(b, string(w.SubAgentID))
	b = appendOptional(b, "parent_agent_id", string(w.ParentAgentID))
	b = append(b, `,"reason":`...)
	b = wire.AppendString(b, w.Reason)
	b = append(b, `,"message":`...)
	b = wire.AppendString(b, w.Message)
	return append(b, '}')
}

// usesWarnings look at the agents that one uses itself. One in development may
// yet be finished, and is none.
func usesWarnings(r *guard.Reader, m *entity.Manifest) (out []AgentWarning, err error) {
	for _, id := range uses(m) {
		_, w, err := usable(r, id)
		if err != nil {
			return nil, err
		}
		if w != nil && w.Message != inDevelopment {
			out = append(out, *w)
		}
	}
	return out, nil
}

// uses are the agents that an agent says it calls.
func uses(m *entity.Manifest) (out []entity.ID) {
	list, _ := m.Properties[guard.AgentUses].([]any)
	for _, e := range list {
		used, _ := e.(map[string]any)
		if id, ok := used["pi"].(string); ok {
			out = append(out, entity.ID(id))
		}
	}
	return out
}

const inDevelopment = "the agent is in development, and gets nothing"

// usable is an active agent, or a warning that says why it is none. One that the
// caller may not view is not there.
func usable(r *guard.Reader, id entity.ID) (*entity.Manifest, *AgentWarning, error) {
	warn := func(reason, message string) (*entity.Manifest, *AgentWarning, error) {
		return nil, &AgentWarning{SubAgentID: id, Reason: reason, Message: message}, nil
	}
	h, err := r.Head(id)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return warn("not_found", "there is no such agent")
	case err != nil:
		return nil, nil, err
	case h.Type != entity.TypeAgent:
		return warn("not_an_agent", "it is of type "+h.Type)
	case h.Deleted:
		return warn("not_found", "the agent is deleted")
	}
	m, err := r.Manifest(h.CID())
	if err != nil {
		return nil, nil, err
	}
	switch m.Properties[guard.AgentStatus] {
	case guard.Active:
		return m, nil, nil
	case guard.Disabled:
		return warn("disabled", "the agent is disabled, and gets nothing")
	}
	return warn("disabled", inDevelopment)
}
