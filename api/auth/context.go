package auth

import (
	"context"

	"stemma/api/auth/external"
	"stemma/entity"
	"stemma/entity/access"
)

// caller is what a request's credential proved.
type caller struct {
	principal  access.Principal
	credential string            // the shown part of a key, or the name of another form
	identity   external.Identity // of a token that another issued
	tenant     entity.ID         // that the token was made for, "" for none
}

type callerKey struct{}

// With puts a principal into a request's context.
func With(ctx context.Context, p access.Principal) context.Context {
	return withCaller(ctx, &caller{principal: p})
}

func withCaller(ctx context.Context, c *caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From is the principal of a request, anonymous when there is none.
func From(ctx context.Context) access.Principal {
	if c := callerOf(ctx); c != nil {
		return c.principal
	}
	return access.Principal{}
}

// Tenant is the tenant that the request's token was made for, "" for none. It
// proves nothing about the tenant: whether the caller may do something there is
// to be asked.
func Tenant(ctx context.Context) entity.ID {
	if c := callerOf(ctx); c != nil {
		return c.tenant
	}
	return ""
}

func callerOf(ctx context.Context) *caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	return c
}
