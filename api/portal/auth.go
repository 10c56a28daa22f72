package portal

import (
	"context"
	"strings"

	"stemma/api/auth"
	"stemma/api/llm/agent"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) authOps() []wire.Operation {
	public := func(op wire.Operation) wire.Operation {
		op.Errors = append(op.Errors, 400, 403, 429)
		return row(op)
	}
	return []wire.Operation{
		wire.Op(public(wire.Operation{
			Method: "POST", Path: "/auth/signup", ID: "portalSignUp", Summary: "Make an account with its tenant, or with an invitation",
			Description: "User, tenant, workspace and membership are made together or not at all. With the `inviteToken` of a tenant the user joins that instead, and with one that whoever runs the server has given to who asked (`POST /v1/beta/signup`) makes their own; whoever has an account already joins with its password. Where the server takes no new accounts, an invitation is needed.",
			Success:     []wire.Success{{Status: 201, Body: Session{}}}, Errors: []int{409},
		}), s.signUp),
		wire.Op(public(wire.Operation{
			Method: "POST", Path: "/auth/login", ID: "portalLogIn", Summary: "Log in to the tenant that one came into first", Reads: true,
			Description: "The accounts are those of `/auth/login`, and so are the limits. The token holds for 24 hours, and is void when its user logs out everywhere.",
			Success:     []wire.Success{{Status: 200, Body: Session{}}}, Errors: []int{401},
		}), s.logIn),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/auth/switch-tenant", ID: "portalSwitchTenant", Summary: "Get a token for another of one's tenants", Permission: anyMember, Reads: true,
			Success: []wire.Success{{Status: 200, Body: Session{}}}, Errors: []int{400},
		}), s.switchTenant),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/me", ID: "portalMe", Summary: "Get the caller, the tenant and what is in it", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: Me{}}},
		}), s.me),
	}
}

// User is the person who calls.
type User struct {
	ID    entity.ID `json:"id"`
	Email string    `json:"email"`
}

// TenantName is a tenant in short.
type TenantName struct {
	ID   entity.ID `json:"id"`
	Name string    `json:"name"`
}

// TenantOfUser is a tenant that the caller is in.
type TenantOfUser struct {
	ID       entity.ID `json:"id"`
	Name     string    `json:"name"`
	Role     string    `json:"role" doc:"owner or member"`
	JoinedAt string    `json:"joinedAt"`
}

// Session is what a log-in gives.
type Session struct {
	Token   string         `json:"token" doc:"for Authorization: Bearer"`
	User    User           `json:"user"`
	Tenant  TenantName     `json:"tenant" doc:"that the token is for"`
	Tenants []TenantOfUser `json:"tenants"`
}

func tenantsOf(all []tenant.Membership) []TenantOfUser {
	out := []TenantOfUser{}
	for _, m := range all {
		out = append(out, TenantOfUser{ID: m.Tenant.ID, Name: m.Tenant.Label(), Role: m.Role, JoinedAt: m.Joined})
	}
	return out
}

