package guard

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"

	"stemma/entity"
	"stemma/entity/access"
)

// Properties of an agent that mean something to the server.
const (
	AgentEndpoint = "endpoint"             // where it is called
	AgentVerified = "endpoint_verified_at" // when the server has seen that it is the agent's; set by the server
	AgentStatus   = "status"               // development, active or disabled; "" is development
	AgentActions  = "actions_required"     // what it has to be allowed on a target
	AgentUses     = "uses_agents"          // others that it calls
)

// Statuses of an agent.
const (
	InDevelopment = "development"
	Active        = "active"
	Disabled      = "disabled"
)

var agentAction = regexp.MustCompile(`^[a-z_]+:[a-z_]+$`)

// Vouch lets the transaction write of an entity what only the server may: that
// an agent's endpoint is verified, and its records ([record]).
func (t *Tx) Vouch(id entity.ID) { t.vouched = append(t.vouched, id) }

// rules holds a change to what the entity's type asks of changes, by whichever
// operation it is made. before is nil for a new entity.
func (t *Tx) rules(before, after *entity.Manifest) error {
	vouched := slices.Contains(t.vouched, after.ID)
	issues, err := t.recordRules(before, after, vouched)
	if err != nil {
		return err
	}
	if after.Type == entity.TypeAgent && !after.Deleted() {
		issues = agentRules(before, after, vouched)
	}
	if len(issues) == 0 {
		return nil
	}
	return &entity.Error{Kind: entity.KindInvalid, Op: "guard.rules", Message: "Validation failed", Issues: issues}
}

func issue(message string, path ...any) entity.Issue {
	return entity.Issue{Path: path, Message: message}
}

// agentRules is the life of an agent. Another endpoint is not verified, and one
// whose endpoint is not verified is not active; without an endpoint there is
// nothing to verify. What comes back from the dead is in development.
func agentRules(before, after *entity.Manifest, vouched bool) []entity.Issue {
	had := entity.Properties{}
	if before != nil {
		had = before.Properties
	}
	p := after.Properties
	if before != nil && (before.Deleted() || !entity.EqualValues(had[AgentEndpoint], p[AgentEndpoint])) {
		delete(p, AgentVerified)
		if p[AgentStatus] == any(Active) {
			p[AgentStatus] = InDevelopment
		}
	}
	issues := agentForm(had, p)
	verified, given := p[AgentVerified]
	switch {
	case given && !vouched && !entity.EqualValues(had[AgentVerified], verified):
		issues = append(issues, issue("is set by POST /agents/{id}/verify, and by nobody else", AgentVerified))
	case p[AgentStatus] == any(Active) && verified == nil && p[AgentEndpoint] != nil:
		issues = append(issues, issue("cannot be active before the endpoint is verified; see POST /agents/{id}/verify", AgentStatus))
	}
	return issues
}

// agentForm checks those of the properties that are not as they were.
func agentForm(had, p entity.Properties) (issues []entity.Issue) {
	for name, check := range map[string]func(any) string{
		AgentEndpoint: endpointForm, AgentStatus: statusForm, AgentActions: actionsForm, AgentUses: usesForm, "input_schema": objectForm, "output_schema": objectForm,
	} {
		v, ok := p[name]
		if !ok || entity.EqualValues(had[name], v) {
			continue
		}
		if wrong := check(v); wrong != "" {
			issues = append(issues, issue(wrong, name))
		}
	}
	return issues
}

func endpointForm(v any) string {
	text, _ := v.(string)
	u, err := url.Parse(text)
	if err != nil || len(text) > 2000 || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "must be a URL like https://agent.example, with no user, query or fragment"
	}
	return ""
}

func statusForm(v any) string {
	if v == any(InDevelopment) || v == any(Active) || v == any(Disabled) {
		return ""
	}
	return "must be development, active or disabled"
}

func actionsForm(v any) string {
	list, _ := v.([]any)
	if len(list) == 0 {
		return "must be an array of actions, like [\"entity:view\"]"
	}
	for _, a := range list {
		text, _ := a.(string)
		if !agentAction.MatchString(text) {
			return fmt.Sprintf("%.60q is not an action; write type:verb, like entity:update", text)
		}
		if err := access.CheckPattern(access.Action(text)); err != nil {
			return err.(*entity.Error).Message
		}
	}
	return ""
}

func usesForm(v any) string {
	list, ok := v.([]any)
	for _, e := range list {
		used, _ := e.(map[string]any)
		id, _ := used["pi"].(string)
		_, err := entity.ParseID(id)
		ok = ok && err == nil
	}
	if !ok {
		return `must be an array of agents, like [{"pi":"01KDVR…"}]`
	}
	return ""
}

func objectForm(v any) string {
	if _, ok := v.(map[string]any); !ok {
		return "must be an object"
	}
	return ""
}
