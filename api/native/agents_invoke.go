package native

import (
	"context"
	"strings"
	"time"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
)

// mostAgents bounds how many agents one invocation grants something.
const mostAgents = 50

func (s *Service) invokeOp() wire.Operation {
	return agentOp(s, wire.Operation{
		Method: "POST", Path: "/agents/{id}/invoke", ID: "invokeAgent", Summary: "Invoke an agent",
		Description: "Has an active agent work on the collection `target`. Without `confirm`: what it, and the agents that it uses, would be granted there, until when, and whether the caller can (`can_proceed`). With `confirm: true` the roles are given for `expires_in` seconds, the job is written down, and the agent is called. " +
			"What is granted takes collection:manage on the target; where nothing is, the caller must itself be allowed there what the agent is. The record of the job and its log go to `job_collection`, or to a new one that is private where the target is. Where the agent declines or does not answer, what was granted is taken back.",
		Permission: "agent:invoke", Auth: wire.AuthRequired,
		Success: []wire.Success{{Status: 200, Body: InvokePreviewResponse{}, Description: "what would be granted"}, {Status: 202, Body: InvokedResponse{}, Description: "the agent has started, or declined"}},
		Errors:  []int{400, 401, 403, 404, 502},
	}, s.invokeAgent)
}

type invokeAgentIn struct {
	ID            entity.ID      `path:"id"`
	Target        entity.ID      `json:"target" req:"true" doc:"a collection"`
	JobCollection entity.ID      `json:"job_collection" doc:"for the job's record and log; a new one when left out"`
	Input         map[string]any `json:"input" doc:"handed to the agent, and not kept"`
	ExpiresIn     int64          `json:"expires_in" default:"3600" min:"60" max:"86400" doc:"seconds that what is granted holds"`
	Confirm       bool           `json:"confirm"`
}

// NamedEntity is an entity with what to call it.
type NamedEntity struct {
	ID    entity.ID `json:"id"`
	Label string    `json:"label"`
}

// InvokeGrant is what an agent would be granted.
type InvokeGrant struct {
	Agent            NamedEntity     `json:"agent"`
	Collection       entity.ID       `json:"collection" doc:"where: the target or the job collection"`
	Actions          []access.Action `json:"actions"`
	Role             string          `json:"role"`
	AlreadyGranted   bool            `json:"already_granted" doc:"it has this now; where that ends too soon it is made longer, never shorter"`
	Expired          bool            `json:"expired,omitempty"`
	MissingActions   bool            `json:"missing_actions,omitempty"`
	CurrentExpiresAt string          `json:"current_expires_at,omitempty"`
}

// InvokePreviewResponse is what invoking an agent would grant.
type InvokePreviewResponse struct {
	Status       string         `json:"status" doc:"pending_confirmation"`
	Message      string         `json:"message"`
	Grants       []InvokeGrant  `json:"grants"`
	Target       NamedEntity    `json:"target"`
	ExpiresAt    string         `json:"expires_at"`
	CanProceed   bool           `json:"can_proceed"`
	GrantsNeeded bool           `json:"grants_needed"`
	Warnings     []AgentWarning `json:"warnings,omitempty"`
}

func (s *Service) invokeAgent(ctx context.Context, in *invokeAgentIn) (*wire.Reply, error) {
	if in.Confirm {
		return s.confirmInvoke(ctx, in)
	}
	var out InvokePreviewResponse
	err := s.view(ctx, func(r *guard.Reader) error {
		plan, err := planInvocation(r, in)
		if err == nil {
			out = plan.preview()
		}
		return err
	})
	return wire.OK(out), err
}

// invocation is an invocation that was thought through, as of one state.
type invocation struct {
	agent    *entity.Manifest
	target   entity.Head
	jobs     entity.Head // the job collection; no ID: a new one
	private  bool        // the new one is
	grants   []grant
	policies map[entity.ID]*access.Policy
	at       time.Time
	until    time.Time
	warnings []AgentWarning
	refused  string // why the caller cannot; "": it can
}

func planInvocation(r *guard.Reader, in *invokeAgentIn) (*invocation, error) {
	const op = "native.invoke"
	h, m, err := manifestOf(r, "agent:invoke", in.ID, entity.TypeAgent)
	switch {
	case err != nil:
		return nil, err
	case h.Deleted || m.Properties[guard.AgentStatus] != any(guard.Active) || m.Properties[guard.AgentVerified] == nil:
		return nil, entity.Invalid(op, "agent %s is not active: verify its endpoint with POST /agents/%s/verify, then set its status to active", in.ID, in.ID)
	}
	p := &invocation{agent: m, policies: map[entity.ID]*access.Policy{}, at: r.At(), until: r.At().Add(time.Duration(in.ExpiresIn) * time.Second)}
	if p.target, err = p.scope(r, "target", in.Target); err != nil {
		return nil, err
	}
	agents, err := p.reach(r)
	if err != nil {
		return nil, err
	}
	if in.JobCollection != "" {
		if p.jobs, err = p.scope(r, "job_collection", in.JobCollection); err != nil {
			return nil, err
		}
	}
	for _, a := range agents {
		p.grants = append(p.grants, planGrant(a, p.policies[p.target.ID], requires(a), p.at, p.until))
		if p.jobs.ID != "" {
			p.grants = append(p.grants, planGrant(a, p.policies[p.jobs.ID], logActions, p.at, p.until))
		}
	}
	p.private = !r.Public("entity:view", entity.Head{Type: entity.TypeAgentJob, Collection: p.target.ID})
	p.refused = p.refusal(r)
	return p, nil
}

