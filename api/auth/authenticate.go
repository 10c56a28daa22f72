package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"stemma/api/auth/external"
	"stemma/api/auth/token"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// credential is what a request brings, not yet looked at.
type credential struct {
	key, token string // one of them, or neither
}

// credentialOf reads the headers. An Authorization header counts before an
// x-api-key. KindUnauthenticated for one of another form.
func credentialOf(h http.Header, bearerKeys bool) (c credential, err error) {
	const op = "auth.credential"
	if values := h["Authorization"]; len(values) > 0 && values[0] != "" {
		scheme, rest, _ := strings.Cut(values[0], " ")
		rest = strings.TrimSpace(rest)
		switch {
		case rest == "":
			return c, refused(op, "a scheme without a credential")
		case strings.EqualFold(scheme, "ApiKey"):
			c.key = rest
		case !strings.EqualFold(scheme, "Bearer"):
			return c, refused(op, "a scheme that is not spoken here")
		case formOf(rest) == "":
			c.token = rest
		case bearerKeys:
			c.key = rest
		default:
			return c, refused(op, "a key behind Bearer, where the operation takes none")
		}
	} else if values := h["X-Api-Key"]; len(values) > 0 && values[0] != "" {
		c.key = values[0]
	}
	if c.key != "" && !IsKey(c.key) {
		return c, refused(op, "not of the form of a key")
	}
	return c, nil
}

// Authenticate is for wire.Options: it finds the principal of a request in the
// store of its network, for [From] to read. KindUnauthenticated for a
// credential that proves nothing, KindUnavailable when the issuer of a token
// cannot be asked; the errors of X-On-Behalf-Of are described at [actFor].
func (a *Authenticator) Authenticate(r *http.Request) (context.Context, wire.Standing, error) {
	ctx := r.Context()
	op := wire.OperationOf(ctx)
	cred, err := credentialOf(r.Header, op != nil && op.BearerKeys)
	if err != nil {
		return ctx, wire.Anonymous, err
	}
	behalf := ""
	if values := r.Header["X-On-Behalf-Of"]; len(values) > 0 {
		behalf = values[0]
	}
	if cred == (credential{}) {
		if behalf != "" {
			return ctx, wire.Anonymous, refused("auth.Authenticate", "X-On-Behalf-Of from nobody")
		}
		return ctx, wire.Anonymous, nil
	}
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return ctx, wire.Anonymous, err
	}
	var c *caller
	if cred.key != "" {
		c, err = a.byKey(ctx, s, cred.key, behalf)
	} else {
		c, err = a.byToken(ctx, s, cred.token, behalf)
	}
	if err != nil {
		return ctx, wire.Anonymous, err
	}
	standing := wire.Registered
	if c.principal.Anonymous() {
		standing = wire.Unregistered
	}
	return withCaller(ctx, c), standing, nil
}

// WithKey is the context of the caller whom a key proves, for operations that
// find it elsewhere than in the headers. KindUnauthenticated.
func (a *Authenticator) WithKey(ctx context.Context, key string) (context.Context, error) {
	if !IsKey(key) {
		return ctx, refused("auth.WithKey", "not of the form of a key")
	}
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return ctx, err
	}
	c, err := a.byKey(ctx, s, key, "")
	if err != nil {
		return ctx, err
	}
	return withCaller(ctx, c), nil
}

func (a *Authenticator) byKey(ctx context.Context, s entity.Store, key, behalf string) (*caller, error) {
	d, now := digestOf(key), a.now()
	c := &caller{}
	err := s.View(ctx, func(r entity.Reader) error {
		p, g, err := resolve(r, d, now)
		if err != nil {
			return err
		}
		if c.credential = g.Prefix; c.credential == "" {
			c.credential = Shown(key)
		}
		c.principal, err = actFor(r, p, behalf)
		return err
	})
	if err != nil {
		return nil, err
	}
	a.noteUse(ctx, s.Network(), key, d, c.principal, now)
	return c, nil
}

