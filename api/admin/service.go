package admin

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"time"

	"stemma/api/auth"
	"stemma/api/llm/seal"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
	"stemma/entity/scope"
)

// base is in front of every path of the view.
const base = "/v1/admin"

// Network is one network's store with what is over it.
type Network struct {
	Store  entity.Store // among its projections tenant.Projection, listing.Projection and that of package usage
	Scopes *scope.Index // among Store's projections
}

// Options are what a Service works with.
type Options struct {
	Networks []Network
	Auth     *auth.Authenticator
	Box      *seal.Box // nil: keys of providers cannot be kept
	Health   func(context.Context) (Health, error)
	Smoke    SmokeRunner // nil: there is none
	Now      func() time.Time
	Entropy  io.Reader            // of codes; nil: crypto/rand
	Embedder func(entity.Network) // is told that the default embedder may be another; nil: nobody
}

// Service answers the operations of this view.
type Service struct {
	Options
	guards map[entity.Network]*guard.Guard
}

// New makes the view.
func New(o Options) *Service {
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	s := &Service{Options: o, guards: map[entity.Network]*guard.Guard{}}
	for _, n := range o.Networks {
		s.guards[n.Store.Network()] = guard.New(n.Store, n.Scopes, o.Now)
	}
	return s
}

// Operations is the table of the view, in the order of the reference.
func (s *Service) Operations() (all []wire.Operation) {
	for _, group := range [][]wire.Operation{s.authOps(), s.tenantOps(), s.configOps(), s.keyOps(), s.providerOps(), s.grantOps(), s.settingsOps(), s.betaOps(), s.usageOps(), s.priceOps(), s.healthOps(), s.smokeOps()} {
		all = append(all, group...)
	}
	for i := range all {
		op := &all[i]
		if op.Permission == administer && op.Writes() && op.ID != "adminChangePassword" { // which the audit has already
			op.After(func(ctx context.Context, given []wire.Given) { s.Auth.TellChange(ctx, target(given), given) })
		}
		op.Path = base + op.Path
		op.ErrorBody = wire.OpenAIError
	}
	return all
}

// target is what a change was made to: a tenant, where there is one.
func target(given []wire.Given) (id entity.ID) {
	for _, g := range given {
		if g.Name == "tenantId" || g.Name == "id" && id == "" {
			id = entity.ID(g.Value)
		}
	}
	return id
}

// administer is the permission of the table.
const administer = "store:administer"

// row fills in what the rows of this view have in common.
func row(op wire.Operation) wire.Operation {
	op.Tag = "Admin"
	if op.Permission != "" {
		op.Auth, op.BearerKeys = wire.AuthRequired, true
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	return op
}

// operator is the caller, when it may administer: it may do then whatever this
// view has.
func operator(ctx context.Context) (access.Principal, error) {
	p := auth.From(ctx)
	err := access.CheckStore(p, administer)
	p.Scopes = nil
	return p, err
}

// view runs fn on the latest state.
func (s *Service) view(ctx context.Context, fn func(*guard.Reader) error) error {
	p, err := operator(ctx)
	if err != nil {
		return err
	}
	return s.guards[wire.NetworkOf(ctx)].View(ctx, p, fn)
}

// update runs fn as a transaction.
func (s *Service) update(ctx context.Context, fn func(*guard.Tx) error) error {
	p, err := operator(ctx)
	if err != nil {
		return err
	}
	_, err = s.guards[wire.NetworkOf(ctx)].Update(ctx, p, fn)
	return err
}

type idIn struct {
	ID entity.ID `path:"id"`
}

// tenantOf is a tenant that is there; KindNotFound for anything else.
func tenantOf(r entity.Reader, id entity.ID) (*entity.Manifest, error) {
	m, err := tenant.Live(r, id)
	if err == nil && m == nil {
		err = entity.NotFound("admin.tenantOf", "there is no tenant %s", id)
	}
	return m, err
}

// secret keeps an answer out of caches.
func secret(r *wire.Reply) *wire.Reply { return r.WithHeader("Cache-Control", "no-store") }

// issue is a fault of one field of the request.
func issue(field, format string, args ...any) *entity.Error {
	e := entity.Invalid("admin", format, args...)
	e.Issues = []entity.Issue{{Path: []any{field}, Message: e.Message}}
	return e
}

// trimmed is a name without the space around it, of which something is left.
func trimmed(name string) (string, error) {
	if name = strings.TrimSpace(name); name == "" {
		return "", issue("name", "the name must not be empty")
	}
	return name, nil
}

// text is a property that is text, "" for anything else.
func text(p map[string]any, name string) string {
	s, _ := p[name].(string)
	return s
}

// orNull is null for an empty text.
func orNull[T ~string](s T) *T {
	if s == "" {
		return nil
	}
	return &s
}
