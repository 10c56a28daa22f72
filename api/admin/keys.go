package admin

import (
	"context"

	"stemma/api/auth"
	"stemma/api/auth/audit"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/entity/listing"
)

func (s *Service) configOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "PUT", Path: "/tenants/{id}/provider-config", ID: "adminSetTenantProvider", Summary: "Set a tenant's provider", Permission: administer,
			Description: "What is left out stays. The key is kept sealed; it is dropped when `provider` or `baseUrl` changes without a new one.",
			Success:     []wire.Success{{Status: 200, Body: TenantDetail{}}}, Errors: []int{400, 404, 503},
		}), s.setTenantProvider),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/tenants/{id}/provider-config", ID: "adminDeleteTenantProvider", Summary: "Take a tenant's provider away", Permission: administer,
			Description: "With its key. The tenant has then what it inherits.",
			Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 404},
		}), s.deleteTenantProvider),
	}
}

type setTenantProviderIn struct {
	idIn
	tenant.ProviderInput
}

func (s *Service) setTenantProvider(ctx context.Context, in *setTenantProviderIn) (*wire.Reply, error) {
	if isMask(in.APIKey) {
		in.APIKey = nil
	}
	if !in.Given() {
		return nil, entity.Invalid("admin.setTenantProvider", "nothing is to change: give provider and what it needs, or gatewayProviderId")
	}
	out, err := s.editTenant(ctx, in.ID, func(tx *guard.Tx, m *entity.Manifest) error {
		return tenant.SetProvider(tx, s.Box, m.ID, m.ID, tenant.EditSettings(m), &in.ProviderInput)
	})
	return secret(wire.OK(out)), err
}

func (s *Service) deleteTenantProvider(ctx context.Context, in *idIn) (*wire.Reply, error) {
	none := ""
	_, err := s.editTenant(ctx, in.ID, func(tx *guard.Tx, m *entity.Manifest) error {
		return tenant.SetProvider(tx, s.Box, m.ID, m.ID, tenant.EditSettings(m), &tenant.ProviderInput{Provider: &none})
	})
	return wire.NoContent(), err
}

func (s *Service) keyOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/tenants/{id}/api-keys", ID: "adminListKeys", Summary: "List the keys of a tenant's agents", Permission: administer,
			Description: "By their first characters, also those that were revoked.",
			Success:     []wire.Success{{Status: 200, Body: Keys{}}}, Errors: []int{400, 404},
		}), s.listKeys),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/tenants/{id}/api-keys", ID: "adminCreateKey", Summary: "Make a key of a tenant's agent", Permission: administer,
			Description: "For `/v1/chat/completions` and its like. `agentId` may be left out of a tenant that has one agent. The key is shown this once.",
			Success:     []wire.Success{{Status: 201, Body: tenant.NewKey{}}}, Errors: []int{400, 404},
		}), s.createKey),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/tenants/{id}/api-keys/{keyId}", ID: "adminRevokeKey", Summary: "Revoke a key", Permission: administer,
			Description: "It is void at once. With `?permanent=true` it is no longer listed either.",
			Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 404},
		}), s.revokeKey),
	}
}

// Keys are the keys of a tenant's agents, newest first.
type Keys struct {
	Keys []tenant.Key `json:"apiKeys"`
}

// workspaceOf is that of a tenant that is there, "" where it has none.
func workspaceOf(r entity.Reader, id entity.ID) (entity.ID, error) {
	m, err := tenantOf(r, id)
	if err != nil {
		return "", err
	}
	return tenant.Workspace(r, m)
}

func (s *Service) listKeys(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out Keys
	err := s.view(ctx, func(r *guard.Reader) error {
		workspace, err := workspaceOf(r, in.ID)
		if err == nil {
			out.Keys, err = tenant.Keys(r, workspace)
		}
		return err
	})
	return secret(wire.OK(out)), err
}

type createKeyIn struct {
	idIn
	Name  string    `json:"name" req:"true" min:"1" max:"100"`
	Agent entity.ID `json:"agentId" alias:"agent_id"`
}

func (s *Service) createKey(ctx context.Context, in *createKeyIn) (*wire.Reply, error) {
	name, err := trimmed(in.Name)
	if err != nil {
		return nil, err
	}
	var out *tenant.NewKey
	err = s.update(ctx, func(tx *guard.Tx) error {
		workspace, err := workspaceOf(tx, in.ID)
		if err != nil {
			return err
		}
		of := in.Agent
		if of == "" {
			if of, err = onlyAgent(tx, workspace); err != nil {
				return err
			}
		}
		out, err = tenant.MintKey(tx, s.Auth, auth.From(ctx), workspace, of, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Auth.Tell(ctx, audit.KeyCreated, out.AgentID, out.Prefix)
	return secret(wire.Created(out)), nil
}

// onlyAgent is the agent of a workspace that has one.
func onlyAgent(r entity.Reader, workspace entity.ID) (entity.ID, error) {
	var agents []entity.ID
	if workspace != "" {
		var err error
		if agents, _, err = listing.Collection(r, workspace, entity.TypeAgent, 0, 2, nil); err != nil {
			return "", err
		}
	}
	if len(agents) != 1 {
		return "", issue("agentId", "agentId says which agent the key is of, where the tenant has none or several")
	}
	return agents[0], nil
}

type revokeKeyIn struct {
	idIn
	Key       entity.ID `path:"keyId"`
	Permanent bool      `query:"permanent"`
}

func (s *Service) revokeKey(ctx context.Context, in *revokeKeyIn) (*wire.Reply, error) {
	err := s.update(ctx, func(tx *guard.Tx) error {
		workspace, err := workspaceOf(tx, in.ID)
		if err != nil {
			return err
		}
		return tenant.RevokeKey(tx, s.Auth, workspace, in.Key, in.Permanent, tx.At())
	})
	if err != nil {
		return nil, err
	}
	s.Auth.Tell(ctx, audit.KeyRevoked, in.Key, "")
	return wire.NoContent(), nil
}