// byToken reads our tokens, and those of others.
func (a *Authenticator) byToken(ctx context.Context, s entity.Store, raw, behalf string) (*caller, error) {
	_, issuer, err := token.Peek(raw)
	if err != nil {
		return nil, err
	}
	c := &caller{credential: "token"}
	if issuer != a.issuer {
		// Before the store is read: this may ask the issuer for its keys.
		if c.identity, err = a.external.Verify(ctx, raw); err != nil {
			return nil, err
		}
		c.credential = string(c.identity.Form)
	}
	err = s.View(ctx, func(r entity.Reader) (err error) {
		var p access.Principal
		if c.identity.Form == "" {
			p, c.tenant, err = a.ofOurToken(r, raw)
		} else {
			p, err = principalOf(r, c.identity)
		}
		if err == nil {
			c.principal, err = actFor(r, p, behalf)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// ofOurToken is the user of an access token of this server, and the tenant that
// it was made for. One for administering is the first user's, and does all that
// a key of the first user does.
func (a *Authenticator) ofOurToken(r entity.Reader, raw string) (p access.Principal, tenant entity.ID, err error) {
	const op = "auth.token"
	keys, err := a.signingKeys(r)
	if err != nil {
		return p, "", err
	}
	claims, err := keys.Verify(raw, a.issuer, r.Network(), a.now())
	if err != nil {
		return p, "", err
	}
	at, err := sessionsOf(r, claims.Subject)
	if err != nil {
		return p, "", err
	}
	if claims.Epoch != at.Epoch {
		return p, "", refused(op, "it is from before the user logged out everywhere")
	}
	if p, err = principalFor(r, claims.Subject); err != nil || claims.Scope != token.ScopeAdmin {
		return p, claims.Tenant, err
	}
	first, err := FirstUser(r)
	if err != nil || first != p.ID {
		return access.Principal{}, "", refused(op, "it is for administering, and not of the first user")
	}
	p.System = true
	return p, "", nil
}

// principalOf is who a token of another issuer is here; anonymous when that is
// nobody yet.
func principalOf(r entity.Reader, id external.Identity) (p access.Principal, err error) {
	who, err := registered(r, id)
	if err != nil {
		return p, err
	}
	if who == "" && id.Service {
		first, err := FirstUser(r)
		if err != nil {
			return p, refused("auth.token", "a service that is not registered, where there is no first user")
		}
		return access.Principal{ID: first, Kind: access.Service, System: true}, nil
	}
	if who == "" {
		return p, nil
	}
	at, err := sessionsOf(r, who)
	if err != nil {
		return p, err
	}
	if at.ValidFrom != 0 && id.IssuedAt.Unix() <= at.ValidFrom/1000 {
		return p, refused("auth.token", "it is from before the user logged out everywhere")
	}
	return principalFor(r, who)
}

// principalFor is the principal of an entity that is one and is not deleted.
func principalFor(r entity.Reader, id entity.ID) (p access.Principal, err error) {
	const op = "auth.principal"
	h, err := r.Head(id)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return p, refused(op, "there is no such principal")
	case err != nil:
		return p, err
	case h.Deleted:
		return p, refused(op, "the principal is deleted")
	}
	kind, ok := kindOf(h.Type)
	if !ok {
		return p, entity.Internal(op, errors.New("a principal of type "+h.Type))
	}
	return access.Principal{ID: id, Kind: kind, System: kind == access.Service}, nil
}

// actFor is the principal that X-On-Behalf-Of asks for; without it the caller.
// KindForbidden unless the caller is a service, KindInvalid for what is no id
// or no user, KindNotFound for an id of nobody or of somebody deleted.
func actFor(r entity.Reader, p access.Principal, behalf string) (access.Principal, error) {
	const op = "auth.OnBehalfOf"
	if behalf == "" {
		return p, nil
	}
	if p.Kind != access.Service {
		return p, entity.Errorf(entity.KindForbidden, op, "Forbidden: X-On-Behalf-Of is for services; leave it out to act as yourself")
	}
	id, err := entity.ParseID(behalf)
	if err != nil {
		return p, entity.Invalid(op, "X-On-Behalf-Of must be the id of a user: %s", message(err))
	}
	h, err := r.Head(id)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return p, entity.NotFound(op, "X-On-Behalf-Of names %s, whom nobody here is called", id)
	case err != nil:
		return p, err
	case h.Deleted:
		return p, entity.NotFound(op, "X-On-Behalf-Of names %s, who is deleted", id)
	case h.Type != entity.TypeUser:
		return p, entity.Invalid(op, "X-On-Behalf-Of must be the id of a user; %s is of type %s", id, h.Type)
	}
	return access.Principal{ID: id, Kind: access.User, By: p.ID, Scopes: p.Scopes}, nil
}

// message is what an error says to the caller.
func message(err error) string {
	var e *entity.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
