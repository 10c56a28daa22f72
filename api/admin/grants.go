package admin

import (
	"context"

	"stemma/api/llm/agent"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

func (s *Service) grantOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/providers/{id}/default", ID: "adminSetDefaultProvider", Summary: "Make a provider the default", Permission: administer,
			Description: "In place of the one that was. It answers for agents for which neither they nor a tenant name a provider, where it is open to their tenant.",
			Success:     []wire.Success{{Status: 200, Body: Provider{}}}, Errors: []int{400, 404},
		}), s.setDefaultProvider),
		wire.Op(row(wire.Operation{
			Method: "PUT", Path: "/providers/{id}/availability", ID: "adminSetProviderAvailability", Summary: "Open a provider to all tenants, or not", Permission: administer,
			Description: "Not open to all, it is still open to the tenants that it is granted to.",
			Success:     []wire.Success{{Status: 200, Body: Provider{}}}, Errors: []int{400, 404},
		}), s.setAvailability),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/providers/{id}/tenants", ID: "adminListProviderTenants", Summary: "List the tenants that a provider is granted to", Permission: administer,
			Success: []wire.Success{{Status: 200, Body: Granted{}}}, Errors: []int{400, 404},
		}), s.listGrants),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/providers/{id}/tenants", ID: "adminGrantProvider", Summary: "Grant a provider to a tenant", Permission: administer,
			Description: "Its agents, and those of tenants that inherit from it, use it by `gatewayProviderId`. Granting twice is as good as once.",
			Success:     []wire.Success{{Status: 201, Body: Message{}}}, Errors: []int{400, 404},
		}), s.grant),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/providers/{id}/tenants/{tenantId}", ID: "adminRevokeProvider", Summary: "Take a provider away from a tenant", Permission: administer,
			Description: "Agents that name it are refused from then on.",
			Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 404},
		}), s.revoke),
	}
}

func (s *Service) setDefaultProvider(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out Provider
	err := s.update(ctx, func(tx *guard.Tx) error {
		m, err := providerOf(tx, in.ID)
		if err != nil {
			return err
		}
		agent.SetDefault(tx, in.ID)
		out, err = providerView(tx, m)
		return err
	})
	return secret(wire.OK(out)), err
}

type availabilityIn struct {
	idIn
	Available bool `json:"tenantAvailable" alias:"tenant_available" req:"true"`
}

func (s *Service) setAvailability(ctx context.Context, in *availabilityIn) (*wire.Reply, error) {
	return s.changeProvider(ctx, in.ID, &providerFields{TenantAvailable: &in.Available}, func(*entity.Manifest) error { return nil })
}

// Granted are the tenants that a provider is granted to.
type Granted struct {
	Tenants []Tenant `json:"tenants"`
}

func (s *Service) listGrants(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out Granted
	err := s.view(ctx, func(r *guard.Reader) error {
		p, err := providerOf(r, in.ID)
		if err != nil {
			return err
		}
		out.Tenants = []Tenant{}
		for _, rel := range p.Relationships {
			if rel.Predicate != agent.PredicateAvailableTo {
				continue
			}
			m, err := tenant.Live(r, rel.Peer)
			if err != nil {
				return err
			}
			if m != nil {
				out.Tenants = append(out.Tenants, tenantView(m))
			}
		}
		return nil
	})
	return wire.OK(out), err
}

// Message says what was done.
type Message struct {
	Message string `json:"message"`
}

type grantIn struct {
	idIn
	Tenant entity.ID `json:"tenantId" alias:"tenant_id" req:"true"`
}

func (s *Service) grant(ctx context.Context, in *grantIn) (*wire.Reply, error) {
	var out Message
	err := s.update(ctx, func(tx *guard.Tx) error {
		p, err := providerOf(tx, in.ID)
		if err != nil {
			return err
		}
		m, err := tenantOf(tx, in.Tenant)
		if err != nil {
			return err
		}
		out.Message = p.Label() + " is granted to " + m.Label()
		if p.Related(agent.PredicateAvailableTo, in.Tenant) >= 0 {
			return nil
		}
		tx.Permit(in.ID)
		_, err = tx.Put(in.ID, entity.Any, func(m *entity.Manifest) error {
			return m.Relate(entity.RelationshipEdit{Relationship: entity.Relationship{Predicate: agent.PredicateAvailableTo, Peer: in.Tenant, PeerType: entity.TypeTenant}})
		})
		return err
	})
	return wire.Created(out), err
}

type revokeIn struct {
	idIn
	Tenant entity.ID `path:"tenantId"`
}

// revoke takes back also what was granted to a tenant that is deleted by now.
func (s *Service) revoke(ctx context.Context, in *revokeIn) (*wire.Reply, error) {
	return wire.NoContent(), s.update(ctx, func(tx *guard.Tx) error {
		p, err := providerOf(tx, in.ID)
		if err != nil {
			return err
		}
		if p.Related(agent.PredicateAvailableTo, in.Tenant) < 0 {
			return entity.NotFound("admin.revoke", "the provider is not granted to a tenant %s; GET %s/providers/%s/tenants lists those that it is", in.Tenant, base, in.ID)
		}
		tx.Permit(in.ID)
		_, err = tx.Put(in.ID, entity.Any, func(m *entity.Manifest) error {
			m.Unrelate(entity.RelationshipRef{Predicate: agent.PredicateAvailableTo, Peer: in.Tenant})
			return nil
		})
		return err
	})
}
