package portal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"time"

	"stemma/api/auth"
	"stemma/api/llm/agent"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// typeInvite is the type of an invitation's entity, which has all but its token.
const typeInvite = "invite"

// Where the secret space has invitations: by the hash of the token, which finds
// the entity, and the token itself, which owners may read again.
const (
	inviteSpace = "invite/"
	tokenSpace  = "invitetoken/"
	tokenBytes  = 24
)

func inviteName(token string) string {
	sum := sha256.Sum256([]byte(token))
	return inviteSpace + hex.EncodeToString(sum[:])
}

func (s *Service) inviteOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/invites/{token}/info", ID: "portalInviteInfo", Summary: "Find out where an invitation leads", KeyInPath: true,
			Success: []wire.Success{{Status: 200, Body: InviteInfo{}}}, Errors: []int{400, 404},
		}), s.inviteInfo),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/invites/{token}/accept", ID: "portalAcceptInvite", Summary: "Join the tenant that an invitation leads into", Permission: "user:credentials", KeyInPath: true,
			Description: "For who has an account, and logged in or has a key without scopes. The token that comes back is for that tenant. Who is in it already uses nothing up.",
			Success:     []wire.Success{{Status: 200, Body: Session{}}}, Errors: []int{400},
		}), s.acceptInvite),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/invites", ID: "portalCreateInvite", Summary: "Make an invitation into the tenant", Permission: ownerOnly,
			Description: "Who signs up with its token becomes a member. It counts its uses in the transaction that makes the member, so that no more come in than it says.",
			Success:     []wire.Success{{Status: 201, Body: Invite{}}}, Errors: []int{400},
		}), s.createInvite),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/invites", ID: "portalListInvites", Summary: "List the tenant's invitations", Permission: ownerOnly,
			Success: []wire.Success{{Status: 200, Body: Invites{}}},
		}), s.listInvites),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/invites/{id}", ID: "portalRevokeInvite", Summary: "Revoke an invitation", Permission: ownerOnly,
			Success: []wire.Success{{Status: 204}}, Errors: []int{400, 404},
		}), s.revokeInvite),
	}
}

// Invite is an invitation into a tenant.
type Invite struct {
	ID        entity.ID `json:"id"`
	Token     string    `json:"token"`
	URL       string    `json:"inviteUrl"`
	MaxUses   *int64    `json:"maxUses" doc:"null for no bound"`
	UseCount  int64     `json:"useCount"`
	ExpiresAt string    `json:"expiresAt"`
	RevokedAt *string   `json:"revokedAt"`
	CreatedAt string    `json:"createdAt"`
	CreatedBy entity.ID `json:"createdBy"`
	IsActive  bool      `json:"isActive"`
}

// Invites is a tenant's invitations, newest first.
type Invites struct {
	Invites []Invite `json:"invites"`
}

// InviteInfo is what a stranger learns of an invitation.
type InviteInfo struct {
	TenantName string `json:"tenantName"`
	ExpiresAt  string `json:"expiresAt"`
	IsValid    bool   `json:"isValid"`
}

func (s *Service) inviteView(r entity.Reader, m *entity.Manifest) (Invite, error) {
	token, err := r.Secret(tokenSpace + string(m.ID))
	i := Invite{ID: m.ID, Token: string(token), URL: s.URL + "/signup?invite=" + string(token), CreatedAt: m.CreatedAt, ExpiresAt: text(m.Properties, "expires_at"), CreatedBy: entity.ID(text(m.Properties, "created_by")), IsActive: valid(m, s.Now())}
	if most, ok := m.Properties["max_uses"].(int64); ok {
		i.MaxUses = &most
	}
	i.UseCount, _ = m.Properties["use_count"].(int64)
	if at := text(m.Properties, "revoked_at"); at != "" {
		i.RevokedAt = &at
	}
	return i, err
}

// valid tells whether an invitation lets another user in.
func valid(m *entity.Manifest, now time.Time) bool {
	used, _ := m.Properties["use_count"].(int64)
	most, bounded := m.Properties["max_uses"].(int64)
	ends, err := time.Parse(entity.TimeLayout, text(m.Properties, "expires_at"))
	return !m.Deleted() && m.Properties["revoked_at"] == nil && err == nil && now.Before(ends) && (!bounded || used < most)
}

// errInvite is the answer to every invitation that lets nobody in.
func errInvite() error {
	return issue("inviteToken", "the invitation is not valid: it was used up, has expired, was revoked or never was; ask for another")
}

// invited is the invitation of a token with its tenant; nil for none.
func invited(r entity.Reader, token string) (invite, in *entity.Manifest, err error) {
	id, err := r.Secret(inviteName(token))
	if err != nil || id == nil {
		return nil, nil, err
	}
	h, err := r.Head(entity.ID(id))
	if err != nil || h.Deleted {
		return nil, nil, err
	}
	if invite, err = r.Manifest(h.CID()); err != nil {
		return nil, nil, err
	}
	of, err := agent.TenantOf(r, invite)
	if err != nil {
		return nil, nil, err
	}
	in, err = tenant.Live(r, of)
	if in == nil {
		return nil, nil, err
	}
	return invite, in, err
}

// useInvite makes a user a member by an invitation, and counts that. Who is in
// the tenant already stays what they are, and uses nothing up.
func useInvite(tx entity.Tx, token string, user entity.ID, now time.Time) (entity.ID, error) {
	invite, in, err := invited(tx, token)
	if err != nil {
		return "", err
	}
	if invite == nil || !valid(invite, now) || !agent.Active(in) {
		return "", errInvite()
	}
	if tenant.MemberOf(in, user, now) != nil {
		return in.ID, nil
	}
	_, err = tx.Put(invite.ID, entity.Any, func(m *entity.Manifest) error {
		used, _ := m.Properties["use_count"].(int64)
		m.Properties["use_count"] = used + 1
		return nil
	})
	if err != nil {
		return "", err
	}
	_, err = tx.Put(in.ID, entity.Any, func(m *entity.Manifest) error {
		tenant.Seat(m, user, tenant.RoleMember, now)
		m.Note = "by invitation " + string(invite.ID)
		return nil
	})
	return in.ID, err
}

