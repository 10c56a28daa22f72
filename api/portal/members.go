package portal

import (
	"context"

	"stemma/api/auth"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) memberOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/members", ID: "portalListMembers", Summary: "List the people of the tenant", Permission: anyMember,
			Description: "Who has a role by a group is not among them.",
			Success:     []wire.Success{{Status: 200, Body: Members{}}},
		}), s.listMembers),
		wire.Op(row(wire.Operation{
			Method: "PATCH", Path: "/members/{userId}", ID: "portalSetMemberRole", Summary: "Make a member an owner, or an owner a member", Permission: ownerOnly,
			Success: []wire.Success{{Status: 200, Body: Member{}}}, Errors: []int{400, 404},
		}), s.setMemberRole),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/members/{userId}", ID: "portalRemoveMember", Summary: "Remove somebody from the tenant", Permission: ownerOnly,
			Description: "Not oneself: see leaving a tenant. Tokens of who was removed open nothing here any more, and what they alone owned in the tenant is the caller's.",
			Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 404},
		}), s.removeMember),
	}
}

// Member is somebody in the tenant.
type Member struct {
	ID       entity.ID `json:"id"`
	Name     string    `json:"name" doc:"what the user is called"`
	Email    string    `json:"email" doc:"empty for who has none that is known"`
	Role     string    `json:"role" doc:"owner or member"`
	JoinedAt string    `json:"joinedAt"`
}

// Members are the people of the tenant.
type Members struct {
	Members []Member `json:"members"`
}

func (h here) member(m tenant.Member) (Member, error) {
	out := Member{ID: m.ID, Role: m.Role, JoinedAt: m.Joined}
	v, err := entity.Tip(h.raw, m.ID)
	if err == nil {
		out.Name = v.Manifest.Label()
	} else if entity.KindOf(err) != entity.KindNotFound {
		return out, err
	}
	out.Email, err = auth.Email(h.raw, m.ID)
	return out, err
}

func (s *Service) listMembers(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out Members
	err := s.view(ctx, func(h here) error {
		out.Members = []Member{}
		for _, m := range tenant.Members(h.tenant, h.At()) {
			member, err := h.member(m)
			if err != nil {
				return err
			}
			out.Members = append(out.Members, member)
		}
		return nil
	})
	return secret(wire.OK(out)), err
}

type memberIn struct {
	User entity.ID `path:"userId"`
}

type setMemberRoleIn struct {
	memberIn
	Role string `json:"role" req:"true" enum:"owner,member"`
}

// seated is somebody in the tenant, for the owner who changes that.
func (t txn) seated(user entity.ID) (*tenant.Member, error) {
	if err := t.owns(); err != nil {
		return nil, err
	}
	m := tenant.MemberOf(t.tenant, user, t.At())
	if m == nil {
		return nil, entity.NotFound("portal.seated", "there is no member %s in this tenant", user)
	}
	return m, nil
}

// lastOwner is KindInvalid when nobody else owns the tenant.
func (t txn) lastOwner(m *tenant.Member) error {
	if m.Role == tenant.RoleOwner && tenant.Owners(t.tenant, t.At()) == 1 {
		return entity.Invalid("portal.lastOwner", "%s is the last owner: make another member the owner first", m.ID)
	}
	return nil
}

func (s *Service) setMemberRole(ctx context.Context, in *setMemberRoleIn) (*wire.Reply, error) {
	var out Member
	err := s.update(ctx, func(t txn) error {
		m, err := t.seated(in.User)
		if err != nil {
			return err
		}
		if m.Role != in.Role {
			if err := t.lastOwner(m); err != nil {
				return err
			}
			_, err := t.tx.Put(t.tenant.ID, entity.Any, func(doc *entity.Manifest) error {
				tenant.Seat(doc, in.User, in.Role, t.At())
				return nil
			})
			if err != nil {
				return err
			}
			m.Role = in.Role
		}
		out, err = t.member(*m)
		return err
	})
	return secret(wire.OK(out)), err
}

func (s *Service) removeMember(ctx context.Context, in *memberIn) (*wire.Reply, error) {
	return wire.NoContent(), s.update(ctx, func(t txn) error {
		m, err := t.seated(in.User)
		if err != nil {
			return err
		}
		if in.User == t.user {
			return entity.Invalid("portal.removeMember", "you cannot remove yourself; leave with POST %s/tenants/%s/leave", base, t.tenant.ID)
		}
		if err := t.lastOwner(m); err != nil {
			return err
		}
		if err := tenant.Evict(t.tx, t.tenant.ID, in.User, t.user); err != nil {
			return err
		}
		_, err = t.tx.Put(t.tenant.ID, entity.Any, func(doc *entity.Manifest) error {
			tenant.Seat(doc, in.User, "", t.At())
			return nil
		})
		return err
	})
}
