package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"stemma/entity"
)

// Auth says who may call an operation at all. What a known caller may do is
// decided where the data is read.
type Auth uint8

// The levels.
const (
	AuthNone     Auth = iota // nobody is asked; credentials are not even looked at
	AuthOptional             // anonymous callers are let in; a wrong credential is not
	AuthRequired             // a registered caller
	AuthJWTOnly              // a valid token whose user need not be registered yet
)

var authNames = [...]string{"none", "optional", "required", "jwt-only"}

// String is the level's name in the documents.
func (a Auth) String() string {
	if int(a) < len(authNames) {
		return authNames[a]
	}
	return fmt.Sprintf("auth(%d)", uint8(a))
}

// Standing is what a credential proved about a caller.
type Standing uint8

// The standings.
const (
	Anonymous    Standing = iota // there is no credential
	Unregistered                 // a valid token of somebody whom this server does not know yet
	Registered                   // somebody whom this server knows
)

// admits decides whether a caller of that standing may come in. Where anonymous
// callers may, a token of somebody unregistered is as good as none.
func (a Auth) admits(s Standing) error {
	const op = "wire.Auth"
	switch {
	case s == Registered, a == AuthNone, a == AuthOptional, a == AuthJWTOnly && s == Unregistered:
		return nil
	case s == Unregistered:
		return entity.Errorf(entity.KindForbidden, op, "Forbidden: the token is valid, but its user is not registered here yet; call POST /auth/register with it first")
	}
	return &entity.Error{Kind: entity.KindUnauthenticated, Op: op}
}

// admit decides who may come in, and on which network. The context is the
// caller's where that is known, else the request's.
func (rt *router) admit(x *exchange, op *Operation, r *http.Request) (context.Context, error) {
	ctx := r.Context()
	var err error
	if x.meta.network, err = networkOf(r.Header); err != nil {
		return ctx, err
	}
	if rt.readOnly != "" && op.writes() {
		return ctx, entity.Errorf(entity.KindForbidden, "wire.ReadOnly", "%s", rt.readOnly)
	}
	if op.Auth == AuthNone {
		return ctx, nil
	}
	standing := Anonymous
	if rt.authenticate != nil {
		known, s, err := rt.authenticate(r)
		if err != nil {
			return ctx, err
		}
		ctx, standing = known, s
	}
	return ctx, op.Auth.admits(standing)
}

// tellDenied hands a refusal on to who keeps account of them.
func (x *exchange) tellDenied(ctx context.Context, r *http.Request, err error) {
	x.meta.tellDenied(ctx, r, err)
}

func (m *meta) tellDenied(ctx context.Context, r *http.Request, err error) {
	if m.denied == nil {
		return
	}
	var e *entity.Error
	if errors.As(err, &e) && (e.Kind == entity.KindUnauthenticated || e.Kind == entity.KindForbidden || errors.Is(err, entity.ErrHidden)) {
		m.denied(ctx, r, e)
	}
}
