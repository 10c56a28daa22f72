package portal

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"stemma/api/auth"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

// oidcPath is where browsers go that sign in by an OIDC issuer; their cookie is
// sent there and nowhere else.
const oidcPath = base + "/auth/oidc"

// SignInRedirect is the path that the issuer sends people back to.
const SignInRedirect = oidcPath + "/callback"

// signInPage is the application's.
const signInPage = "/app/sign-in"

func (s *Service) oidcOps() []wire.Operation {
	sent := []wire.Success{{Status: 303, Description: "where the browser goes on"}}
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/auth/oidc", ID: "portalSignInProvider", Summary: "Find out whether people sign in by an OIDC provider",
			Success: []wire.Success{{Status: 200, Body: SignInProvider{}}}, Errors: []int{400},
		}), s.signInProvider),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/auth/oidc/start", ID: "portalStartSignIn", Summary: "Go to the provider to sign in",
			Description: "For browsers, which are sent on and get a cookie for ten minutes. It is the authorization code flow with PKCE; in the end the browser is at `" + signInPage + "`.",
			Success:     sent, Errors: []int{400, 404, 429},
		}), s.startSignIn),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/auth/oidc/callback", ID: "portalSignInCallback", Summary: "Come back from the provider",
			Description: "For browsers, which are sent on to `" + signInPage + "`: with `#oidc=` and a code for the application, or with `#problem=` and one of expired (also of what was begun elsewhere), denied, refused and unreachable.",
			Success:     sent, Errors: []int{400},
		}), s.signInCallback),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/auth/oidc/session", ID: "portalEndSignIn", Summary: "Get the session of who came back from the provider",
			Description: "Once, within two minutes, by the browser that began. A user is made of who is new, with a tenant or by the invitation that was brought along; it is the provider's subject that tells who somebody is, and never an e-mail address.",
			Success:     []wire.Success{{Status: 200, Body: SignedIn{}}}, Errors: []int{400, 403},
		}), s.endSignIn),
	}
}

// SignInProvider is by whom people sign in, beside by a password.
type SignInProvider struct {
	Enabled bool   `json:"enabled"`
	Name    string `json:"name" doc:"what people call it; empty where there is none"`
}

func (s *Service) signInProvider(context.Context, *struct{}) (*wire.Reply, error) {
	name := s.Auth.SignInName()
	return wire.OK(SignInProvider{Enabled: name != "", Name: name}), nil
}

const oidcCookie = "stemma_oidc"

// browserIn is the cookie that binds a sign-in to a browser.
type browserIn struct {
	Cookie string `header:"Cookie" doc:"stemma_oidc"`
}

func (in browserIn) secret() string {
	cookies, err := http.ParseCookie(in.Cookie)
	if err != nil {
		return ""
	}
	for _, c := range cookies {
		if c.Name == oidcCookie {
			return c.Value
		}
	}
	return ""
}

