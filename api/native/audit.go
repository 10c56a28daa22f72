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
	Action string    `query:"action" max:"100" doc:"only these, separated by commas, like access.denied"`
}

// AuditEntry is a line of a tenant's account, with the block it stands in.
type AuditEntry struct {
	N     int64          `json:"n" doc:"of the block"`
	CID   string         `json:"cid" doc:"of the block"`
	Entry map[string]any `json:"entry" doc:"action, at, principal, kind, credential, ip, user_agent, op, target, count and others where there are"`
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
			if err := out.add(r, at, actions); err != nil {
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

// add takes in the entries of a block, which are in the order they happened in.
func (out *AuditResponse) add(r *guard.Reader, at entity.ChainRef, actions []string) error {
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
		action, _ := entry["action"].(string)
		if len(actions) == 0 || slices.Contains(actions, action) {
			out.Entries = append(out.Entries, AuditEntry{N: at.N, CID: at.CID.String(), Entry: entry})
		}
	}
	return nil
}
