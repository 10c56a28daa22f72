package portal

import (
	"context"
	"strings"

	"stemma/api/auth"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

// betaOps lie beside the view's other paths.
func (s *Service) betaOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/v1/beta/signups-enabled", ID: "portalSignupsEnabled", Summary: "Find out whether new accounts are taken without an invitation",
			Success: []wire.Success{{Status: 200, Body: SignupsEnabled{}}}, Errors: []int{400},
		}), s.signupsEnabled),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/v1/beta/signup", ID: "portalBetaSignUp", Summary: "Ask to be let in", Tag: "Portal",
			Description: "Where the server takes no new accounts: whoever runs it lets people in, each with a code that `inviteToken` of a sign-up takes, for their address and once. Who has asked before is answered with 200.",
			Success:     []wire.Success{{Status: 201, Body: Registered{}}, {Status: 200, Body: Registered{}}}, Errors: []int{400, 429, 507},
		}), s.betaSignUp),
	}
}

// SignupsEnabled tells whether new accounts are taken without an invitation.
type SignupsEnabled struct {
	Enabled bool `json:"signupsEnabled"`
}

func (s *Service) signupsEnabled(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	open, err := s.signupsOpen(ctx)
	return wire.OK(SignupsEnabled{open}), err
}

// Registered says that somebody is on the list.
type Registered struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type betaSignUpIn struct {
	Email string `json:"email" req:"true" max:"254"`
	Name  string `json:"name" max:"200"`
}

func (s *Service) betaSignUp(ctx context.Context, in *betaSignUpIn) (*wire.Reply, error) {
	email, err := auth.Address(in.Email)
	if err != nil {
		return nil, err
	}
	if err := s.Auth.MaySignUp(ctx); err != nil {
		return nil, err
	}
	known := false
	_, err = s.networks[wire.NetworkOf(ctx)].Store.Update(ctx, entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) (err error) {
		known, err = tenant.AskBeta(tx, email, strings.TrimSpace(in.Name), s.Now())
		return err
	})
	switch out := (Registered{"registered", "You are on the list; whoever runs this server lets you in."}); {
	case err != nil:
		return nil, err
	case known:
		return secret(wire.OK(out)), nil
	default:
		return secret(wire.Created(out)), nil
	}
}

// checkBeta refuses a code that is no good before a password is hashed for it.
func (s *Service) checkBeta(ctx context.Context, in *signUpIn) error {
	email, err := auth.Address(in.Email)
	if err != nil {
		return err
	}
	return s.networks[wire.NetworkOf(ctx)].Store.View(ctx, func(r entity.Reader) error {
		_, err := tenant.CheckBeta(r, in.Invite, email)
		return err
	})
}
