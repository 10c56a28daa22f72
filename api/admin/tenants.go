package admin

import (
	"context"
	"slices"

	"stemma/api/auth"
	"stemma/api/llm/agent"
	"stemma/api/llm/provider"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/entity/listing"
)

func (s *Service) tenantOps() []wire.Operation {
	ops := []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/tenants", ID: "adminListTenants", Summary: "List all tenants", Permission: administer,
			Description: "Newest first. `total` counts those of the status that is asked for.",
			Success:     []wire.Success{{Status: 200, Body: Tenants{}}}, Errors: []int{400},
		}), s.listTenants),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/tenants", ID: "adminCreateTenant", Summary: "Create a tenant", Permission: administer,
			Description: "With its workspace. Owned by the first user where `ownerId` names nobody else: that user invites people with the portal.",
			Success:     []wire.Success{{Status: 201, Body: Tenant{}}}, Errors: []int{400, 409},
		}), s.createTenant),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/tenants/{id}", ID: "adminGetTenant", Summary: "Get a tenant", Permission: administer,
			Success: []wire.Success{{Status: 200, Body: TenantDetail{}}}, Errors: []int{400, 404},
		}), s.getTenant),
	}
	for _, method := range []string{"PUT", "PATCH"} {
		id := map[string]string{"PUT": "adminUpdateTenant", "PATCH": "adminPatchTenant"}[method]
		ops = append(ops, wire.Op(row(wire.Operation{
			Method: method, Path: "/tenants/{id}", ID: id, Summary: "Change a tenant", Permission: administer,
			Description: "PUT and PATCH are the same: what is left out stays. From when `status` is `inactive` the keys of the tenant's agents, and of those of tenants below, are answered with 401, and the tokens of its people with 403.",
			Success:     []wire.Success{{Status: 200, Body: TenantDetail{}}}, Errors: []int{400, 404, 409},
		}), s.updateTenant))
	}
	return append(ops, wire.Op(row(wire.Operation{
		Method: "DELETE", Path: "/tenants/{id}", ID: "adminDeleteTenant", Summary: "Delete a tenant", Permission: administer,
		Description: "With `?confirm=true` alone. Its keys and tokens are void at once, and the keys of providers that it and its agents have are forgotten; its history stays. A tenant with others below it is not deleted before them.",
		Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 404, 409},
	}), s.deleteTenant))
}

// Tenant is a tenant in short.
type Tenant struct {
	ID        entity.ID  `json:"id"`
	Name      string     `json:"name"`
	OrgSlug   string     `json:"orgSlug"`
	Status    string     `json:"status" doc:"active or inactive"`
	ParentID  *entity.ID `json:"parentId"`
	CreatedAt string     `json:"createdAt"`
	UpdatedAt string     `json:"updatedAt"`
}

// TenantDetail is a tenant with what hangs on it.
type TenantDetail struct {
	Tenant
	Provider *tenant.ProviderView `json:"providerConfig" doc:"null: inherited from the tenant above, or none"`
	Keys     int                  `json:"apiKeyCount" doc:"of its agents, but for those that were revoked"`
}

// Tenants are a page of them.
type Tenants struct {
	Tenants []Tenant `json:"tenants"`
	Total   int      `json:"total"`
}

func tenantView(m *entity.Manifest) Tenant {
	out := Tenant{ID: m.ID, Name: m.Label(), OrgSlug: tenant.Slug(m), Status: agent.StatusActive, ParentID: orNull(agent.Peer(m, entity.PredicateParent)), CreatedAt: m.CreatedAt, UpdatedAt: entity.FormatMillis(m.TS)}
	if !agent.Active(m) {
		out.Status = agent.StatusInactive
	}
	return out
}

func tenantDetail(r entity.Reader, m *entity.Manifest) (out TenantDetail, err error) {
	out.Tenant = tenantView(m)
	if out.Provider, err = tenant.ViewProvider(r, m.ID, tenant.Settings(m)); err != nil {
		return out, err
	}
	workspace, err := tenant.Workspace(r, m)
	if err != nil {
		return out, err
	}
	keys, err := tenant.Keys(r, workspace)
	for _, k := range keys {
		if k.Status == tenant.KeyActive {
			out.Keys++
		}
	}
	return out, err
}

type listTenantsIn struct {
	Limit  int    `query:"limit" default:"50" min:"1" max:"500"`
	Offset int    `query:"offset" default:"0" min:"0"`
	Status string `query:"status" enum:"active,inactive"`
}

func (s *Service) listTenants(ctx context.Context, in *listTenantsIn) (*wire.Reply, error) {
	out := Tenants{}
	err := s.view(ctx, func(r *guard.Reader) error {
		var ids []entity.ID
		for e, err := range tenant.All(r) {
			if err != nil {
				return err
			}
			if in.Status == "" || e.Text == in.Status {
				ids = append(ids, e.ID)
			}
		}
		slices.Reverse(ids)
		page, _ := wire.Page(ids, in.Offset, in.Limit)
		out = Tenants{Tenants: []Tenant{}, Total: len(ids)}
		for _, id := range page {
			m, err := tenantOf(r, id)
			if err != nil {
				return err
			}
			out.Tenants = append(out.Tenants, tenantView(m))
		}
		return nil
	})
	return wire.OK(out), err
}

type createTenantIn struct {
	Name   string    `json:"name" req:"true" min:"1" max:"180"`
	Slug   string    `json:"orgSlug" alias:"org_slug" pattern:"^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$" doc:"left out, it is made from the name"`
	Parent entity.ID `json:"parentId" alias:"parent_id" doc:"the tenant that it inherits from"`
	Owner  entity.ID `json:"ownerId" alias:"owner_id" doc:"a user; left out, the first"`
}

