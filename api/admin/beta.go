package admin

import (
	"context"
	"encoding/base64"
	"io"

	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

func (s *Service) betaOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/beta/signups", ID: "adminListBetaSignups", Summary: "List who asks to be let in", Permission: administer,
			Description: "Newest first: those of `POST /v1/beta/signup`.",
			Success:     []wire.Success{{Status: 200, Body: BetaSignups{}}},
		}), s.listBeta),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/beta/approve/{id}", ID: "adminApproveBetaSignup", Summary: "Let somebody in", Permission: administer,
			Description: "Makes the code that they sign up with at the portal, as `inviteToken`, with their address and once. It is theirs to be told; a second time gives the same code.",
			Success:     []wire.Success{{Status: 200, Body: BetaSignup{}}}, Errors: []int{400, 404},
		}), s.approveBeta),
	}
}

// BetaSignup is somebody who asks to be let in.
type BetaSignup struct {
	ID         entity.ID `json:"id"`
	Email      string    `json:"email"`
	Name       *string   `json:"name"`
	Status     string    `json:"status" enum:"pending,approved,joined"`
	CreatedAt  string    `json:"createdAt"`
	ApprovedAt *string   `json:"approvedAt"`
	JoinedAt   *string   `json:"joinedAt"`
	InviteCode *string   `json:"inviteCode" doc:"null before they are let in"`
}

// BetaSignups are all of them.
type BetaSignups struct {
	Signups []BetaSignup `json:"signups"`
}

func betaView(b *tenant.Beta) BetaSignup {
	out := BetaSignup{ID: b.ID, Email: b.Email, Name: orNull(b.Name), Status: "pending", CreatedAt: entity.FormatMillis(b.At), InviteCode: orNull(b.Code)}
	if b.Approved != 0 {
		out.Status, out.ApprovedAt = "approved", orNull(entity.FormatMillis(b.Approved))
	}
	if b.Used != 0 {
		out.Status, out.JoinedAt = "joined", orNull(entity.FormatMillis(b.Used))
	}
	return out
}

func (s *Service) listBeta(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out BetaSignups
	err := s.view(ctx, func(r *guard.Reader) error {
		out.Signups = []BetaSignup{}
		all, err := tenant.Betas(r)
		for _, b := range all {
			out.Signups = append(out.Signups, betaView(b))
		}
		return err
	})
	return secret(wire.OK(out)), err
}

func (s *Service) approveBeta(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var random [24]byte
	if _, err := io.ReadFull(s.Entropy, random[:]); err != nil {
		return nil, entity.Internal("admin.approveBeta", err)
	}
	code := tenant.BetaPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	var out BetaSignup
	err := s.update(ctx, func(tx *guard.Tx) error {
		b, err := tenant.ApproveBeta(tx, in.ID, code, tx.At())
		if err == nil && b == nil {
			err = entity.NotFound("admin.approveBeta", "nobody %s asks to be let in; GET %s/beta/signups lists who does", in.ID, base)
		}
		if err == nil {
			out = betaView(b)
		}
		return err
	})
	return secret(wire.OK(out)), err
}
