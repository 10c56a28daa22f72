package native

import (
	"context"
	"net/http"
	"strings"
	"time"

	"stemma/api/auth"
	"stemma/api/auth/token"
	"stemma/api/wire"
	"stemma/entity"
)

const tagAuth = "Auth & Users"

// WithAuth joins what proves callers to the view. Without it the operations
// that give credentials out are documented and answer 501.
func (s *Service) WithAuth(a *auth.Authenticator) *Service {
	s.auth = a
	return s
}

// authOp is a row whose handler needs the Authenticator.
func authOp[In any](s *Service, op wire.Operation, h func(ctx context.Context, a *auth.Authenticator, in *In) (*wire.Reply, error)) wire.Operation {
	op.Tag = tagAuth
	return wire.Op(op, func(ctx context.Context, in *In) (*wire.Reply, error) {
		if s.auth == nil {
			return nil, entity.Errorf(entity.KindNotImplemented, "native.auth", "this server gives no credentials out")
		}
		return h(ctx, s.auth, in)
	})
}

func (s *Service) sessionOps() []wire.Operation {
	session := []wire.Success{{Status: 200, Body: SessionResponse{}}}
	return []wire.Operation{
		authOp(s, wire.Operation{
			Method: "POST", Path: "/auth/signup", ID: "signUp", Summary: "Make an account",
			Description: "Makes a user with an email and a password and logs it in. An address that has an account is logged in with the right password, and refused like a wrong log-in with another: the answer does not tell who has an account. The cookie `stemma_refresh` holds a refresh token.",
			Success:     []wire.Success{{Status: 201, Body: SessionResponse{}}, {Status: 200, Body: SessionResponse{}, Description: "there was an account; it is logged in"}}, Errors: []int{400, 401, 403, 429},
		}, signUp),
		authOp(s, wire.Operation{
			Method: "POST", Path: "/auth/login", ID: "logIn", Summary: "Log in",
			Description: "Answers an access token for 15 minutes, to be sent as `Authorization: Bearer`, and sets the cookie `stemma_refresh`. Too many wrong passwords for an account or from a client are answered 429.",
			Success:     session, Errors: []int{400, 401, 403, 429},
		}, logIn),
		authOp(s, wire.Operation{
			Method: "POST", Path: "/auth/refresh", ID: "refreshSession", Summary: "Go on with a session",
			Description: "Takes the refresh token of the cookie, which holds for 30 days and can be used once, and answers as a log-in does. A token that was used is refused, and the cookie stays: another tab may have the new one.",
			Success:     session, Errors: []int{401, 403},
		}, refreshSession),
		authOp(s, wire.Operation{
			Method: "POST", Path: "/auth/logout", ID: "logOut", Summary: "Log out everywhere", Auth: wire.AuthOptional,
			Description: "Ends all sessions of the caller, or of the user of the cookie: every refresh token, and every access token from before, is void at once. API keys stay.",
			Success:     []wire.Success{{Status: 204}}, Errors: []int{401, 403},
		}, logOut),
		authOp(s, wire.Operation{
			Method: "POST", Path: "/auth/password", ID: "changePassword", Summary: "Change the password", Auth: wire.AuthRequired,
			Description: "Needs the old one, and ends all sessions.", Permission: "user:credentials",
			Success: []wire.Success{{Status: 204}}, Errors: []int{400, 401, 403, 429},
		}, changePassword),
		authOp(s, wire.Operation{
			Method: "POST", Path: "/auth/register", ID: "register", Summary: "Register with a token", Auth: wire.AuthJWTOnly,
			Description: "Makes a user out of the first token of a subject of an external issuer, called by `user_metadata.name` or `name`; of a `role: service` token a service. Who is registered gets the entity there is.", Permission: "user:create",
			Success: []wire.Success{{Status: 201, Body: RegisterResponse{}}, {Status: 200, Body: RegisterResponse{}, Description: "registered before"}}, Errors: []int{400, 401},
		}, register),
		authOp(s, wire.Operation{
			Method: "GET", Path: "/.well-known/jwks.json", ID: "jwks", Summary: "The keys that verify access tokens",
			Description: "A JSON Web Key Set. The claim `network` of a token says which network it is for.",
			Success:     []wire.Success{{Status: 200, Body: KeySetResponse{}}},
		}, keySet),
		authOp(s, wire.Operation{
			Method: "GET", Path: "/.well-known/openid-configuration", ID: "openidConfiguration", Summary: "Where the keys are",
			Description: "What a standard client needs to verify access tokens: the issuer, which is their audience too, and the keys.",
			Success:     []wire.Success{{Status: 200, Body: DiscoveryResponse{}}},
		}, discovery),
	}
}

// UserResponse is a user in the answers that tell who is logged in.
type UserResponse struct {
	ID         entity.ID         `json:"id"`
	CID        string            `json:"cid"`
	Properties entity.Properties `json:"properties"`
	Ver        int64             `json:"ver"`
}

func userResponse(v *entity.Version) UserResponse {
	return UserResponse{ID: v.Manifest.ID, CID: v.CID.String(), Properties: v.Manifest.Properties, Ver: v.Manifest.Ver}
}

// SessionResponse is the answer to a log-in.
type SessionResponse struct {
	AccessToken string       `json:"access_token"`
	TokenType   string       `json:"token_type" doc:"bearer"`
	ExpiresIn   int64        `json:"expires_in" doc:"seconds"`
	User        UserResponse `json:"user"`
}

// fromSite is where a browser says that a request comes from. No other site may
// make one that sets the cookie or is told by it.
type fromSite struct {
	Site string `header:"Sec-Fetch-Site" doc:"set by browsers; cross-site is refused"`
}

