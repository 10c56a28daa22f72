package guard

import (
	"context"
	"time"

	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/scope"
)

// Guard lets principals at a store. It is safe for concurrent use.
type Guard struct {
	store  entity.Store
	scopes *scope.Index
	now    func() time.Time
}

// New guards a store; scopes is among its projections.
func New(s entity.Store, scopes *scope.Index, now func() time.Time) *Guard {
	return &Guard{store: s, scopes: scopes, now: now}
}

// Network is the store's.
func (g *Guard) Network() entity.Network { return g.store.Network() }

// Scopes is the index of the store's policies.
func (g *Guard) Scopes() *scope.Index { return g.scopes }

// committed looks policies up as of the last commit.
func (g *Guard) committed(id entity.ID) (*access.Policy, error) { return g.scopes.Policy(id), nil }

// sight is what the principal may view, nil for everything there is.
func (g *Guard) sight(p access.Principal, at time.Time, look access.Lookup) *access.Sight {
	if p.Scopes == nil && (p.System || g.scopes.Open()) {
		return nil
	}
	return access.NewSight(p, at, look)
}

// View runs fn on the latest committed state as the principal may see it.
func (g *Guard) View(ctx context.Context, p access.Principal, fn func(*Reader) error) error {
	return g.store.View(ctx, func(r entity.Reader) error {
		at := g.now()
		view := &Reader{Reader: r, who: p, at: at, look: g.committed, sight: g.sight(p, at, g.committed)}
		err := fn(view)
		if err == nil && view.sight != nil {
			err = view.sight.Err()
		}
		return err
	})
}

// Update runs fn as a transaction of the principal; see [entity.Store.Update].
func (g *Guard) Update(ctx context.Context, p access.Principal, fn func(*Tx) error) (entity.Seq, error) {
	return g.store.Update(ctx, p.Actor(), func(tx entity.Tx) error {
		t := &Tx{tx: tx, scopes: g.scopes}
		t.Reader = &Reader{Reader: tx, who: p, at: g.now(), look: t.policy}
		t.Reader.sight = g.sightOf(p, t)
		t.Reader.allowed = &t.allowed
		return fn(t)
	})
}

// sightOf decides by what the transaction reads. That no scope is closed holds
// for the last commit, and one that this transaction closes is its own.
func (g *Guard) sightOf(p access.Principal, t *Tx) *access.Sight {
	return g.sight(p, t.Reader.at, t.policy)
}

// Feed is the store as the principal's source of events.
func (g *Guard) Feed(p access.Principal) Feed { return Feed{guard: g, who: p} }

// Feed reads the log as one principal may see it; it is an events.Source.
type Feed struct {
	guard *Guard
	who   access.Principal
}

// View runs fn on the latest committed state.
func (f Feed) View(ctx context.Context, fn func(entity.Reader) error) error {
	return f.guard.View(ctx, f.who, func(r *Reader) error { return fn(r) })
}

// Wait is the store's: it tells of hidden changes too.
func (f Feed) Wait(ctx context.Context, after entity.Seq) error {
	return f.guard.store.Wait(ctx, after)
}
