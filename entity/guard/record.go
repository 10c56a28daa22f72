package guard

import (
	"slices"

	"stemma/entity"
)

// record is what the server alone writes of entities of a type. Whatever else
// somebody notes on them is theirs.
type record struct {
	what       string // that it is a record of
	by         string // the operation that makes one; "": whoever may create the type
	ends       string // the operation that takes one back; "": whoever may delete it
	properties []string
	predicates []entity.Predicate
	operator   bool // writes it too
}

// records is the table.
var records = map[string]record{
	entity.TypeAgentJob: {what: "a job", by: "POST /agents/{id}/invoke", properties: JobProperties},
	"invite": {what: "an invitation", by: "POST /v1/portal/invites", ends: "DELETE /v1/portal/invites/{id}",
		properties: []string{"max_uses", "use_count", "expires_at", "revoked_at", "created_by"}, predicates: []entity.Predicate{entity.PredicateCollection, entity.PredicateTenant}},
	"api_key": {what: "a key", by: "POST /v1/portal/api-keys", ends: "DELETE /v1/portal/api-keys/{id}",
		properties: []string{"key_prefix", "status", "revoked_at"}, predicates: []entity.Predicate{entity.PredicateCollection, "agent"}},
	"run":                 {what: "a hold; see PUT /api/monitoring/runs/{runId}/hold", properties: []string{"content_hold"}},
	"session":             {what: "the holds of its runs; see PUT /api/monitoring/runs/{runId}/hold", properties: []string{"held_runs"}},
	entity.TypeCollection: {what: "a hold; see PUT /api/monitoring/retention/hold", properties: []string{"content_hold"}},
	entity.TypeTenant:     {what: "a tenant's name in URLs and of whether it is served", properties: []string{"org_slug", "status"}, operator: true},
}

// JobProperties are the properties of a job's record that the server alone sets.
var JobProperties = []string{"agent", "target", "status", "expires_at", "request", "input_sha256", "started_at", "completed_at", "error"}

// recordRules keep in a record what the server wrote. What comes back from the
// dead is as it was last.
func (t *Tx) recordRules(before, after *entity.Manifest, vouched bool) (issues []entity.Issue, err error) {
	r, ok := records[after.Type]
	if !ok || vouched || r.operator && t.who.System {
		return nil, nil
	}
	switch {
	case after.Deleted() && r.ends == "":
		return nil, nil
	case after.Deleted():
		return []entity.Issue{issue("is the server's record of "+r.what+"; it is taken back by "+r.ends, "type")}, nil
	case before == nil && r.by != "":
		return []entity.Issue{issue("records of "+r.what+" are made by "+r.by, "type")}, nil
	case before == nil:
		before = &entity.Manifest{}
	}
	for before.Deleted() {
		if before, err = t.tx.Manifest(before.PrevCID()); err != nil {
			return nil, err
		}
	}
	message := "is the server's record of " + r.what + " and cannot be changed"
	for _, name := range r.properties {
		if !entity.EqualValues(before.Properties[name], after.Properties[name]) {
			issues = append(issues, issue(message, "properties", name))
		}
	}
	for _, p := range r.predicates {
		if !slices.Equal(peers(before, p), peers(after, p)) {
			issues = append(issues, issue(message, "relationships", string(p)))
		}
	}
	return issues, nil
}

func peers(m *entity.Manifest, p entity.Predicate) (ids []entity.ID) {
	for _, r := range m.Relationships {
		if r.Predicate == p {
			ids = append(ids, r.Peer)
		}
	}
	return ids
}
