package portal

import (
	"context"

	"stemma/api/auth"
	"stemma/api/auth/audit"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) keyOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/api-keys", ID: "portalListKeys", Summary: "List the keys of the tenant's agents", Permission: anyMember,
			Description: "By their first characters, also those that were revoked.",
			Success:     []wire.Success{{Status: 200, Body: Keys{}}},
		}), s.listKeys),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/api-keys", ID: "portalCreateKey", Summary: "Make a key of an agent", Permission: ownerOnly,
			Description: "For `/v1/chat/completions` and its like, as `Authorization: Bearer` or `x-api-key`. It is bound to the agent, and shown this once.",
			Success:     []wire.Success{{Status: 201, Body: tenant.NewKey{}}}, Errors: []int{400, 404},
		}), s.createKey),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/api-keys/{id}", ID: "portalRevokeKey", Summary: "Revoke a key", Permission: ownerOnly,
			Success: []wire.Success{{Status: 204}}, Errors: []int{400, 404},
		}), s.revokeKey),
	}
}

// Keys are the keys of the tenant's agents, newest first.
type Keys struct {
	Keys []tenant.Key `json:"apiKeys"`
}

func (s *Service) listKeys(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out Keys
	err := s.view(ctx, func(h here) (err error) {
		out.Keys, err = tenant.Keys(h.raw, h.workspace)
		return err
	})
	return secret(wire.OK(out)), err
}

type createKeyIn struct {
	Name  string    `json:"name" req:"true" min:"1" max:"100"`
	Agent entity.ID `json:"agentId" alias:"agent_id" req:"true"`
}

func (s *Service) createKey(ctx context.Context, in *createKeyIn) (*wire.Reply, error) {
	if err := trimName(&in.Name); err != nil {
		return nil, err
	}
	var out *tenant.NewKey
	err := s.update(ctx, func(t txn) (err error) {
		if err := t.owns(); err != nil {
			return err
		}
		out, err = tenant.MintKey(t.tx, s.Auth, auth.From(ctx), t.workspace, in.Agent, in.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Auth.Tell(ctx, audit.KeyCreated, in.Agent, out.Prefix)
	return secret(wire.Created(out)), nil
}

func (s *Service) revokeKey(ctx context.Context, in *idIn) (*wire.Reply, error) {
	err := s.update(ctx, func(t txn) error {
		if err := t.owns(); err != nil {
			return err
		}
		return tenant.RevokeKey(t.tx, s.Auth, t.workspace, in.ID, false, t.At())
	})
	if err != nil {
		return nil, err
	}
	s.Auth.Tell(ctx, audit.KeyRevoked, in.ID, "")
	return wire.NoContent(), nil
}
