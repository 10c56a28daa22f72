package native

import (
	"context"
	"slices"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
)

func (s *Service) permissionOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "GET", Path: "/permissions", ID: "getPermissions", Tag: tagCollections, Summary: "The system of permissions",
			Description: "Every action, verb and type, what implies what, and the default roles: printed from the tables that decide.",
			Permission:  "permissions:read",
			Success:     []wire.Success{{Status: 200, Body: PermissionsResponse{}}},
		}, func(context.Context, *struct{}) (*wire.Reply, error) { return wire.OK(permissions()), nil }),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/entities/{id}/permissions", ID: "getEntityPermissions", Tag: tagEntities, Summary: "What the caller may do with an entity",
			Description: "Concrete actions: those of the entity's own type, and those of the base type, which of a collection or tenant are about what is in it. `resolution` tells what allows the strongest of them.",
			Permission:  "entity:view", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: EntityPermissionsResponse{}}}, Errors: []int{400, 401, 403, 404},
		}, s.entityPermissions),
	}
}

// PermissionsResponse prints the tables of package access.
type PermissionsResponse struct {
	Actions       []access.Action            `json:"actions"`
	Verbs         []string                   `json:"verbs"`
	Types         []string                   `json:"types"`
	Implications  map[string][]string        `json:"implications"`
	TypeHierarchy TypeHierarchy              `json:"type_hierarchy"`
	Wildcards     map[string]WildcardInfo    `json:"wildcards"`
	Restrictions  []string                   `json:"restrictions"`
	DefaultRoles  map[string][]access.Action `json:"default_roles"`
	// RolesByType are the default roles of every type of scope.
	RolesByType map[string]map[string][]access.Action `json:"default_roles_by_type"`
}

// TypeHierarchy says how actions of the base type reach other types.
type TypeHierarchy struct {
	BaseType     string            `json:"base_type"`
	Description  string            `json:"description"`
	Restrictions []TypeRestriction `json:"restrictions"`
}

// TypeRestriction is a type that the base type's actions do not all reach.
type TypeRestriction struct {
	Type         string   `json:"type"`
	AllowedVerbs []string `json:"allowed_verbs"`
	Description  string   `json:"description"`
}

// WildcardInfo explains a form of pattern.
type WildcardInfo struct {
	Pattern     string `json:"pattern"`
	Example     string `json:"example"`
	Description string `json:"description"`
}

func permissions() PermissionsResponse {
	out := PermissionsResponse{
		Actions: access.Actions(), Implications: map[string][]string{}, DefaultRoles: access.DefaultRoles(entity.TypeCollection),
		RolesByType: map[string]map[string][]access.Action{},
		TypeHierarchy: TypeHierarchy{BaseType: access.BaseType,
			Description: "An action of the base type is that action on every type, but for the restrictions: entity:update on a file is file:update."},
		Wildcards: map[string]WildcardInfo{
			"verb": {"*:{verb}", "*:view", "The verb on every type that is not restricted"},
			"type": {"{type}:*", "file:*", "Every verb on the type"},
		},
		Restrictions: []string{"*:* is not allowed"},
	}
	for _, v := range access.Verbs() {
		out.Verbs = append(out.Verbs, v.Name)
		if len(v.Implies) > 0 {
			out.Implications[v.Name] = v.Implies
		}
	}
	for _, t := range access.Types() {
		out.Types = append(out.Types, t.Name)
		if t.Guarded {
			allowed := []string{}
			if slices.Contains(t.Verbs, "view") {
				allowed = append(allowed, "view")
			}
			out.TypeHierarchy.Restrictions = append(out.TypeHierarchy.Restrictions, TypeRestriction{Type: t.Name, AllowedVerbs: allowed, Description: t.Note})
			out.Restrictions = append(out.Restrictions, t.Name+":* is not allowed")
		}
		if roles := access.DefaultRoles(t.Name); len(roles) > 0 {
			out.RolesByType[t.Name] = roles
		}
	}
	return out
}

// EntityPermissionsResponse is what the caller may do with an entity.
type EntityPermissionsResponse struct {
	EntityID       entity.ID            `json:"entity_id"`
	EntityType     string               `json:"entity_type"`
	AllowedActions []access.Action      `json:"allowed_actions"`
	Resolution     PermissionResolution `json:"resolution"`
}

// PermissionResolution is what decided: a role in the collection or the tenant,
// being the entity oneself, being the operator, or that nobody decides.
type PermissionResolution struct {
	Method       string    `json:"method" enum:"collection,tenant,self,system,open_season"`
	CollectionID entity.ID `json:"collection_id,omitempty"`
	Role         string    `json:"role,omitempty"`
}

// byStrength is the order in which an action is looked for to be explained.
var byStrength = []string{"manage", "update", "create", "view"}

func (s *Service) entityPermissions(ctx context.Context, in *entityIn) (*wire.Reply, error) {
	out := EntityPermissionsResponse{EntityID: in.ID, AllowedActions: []access.Action{}}
	err := s.view(ctx, func(r *guard.Reader) error {
		h, err := r.Allowed("entity:view", in.ID)
		if err != nil {
			return err
		}
		out.EntityType = h.Type
		within := h
		if access.Own(h.Type) {
			within = entity.Head{Type: access.BaseType, Collection: h.ID}
		}
		reasons := map[string]access.Decision{}
		for _, t := range access.Types() {
			if t.Name != access.BaseType && t.Name != h.Type {
				continue
			}
			on := h
			if t.Name == access.BaseType {
				on = within
			}
			for _, verb := range t.Verbs {
				a := access.Action(t.Name + ":" + verb)
				d, err := r.Decide(a, on)
				if err != nil {
					return err
				}
				if d.Allowed {
					out.AllowedActions = append(out.AllowedActions, a)
					reasons[verb] = d
				}
			}
		}
		for _, verb := range byStrength {
			if d, ok := reasons[verb]; ok {
				out.Resolution = resolution(d, h)
				break
			}
		}
		return nil
	})
	return wire.OK(out), err
}

// resolution names a decision as clients of the specification know it: what
// everybody may do is the role public of the collection.
func resolution(d access.Decision, h entity.Head) PermissionResolution {
	if d.Method == access.ByPublic {
		return PermissionResolution{Method: string(access.ByCollection), CollectionID: h.Collection, Role: access.RolePublic}
	}
	return PermissionResolution{Method: string(d.Method), CollectionID: d.Scope, Role: d.Role}
}