func (f fromSite) check() error {
	if strings.EqualFold(f.Site, "cross-site") {
		return entity.Errorf(entity.KindForbidden, "native.fromSite", "Forbidden: pages of another site may not log anybody in or out")
	}
	return nil
}

const refreshCookie = "stemma_refresh"

// withCookie is the cookie of a refresh token.
type withCookie struct {
	Cookie string `header:"Cookie" doc:"stemma_refresh"`
}

// refresh is the token, "" for none.
func (c withCookie) refresh() string {
	cookies, err := http.ParseCookie(c.Cookie)
	if err != nil {
		return ""
	}
	for _, each := range cookies {
		if each.Name == refreshCookie {
			return each.Value
		}
	}
	return ""
}

// setRefresh puts the cookie into an answer; an empty token takes it away.
func setRefresh(ctx context.Context, r *wire.Reply, token string) *wire.Reply {
	c := http.Cookie{Name: refreshCookie, Value: token, Path: "/auth", MaxAge: int(auth.RefreshLifetime / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: wire.ClientOf(ctx).Secure}
	if token == "" {
		c.MaxAge = -1
	}
	return secret(r).WithHeader("Set-Cookie", c.String())
}

// secret marks an answer that no cache may keep.
func secret(r *wire.Reply) *wire.Reply { return r.WithHeader("Cache-Control", "no-store") }

func replySession(ctx context.Context, s *auth.Session) *wire.Reply {
	body := SessionResponse{AccessToken: s.Access, TokenType: "bearer", ExpiresIn: int64(s.ExpiresIn / time.Second), User: userResponse(s.User)}
	reply := wire.OK(body)
	if s.New {
		reply = wire.Created(body)
	}
	return setRefresh(ctx, reply, s.Refresh)
}

type logInIn struct {
	fromSite
	Email    string `json:"email" req:"true" min:"3" max:"254"`
	Password string `json:"password" req:"true" min:"1" max:"256"`
}

func logIn(ctx context.Context, a *auth.Authenticator, in *logInIn) (*wire.Reply, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	s, err := a.LogIn(ctx, in.Email, in.Password)
	if err != nil {
		return nil, err
	}
	return replySession(ctx, s), nil
}

type signUpIn struct {
	fromSite
	Email    string `json:"email" req:"true" min:"3" max:"254" doc:"kept apart from the user's entity and in no answer"`
	Password string `json:"password" req:"true" min:"8" max:"256"`
	Label    string `json:"label" min:"1" max:"500" doc:"what the user is called, for everybody to see"`
}

func signUp(ctx context.Context, a *auth.Authenticator, in *signUpIn) (*wire.Reply, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	s, err := a.SignUp(ctx, in.Email, in.Password, in.Label)
	if err != nil {
		return nil, err
	}
	return replySession(ctx, s), nil
}

type refreshIn struct {
	fromSite
	withCookie
}

func refreshSession(ctx context.Context, a *auth.Authenticator, in *refreshIn) (*wire.Reply, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	s, err := a.Refresh(ctx, in.refresh())
	if err != nil {
		return nil, err
	}
	return replySession(ctx, s), nil
}

func logOut(ctx context.Context, a *auth.Authenticator, in *refreshIn) (*wire.Reply, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := a.LogOut(ctx, in.refresh()); err != nil {
		return nil, err
	}
	return setRefresh(ctx, wire.NoContent(), ""), nil
}

type changePasswordIn struct {
	fromSite
	Old string `json:"old_password" req:"true" min:"1" max:"256"`
	New string `json:"new_password" req:"true" min:"8" max:"256"`
}

func changePassword(ctx context.Context, a *auth.Authenticator, in *changePasswordIn) (*wire.Reply, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := a.ChangePassword(ctx, in.Old, in.New); err != nil {
		return nil, err
	}
	return setRefresh(ctx, wire.NoContent(), ""), nil
}

// RegisterResponse is the caller's entity, and whether it was made just now.
type RegisterResponse struct {
	Created bool         `json:"created"`
	User    UserResponse `json:"user"`
}

func register(ctx context.Context, a *auth.Authenticator, _ *struct{}) (*wire.Reply, error) {
	v, made, err := a.Register(ctx)
	if err != nil {
		return nil, err
	}
	body := RegisterResponse{Created: made, User: userResponse(v)}
	if made {
		return wire.Created(body), nil
	}
	return wire.OK(body), nil
}

// KeySetResponse is a JSON Web Key Set, RFC 7517.
type KeySetResponse struct {
	Keys []token.JWK `json:"keys"`
}

// public is how long others may keep the keys. A new key is there before a token
// is signed with it.
const public = "public, max-age=300"

func keySet(ctx context.Context, a *auth.Authenticator, _ *struct{}) (*wire.Reply, error) {
	keys, err := a.PublicKeys(ctx)
	if err != nil {
		return nil, err
	}
	return wire.OK(KeySetResponse{Keys: keys}).WithHeader("Cache-Control", public), nil
}

// DiscoveryResponse is what OpenID Connect Discovery 1.0 asks of a server that
// only has keys to show: nobody is sent here to log in.
type DiscoveryResponse struct {
	Issuer        string   `json:"issuer"`
	JWKS          string   `json:"jwks_uri"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Claims        []string `json:"claims_supported"`
}

func discovery(_ context.Context, a *auth.Authenticator, _ *struct{}) (*wire.Reply, error) {
	return wire.OK(DiscoveryResponse{
		Issuer: a.Issuer(), JWKS: a.Issuer() + "/.well-known/jwks.json", Algorithms: []string{"EdDSA"}, SubjectTypes: []string{"public"},
		Claims: []string{"iss", "sub", "aud", "iat", "exp", "jti", "network", "typ"},
	}).WithHeader("Cache-Control", public), nil
}
