package recorder

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/api/recorder/run"
	"stemma/entity"
)

// Bounds of one look for what is past its retention.
const (
	duePage     = 100
	mostDeletes = 1000 // transactions; the next look goes on
)

// janitor is who deletes content in the records of the log.
var janitor = entity.Actor{UserID: "system", Method: entity.MethodSystem}

// retention is the worker that deletes what is past its retention. Service.Close
// ends it.
type retention struct {
	cancel  context.CancelFunc
	worker  sync.WaitGroup
	deleted prometheus.Counter
	ended   prometheus.Counter
	failed  prometheus.Counter
}

func (a *retention) close() {
	a.cancel()
	a.worker.Wait()
}

func (s *Service) openRetention(o Options) {
	a := &s.retention
	a.deleted = prometheus.NewCounter(prometheus.CounterOpts{Name: "stemma_recorder_content_deleted_runs_total", Help: "Runs whose content was deleted as it was past its retention."})
	a.ended = prometheus.NewCounter(prometheus.CounterOpts{Name: "stemma_recorder_left_open_runs_total", Help: "Runs that nobody ended, and that the server did as nothing more came of them."})
	a.failed = prometheus.NewCounter(prometheus.CounterOpts{Name: "stemma_recorder_retention_failures_total", Help: "Looks for content that is past its retention which failed; the next one tries again."})
	if o.Registry != nil {
		o.Registry.MustRegister(a.deleted, a.ended, a.failed)
	}
	var ctx context.Context
	ctx, a.cancel = context.WithCancel(context.Background())
	if o.Retain <= 0 {
		return
	}
	a.worker.Go(func() {
		tick := time.NewTicker(o.Retain)
		defer tick.Stop()
		for {
			more, err := s.Retain(ctx)
			if err != nil && ctx.Err() == nil {
				a.failed.Inc()
				s.logger.Error("content that is past its retention was not all deleted", "err", err)
			}
			if more && err == nil {
				continue
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

// Retain ends the runs that were left open, and deletes the content of runs that is
// past the retention of where they lie, up to a bound: more tells whether that was met. Each run, or part of a long one, is
// a transaction of its own, so that who ends in the middle has deleted what was
// reached, and the next look finds the rest. What was deleted is overwritten on disk
// before it returns, except for what is still being read.
func (s *Service) Retain(ctx context.Context) (more bool, err error) {
	left := mostDeletes
	for _, n := range s.options.Networks {
		if err := s.retain(ctx, n, &left); err != nil {
			return false, err
		}
	}
	return left <= 0, nil
}

func (s *Service) retain(ctx context.Context, n Network, left *int) (err error) {
	if n.Wipe != nil {
		defer func() { // what an earlier look left, too
			_, wiped := n.Wipe(ctx)
			err = errors.Join(err, wiped)
		}()
	}
	if err := s.endIdle(ctx, n.Store, left); err != nil {
		return err
	}
	var all []entity.ID
	if err := n.Store.View(ctx, func(r entity.Reader) (err error) {
		all, err = run.Retained(r)
		return err
	}); err != nil {
		return err
	}
	for _, collection := range all {
		if err := s.retainIn(ctx, n.Store, collection, left); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) retainIn(ctx context.Context, store entity.Store, collection entity.ID, left *int) error {
	after := run.DueCursor("")
	for *left > 0 {
		var due []entity.ID
		err := store.View(ctx, func(r entity.Reader) error {
			p, ok, err := s.policy(r, collection)
			if err != nil || !ok {
				return err
			}
			due, after, err = run.Due(r, collection, p.Before(), after, duePage)
			return err
		})
		if err != nil || len(due) == 0 {
			return err
		}
		for _, id := range due {
			if err := s.deleteContent(ctx, store, collection, id, left); err != nil {
				return err
			}
		}
	}
	return nil
}

// policy is the retention of a collection as it is now; ok is false where there is
// none, or a hold.
func (s *Service) policy(r entity.Reader, collection entity.ID) (p run.Policy, ok bool, err error) {
	m, err := tipOf(r, collection)
	if err != nil {
		return p, false, err
	}
	p = run.Policy{Days: run.DueAfter(m), Now: s.now()}
	return p, p.Days != 0, nil
}

// deleteContent deletes all content of a run, in as many transactions as it takes.
// Each looks at the retention again, which may have been changed meanwhile.
func (s *Service) deleteContent(ctx context.Context, store entity.Store, collection, id entity.ID, left *int) error {
	for more := true; more && *left > 0; {
		var did bool
		_, err := store.Update(ctx, janitor, func(tx entity.Tx) error {
			did, more = false, false
			p, ok, err := s.policy(tx, collection)
			if err != nil || !ok {
				return err
			}
			did, more, err = run.DeleteContent(tx, id, p)
			return err
		})
		if err != nil {
			return err
		}
		if did {
			*left--
		}
		if did && !more {
			s.retention.deleted.Inc()
			s.logger.Info("content deleted", "run", id, "collection", collection)
		}
	}
	return nil
}