// session answers with a token of a user for a tenant, "" for the first.
// KindForbidden for one that the user is not in.
func (s *Service) session(ctx context.Context, user, wanted entity.ID) (*Session, error) {
	const op = "portal.session"
	out := &Session{User: User{ID: user}}
	err := s.networks[wire.NetworkOf(ctx)].Store.View(ctx, func(r entity.Reader) error {
		all, err := tenant.Of(r, user, s.Now())
		if err != nil {
			return err
		}
		out.Tenants, out.Tenant = tenantsOf(all), TenantName{}
		for _, m := range out.Tenants {
			if wanted == "" || m.ID == wanted {
				out.Tenant = TenantName{m.ID, m.Name}
				break
			}
		}
		switch {
		case out.Tenant.ID == "" && wanted != "":
			return entity.Errorf(entity.KindForbidden, op, "Forbidden: you are in no tenant %s that is active", wanted)
		case out.Tenant.ID == "":
			return entity.Errorf(entity.KindForbidden, op, "Forbidden: you are in no tenant that is active; ask for an invitation")
		}
		out.User.Email, err = auth.Email(r, user)
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Token, err = s.Auth.TenantToken(ctx, user, out.Tenant.ID)
	return out, err
}

type signUpIn struct {
	TenantName string `json:"tenantName" alias:"tenant_name" max:"200"`
	Email      string `json:"email" req:"true" max:"254"`
	Password   string `json:"password" req:"true"`
	Invite     string `json:"inviteToken" alias:"invite_token" max:"200"`
}

func (s *Service) signUp(ctx context.Context, in *signUpIn) (*wire.Reply, error) {
	if in.Invite == "" {
		open, err := s.signupsOpen(ctx)
		if err != nil {
			return nil, err
		}
		if !open {
			return nil, entity.Errorf(entity.KindForbidden, "portal.signUp", "Forbidden: this server takes no new accounts without an invitation")
		}
	} else if tenant.IsBeta(in.Invite) {
		if err := s.checkBeta(ctx, in); err != nil {
			return nil, err
		}
	} else if err := s.checkInvite(ctx, in.Invite); err != nil {
		return nil, err
	}
	joined := entity.ID("")
	user, err := s.Auth.NewAccount(ctx, in.Email, in.Password, in.Invite != "", func(tx entity.Tx, user *entity.Version) (err error) {
		joined, err = s.settle(tx, user.Manifest.ID, in)
		return err
	})
	if entity.KindOf(err) == entity.KindExists && in.Invite != "" && !tenant.IsBeta(in.Invite) && joined == "" {
		if user, joined, err = s.join(ctx, in, err); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	out, err := s.session(ctx, user, joined)
	if err != nil {
		return nil, err
	}
	return secret(wire.Created(out)), nil
}

// settle puts a new user into the tenant of the invitation, or into one of its
// own.
func (s *Service) settle(tx entity.Tx, user entity.ID, in *signUpIn) (entity.ID, error) {
	if tenant.IsBeta(in.Invite) {
		email, err := auth.Address(in.Email)
		if err != nil {
			return "", err
		}
		if err := tenant.UseBeta(tx, in.Invite, email, s.Now()); err != nil {
			return "", err
		}
	} else if in.Invite != "" {
		return useInvite(tx, in.Invite, user, s.Now())
	}
	name := strings.TrimSpace(in.TenantName)
	if name == "" {
		name = "My tenant"
	}
	v, err := tenant.Create(tx, tenant.Spec{Name: name, Owner: user, At: s.Now()})
	if err != nil {
		return "", err
	}
	return v.Manifest.ID, nil
}

// join is for who has an account and an invitation. With a wrong password the
// answer is that of an account without an invitation: taken.
func (s *Service) join(ctx context.Context, in *signUpIn, taken error) (user, joined entity.ID, err error) {
	err = s.Auth.VerifyPassword(ctx, in.Email, in.Password, func(_ entity.Reader, who entity.ID) error { user = who; return nil })
	if entity.KindOf(err) == entity.KindUnauthenticated {
		return "", "", taken
	}
	if err != nil {
		return "", "", err
	}
	_, err = s.networks[wire.NetworkOf(ctx)].Store.Update(ctx, entity.Actor{UserID: user, Method: entity.MethodManual}, func(tx entity.Tx) (err error) {
		joined, err = useInvite(tx, in.Invite, user, s.Now())
		return err
	})
	return user, joined, err
}

func (s *Service) signupsOpen(ctx context.Context) (open bool, err error) {
	err = s.networks[wire.NetworkOf(ctx)].Store.View(ctx, func(r entity.Reader) error {
		closed, err := tenant.Closed(r)
		if err != nil || closed {
			return err
		}
		open, err = s.Auth.SignupsOpen(r)
		return err
	})
	return open, err
}

type logInIn struct {
	Email    string `json:"email" req:"true" max:"254"`
	Password string `json:"password" req:"true"`
}

func (s *Service) logIn(ctx context.Context, in *logInIn) (*wire.Reply, error) {
	var user entity.ID
	err := s.Auth.VerifyPassword(ctx, in.Email, in.Password, func(_ entity.Reader, who entity.ID) error { user = who; return nil })
	if err != nil {
		return nil, err
	}
	out, err := s.session(ctx, user, "")
	if err != nil {
		return nil, err
	}
	return secret(wire.OK(out)), nil
}

type switchTenantIn struct {
	Tenant entity.ID `json:"tenantId" alias:"tenant_id" req:"true"`
}

func (s *Service) switchTenant(ctx context.Context, in *switchTenantIn) (*wire.Reply, error) {
	p := auth.From(ctx)
	if p.By != "" || p.Scopes != nil {
		return nil, entity.Errorf(entity.KindForbidden, "portal.switchTenant", "Forbidden: a token is given to who logged in, or has a key without scopes")
	}
	out, err := s.session(ctx, p.ID, in.Tenant)
	if err != nil {
		return nil, err
	}
	return secret(wire.OK(out)), nil
}

// Me is the caller, the tenant and what is in it.
type Me struct {
	User       MeUser         `json:"user"`
	Tenant     TenantSettings `json:"tenant"`
	Tenants    []TenantOfUser `json:"tenants"`
	Agents     []AgentName    `json:"agents"`
	Subtenants []Subtenant    `json:"subtenants"`
}

// MeUser is the caller with their role in the tenant.
type MeUser struct {
	User
	Role string `json:"role"`
}

// AgentName is an agent in short.
type AgentName struct {
	ID   entity.ID `json:"id"`
	Name string    `json:"name"`
}

func (s *Service) me(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	out := Me{}
	err := s.view(ctx, func(h here) (err error) {
		out = Me{User: MeUser{User: User{ID: h.user}, Role: h.role}, Tenants: tenantsOf(h.all), Agents: []AgentName{}}
		if out.User.Email, err = auth.Email(h.raw, h.user); err != nil {
			return err
		}
		if out.Tenant, err = h.settings(); err != nil {
			return err
		}
		if out.Subtenants, err = h.subtenants(); err != nil {
			return err
		}
		return h.each(entity.TypeAgent, func(v *entity.Version) error {
			if agent.Of(v.Manifest).Kind == agent.Inference {
				out.Agents = append(out.Agents, AgentName{v.Manifest.ID, v.Manifest.Label()})
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return secret(wire.OK(out)), nil
}
