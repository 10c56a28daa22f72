package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"stemma/entity"
)

const (
	largeCollections = 1000 // that the entities of the large store are in
	largeWriters     = 256  // that create them
)

// largeStore is the store of the rows that need many entities, made once a run.
type largeStore struct {
	dir    string
	took   time.Duration // to create the entities
	memory memory        // of the server that created them, right after
}

// createLarge creates n entities, one to an update as clients would: each belongs to
// a collection and cites an earlier one, which makes 2n relationships. An
// entity cites only what is older than the writers' race.
func createLarge(ctx context.Context, s entity.Store, n int) error {
	collections := min(largeCollections, max(n/10, 1))
	return fill(ctx, s, n, largeWriters, 1, func(i int) entity.Draft {
		if i < collections {
			return entity.Draft{
				ID: idOf(i), Type: entity.TypeCollection, Properties: entity.Properties{"label": fmt.Sprintf("collection %d", i)},
				Relationships: []entity.Relationship{{Predicate: "next", Peer: idOf((i + 1) % collections)}, {Predicate: "see_also", Peer: idOf((i + 7) % collections)}},
			}
		}
		cited := rand.New(rand.NewPCG(uint64(i), 1)).IntN(i)
		return entity.Draft{
			ID: idOf(i), Type: "paper", Properties: entity.Properties{"label": fmt.Sprintf("paper number %d", i), "year": int64(1900 + i%120)},
			Relationships: []entity.Relationship{
				{Predicate: entity.PredicateCollection, Peer: idOf(i % collections), PeerType: entity.TypeCollection},
				{Predicate: "cites", Peer: idOf(cited)},
			},
		}
	})
}

// largeStore lets a child make the large store, if no row before has.
func (r *runner) largeStore(ctx context.Context) (*largeStore, error) {
	if r.large != nil {
		return r.large, nil
	}
	l := &largeStore{dir: filepath.Join(r.Data, "large")}
	n := r.Sizes.Entities
	r.logf("creating %d entities with %d relationships", n, 2*n)
	err := r.served(ctx, Child{Data: l.dir, Load: n}, 0, func(p *process, _ []*conn) (err error) {
		l.took = p.Load
		l.memory, err = p.memory()
		return err
	})
	if err != nil {
		return nil, err
	}
	r.logf("created in %.1f s, %.0f a second", l.took.Seconds(), float64(n)/l.took.Seconds())
	r.large = l
	return l, nil
}

// resident is the physical memory of a server with the large store: of the one
// that created it, of one that opened it, and of that one after reads. The most
// it had counts, since what it has at a moment depends on when the collector
// last ran.
func (r *runner) resident(ctx context.Context) (results []Result, err error) {
	l, err := r.largeStore(ctx)
	if err != nil {
		return nil, err
	}
	n := r.Sizes.Entities
	results = append(results, r.residentLine("while creating them", l.memory, fmt.Sprintf("created at %.0f a second, an update each", float64(n)/l.took.Seconds())))
	err = r.served(ctx, Child{Data: l.dir}, writers, func(p *process, conns []*conn) error {
		m, err := p.memory()
		if err != nil {
			return err
		}
		size, err := diskSize(l.dir)
		if err != nil {
			return err
		}
		results = append(results, r.residentLine("opening them", m, fmt.Sprintf("opened in %.2f s, %.2f GB on disk", p.Open.Seconds(), float64(size)/1e9)))
		anyOne := fetch(conns, func() string { return "/entities/" + string(idOf(rand.IntN(n))) })
		ops, took, err := anyOne(ctx, 2*r.Sizes.Window)
		if err != nil {
			return err
		}
		if m, err = p.memory(); err != nil {
			return err
		}
		results = append(results, r.residentLine("then reading at random", m, fmt.Sprintf("%.0f GET a second over all entities", float64(ops)/took.Seconds())))
		return nil
	})
	return results, err
}

func (r *runner) residentLine(when string, m memory, note string) Result {
	const mib = 1 << 20
	what := fmt.Sprintf("server with %d entities, %d relationships: most resident memory %s", r.Sizes.Entities, 2*r.Sizes.Entities, when)
	return bound(what, "MiB", []float64{float64(m.peak) / mib}, float64(r.Sizes.ResidentLimit)/mib, Goal{AtMost: 1, Text: "< 2 GiB"}).
		also(true, fmt.Sprintf("%.0f MiB at the end, %.0f of it anonymous; %s", float64(m.resident)/mib, float64(m.anonymous)/mib, note))
}
