package native

import (
	"cmp"
	"context"
	"slices"
	"time"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
)

func (s *Service) memberOps() (ops []wire.Operation) {
	for _, k := range scopeKinds {
		view := wire.Operation{
			Method: "GET", Path: k.path + "/{id}/members", ID: "list" + k.name + "Members", Tag: k.tag, Summary: "List who has a role in a " + k.typ,
			Description: "Users and agents, groups, and `*` for everybody. Those whose time is over only with include_expired.",
			Permission:  k.typ + ":view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: MembersResponse{}}}, Errors: []int{400, 403, 404},
		}
		add := wire.Operation{
			Method: "POST", Path: k.path + "/{id}/members", ID: "add" + k.name + "Member", Tag: k.tag, Summary: "Give somebody a role in a " + k.typ,
			Description: "A user, an agent or a group. `expires_in` ends it after so many seconds; giving a role again sets its time anew.",
			Permission:  string(k.manage()), Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 201, Body: MemberAssignResponse{}}}, Errors: []int{400, 401, 403, 404, 409},
		}
		remove := wire.Operation{
			Method: "DELETE", Path: k.path + "/{id}/members/{userId}", ID: "remove" + k.name + "Member", Tag: k.tag, Summary: "Take a role in a " + k.typ + " from somebody",
			Description: "The last owner stays.",
			Permission:  string(k.manage()), Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: MemberRemoveResponse{}}}, Errors: []int{400, 401, 403, 404, 409},
		}
		list := func(ctx context.Context, in *membersIn) (*wire.Reply, error) { return s.listMembers(ctx, k, in) }
		take := func(ctx context.Context, id, who entity.ID, role string) (*wire.Reply, error) {
			return s.removeMember(ctx, k, id, who, role)
		}
		ops = append(ops, wire.Op(view, list))
		if k.typ == entity.TypeGroup {
			ops = append(ops,
				wire.Op(add, func(ctx context.Context, in *addGroupMemberIn) (*wire.Reply, error) {
					return s.addMember(ctx, k, in.ID, in.memberFields, cmp.Or(in.Role, access.RoleMember))
				}),
				wire.Op(remove, func(ctx context.Context, in *removeGroupMemberIn) (*wire.Reply, error) {
					return take(ctx, in.ID, in.Who, cmp.Or(in.Role, access.RoleMember))
				}))
			continue
		}
		ops = append(ops,
			wire.Op(add, func(ctx context.Context, in *addMemberIn) (*wire.Reply, error) {
				return s.addMember(ctx, k, in.ID, in.memberFields, in.Role)
			}),
			wire.Op(remove, func(ctx context.Context, in *removeMemberIn) (*wire.Reply, error) {
				return take(ctx, in.ID, in.Who, in.Role)
			}))
	}
	return ops
}

type membersIn struct {
	ID      entity.ID `path:"id"`
	Expired string    `query:"include_expired" default:"false" enum:"true,false"`
}

// CollectionMember is a user or an agent with a role.
type CollectionMember struct {
	UserID    entity.ID `json:"userId"`
	Role      string    `json:"role"`
	UserLabel string    `json:"userLabel,omitempty"`
	ExpiresAt string    `json:"expires_at,omitempty"`
	GrantedAt string    `json:"granted_at,omitempty"`
	GrantedBy entity.ID `json:"granted_by,omitempty"`
	IsExpired bool      `json:"is_expired"`
}

// CollectionGroup is a group with a role.
type CollectionGroup struct {
	GroupID    entity.ID `json:"groupId"`
	Role       string    `json:"role"`
	GroupLabel string    `json:"groupLabel,omitempty"`
}

// CollectionWildcard is a role that everybody has.
type CollectionWildcard struct {
	Role string `json:"role"`
}

// MembersResponse is everybody with a role in a scope, which has its id under
// the name that collections have.
type MembersResponse struct {
	CollectionID entity.ID            `json:"collection_id"`
	ScopeID      entity.ID            `json:"scope_id"`
	Members      []CollectionMember   `json:"members"`
	Groups       []CollectionGroup    `json:"groups"`
	Wildcards    []CollectionWildcard `json:"wildcards"`
}

func (s *Service) listMembers(ctx context.Context, k scopeKind, in *membersIn) (*wire.Reply, error) {
	out := MembersResponse{CollectionID: in.ID, ScopeID: in.ID, Members: []CollectionMember{}, Groups: []CollectionGroup{}, Wildcards: []CollectionWildcard{}}
	err := s.view(ctx, func(r *guard.Reader) error {
		h, m, err := manifestOf(r, access.Action(k.typ+":view"), in.ID, k.typ)
		if err != nil || h.Deleted {
			return err
		}
		p, err := r.Policy(in.ID)
		if err != nil || p == nil {
			return err
		}
		x := newExpander(r, string(expandNone))
		for _, rel := range m.Relationships {
			ends := access.ExpiresAt(rel)
			over := !ends.IsZero() && !r.At().Before(ends)
			if p.Roles[string(rel.Predicate)] == nil || over && in.Expired != "true" {
				continue
			}
			if err := out.add(x, rel, over); err != nil {
				return err
			}
		}
		return nil
	})
	return wire.OK(out), err
}