// bind sets the cookie; no secret takes it away.
func bind(ctx context.Context, r *wire.Reply, browser string) *wire.Reply {
	c := http.Cookie{Name: oidcCookie, Value: browser, Path: oidcPath, MaxAge: int(auth.SignInLifetime / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: wire.ClientOf(ctx).Secure}
	if browser == "" {
		c.MaxAge = -1
	}
	return r.WithHeader("Set-Cookie", c.String())
}

// sendOn has a browser go on, and tell nobody where from.
func sendOn(to string) *wire.Reply {
	r := &wire.Reply{Status: http.StatusSeeOther}
	return secret(r.WithHeader("Location", to).WithHeader("Referrer-Policy", "no-referrer"))
}

// backTo is the application's page to sign in at, with what it is told behind #,
// where no server sees it.
func backTo(carried auth.Carried, key, value string) *wire.Reply {
	q := url.Values{}
	if carried.Next != "" {
		q.Set("next", carried.Next)
	}
	if carried.Invite != "" {
		q.Set("invite", carried.Invite)
	}
	to := url.URL{Path: signInPage, RawQuery: q.Encode(), Fragment: key + "=" + value}
	return sendOn(to.String())
}

type startSignInIn struct {
	Next   string `query:"next" max:"2000" doc:"path of this server to go on to, like /app/runs"`
	Invite string `query:"invite" max:"200" doc:"token of an invitation"`
}

// localPath refuses what could lead to another server: browsers read a backslash
// as a slash, and pass over tabs and line feeds.
func localPath(path string) error {
	u, err := url.Parse(path)
	if path == "" || err == nil && u.Scheme == "" && u.Host == "" && u.User == nil && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsFunc(path, func(r rune) bool { return r == '\\' || r < ' ' || r == 0x7f }) {
		return nil
	}
	return issue("next", "next must be a path of this server, like /app/runs")
}

func (s *Service) startSignIn(ctx context.Context, in *startSignInIn) (*wire.Reply, error) {
	if err := localPath(in.Next); err != nil {
		return nil, err
	}
	carried := auth.Carried{Next: in.Next, Invite: in.Invite}
	to, browser, err := s.Auth.BeginSignIn(ctx, carried)
	if entity.KindOf(err) == entity.KindUnavailable {
		return backTo(carried, "problem", problems[entity.KindUnavailable]), nil
	}
	if err != nil {
		return nil, err
	}
	return bind(ctx, sendOn(to), browser), nil
}

// problems are what the application is told of a sign-in that came to nothing. It
// has the words: none of a URL's are shown to people.
var problems = map[entity.Kind]string{
	entity.KindInvalid: "expired", entity.KindForbidden: "denied", entity.KindUnauthenticated: "refused", entity.KindUnavailable: "unreachable",
}

type signInCallbackIn struct {
	browserIn
	State  string `query:"state" max:"200"`
	Code   string `query:"code" max:"4096"`
	Error  string `query:"error" max:"200"`
	Issuer string `query:"iss" max:"2000" doc:"RFC 9207"`
}

func (s *Service) signInCallback(ctx context.Context, in *signInCallbackIn) (*wire.Reply, error) {
	code, carried, err := s.Auth.EndSignIn(ctx, in.secret(), auth.Answer{State: in.State, Code: in.Code, Error: in.Error, Issuer: in.Issuer})
	if problem, known := problems[entity.KindOf(err)]; err != nil && known {
		return backTo(carried, "problem", problem), nil
	}
	if err != nil {
		return nil, err
	}
	return backTo(carried, "oidc", code), nil
}

type endSignInIn struct {
	browserIn
	Code string `json:"code" req:"true" max:"200" doc:"what stood behind #oidc="`
}

// SignedIn is a session, and where the browser wanted to go.
type SignedIn struct {
	Session
	Next string `json:"next" doc:"the path that was given at the start; empty for none"`
}

func (s *Service) endSignIn(ctx context.Context, in *endSignInIn) (*wire.Reply, error) {
	id, carried, err := s.Auth.TakeSignIn(ctx, in.secret(), in.Code)
	if err != nil {
		return nil, err
	}
	joined := entity.ID("")
	user, err := s.Auth.Admit(ctx, id, carried.Invite != "", func(tx entity.Tx, user entity.ID, made bool) (err error) {
		joined, err = s.settled(tx, user, &signUpIn{Invite: carried.Invite, TenantName: teamOf(id.Name)}, made)
		return err
	})
	if err != nil {
		return nil, err
	}
	session, err := s.session(ctx, user, joined)
	if err != nil {
		return nil, err
	}
	return bind(ctx, secret(wire.OK(SignedIn{Session: *session, Next: carried.Next})), ""), nil
}

// teamOf is what the tenant of a person is called, "" of somebody without a name.
func teamOf(name string) string {
	const most = 100 // characters of the name
	if name == "" {
		return ""
	}
	if r := []rune(name); len(r) > most {
		name = string(r[:most])
	}
	return name + "'s team"
}

// settled is settle for who may be settled already. Who is in no tenant gets one
// where anybody does.
func (s *Service) settled(tx entity.Tx, user entity.ID, in *signUpIn, made bool) (entity.ID, error) {
	if !made && in.Invite == "" {
		all, err := tenant.Of(tx, user, s.Now())
		if err != nil || len(all) > 0 {
			return "", err
		}
		if closed, err := tenant.Closed(tx); err != nil || closed {
			return "", err
		}
	}
	return s.settle(tx, user, in)
}
