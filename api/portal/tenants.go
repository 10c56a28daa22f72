package portal

import (
	"context"
	"time"

	"stemma/api/auth"
	"stemma/api/llm/agent"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) tenantOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/tenants", ID: "portalListTenants", Summary: "List the tenants that one is in", Permission: anyMember,
			Description: "None for who is in none, whom all else refuses.",
			Success:     []wire.Success{{Status: 200, Body: Tenants{}}},
		}), s.listTenants),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/tenants/{id}/leave", ID: "portalLeaveTenant", Summary: "Leave a tenant", Permission: anyMember,
			Description: "The last owner stays. What the caller alone owned in the tenant is an owner's who stays.",
			Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 404},
		}), s.leaveTenant),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/subtenants", ID: "portalListSubtenants", Summary: "List the tenants below", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: Subtenants{}}},
		}), s.listSubtenants),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/subtenants", ID: "portalCreateSubtenant", Summary: "Make a tenant below", Permission: ownerOnly,
			Description: "It inherits provider, system prompt, skills and MCP endpoints. The caller owns it; nobody else of the tenant above has a role in it.",
			Success:     []wire.Success{{Status: 201, Body: SubtenantCreated{}}}, Errors: []int{400},
		}), s.createSubtenant),
	}
}

// Tenants are those that the caller is in.
type Tenants struct {
	Tenants []TenantOfUser `json:"tenants"`
}

func (s *Service) listTenants(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out Tenants
	err := s.networks[wire.NetworkOf(ctx)].Store.View(ctx, func(r entity.Reader) error {
		all, err := tenant.Of(r, auth.From(ctx).ID, s.Now())
		out.Tenants = tenantsOf(all)
		return err
	})
	return wire.OK(out), err
}

// leaveTenant is for any tenant that the caller is in, whichever the token is
// for.
func (s *Service) leaveTenant(ctx context.Context, in *idIn) (*wire.Reply, error) {
	return wire.NoContent(), s.update(ctx, func(t txn) error {
		for _, m := range t.all {
			if m.Tenant.ID != in.ID {
				continue
			}
			if m.Role == tenant.RoleOwner && tenant.Owners(m.Tenant, t.At()) == 1 {
				return entity.Invalid("portal.leaveTenant", "you are the last owner: make another member the owner first")
			}
			if err := tenant.Evict(t.tx, in.ID, t.user, heir(m.Tenant, t.user, t.At())); err != nil {
				return err
			}
			_, err := t.tx.Leave(in.ID)
			return err
		}
		return entity.NotFound("portal.leaveTenant", "you are in no tenant %s", in.ID)
	})
}

// heir is an owner of the tenant who stays.
func heir(m *entity.Manifest, leaves entity.ID, at time.Time) entity.ID {
	for _, member := range tenant.Members(m, at) {
		if member.Role == tenant.RoleOwner && member.ID != leaves {
			return member.ID
		}
	}
	return ""
}

// Subtenant is a tenant below.
type Subtenant struct {
	ID        entity.ID `json:"id"`
	Name      string    `json:"name"`
	Status    string    `json:"status"`
	CreatedAt string    `json:"createdAt"`
}

// Subtenants are those right below the tenant.
type Subtenants struct {
	Subtenants []Subtenant `json:"subtenants"`
}

func subtenant(m *entity.Manifest) Subtenant {
	out := Subtenant{ID: m.ID, Name: m.Label(), Status: agent.StatusActive, CreatedAt: m.CreatedAt}
	if !agent.Active(m) {
		out.Status = agent.StatusInactive
	}
	return out
}

func (h here) subtenants() ([]Subtenant, error) {
	out := []Subtenant{}
	for e, err := range tenant.Below(h.raw, h.tenant.ID) {
		if err != nil {
			return nil, err
		}
		m, err := tenant.Live(h.raw, e.ID)
		if err != nil {
			return nil, err
		}
		if m != nil {
			out = append(out, subtenant(m))
		}
	}
	return out, nil
}

func (s *Service) listSubtenants(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out Subtenants
	err := s.view(ctx, func(h here) (err error) {
		out.Subtenants, err = h.subtenants()
		return err
	})
	return wire.OK(out), err
}

type createSubtenantIn struct {
	Name string `json:"name" req:"true" min:"1" max:"180"`
}

// SubtenantCreated is a new tenant below.
type SubtenantCreated struct {
	Subtenant struct {
		Subtenant
		ParentID entity.ID `json:"parentId"`
	} `json:"subtenant"`
}

func (s *Service) createSubtenant(ctx context.Context, in *createSubtenantIn) (*wire.Reply, error) {
	if err := trimName(&in.Name); err != nil {
		return nil, err
	}
	var out SubtenantCreated
	err := s.update(ctx, func(t txn) error {
		if err := t.owns(); err != nil {
			return err
		}
		v, err := tenant.Create(t.tx, tenant.Spec{Name: in.Name, Parent: t.tenant.ID, Owner: t.user, At: t.At()})
		if err != nil {
			return err
		}
		out.Subtenant.Subtenant, out.Subtenant.ParentID = subtenant(v.Manifest), t.tenant.ID
		return nil
	})
	return wire.Created(out), err
}
