package recorder

import (
	"context"

	"stemma/api/recorder/anomaly"
	"stemma/api/recorder/run"
	"stemma/entity"
)

// endIdle ends the runs of a network that nobody ended, and of which nothing came
// for longer than Options.Idle, or than content is kept where they lie. What is recorded of a deleted run
// is deleted as it is.
func (s *Service) endIdle(ctx context.Context, store entity.Store, left *int) error {
	var after run.UnendedCursor
	for begun := false; *left > 0 && (!begun || after != nil); begun = true {
		var idle []run.Unended
		if err := store.View(ctx, func(r entity.Reader) (err error) {
			var all []run.Unended
			if all, after, err = run.ListUnended(r, after, duePage); err != nil {
				return err
			}
			idle, err = s.silent(r, all)
			return err
		}); err != nil {
			return err
		}
		for _, u := range idle {
			if err := s.endLeftOpen(ctx, store, u, left); err != nil {
				return err
			}
		}
	}
	return nil
}

// silent are those of runs that have not ended of which nothing came for long.
func (s *Service) silent(r entity.Reader, all []run.Unended) (idle []run.Unended, err error) {
	limits, now := map[entity.ID]int64{}, s.now().UnixMilli()
	for _, u := range all {
		before, known := limits[u.Collection]
		if !known {
			if before, err = s.silentBefore(r, u.Collection); err != nil {
				return nil, err
			}
			limits[u.Collection] = before
		}
		if u.Started >= before && u.Started <= now {
			continue
		}
		last, err := run.LastAt(r, u.ID)
		if err != nil {
			return nil, err
		}
		if last != 0 && last < before {
			idle = append(idle, u)
		}
	}
	return idle, nil
}

// silentBefore is when the last of a run must have come for the run to be left open,
// in ms since 1970; 0: none is.
func (s *Service) silentBefore(r entity.Reader, collection entity.ID) (int64, error) {
	p, ok, err := s.policy(r, collection)
	if err != nil {
		return 0, err
	}
	before := int64(0)
	if ok {
		before = p.Before()
	}
	if s.options.Idle > 0 {
		before = max(before, s.now().Add(-s.options.Idle).UnixMilli())
	}
	return before, nil
}

func (s *Service) endLeftOpen(ctx context.Context, store entity.Store, u run.Unended, left *int) error {
	var ended, deleted bool
	_, err := store.Update(ctx, janitor, func(tx entity.Tx) error {
		ended = false
		h, err := tx.Head(u.ID)
		if deleted = h.Deleted; err != nil || deleted {
			return err
		}
		before, err := s.silentBefore(tx, u.Collection)
		if err != nil {
			return err
		}
		ended, err = run.EndIdle(tx, u.ID, before, s.judge(store.Network(), h), s.options.Salt, s.now())
		return err
	})
	if err != nil {
		return err
	}
	if deleted {
		return s.deleteContent(ctx, store, u.Collection, u.ID, left)
	}
	if ended {
		*left--
		s.retention.ended.Inc()
		s.logger.Info("a run was ended that was left open", "run", u.ID, "collection", u.Collection)
	}
	return nil
}

// judge finds what is out of the ordinary in a run that the server ends.
func (s *Service) judge(network entity.Network, h entity.Head) run.Judge {
	return func(all []*run.Entry) []any {
		history, err := s.history(network, &run.Summary{ID: h.ID, Collection: h.Collection, Agent: all[0].AgentID})
		if err != nil {
			s.logger.Warn("a run is judged without those before it", "run", h.ID, "err", err)
		}
		return anomaly.Properties(anomaly.Find(all, anomaly.Around{History: history}))
	}
}