// scope is a live collection that the caller may view, with its policy.
func (p *invocation) scope(r *guard.Reader, field string, id entity.ID) (entity.Head, error) {
	h, err := r.Allowed("collection:view", id)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return h, entity.NotFound("native.invoke", "Collection not found: %s", id)
	case err != nil:
		return h, err
	case h.Type != entity.TypeCollection:
		return h, invalidField("must be a collection: agents get roles in collections, not on single entities; name the one that it belongs to", field)
	case h.Deleted:
		return h, invalidField("is deleted; restore it first", field)
	}
	p.policies[id], err = r.Policy(id)
	return h, err
}

// reach is the agent and all that it uses, and they use, each once: who is met
// again is passed over, so that a cycle ends.
func (p *invocation) reach(r *guard.Reader) ([]*entity.Manifest, error) {
	met := map[entity.ID]bool{p.agent.ID: true}
	all := []*entity.Manifest{p.agent}
	for i := 0; i < len(all); i++ {
		for _, id := range uses(all[i]) {
			if met[id] {
				continue
			}
			met[id] = true
			m, warning, err := usable(r, id)
			switch {
			case err != nil:
				return nil, err
			case warning != nil:
				warning.ParentAgentID = all[i].ID
				p.warnings = append(p.warnings, *warning)
				continue
			case len(all) == mostAgents:
				return nil, entity.Invalid("native.invoke", "agent %s uses more than %d others, theirs among them", p.agent.ID, mostAgents-1)
			}
			all = append(all, m)
		}
	}
	return all, nil
}

// needed are the grants in a scope that are not there yet.
func (p *invocation) needed(in entity.ID) (out []grant) {
	for _, g := range p.grants {
		if g.in == in && !g.covered {
			out = append(out, g)
		}
	}
	return out
}

// refusal is why the caller cannot have it done.
func (p *invocation) refusal(r *guard.Reader) string {
	may := func(a access.Action, on entity.Head) bool {
		d, err := r.Decide(a, on)
		return err == nil && d.Allowed
	}
	if p.needed(p.target.ID) != nil && !may("collection:manage", p.target) {
		return "what the agent needs has to be granted on the target, which takes collection:manage there"
	}
	if !may("collection:manage", p.target) {
		for _, g := range p.grants {
			if g.in == p.target.ID {
				if a := lacks(may, g.actions, p.target); a != "" {
					return "the agent may do on the target what the caller may not: " + string(a)
				}
			}
		}
	}
	switch record := (entity.Head{Type: entity.TypeAgentJob, Collection: p.jobs.ID}); {
	case p.jobs.ID == "" && !may("collection:create", entity.Head{Type: entity.TypeCollection}):
		return "the job needs a collection for its record, and the caller may not create one; name one as job_collection"
	case p.jobs.ID != "" && !may("agent_job:create", record):
		return "the job's record is an entity of job_collection, which takes entity:create there"
	case p.jobs.ID != "" && p.needed(p.jobs.ID) != nil && !may("collection:manage", p.jobs):
		return "the agent writes its log into job_collection, which has to be granted and takes collection:manage there; leave it out for a new one"
	}
	return ""
}

// lacks is the first of the actions that somebody may not take in a collection.
func lacks(may func(access.Action, entity.Head) bool, actions []access.Action, in entity.Head) access.Action {
	for _, a := range actions {
		typ, _, _ := strings.Cut(string(a), ":")
		on := entity.Head{Type: typ, Collection: in.ID}
		if typ == entity.TypeCollection {
			on = in
		}
		if !may(a, on) {
			return a
		}
	}
	return ""
}

func (p *invocation) preview() InvokePreviewResponse {
	out := InvokePreviewResponse{
		Status: "pending_confirmation", Grants: []InvokeGrant{}, Target: NamedEntity{p.target.ID, p.target.Label}, ExpiresAt: entity.FormatTime(p.until),
		CanProceed: p.refused == "", GrantsNeeded: p.needed(p.target.ID) != nil || p.jobs.ID != "" && p.needed(p.jobs.ID) != nil, Warnings: p.warnings,
	}
	for _, g := range p.grants {
		row := InvokeGrant{
			Agent: NamedEntity{g.agent, g.label}, Collection: g.in, Actions: g.actions, Role: g.role,
			AlreadyGranted: g.covered || g.live && !g.missing, Expired: g.expired, MissingActions: g.missing,
		}
		if g.was != 0 {
			row.CurrentExpiresAt = entity.FormatMillis(g.was)
		}
		out.Grants = append(out.Grants, row)
	}
	switch {
	case p.refused != "":
		out.Message = "This cannot be done: " + p.refused
	case out.GrantsNeeded:
		out.Message = "The roles below are given until " + out.ExpiresAt + ". Send the same with confirm: true to go on."
	default:
		out.Message = "The agents have what they need. Send the same with confirm: true to go on."
	}
	return out
}
