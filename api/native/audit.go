package native

import (
	"context"
	"slices"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
)

func (s *Service) auditOps() []wire.Operation {
	return []wire.Operation{wire.Op(wire.Operation{
		Method: "GET", Path: "/tenants/{id}/audit", ID: "listTenantAudit", Tag: tagTenants, Summary: "List who came in and who was kept out",
		Description: "Log-ins, uses of keys, changes of settings, providers, grants, agents and people by the portal and the operator, and of what recordings keep (`config.changed`: `op` says what was done, `given` what the request had, without what may be secret), and refusals that concern the tenant, newest first, some seconds after they happened. They are the tenant's chain `audit`: `cid` is the block that an entry stands in, which links to the one before it. `before` goes on with older ones.",
		Permission:  "tenant:manage", Auth: wire.AuthRequired,
		Success: []wire.Success{{Status: 200, Body: AuditResponse{}}}, Errors: []int{400, 401, 403, 404},
	}, s.listAudit)}
}

type listAuditIn struct {
	ID     entity.ID `path:"id"`
	Before int64     `query:"before" min:"1" doc:"only blocks with smaller numbers"`
	Limit  int       `query:"limit" default:"50" min:"1" max:"500" doc:"blocks; each holds what happened within about a second"`
	Action string    `query:"action" max:"200" doc:"only these, separated by commas, like access.denied"`
	About  entity.ID `query:"about" doc:"only what this entity did or had done to it"`
}

// AuditEntry is a line of a tenant's account, with the block it stands in.
type AuditEntry struct {
	N     int64     `json:"n" doc:"of the block"`
	CID   string    `json:"cid" doc:"of the block"`
	Entry AuditLine `json:"entry"`
}

// AuditLine is what happened.
type AuditLine struct {
	Action     string `json:"action" doc:"like auth.login, key.used or access.denied"`
	At         string `json:"at"`
	Principal  string `json:"principal" doc:"who did it; empty for nobody known"`
	Kind       string `json:"kind,omitempty" doc:"of the principal: user, agent or service"`
	By         string `json:"by,omitempty" doc:"the service that acted for the principal"`
	Credential string `json:"credential,omitempty" doc:"the first characters of a key, or password, token, oidc and others"`
	IP         string `json:"ip,omitempty"`
	UserAgent  string `json:"user_agent,omitempty"`
	Op         string `json:"op,omitempty" doc:"the operation that was called, as GET /openapi.json calls it"`
	Target     string `json:"target,omitempty" doc:"what it was done to"`
	Reason     string `json:"reason,omitempty" doc:"of a refusal: unauthenticated or forbidden"`
	Given      string `json:"given,omitempty" doc:"of a change of settings: the names of what was given, with values that are no secrets"`
	Count      int64  `json:"count" doc:"how often it happened"`
	First      string `json:"first,omitempty" doc:"the first of several"`
	Last       string `json:"last,omitempty" doc:"the last of several"`
	Dropped    int64  `json:"dropped,omitempty" doc:"entries before this one that there was no room for"`
}

// lineOf reads an entry of a block.
func lineOf(entry map[string]any) AuditLine {
	text := func(name string) string { s, _ := entry[name].(string); return s }
	count, _ := entry["count"].(int64)
	dropped, _ := entry["dropped"].(int64)
	return AuditLine{
		Action: text("action"), At: text("at"), Principal: text("principal"), Kind: text("kind"), By: text("by"), Credential: text("credential"), IP: text("ip"), UserAgent: text("user_agent"),
		Op: text("op"), Target: text("target"), Reason: text("reason"), Given: text("given"), Count: count, First: text("first"), Last: text("last"), Dropped: dropped,
	}
}

// AuditResponse is a page of a tenant's account.
type AuditResponse struct {
	TenantID   entity.ID    `json:"tenant_id"`
	Entries    []AuditEntry `json:"entries"`
	HasMore    bool         `json:"has_more"`
	NextBefore *int64       `json:"next_before" doc:"pass it as before; null at the end"`
}

func (s *Service) listAudit(ctx context.Context, in *listAuditIn) (*wire.Reply, error) {
	out := AuditResponse{TenantID: in.ID, Entries: []AuditEntry{}}
	actions := list(in.Action)
	err := s.view(ctx, func(r *guard.Reader) error {
		h, err := r.Allowed("tenant:manage", in.ID)
		if err != nil {
			return err
		}
		if err := ofType(h, entity.TypeTenant); err != nil {
			return err
		}
		last, err := r.ChainHead(in.ID, access.AuditChain)
		if err != nil {
			return err
		}
		before := last.N + 1
		if in.Before > 0 {
			before = min(before, in.Before)
		}
		from := max(1, before-int64(in.Limit))
		for at, err := range r.Chain(in.ID, access.AuditChain, from) {
			if err != nil || at.N >= before {
				return err
			}
			wanted := func(l AuditLine) bool {
				return (len(actions) == 0 || slices.Contains(actions, l.Action)) && (in.About == "" || slices.Contains([]string{l.Principal, l.By, l.Target}, string(in.About)))
			}
			if err := out.add(r, at, wanted); err != nil {
				return err
			}
		}
		if from > 1 {
			out.HasMore, out.NextBefore = true, &from
		}
		return nil
	})
	slices.Reverse(out.Entries)
	return wire.OK(out), err
}

// add takes in the entries of a block that are wanted, in the order they happened in.
func (out *AuditResponse) add(r *guard.Reader, at entity.ChainRef, wanted func(AuditLine) bool) error {
	data, err := r.Block(at.CID)
	if err != nil {
		return err
	}
	var b entity.ChainBlock
	if err := entity.DecodeBlock(data, &b); err != nil {
		return err
	}
	entries, _ := b.Body["entries"].([]any)
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		if line := lineOf(entry); wanted(line) {
			out.Entries = append(out.Entries, AuditEntry{N: at.N, CID: at.CID.String(), Entry: line})
		}
	}
	return nil
}
