package admin

import (
	"context"

	"stemma/api/auth"
	"stemma/api/wire"
)

func (s *Service) authOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/auth/login", ID: "adminLogIn", Summary: "Log in as who runs the server", Reads: true,
			Description: "With the address and password of the first user's account, or with a key of the first user, such as that of the first start, in the place of the password. " +
				"`admin` stands for the address. The server has no password of its own: while none is set the answer says `mustChangePassword`, and `/v1/admin/auth/change-password` sets the first. The token holds for 8 hours. Failed log-ins are limited as those of `/auth/login` are.",
			Success: []wire.Success{{Status: 200, Body: Session{}}}, Errors: []int{400, 401, 429},
		}), s.logIn),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/auth/change-password", ID: "adminChangePassword", Summary: "Change the password of who runs the server, or set the first", Permission: administer,
			Description: "The first one takes `username`, the address to log in with from then on, and no current password. All sessions end, and the answer has a new token.",
			Success:     []wire.Success{{Status: 200, Body: Session{}}}, Errors: []int{400, 409, 429},
		}), s.changePassword),
	}
}

// Session is what a log-in gives.
type Session struct {
	Token      string `json:"token" doc:"for Authorization: Bearer"`
	Username   string `json:"username"`
	MustChange bool   `json:"mustChangePassword" doc:"no password is set yet: the log-in was with a key"`
}

func session(got *auth.AdminSession) *wire.Reply {
	return secret(wire.OK(Session{Token: got.Token, Username: got.Username, MustChange: got.MustSet}))
}

type logInIn struct {
	Username string `json:"username" alias:"email" req:"true" min:"1" max:"254"`
	Password string `json:"password" req:"true" min:"1" max:"1000"`
}

func (s *Service) logIn(ctx context.Context, in *logInIn) (*wire.Reply, error) {
	got, err := s.Auth.AdminLogIn(ctx, in.Username, in.Password)
	if err != nil {
		return nil, err
	}
	return session(got), nil
}

type changePasswordIn struct {
	Username string `json:"username" alias:"email" max:"254" doc:"of the first password: an email address"`
	Current  string `json:"currentPassword" alias:"current_password,oldPassword,old_password" max:"1000"`
	New      string `json:"newPassword" alias:"new_password" req:"true"`
}

func (s *Service) changePassword(ctx context.Context, in *changePasswordIn) (*wire.Reply, error) {
	if _, err := operator(ctx); err != nil {
		return nil, err
	}
	got, err := s.Auth.SetAdminPassword(ctx, in.Username, in.Current, in.New)
	if err != nil {
		return nil, err
	}
	return session(got), nil
}
