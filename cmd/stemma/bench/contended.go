package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
	"stemma/entity/store"
)

// counter is an entity in which each worker counts, in a property of its own,
// the updates that it was answered. Who loses the compare-and-swap reads the tip
// again.
type counter interface {
	// add reads the tip and sets the property of worker w to n, and tells whether
	// it won.
	add(ctx context.Context, w int, n int64) (won bool, err error)
	// state is the version and the properties.
	state(ctx context.Context) (ver int64, counts map[string]int64, err error)
}

// counts are the properties of a counter at the start.
func counts() entity.Properties {
	p := entity.Properties{}
	for w := range writers {
		p[property(w)] = int64(0)
	}
	return p
}

func property(w int) string { return "w" + strconv.Itoa(w) }

// contended is many writers of one entity against one writer of another.
func (r *runner) contended(ctx context.Context) (results []Result, err error) {
	err = r.withStore(func(s *store.Store, _ *prometheus.Registry) error {
		many, err := newLocalCounter(ctx, s)
		if err != nil {
			return err
		}
		alone, err := newLocalCounter(ctx, s)
		if err != nil {
			return err
		}
		result, err := r.contend(ctx, "64 writers on one entity, store API", many, alone, Goal{AtLeast: 0.5, Text: "≥ 0.5, none lost"})
		results = append(results, result)
		return err
	})
	if err != nil {
		return nil, err
	}
	dir, done, err := r.scratch()
	if err != nil {
		return results, err
	}
	defer func() { err = errors.Join(err, done()) }()
	err = r.served(ctx, Child{Data: dir}, writers, func(p *process, conns []*conn) error {
		many, err := newRemoteCounter(conns)
		if err != nil {
			return err
		}
		alone, err := newRemoteCounter(conns)
		if err != nil {
			return err
		}
		result, err := r.contend(ctx, "the same over HTTP, 64 connections, two requests a try", many, alone, Goal{})
		results = append(results, result)
		return err
	})
	return results, err
}

// contend lets all writers add to one counter, and in turn one to another.
func (r *runner) contend(ctx context.Context, what string, many, alone counter, goal Goal) (Result, error) {
	all, one := &tally{counter: many}, &tally{counter: alone}
	rates, err := r.contest(ctx, r.Sizes.long(), all.phase(writers), one.phase(1))
	if err != nil {
		return Result{}, err
	}
	for _, t := range []*tally{all, one} {
		if err := t.verify(ctx); err != nil {
			return Result{}, err
		}
	}
	return compare(what, "/s", "one writer alone", rates[0], rates[1], goal).
		also(true, fmt.Sprintf("no update lost in %d, %.1f tries each", all.confirmed, float64(all.confirmed+all.refused)/float64(max(all.confirmed, 1)))), nil
}

// tally counts what workers of a counter did.
type tally struct {
	counter
	won       [writers]int64
	lost      [writers]int64
	confirmed int64 // sum of won
	refused   int64 // sum of lost
}

// phase counts an operation for each update that won.
func (t *tally) phase(n int) phase {
	return func(ctx context.Context, d time.Duration) (int, time.Duration, error) {
		_, took, err := crowd(n, func(ctx context.Context, w int) error {
			won, err := t.add(ctx, w, t.won[w]+1)
			if won {
				t.won[w]++
			} else if err == nil {
				t.lost[w]++
			}
			return err
		}, nil)(ctx, d)
		before := t.confirmed
		t.confirmed, t.refused = 0, 0
		for w := range writers {
			t.confirmed += t.won[w]
			t.refused += t.lost[w]
		}
		return int(t.confirmed - before), took, err
	}
}

// verify makes sure that no update was lost, and none made twice.
func (t *tally) verify(ctx context.Context) error {
	ver, counts, err := t.state(ctx)
	if err != nil {
		return err
	}
	if ver != t.confirmed+1 {
		return fmt.Errorf("%d updates were answered, and the entity is at version %d", t.confirmed, ver)
	}
	for w, n := range t.won {
		if counts[property(w)] != n {
			return fmt.Errorf("writer %d was answered %d updates, and the entity has %d", w, n, counts[property(w)])
		}
	}
	return nil
}

// localCounter is one through the store's API.
type localCounter struct {
	store entity.Store
	id    entity.ID
}

func newLocalCounter(ctx context.Context, s entity.Store) (*localCounter, error) {
	c := &localCounter{store: s}
	_, err := s.Update(ctx, actor, func(tx entity.Tx) error {
		v, err := tx.Create(entity.Draft{Type: "counter", Properties: counts()})
		if err == nil {
			c.id = v.Manifest.ID
		}
		return err
	})
	return c, err
}

func (c *localCounter) head(ctx context.Context) (h entity.Head, err error) {
	err = c.store.View(ctx, func(r entity.Reader) error {
		h, err = r.Head(c.id)
		return err
	})
	return h, err
}

func (c *localCounter) add(ctx context.Context, w int, n int64) (bool, error) {
	h, err := c.head(ctx)
	if err != nil {
		return false, err
	}
	_, err = c.store.Update(ctx, actor, func(tx entity.Tx) error {
		_, err := tx.Put(c.id, entity.At(h.CID()), func(m *entity.Manifest) error {
			m.Properties[property(w)] = n
			return nil
		})
		return err
	})
	if err != nil && entity.KindOf(err) == entity.KindConflict {
		return false, nil
	}
	return err == nil, err
}

func (c *localCounter) state(ctx context.Context) (ver int64, counts map[string]int64, err error) {
	h, err := c.head(ctx)
	if err != nil {
		return 0, nil, err
	}
	counts = make(map[string]int64)
	return h.Ver, counts, c.store.View(ctx, func(r entity.Reader) error {
		m, err := r.Manifest(h.CID())
		if err != nil {
			return err
		}
		for name, v := range m.Properties {
			counts[name], _ = v.(int64)
		}
		return nil
	})
}

// remoteCounter is one over HTTP, with a connection for each worker.
type remoteCounter struct {
	conns []*conn
	id    entity.ID
}

func newRemoteCounter(conns []*conn) (*remoteCounter, error) {
	id, _, err := create(conns[0], counts())
	return &remoteCounter{conns: conns, id: id}, err
}

func (c *remoteCounter) add(_ context.Context, w int, n int64) (bool, error) {
	path := "/entities/" + string(c.id)
	a, err := c.conns[w].must(200, "GET", path+"/tip", nil)
	if err != nil {
		return false, err
	}
	body := fmt.Appendf(nil, `{"expect_tip":"%s","properties":{"%s":%d}}`, a.etag, property(w), n)
	a, err = c.conns[w].do("PUT", path, body)
	switch {
	case err != nil:
		return false, err
	case a.status == 409:
		return false, nil
	case a.status != 200:
		return false, fmt.Errorf("PUT answered %d: %.300s", a.status, a.body)
	}
	return true, nil
}

func (c *remoteCounter) state(context.Context) (ver int64, counts map[string]int64, err error) {
	a, err := c.conns[0].must(200, "GET", "/entities/"+string(c.id), nil)
	if err != nil {
		return 0, nil, err
	}
	var now struct {
		Ver        int64
		Properties map[string]int64
	}
	err = json.Unmarshal(a.body, &now)
	return now.Ver, now.Properties, err
}