func (s *Service) createTenant(ctx context.Context, in *createTenantIn) (*wire.Reply, error) {
	name, err := trimmed(in.Name)
	if err != nil {
		return nil, err
	}
	var out Tenant
	err = s.update(ctx, func(tx *guard.Tx) error {
		spec := tenant.Spec{Name: name, Slug: in.Slug, Parent: in.Parent, Owner: in.Owner, At: tx.At()}
		if in.Parent != "" {
			if m, err := tenant.Live(tx, in.Parent); err != nil || m == nil {
				return orIssue(err, "parentId", "there is no tenant %s", in.Parent)
			}
		}
		if in.Owner == "" {
			if spec.Owner, err = auth.FirstUser(tx); err != nil {
				return err
			}
		} else if h, err := tx.Head(in.Owner); err != nil || h.Deleted || h.Type != entity.TypeUser {
			if entity.KindOf(err) == entity.KindNotFound {
				err = nil
			}
			return orIssue(err, "ownerId", "there is no user %s", in.Owner)
		}
		v, err := tenant.Create(tx, spec)
		if err == nil {
			out = tenantView(v.Manifest)
		}
		return err
	})
	return wire.Created(out), err
}

// orIssue is err, or where that is nil an issue of a field.
func orIssue(err error, field, format string, args ...any) error {
	if err != nil {
		return err
	}
	return issue(field, format, args...)
}

func (s *Service) getTenant(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out TenantDetail
	err := s.view(ctx, func(r *guard.Reader) error {
		m, err := tenantOf(r, in.ID)
		if err == nil {
			out, err = tenantDetail(r, m)
		}
		return err
	})
	return secret(wire.OK(out)), err
}

// editTenant writes the next version of a tenant that is there, and shows it.
func (s *Service) editTenant(ctx context.Context, id entity.ID, edit func(*guard.Tx, *entity.Manifest) error) (out TenantDetail, err error) {
	err = s.update(ctx, func(tx *guard.Tx) error {
		if _, err := tenantOf(tx, id); err != nil {
			return err
		}
		tx.Permit(id)
		v, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error { return edit(tx, m) })
		if err == nil {
			out, err = tenantDetail(tx, v.Manifest)
		}
		return err
	})
	return out, err
}

type updateTenantIn struct {
	idIn
	Name   *string `json:"name" min:"1" max:"180"`
	Status *string `json:"status" enum:"active,inactive"`
	Slug   *string `json:"orgSlug" alias:"org_slug" pattern:"^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$"`
}

func (s *Service) updateTenant(ctx context.Context, in *updateTenantIn) (*wire.Reply, error) {
	if in.Name == nil && in.Status == nil && in.Slug == nil {
		return nil, entity.Invalid("admin.updateTenant", "nothing is to change: give name, status or orgSlug")
	}
	name := ""
	if in.Name != nil {
		var err error
		if name, err = trimmed(*in.Name); err != nil {
			return nil, err
		}
	}
	out, err := s.editTenant(ctx, in.ID, func(tx *guard.Tx, m *entity.Manifest) error {
		if in.Name != nil {
			m.Properties["label"] = name
		}
		if in.Status != nil {
			m.Properties["status"] = *in.Status
		}
		if in.Slug != nil {
			m.Properties["org_slug"] = *in.Slug
			return tenant.TakeSlug(tx, m.ID, *in.Slug)
		}
		return nil
	})
	return secret(wire.OK(out)), err
}

type deleteTenantIn struct {
	idIn
	Confirm bool `query:"confirm" doc:"true, or nothing is deleted"`
}

// mostListed bounds what is looked at of a workspace.
const mostListed = 10_000

func (s *Service) deleteTenant(ctx context.Context, in *deleteTenantIn) (*wire.Reply, error) {
	const op = "admin.deleteTenant"
	if !in.Confirm {
		return nil, issue("confirm", "a tenant is deleted with ?confirm=true alone")
	}
	return wire.NoContent(), s.update(ctx, func(tx *guard.Tx) error {
		m, err := tenantOf(tx, in.ID)
		if err != nil {
			return err
		}
		for below, err := range tenant.Below(tx, in.ID) {
			if err != nil {
				return err
			}
			return entity.Errorf(entity.KindExists, op, "the tenant %s is below this one, which would leave it with nothing to inherit: delete that first", below.ID)
		}
		if err := forgetKeys(tx, m); err != nil {
			return err
		}
		tx.Permit(in.ID)
		_, err = tx.Put(in.ID, entity.Any, func(m *entity.Manifest) error {
			m.Properties["status"] = agent.StatusInactive // an owner who restores it has one that is switched off
			return nil
		})
		if err != nil {
			return err
		}
		return tenant.Bury(tx, in.ID, entity.Any, tx.At())
	})
}

// forgetKeys forgets the keys of providers that a tenant and its agents have.
func forgetKeys(tx *guard.Tx, m *entity.Manifest) error {
	workspace, err := tenant.Workspace(tx, m)
	if err != nil {
		return err
	}
	all := []entity.ID{m.ID}
	if workspace != "" {
		agents, _, err := listing.Collection(tx, workspace, entity.TypeAgent, 0, mostListed, nil)
		if err != nil {
			return err
		}
		all = append(all, agents...)
	}
	for _, id := range all {
		if err := provider.SetCredential(tx, nil, id, nil, ""); err != nil {
			return err
		}
	}
	return nil
}
