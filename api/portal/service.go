package portal

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"time"

	"stemma/api/auth"
	"stemma/api/llm/retrieval"
	"stemma/api/llm/seal"
	"stemma/api/llm/tenant"
	"stemma/api/llm/turn"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
	"stemma/entity/listing"
	"stemma/entity/scope"
)

// base is in front of every path of the view.
const base = "/v1/portal"

// Network is one network's store with what is over it.
type Network struct {
	Store  entity.Store // among its projections those of tenant, memory and listing
	Scopes *scope.Index // among Store's projections

	Knowledge *retrieval.Base // nil: there are no knowledge bases
}

// Options are what a Service works with.
type Options struct {
	Networks []Network
	Auth     *auth.Authenticator
	Box      *seal.Box    // nil: keys of providers cannot be kept
	Engine   *turn.Engine // which agents answer by
	URL      string       // of the portal, which invitations lead to
	Now      func() time.Time
	Entropy  io.Reader // of invitations; nil: crypto/rand
}

// Service answers the operations of this view.
type Service struct {
	Options
	networks map[entity.Network]Network
	// guards are the networks' stores as principals may use them.
	guards map[entity.Network]*guard.Guard
}

// New makes the view.
func New(o Options) *Service {
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	s := &Service{Options: o, networks: map[entity.Network]Network{}, guards: map[entity.Network]*guard.Guard{}}
	for _, n := range o.Networks {
		s.networks[n.Store.Network()] = n
		s.guards[n.Store.Network()] = guard.New(n.Store, n.Scopes, o.Now)
	}
	return s
}

// Operations is the table of the view, in the order of the reference.
func (s *Service) Operations() (all []wire.Operation) {
	for _, group := range [][]wire.Operation{s.authOps(), s.oidcOps(), s.tenantOps(), s.memberOps(), s.inviteOps(), s.settingsOps(), s.keyOps(), s.agentOps(), s.limitOps(), s.chatOps(), s.knowledgeOps(), s.findOps(), s.partitionOps(), s.conversationOps(), s.analyticsOps()} {
		all = append(all, group...)
	}
	for i := range all {
		op := &all[i]
		if op.Writes() && (op.Permission == ownerOnly || configures[op.ID]) {
			op.After(s.changed)
		}
		op.Path = base + op.Path
	}
	all = append(all, s.betaOps()...)
	for i := range all {
		all[i].ErrorBody = wire.OpenAIError
	}
	return all
}

// configures are the operations that the audit is told of beside those of owners.
var configures = map[string]bool{"portalCreateAgent": true, "portalUpdateAgent": true, "portalDeleteAgent": true, "portalLeaveTenant": true}

// changed has the audit know that something of the tenant was changed.
func (s *Service) changed(ctx context.Context, given []wire.Given) {
	target := auth.Tenant(ctx)
	if op := wire.OperationOf(ctx); op != nil && op.ID == "portalLeaveTenant" { // where the caller is not any more
		target = entity.ID(given[0].Value)
	} else if err := s.view(ctx, func(h here) error {
		target = h.tenant.ID
		return nil
	}); err != nil {
		target = ""
	}
	s.Auth.TellChange(ctx, target, given)
}

