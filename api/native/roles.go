package native

import (
	"context"
	"slices"
	"strings"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// scopeKind is a type of scope whose roles and members have routes of their
// own: the same ones under another path.
type scopeKind struct {
	typ, path, tag string
	name           string // in the operations' names: Collection
}

var scopeKinds = []scopeKind{
	{entity.TypeCollection, "/collections", tagCollections, "Collection"},
	{entity.TypeTenant, "/tenants", tagTenants, "Tenant"},
	{entity.TypeGroup, "/groups", tagTenants, "Group"},
}

func (k scopeKind) manage() access.Action { return access.Action(k.typ + ":manage") }

func (s *Service) roleOps() (ops []wire.Operation) {
	for _, k := range scopeKinds {
		if k.typ == entity.TypeGroup {
			continue // its two roles are what they are
		}
		op := func(method, path, id, summary, description string, status int) wire.Operation {
			return wire.Operation{
				Method: method, Path: k.path + path, ID: id, Tag: k.tag, Summary: summary, Description: description,
				Permission: string(k.manage()), Auth: wire.AuthRequired,
				Success: []wire.Success{{Status: status, Body: RoleResponse{}}}, Errors: []int{400, 401, 403, 404, 409},
			}
		}
		ops = append(ops,
			wire.Op(op("POST", "/{id}/roles", "add"+k.name+"Role", "Add a role to a "+k.typ,
				"A role is a list of actions: `type:verb`, with `*` for every type or every verb; GET /permissions has them all. 409 when there is such a role.", 201),
				func(ctx context.Context, in *addRoleIn) (*wire.Reply, error) {
					out, err := s.editRoles(ctx, k, in.ID, in.Note, in.add(k))
					return wire.Created(out), err
				}),
			wire.Op(op("PUT", "/{id}/roles/{role}", "update"+k.name+"Role", "Change what a role of a "+k.typ+" may do",
				"Replaces the role's actions, for everybody who has it. The owner's keep "+string(k.manage())+".", 200),
				func(ctx context.Context, in *updateRoleIn) (*wire.Reply, error) {
					out, err := s.editRoles(ctx, k, in.ID, in.Note, in.set(k))
					return wire.OK(out), err
				}),
			wire.Op(op("DELETE", "/{id}/roles/{role}", "delete"+k.name+"Role", "Delete a role of a "+k.typ,
				"409 while somebody has it. The roles owner and public stay.", 200),
				func(ctx context.Context, in *deleteRoleIn) (*wire.Reply, error) {
					out, err := s.editRoles(ctx, k, in.ID, "", in.remove)
					return wire.OK(out), err
				}))
	}
	return ops
}

// RoleResponse is a scope's new version and its roles.
type RoleResponse struct {
	ScopeVersion
	Roles map[string][]access.Action `json:"roles"`
}

// ScopeVersion is the version that a change of roles or members made.
type ScopeVersion struct {
	ID      entity.ID `json:"id"`
	CID     string    `json:"cid"`
	PrevCID string    `json:"prev_cid"`
	Ver     int64     `json:"ver"`
}

func scopeVersion(v *entity.Version) ScopeVersion {
	return ScopeVersion{ID: v.Manifest.ID, CID: v.CID.String(), PrevCID: v.Manifest.PrevCID().String(), Ver: v.Manifest.Ver}
}

type addRoleIn struct {
	ID      entity.ID `path:"id"`
	Note    string    `json:"note" max:"10000"`
	Role    string    `json:"role" req:"true" min:"1" max:"50"`
	Actions []string  `json:"actions" req:"true" min:"1" max:"100" doc:"like *:view or entity:update"`
}

type updateRoleIn struct {
	ID      entity.ID `path:"id"`
	Role    string    `path:"role"`
	Note    string    `json:"note" max:"10000"`
	Actions []string  `json:"actions" req:"true" min:"1" max:"100"`
}

type deleteRoleIn struct {
	ID   entity.ID `path:"id"`
	Role string    `path:"role"`
}

type roles = map[string][]access.Action

func actionList(texts []string) []access.Action {
	out := make([]access.Action, len(texts))
	for i, t := range texts {
		out[i] = access.Action(t)
	}
	return out
}

func (in *addRoleIn) add(k scopeKind) func(*access.Policy, roles) error {
	return func(_ *access.Policy, r roles) error {
		if r[in.Role] != nil {
			return entity.Errorf(entity.KindExists, "native.addRole", "there is a role %q already; change it with PUT %s/%s/roles/%s", in.Role, k.path, in.ID, in.Role)
		}
		r[in.Role] = actionList(in.Actions)
		return access.CheckRole(k.typ, in.Role, r[in.Role])
	}
}

func (in *updateRoleIn) set(k scopeKind) func(*access.Policy, roles) error {
	return func(_ *access.Policy, r roles) error {
		if r[in.Role] == nil {
			return noRole(in.Role, r)
		}
		r[in.Role] = actionList(in.Actions)
		return access.CheckRole(k.typ, in.Role, r[in.Role])
	}
}

func (in *deleteRoleIn) remove(p *access.Policy, r roles) error {
	const op = "native.deleteRole"
	switch {
	case in.Role == access.RoleOwner || in.Role == access.RolePublic:
		return entity.Invalid(op, "the role %s cannot be deleted; a collection that is not for everybody has the property visibility: private", in.Role)
	case r[in.Role] == nil:
		return noRole(in.Role, r)
	}
	for who, list := range p.Bound {
		if slices.ContainsFunc(list, func(b access.Binding) bool { return b.Role == in.Role }) {
			return entity.Errorf(entity.KindExists, op, "the role %q is in use: take it from %s first", in.Role, who)
		}
	}
	delete(r, in.Role)
	return nil
}

func noRole(role string, r roles) error {
	var names []string
	for name := range r {
		names = append(names, name)
	}
	slices.Sort(names)
	return entity.NotFound("native.role", "there is no role %q here; there are %s", role, strings.Join(names, ", "))
}

// editRoles changes a copy of a scope's roles and writes it.
func (s *Service) editRoles(ctx context.Context, k scopeKind, id entity.ID, note string, edit func(*access.Policy, roles) error) (out RoleResponse, err error) {
	err = s.update(ctx, func(tx txn) error {
		if _, err := tx.live(k.manage(), id, k.typ); err != nil {
			return err
		}
		p, err := tx.Policy(id)
		if err != nil {
			return err
		}
		changed := make(roles, len(p.Roles))
		for role, actions := range p.Roles {
			changed[role] = actions
		}
		if err := edit(p, changed); err != nil {
			return err
		}
		tree, err := entity.Normalize(changed)
		if err != nil {
			return err
		}
		v, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Note = note
			m.Properties["roles"] = tree
			return nil
		})
		if err != nil {
			return err
		}
		out = RoleResponse{ScopeVersion: scopeVersion(v), Roles: changed}
		return nil
	})
	return out, err
}
