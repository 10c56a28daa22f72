package external

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"stemma/api/auth/token"
	"stemma/entity"
)

// Flow is OpenID Connect's authorization code flow with PKCE, by which people
// prove in a browser who they are to an issuer.
type Flow struct {
	at       *issuer
	id       string
	secret   string
	redirect string
}

// Flow is that of a client of one of the issuers, which sends people back to
// redirect. secret is "" for a public client. KindInvalid for an issuer that is
// none.
func (v *Verifier) Flow(issuer, id, secret, redirect string) (*Flow, error) {
	at := v.issuers[issuer]
	if at == nil {
		return nil, entity.Invalid("external.Flow", "%q is no OIDC issuer whose tokens are believed", issuer)
	}
	return &Flow{at: at, id: id, secret: secret, redirect: redirect}, nil
}

// Issuer is whom people prove themselves to.
func (f *Flow) Issuer() string { return f.at.url }

// Proof is what ties an answer to the question: three secrets of 43 characters or
// more (RFC 7636 section 4.1), drawn for one sign-in. The verifier leaves the
// server when it ends, and only for the issuer.
type Proof struct{ State, Nonce, Verifier string }

func (f *Flow) config(d *discovered) *oauth2.Config {
	at := d.Endpoint()
	at.AuthStyle = oauth2.AuthStyleInParams
	if f.secret != "" && d.basic {
		at.AuthStyle = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{ClientID: f.id, ClientSecret: f.secret, Endpoint: at, RedirectURL: f.redirect, Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}
}

// Begin is where somebody is sent to. KindUnavailable when the issuer cannot be
// found.
func (f *Flow) Begin(p Proof) (string, error) {
	d, err := f.at.discover()
	if err != nil {
		return "", f.unreachable(err)
	}
	to := f.config(d).AuthCodeURL(p.State, oidc.Nonce(p.Nonce), oauth2.S256ChallengeOption(p.Verifier))
	if u, err := url.Parse(to); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", f.unreachable(errors.New("its discovery document has no authorization_endpoint that is a URL"))
	}
	return to, nil
}

// End gives who came back with a code. KindUnauthenticated for a code, or a token
// got for it, that proves nobody; KindUnavailable.
func (f *Flow) End(ctx context.Context, p Proof, code string) (id Identity, err error) {
	d, err := f.at.discover()
	if err != nil {
		return id, f.unreachable(err)
	}
	ctx = oidc.ClientContext(ctx, f.at.client)
	got, err := f.config(d).Exchange(ctx, code, oauth2.VerifierOption(p.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError:
		return id, token.Refused("the issuer gives nothing for the code: %w", err)
	case err != nil:
		return id, f.unreachable(err)
	}
	raw, _ := got.Extra("id_token").(string)
	if raw == "" {
		return id, token.Refused("the issuer's answer has no id_token")
	}
	t, err := f.at.token(ctx, d, f.id, raw)
	if err != nil {
		return id, err
	}
	if err := f.about(t, p); err != nil {
		return id, err
	}
	if id, err = f.at.identity(t); err != nil {
		return id, err
	}
	if id.Name == "" || id.Email == "" {
		err = f.ask(ctx, d, got, &id)
	}
	return id, err
}

// about refuses a token that is good and not the answer to this question:
// OpenID Connect Core section 3.1.3.7.
func (f *Flow) about(t *oidc.IDToken, p Proof) error {
	var c struct {
		Party string `json:"azp"`
	}
	if err := t.Claims(&c); err != nil {
		return token.Refused("%w", err)
	}
	switch {
	case t.Nonce != p.Nonce:
		return token.Refused("its nonce is of another sign-in")
	case c.Party != "" && c.Party != f.id, c.Party == "" && len(t.Audience) > 1:
		return token.Refused("it was made for the client %.100q", c.Party)
	case t.Subject == "" || len(t.Subject) > maxName:
		return token.Refused("its subject has to have 1 to %d bytes", maxName)
	}
	return nil
}

// ask reads the name and address from where an issuer keeps them that does not
// put them into its tokens.
func (f *Flow) ask(ctx context.Context, d *discovered, got *oauth2.Token, id *Identity) error {
	if d.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(got))
	if err != nil {
		return f.unreachable(err)
	}
	var c claims
	if err := info.Claims(&c); err != nil {
		return token.Refused("%w", err)
	}
	if info.Subject != id.Subject { // Core section 5.3.2
		return token.Refused("what the issuer tells is about somebody else")
	}
	if id.Name == "" {
		id.Name = c.name()
	}
	if id.Email == "" {
		id.Email = c.email()
	}
	return nil
}

func (f *Flow) unreachable(err error) error {
	return &entity.Error{Kind: entity.KindUnavailable, Op: "external.Flow", Err: err, Message: "the provider that people sign in with does not answer as it should at the moment; try again in some seconds"}
}