// row fills in what the rows of this view have in common.
func row(op wire.Operation) wire.Operation {
	op.Tag = "Portal"
	if op.Permission != "" {
		op.Auth, op.BearerKeys = wire.AuthRequired, true
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	return op
}

// The permissions of the table: whoever is in the tenant, and who owns it.
const (
	anyMember = "tenant:view"
	ownerOnly = "tenant:manage"
)

// here is where a request is: a tenant, as one of its people sees it.
type here struct {
	*guard.Reader
	raw       entity.Reader // of the whole store: what the view itself has to look up
	user      entity.ID
	tenant    *entity.Manifest
	role      string
	workspace entity.ID // "" of a tenant that has none
	all       []tenant.Membership
}

// enter finds the tenant of a request. KindForbidden for who is in none, or no
// longer in that of the token.
func enter(ctx context.Context, r *guard.Reader) (h here, err error) {
	const op = "portal.enter"
	h = here{Reader: r, raw: r.Reader, user: r.Principal().ID}
	if h.all, err = tenant.Of(h.raw, h.user, r.At()); err != nil {
		return h, err
	}
	wanted := auth.Tenant(ctx)
	for _, m := range h.all {
		if wanted == "" || m.Tenant.ID == wanted {
			h.tenant, h.role = m.Tenant, m.Role
			break
		}
	}
	switch {
	case h.tenant != nil:
	case wanted != "":
		return h, entity.Errorf(entity.KindForbidden, op, "Forbidden: you are not in the tenant of this token, or it is switched off; log in again, or choose another with POST %s/auth/switch-tenant", base)
	default:
		return h, entity.Errorf(entity.KindForbidden, op, "Forbidden: you are in no tenant that is active")
	}
	h.workspace, err = tenant.Workspace(h.raw, h.tenant)
	return h, err
}

// owns is KindForbidden for who does not own the tenant.
func (h here) owns() error {
	_, err := h.Allowed(ownerOnly, h.tenant.ID)
	return err
}

// live is the tip of an entity of a type in the tenant's workspace on which the
// caller may take an action; KindNotFound for anything else.
func (h here) live(a access.Action, id entity.ID, typ, called string) (*entity.Version, error) {
	missing := entity.NotFound("portal.live", "there is no %s %s in this tenant", called, id)
	head, err := h.raw.Head(id)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return nil, missing
	case err != nil:
		return nil, err
	case head.Type != typ || head.Deleted || h.workspace == "" || head.Collection != h.workspace:
		return nil, missing
	}
	if _, err := h.Allowed(a, id); err != nil {
		return nil, err
	}
	m, err := h.raw.Manifest(head.CID())
	if err != nil {
		return nil, err
	}
	return &entity.Version{CID: head.CID(), Manifest: m}, nil
}

// txn is a transaction of one of the tenant's people: what is read by here is as
// tx has written it.
type txn struct {
	here
	tx *guard.Tx
}

// view runs fn on the latest state.
func (s *Service) view(ctx context.Context, fn func(here) error) error {
	return s.guards[wire.NetworkOf(ctx)].View(ctx, auth.From(ctx), func(r *guard.Reader) error {
		h, err := enter(ctx, r)
		if err != nil {
			return err
		}
		return fn(h)
	})
}

// update runs fn as a transaction.
func (s *Service) update(ctx context.Context, fn func(txn) error) error {
	_, err := s.guards[wire.NetworkOf(ctx)].Update(ctx, auth.From(ctx), func(tx *guard.Tx) error {
		h, err := enter(ctx, tx.Reader)
		if err != nil {
			return err
		}
		return fn(txn{h, tx})
	})
	return err
}

// needWorkspace makes the workspace where the tenant has none, as it was made by
// another view.
func (t *txn) needWorkspace() error {
	if t.workspace != "" {
		return nil
	}
	if err := t.owns(); err != nil {
		return err
	}
	var err error
	t.workspace, err = tenant.MakeWorkspace(t.tx, t.tenant)
	return err
}

// secret keeps an answer out of caches.
func secret(r *wire.Reply) *wire.Reply { return r.WithHeader("Cache-Control", "no-store") }

// issue is a fault of one field of the request.
func issue(field, format string, args ...any) *entity.Error {
	e := entity.Invalid("portal", format, args...)
	e.Issues = []entity.Issue{{Path: []any{field}, Message: e.Message}}
	return e
}

// trimName takes the blanks around a name that is given; none may be left empty.
func trimName(name *string) error {
	if name == nil {
		return nil
	}
	if *name = strings.TrimSpace(*name); *name == "" {
		return issue("name", "the name must not be empty")
	}
	return nil
}

// text is a property that is text, "" for anything else.
func text(p map[string]any, name string) string {
	s, _ := p[name].(string)
	return s
}

// mostListed bounds lists that have no pages.
const mostListed = 10_000

// each runs fn for the entities of a type in the workspace, newest first.
func (h here) each(typ string, fn func(*entity.Version) error) error {
	if h.workspace == "" {
		return nil
	}
	sees := func(id entity.ID) (bool, error) {
		head, err := h.raw.Head(id)
		return err == nil && h.Sees(head), err
	}
	ids, _, err := listing.Collection(h.raw, h.workspace, typ, 0, mostListed, sees)
	if err != nil {
		return err
	}
	for _, id := range ids {
		v, err := entity.Tip(h.raw, id)
		if err != nil {
			return err
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	return nil
}

// inWorkspace is the relationship of what is made in the workspace, before others.
func (h here) inWorkspace(more ...entity.Relationship) []entity.Relationship {
	return append([]entity.Relationship{{Predicate: entity.PredicateCollection, Peer: h.workspace, PeerType: entity.TypeCollection}}, more...)
}