// checkInvite refuses one that is no good before a password is hashed for it.
func (s *Service) checkInvite(ctx context.Context, token string) error {
	return s.networks[wire.NetworkOf(ctx)].Store.View(ctx, func(r entity.Reader) error {
		invite, in, err := invited(r, token)
		if err == nil && (invite == nil || !valid(invite, s.Now()) || !agent.Active(in)) {
			err = errInvite()
		}
		return err
	})
}

type inviteInfoIn struct {
	Token string `path:"token" max:"200"`
}

func (s *Service) inviteInfo(ctx context.Context, in *inviteInfoIn) (*wire.Reply, error) {
	var out InviteInfo
	err := s.networks[wire.NetworkOf(ctx)].Store.View(ctx, func(r entity.Reader) error {
		invite, of, err := invited(r, in.Token)
		if err == nil && invite == nil {
			err = entity.NotFound("portal.inviteInfo", "there is no such invitation")
		}
		if err == nil {
			out = InviteInfo{TenantName: of.Label(), ExpiresAt: text(invite.Properties, "expires_at"), IsValid: valid(invite, s.Now()) && agent.Active(of)}
		}
		return err
	})
	return secret(wire.OK(out)), err
}

func (s *Service) acceptInvite(ctx context.Context, in *inviteInfoIn) (*wire.Reply, error) {
	p := auth.From(ctx)
	if p.Kind != access.User || p.By != "" || p.Scopes != nil {
		return nil, entity.Errorf(entity.KindForbidden, "portal.acceptInvite", "Forbidden: an invitation is accepted by a user who logged in, or has a key without scopes")
	}
	joined := entity.ID("")
	_, err := s.networks[wire.NetworkOf(ctx)].Store.Update(ctx, entity.Actor{UserID: p.ID, Method: entity.MethodManual}, func(tx entity.Tx) (err error) {
		joined, err = useInvite(tx, in.Token, p.ID, s.Now())
		return err
	})
	if err != nil {
		return nil, err
	}
	out, err := s.session(ctx, p.ID, joined)
	if err != nil {
		return nil, err
	}
	return secret(wire.OK(out)), nil
}

type createInviteIn struct {
	MaxUses int64 `json:"maxUses" alias:"max_uses" min:"1" max:"100000" doc:"no bound when left out"`
	Hours   int64 `json:"expiresInHours" alias:"expires_in_hours" default:"168" min:"1" max:"8760"`
}

func (s *Service) createInvite(ctx context.Context, in *createInviteIn) (*wire.Reply, error) {
	var b [tokenBytes]byte
	if _, err := io.ReadFull(s.Entropy, b[:]); err != nil {
		return nil, entity.Internal("portal.createInvite", err)
	}
	token := base64.RawURLEncoding.EncodeToString(b[:])
	var out Invite
	err := s.update(ctx, func(t txn) error {
		if err := t.owns(); err != nil {
			return err
		}
		if err := t.needWorkspace(); err != nil {
			return err
		}
		p := entity.Properties{"label": "Invitation", "use_count": int64(0), "expires_at": entity.FormatTime(t.At().Add(time.Duration(in.Hours) * time.Hour)), "created_by": string(t.user)}
		if in.MaxUses > 0 {
			p["max_uses"] = in.MaxUses
		}
		id := t.tx.NewID()
		t.tx.Vouch(id)
		v, err := t.tx.Create(entity.Draft{ID: id, Type: typeInvite, Properties: p, Relationships: t.inWorkspace()})
		if err != nil {
			return err
		}
		t.tx.SetSecret(inviteName(token), []byte(v.Manifest.ID))
		t.tx.SetSecret(tokenSpace+string(v.Manifest.ID), []byte(token))
		out, err = s.inviteView(t.tx, v.Manifest)
		return err
	})
	if err != nil {
		return nil, err
	}
	return secret(wire.Created(out)), nil
}

func (s *Service) listInvites(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	out := Invites{}
	err := s.view(ctx, func(h here) error {
		out.Invites = []Invite{}
		if err := h.owns(); err != nil {
			return err
		}
		return h.each(typeInvite, func(v *entity.Version) error {
			i, err := s.inviteView(h.raw, v.Manifest)
			out.Invites = append(out.Invites, i)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return secret(wire.OK(out)), nil
}

type idIn struct {
	ID entity.ID `path:"id"`
}

// revokeInvite voids the token for good. One that was revoked may be again.
func (s *Service) revokeInvite(ctx context.Context, in *idIn) (*wire.Reply, error) {
	return wire.NoContent(), s.update(ctx, func(t txn) error {
		if err := t.owns(); err != nil {
			return err
		}
		v, err := t.live("entity:update", in.ID, typeInvite, "invitation")
		if err != nil {
			return err
		}
		if v.Manifest.Properties["revoked_at"] != nil {
			return nil
		}
		if token, err := t.tx.Secret(tokenSpace + string(in.ID)); err != nil || token != nil {
			if err != nil {
				return err
			}
			t.tx.DeleteSecret(inviteName(string(token)))
		}
		t.tx.Vouch(in.ID)
		_, err = t.tx.Put(in.ID, entity.Any, func(m *entity.Manifest) error {
			m.Properties["revoked_at"] = entity.FormatTime(t.At())
			return nil
		})
		return err
	})
}
