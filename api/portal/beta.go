package portal

import (
	"context"

	"stemma/api/wire"
)

// betaOps lie beside the view's other paths.
func (s *Service) betaOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/v1/beta/signups-enabled", ID: "portalSignupsEnabled", Summary: "Find out whether new accounts are taken without an invitation",
			Success: []wire.Success{{Status: 200, Body: SignupsEnabled{}}}, Errors: []int{400},
		}), s.signupsEnabled),
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
