package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

const tagTenants = "Tenants & Groups"

func (s *Service) tenantOps() (ops []wire.Operation) {
	for _, k := range scopeKinds {
		if k.typ == entity.TypeCollection {
			continue // they have more fields
		}
		ops = append(ops,
			wire.Op(wire.Operation{
				Method: "POST", Path: k.path, ID: "create" + k.name, Tag: k.tag, Summary: "Create a " + k.typ,
				Description: "The caller becomes its owner. It is private unless `visibility` is public. With `tenant` it belongs to that tenant, whose roles reach into it.",
				Permission:  k.typ + ":create", Auth: wire.AuthRequired,
				Success: []wire.Success{{Status: 201, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
			}, func(ctx context.Context, in *createScopeIn) (*wire.Reply, error) { return s.createScope(ctx, k, in) }),
			wire.Op(wire.Operation{
				Method: "GET", Path: k.path + "/{id}", ID: "get" + k.name, Tag: k.tag, Summary: "Get a " + k.typ,
				Permission: k.typ + ":view", Auth: wire.AuthOptional,
				Success: []wire.Success{{Status: 200, Body: EntityResponse{}}, {Status: 304}}, Errors: []int{400, 403, 404},
			}, func(ctx context.Context, in *getEntityIn) (*wire.Reply, error) { return s.replyEntity(ctx, in, k.typ) }),
			wire.Op(wire.Operation{
				Method: "PUT", Path: k.path + "/{id}", ID: "update" + k.name, Tag: k.tag, Summary: "Update a " + k.typ,
				Description: "As PUT /entities/{id}, with label and description as fields of the request. Roles, who has them, and visibility need " + string(k.manage()) + ".",
				Permission:  k.typ + ":update", Auth: wire.AuthRequired,
				Success: []wire.Success{{Status: 200, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
			}, func(ctx context.Context, in *updateScopeIn) (*wire.Reply, error) {
				return s.replyEdit(ctx, k.typ+":update", in.ID, in.editBody, in.properties(), k.typ)
			}))
	}
	return ops
}

type createScopeIn struct {
	createBody
	ID          entity.ID           `json:"id"`
	Label       string              `json:"label" req:"true" min:"1" max:"200"`
	Description *string             `json:"description" max:"2000"`
	Roles       map[string][]string `json:"roles" doc:"actions by role, in place of the defaults"`
	Tenant      entity.ID           `json:"tenant" alias:"tenant_id" doc:"that it belongs to"`
	Visibility  *string             `json:"visibility" enum:"private,public"`
}

type updateScopeIn struct {
	ID entity.ID `path:"id"`
	editBody
	Label       *string `json:"label" min:"1" max:"200"`
	Description *string `json:"description" max:"2000"`
	Visibility  *string `json:"visibility" enum:"private,public"`
}

func (in *updateScopeIn) properties() entity.Properties {
	return given(map[string]*string{"label": in.Label, "description": in.Description, "visibility": in.Visibility})
}

func (s *Service) createScope(ctx context.Context, k scopeKind, in *createScopeIn) (*wire.Reply, error) {
	root := given(map[string]*string{"label": &in.Label, "description": in.Description, "visibility": in.Visibility})
	var v *entity.Version
	err := s.update(ctx, func(tx txn) (err error) {
		v, err = tx.createOwned(k.typ, in.createBody, in.ID, in.Roles, in.Tenant, root)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.Created(respondVersion(v)).WithETag(wire.ETag(v.CID)), nil
}

// createOwned creates a scope that the caller owns.
func (t txn) createOwned(typ string, body createBody, id entity.ID, given map[string][]string, tenant entity.ID, root entity.Properties) (*entity.Version, error) {
	held := access.DefaultRoles(typ)
	if len(given) > 0 {
		held = make(roles, len(given))
		for role, actions := range given {
			held[role] = actionList(actions)
		}
	}
	if typ == entity.TypeCollection && held[access.RolePublic] == nil {
		held[access.RolePublic] = []access.Action{"*:view"}
	}
	tree, err := entity.Normalize(held)
	if err != nil {
		return nil, err
	}
	root["roles"] = tree
	p := t.Principal()
	kind := entity.TypeUser
	if p.Kind == access.Agent {
		kind = entity.TypeAgent
	}
	first := []relationshipBody{{Predicate: access.RoleOwner, Peer: p.ID, PeerType: kind}}
	if tenant != "" {
		first = append(first, relationshipBody{Predicate: entity.PredicateTenant, Peer: tenant, PeerType: entity.TypeTenant})
	}
	if typ == entity.TypeCollection && root["visibility"] != access.Private && tenant == "" {
		first = append([]relationshipBody{{Predicate: access.RolePublic, Peer: entity.Wildcard, PeerType: "wildcard"}}, first...)
	}
	body.Relationships = append(first, body.Relationships...)
	return t.create(typ+":create", body, id, typ, "", root)
}
