package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
	"stemma/entity/listing"
	"stemma/entity/scope"
	"stemma/entity/store"
)

// Of the row access: tenants hold collections, collections hold entities, and a
// user has a role in every other collection, by a group in every fourth.
const (
	accessTenants = 100
	checksAtOnce  = 1000
	checkBound    = 2 * time.Microsecond
)

// house is a store of scopes, and a user of it.
type house struct {
	user     entity.ID
	entities []entity.ID
}

// access is a permission check: with everything at hand, and of an entity whose
// head nobody has read before.
func (r *runner) access(ctx context.Context) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	var h house
	if err := withGuard(dir, func(s *store.Store, _ *guard.Guard) (err error) {
		h, err = newHouse(ctx, s, r.Sizes)
		return err
	}); err != nil {
		return nil, err
	}
	var warm []float64
	if err := withGuard(dir, func(_ *store.Store, g *guard.Guard) error {
		rates, err := r.contest(ctx, r.Sizes.brief(), steady(func() error { return h.check(ctx, g, h.entities[:checksAtOnce]) }))
		if err != nil {
			return err
		}
		for _, perSecond := range rates[0] {
			warm = append(warm, 1e9/(perSecond*checksAtOnce))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	results = append(results, bound("a permission check, warm", "ns", warm, float64(checkBound.Nanoseconds()), Goal{AtMost: 1, Text: "< 2 µs"}).
		also(true, fmt.Sprintf("the head and the decision; %d collections in %d tenants", r.Sizes.Collections, accessTenants)))
	cold, heads, err := r.coldChecks(ctx, dir, &h)
	if err != nil {
		return results, err
	}
	return append(results, compare("a permission check, cold", "ns", "the head alone, cold: one index look-up", cold, heads, Goal{AtMost: 1.5, Text: "one look-up"})), nil
}

// coldChecks opens the store anew for each repeat, and checks half of the
// entities while of the other half the heads alone are read, in turns.
func (r *runner) coldChecks(ctx context.Context, dir string, h *house) (cold, heads []float64, err error) {
	for range r.Repeat {
		err := withGuard(dir, func(s *store.Store, g *guard.Guard) error {
			var spent [2]time.Duration
			n := 0
			for i := 0; i+2*checksAtOnce <= len(h.entities); i += 2 * checksAtOnce {
				began := time.Now()
				if err := h.check(ctx, g, h.entities[i:i+checksAtOnce]); err != nil {
					return err
				}
				between := time.Now()
				if err := readHeads(ctx, s, h.entities[i+checksAtOnce:i+2*checksAtOnce]); err != nil {
					return err
				}
				spent[0] += between.Sub(began)
				spent[1] += time.Since(between)
				n += checksAtOnce
			}
			cold = append(cold, float64(spent[0].Nanoseconds())/float64(n))
			heads = append(heads, float64(spent[1].Nanoseconds())/float64(n))
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return cold, heads, nil
}

func withGuard(dir string, fn func(*store.Store, *guard.Guard) error) (err error) {
	scopes := scope.New()
	s, err := store.Open(store.Options{Dir: dir, Projections: []entity.Projection{listing.Projection{}, scopes}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return fn(s, guard.New(s, scopes, time.Now))
}

// newHouse fills a store. Entities are in random order, half of them for the
// user to update.
func newHouse(ctx context.Context, s *store.Store, z Sizes) (h house, err error) {
	h.user = idOf(0)
	role := func(p entity.Predicate, who entity.ID, typ string) entity.Relationship {
		return entity.Relationship{Predicate: p, Peer: who, PeerType: typ}
	}
	group, owner := idOf(1), idOf(2)
	first := 3 + accessTenants
	draft := func(i int) entity.Draft {
		d := entity.Draft{ID: idOf(i), Type: "note", Properties: entity.Properties{"label": fmt.Sprint(i)}}
		switch c := i - first; {
		case i == 0 || i == 2:
			d.Type = entity.TypeUser
		case i == 1:
			d.Type, d.Relationships = entity.TypeGroup, []entity.Relationship{role("owner", owner, "user"), role("contains", h.user, "user")}
		case i < first:
			d.Type, d.Relationships = entity.TypeTenant, []entity.Relationship{role("owner", owner, "user")}
		case c < z.Collections:
			d.Type, d.Relationships = entity.TypeCollection, []entity.Relationship{role("owner", owner, "user"), role("tenant", idOf(3+c%accessTenants), "tenant")}
			switch c % 4 {
			case 0:
				d.Relationships = append(d.Relationships, role("editor", h.user, "user"))
			case 2:
				d.Relationships = append(d.Relationships, role("editor", group, "group"))
			}
		default:
			d.Relationships = []entity.Relationship{role("collection", idOf(first+c%z.Collections), "collection")}
			h.entities = append(h.entities, d.ID)
		}
		return d
	}
	n := first + z.Collections + z.Members
	err = fill(ctx, s, n, 1, 500, draft)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(h.entities), func(i, j int) { h.entities[i], h.entities[j] = h.entities[j], h.entities[i] })
	return h, err
}

// check asks for each whether the user may update it. That half of them may is
// made sure of.
func (h *house) check(ctx context.Context, g *guard.Guard, ids []entity.ID) error {
	return g.View(ctx, access.Principal{ID: h.user, Kind: access.User}, func(r *guard.Reader) error {
		may := 0
		for _, id := range ids {
			switch _, err := r.Allowed("entity:update", id); {
			case err == nil:
				may++
			case entity.KindOf(err) != entity.KindNotFound:
				return err
			}
		}
		if may < len(ids)/3 || may > len(ids)*2/3 {
			return fmt.Errorf("the user may update %d of %d entities, not about half of them", may, len(ids))
		}
		return nil
	})
}

func readHeads(ctx context.Context, s *store.Store, ids []entity.ID) error {
	return s.View(ctx, func(r entity.Reader) error {
		for _, id := range ids {
			if _, err := r.Head(id); err != nil {
				return err
			}
		}
		return nil
	})
}
