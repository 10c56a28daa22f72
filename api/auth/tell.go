package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"stemma/api/auth/audit"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// entry tells of something that the principal did in a request, once, now.
func (a *Authenticator) entry(ctx context.Context, action audit.Action, p access.Principal, credential string) audit.Entry {
	client := wire.ClientOf(ctx)
	e := audit.Entry{First: a.now(), Last: a.now(), Count: 1, What: audit.What{
		Network: wire.NetworkOf(ctx), Action: action, Principal: p.ID, By: p.By, Credential: credential, Addr: client.Addr, UserAgent: client.UserAgent,
	}}
	if !p.Anonymous() {
		e.Kind = p.Kind.String()
	}
	if op := wire.OperationOf(ctx); op != nil {
		e.Op = op.ID
	}
	return e
}

// tell has the audit know what a principal did with its own credentials.
func (a *Authenticator) tell(ctx context.Context, action audit.Action, p access.Principal, credential, reason string) {
	if a.audit == nil {
		return
	}
	e := a.entry(ctx, action, p, credential)
	e.Target, e.Reason = p.ID, reason
	a.audit.Record(e)
}

// Tell has the audit know what the caller of a request did to the credentials
// of target, after it was committed.
func (a *Authenticator) Tell(ctx context.Context, action audit.Action, target entity.ID, credential string) {
	if a.audit == nil {
		return
	}
	e := a.entry(ctx, action, From(ctx), credential)
	e.Target = target
	a.audit.Record(e)
}

// TellChange has the audit know that the caller of a request changed how things
// are set up for target, after it was committed.
func (a *Authenticator) TellChange(ctx context.Context, target entity.ID, given []wire.Given) {
	if a.audit == nil {
		return
	}
	e := a.entry(ctx, audit.Changed, From(ctx), "")
	names := make([]string, len(given))
	for i, g := range given {
		names[i] = g.String()
	}
	e.Target, e.Given = target, strings.Join(names, ", ")
	a.audit.Record(e)
}

// Denied is for wire.Options: it has the audit know of a refusal. What a log-in
// told it already is not told twice.
func (a *Authenticator) Denied(ctx context.Context, r *http.Request, denied *entity.Error) {
	if a.audit == nil || errors.Is(denied, errTold) {
		return
	}
	var p access.Principal
	credential := ""
	if c := callerOf(ctx); c != nil {
		p, credential = c.principal, c.credential
	} else if cred, err := credentialOf(r.Header, true); err == nil && cred.key != "" {
		credential = Shown(cred.key) // of a key that was revoked, say
	}
	e := a.entry(ctx, audit.Denied, p, credential)
	e.Reason = denied.Kind.String()
	if id, err := entity.ParseID(wire.PathValue(ctx, "id")); err == nil {
		e.Target = id
	}
	a.audit.Record(e)
}
