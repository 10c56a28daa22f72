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
// an agent's endpoint is verified, and the record of a job.
func (t *Tx) Vouch(id entity.ID) { t.vouched = append(t.vouched, id) }

// rules holds a change to what the entity's type asks of changes, by whichever
// operation it is made. before is nil for a new entity.
func (t *Tx) rules(before, after *entity.Manifest) error {
	if after.Deleted() {
		return nil
	}
	vouched := slices.Contains(t.vouched, after.ID)
	var issues []entity.Issue
	switch after.Type {
	case entity.TypeAgent:
		issues = agentRules(before, after, vouched)
	case entity.TypeAgentJob:
		if !vouched {
			issues = jobRules(before, after)
		}
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

// jobRules keep the record of a job what the server wrote. Its relationships and
// whatever else somebody notes on it are theirs.
func jobRules(before, after *entity.Manifest) (issues []entity.Issue) {
	if before == nil {
		return []entity.Issue{issue("the records of agents' jobs are made by POST /agents/{id}/invoke", "type")}
	}
	if before.Deleted() {
		return nil // what a restore brings back is of its history
	}
	for _, name := range JobProperties {
		if !entity.EqualValues(before.Properties[name], after.Properties[name]) {
			issues = append(issues, issue("is the server's record of a job and cannot be changed", "properties", name))
		}
	}
	return issues
}

// JobProperties are the properties of a job's record that the server alone sets.
var JobProperties = []string{"agent", "target", "status", "expires_at", "request", "input_sha256", "started_at", "completed_at", "error"}