// add lists a binding. Of who the caller may not view there is no label.
func (out *MembersResponse) add(x *expander, rel entity.Relationship, over bool) error {
	role := string(rel.Predicate)
	if rel.Peer == entity.Wildcard {
		out.Wildcards = append(out.Wildcards, CollectionWildcard{Role: role})
		return nil
	}
	label, _, err := x.name(rel.Peer)
	if err != nil {
		return err
	}
	if rel.PeerType == entity.TypeGroup {
		out.Groups = append(out.Groups, CollectionGroup{GroupID: rel.Peer, Role: role, GroupLabel: label})
		return nil
	}
	text := func(key string) string {
		s, _ := rel.Properties[key].(string)
		return s
	}
	out.Members = append(out.Members, CollectionMember{
		UserID: rel.Peer, Role: role, UserLabel: label, ExpiresAt: text("expires_at"), GrantedAt: text("granted_at"),
		GrantedBy: entity.ID(text("granted_by")), IsExpired: over,
	})
	return nil
}

type memberFields struct {
	Note      string    `json:"note" max:"10000"`
	UserID    entity.ID `json:"user_id" alias:"member_id,agent_id,group_id" req:"true" doc:"of a user, an agent or a group"`
	ExpiresIn int64     `json:"expires_in" gt:"0" max:"3153600000" doc:"seconds; for good when left out"`
}

type addMemberIn struct {
	ID entity.ID `path:"id"`
	memberFields
	Role string `json:"role" req:"true" min:"1" max:"50"`
}

type addGroupMemberIn struct {
	ID entity.ID `path:"id"`
	memberFields
	Role string `json:"role" enum:"contains,owner" doc:"contains, of a member, when left out"`
}

type removeMemberIn struct {
	ID   entity.ID `path:"id"`
	Who  entity.ID `path:"userId"`
	Role string    `query:"role" req:"true"`
}

type removeGroupMemberIn struct {
	ID   entity.ID `path:"id"`
	Who  entity.ID `path:"userId"`
	Role string    `query:"role" enum:"contains,owner" doc:"contains, of a member, when left out"`
}

// MemberAdded is a role that was given.
type MemberAdded struct {
	UserID    entity.ID `json:"user_id"`
	Role      string    `json:"role"`
	ExpiresAt string    `json:"expires_at,omitempty"`
	GrantedAt string    `json:"granted_at"`
	GrantedBy entity.ID `json:"granted_by"`
}

// MemberAssignResponse is a scope's new version, with who was added.
type MemberAssignResponse struct {
	ScopeVersion
	MemberAdded MemberAdded `json:"member_added"`
}

func (s *Service) addMember(ctx context.Context, k scopeKind, id entity.ID, in memberFields, role string) (*wire.Reply, error) {
	var out MemberAssignResponse
	err := s.update(ctx, func(tx txn) error {
		if err := tx.hasRole(k, id, role); err != nil {
			return err
		}
		who, err := tx.Head(in.UserID)
		if err != nil {
			return entity.NotFound("native.addMember", "User not found: %s", in.UserID)
		}
		added := MemberAdded{UserID: in.UserID, Role: role, GrantedAt: entity.FormatTime(tx.At()), GrantedBy: tx.Principal().ID}
		given := entity.Properties{"granted_at": added.GrantedAt, "granted_by": string(added.GrantedBy)}
		if in.ExpiresIn > 0 {
			added.ExpiresAt = entity.FormatTime(tx.At().Add(time.Duration(in.ExpiresIn) * time.Second))
			given["expires_at"] = added.ExpiresAt
		}
		v, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Note = in.Note
			return m.Relate(entity.RelationshipEdit{
				Relationship:     entity.Relationship{Predicate: entity.Predicate(role), Peer: who.ID, PeerType: who.Type, Properties: given},
				PropertiesRemove: []any{"expires_at"},
			})
		})
		if err != nil {
			return err
		}
		out = MemberAssignResponse{ScopeVersion: scopeVersion(v), MemberAdded: added}
		return nil
	})
	return wire.Created(out), err
}

// hasRole makes sure that the caller may manage a scope, and that it has the
// role.
func (t txn) hasRole(k scopeKind, id entity.ID, role string) error {
	if _, err := t.live(k.manage(), id, k.typ); err != nil {
		return err
	}
	p, err := t.Policy(id)
	if err == nil && p.Roles[role] == nil {
		err = noRole(role, p.Roles)
	}
	return err
}

// MemberRemoved is a role that was taken.
type MemberRemoved struct {
	UserID entity.ID `json:"user_id"`
	Role   string    `json:"role"`
}

// MemberRemoveResponse is a scope's new version, with who was removed.
type MemberRemoveResponse struct {
	ScopeVersion
	MemberRemoved MemberRemoved `json:"member_removed"`
}

func (s *Service) removeMember(ctx context.Context, k scopeKind, id, who entity.ID, role string) (*wire.Reply, error) {
	var out MemberRemoveResponse
	err := s.update(ctx, func(tx txn) error {
		if err := tx.hasRole(k, id, role); err != nil {
			return err
		}
		p, err := tx.Policy(id)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(p.Bound[who], func(b access.Binding) bool { return b.Role == role }) {
			return entity.NotFound("native.removeMember", "%s does not have the role %q here", who, role)
		}
		v, err := tx.Put(id, entity.Any, unrelate(entity.Predicate(role), who, ""))
		if err != nil {
			return err
		}
		out = MemberRemoveResponse{ScopeVersion: scopeVersion(v), MemberRemoved: MemberRemoved{UserID: who, Role: role}}
		return nil
	})
	return wire.OK(out), err
}
