package native

import (
	"context"
	"slices"
	"sync"
	"time"

	"stemma/api/wire"
	"stemma/entity"
)

// kept are the fields of a status that are kept, and by the first four of them it
// is told from the one before.
var kept = []string{"status", "progress", "result", "error", "job_id", "started_at", "completed_at", "updated_at"}

const tellApart = 4

// keep writes down what the agent says, where it is new, and how the job ended.
// The agent says it; whoever happened to ask has no part in it.
func (s *Service) keep(ctx context.Context, p *polled, said entity.Properties) error {
	body := entity.Properties{}
	for _, name := range kept {
		if v, ok := said[name]; ok {
			body[name] = v
		}
	}
	if text, err := wire.Append(nil, body); err != nil {
		return err
	} else if len(text) > maxKept {
		body = entity.Properties{"job_id": body["job_id"], "status": body["status"], "progress": entity.Properties{}, "started_at": p.started, "result_omitted": true}
	}
	_, err := s.network(ctx).Store.Update(ctx, entity.Actor{UserID: p.agent, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		last, _, err := lastProgress(tx, p.record)
		if err != nil || ended(last["status"]) {
			return err
		}
		head, err := tx.ChainHead(p.record, progressChain)
		if err != nil || !isNews(last, body, head.N) {
			return err
		}
		if _, err := tx.Append(p.record, progressChain, entity.Any, body); err != nil || !ended(body["status"]) {
			return err
		}
		problem, _ := body["error"].(entity.Properties)
		return endJob(tx, p.record, body["status"].(string), entity.FormatTime(s.now()), problem)
	})
	return err
}

func isNews(last, body entity.Properties, n int64) bool {
	fields := kept[:tellApart]
	if n >= mostProgress {
		fields = kept[:1]
	}
	return last == nil || slices.ContainsFunc(fields, func(name string) bool { return !entity.EqualValues(last[name], body[name]) })
}

// expire notes that a job's time is over and nobody has said how it did. If the
// agent comes back and says, that is noted still.
func (s *Service) expire(ctx context.Context, p *polled) error {
	if s.agents.ReadOnly {
		return nil
	}
	_, err := s.network(ctx).Store.Update(context.WithoutCancel(ctx), entity.Actor{UserID: p.agent, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		problem, _ := p.failed(jobExpired)["error"].(entity.Properties)
		return endJob(tx, p.record, jobExpired, entity.FormatTime(s.now()), problem)
	})
	return err
}

// recentStatuses are what agents said within the last second.
type recentStatuses struct {
	mu   sync.Mutex
	byID map[string]recentStatus
}

type recentStatus struct {
	said entity.Properties
	err  error
	at   time.Time
}

func (c *recentStatuses) get(target string, now time.Time) (recentStatus, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.byID[target]
	return r, ok && now.Sub(r.at) < pollEvery
}

func (c *recentStatuses) put(target string, r recentStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID = map[string]recentStatus{}
	}
	for k, old := range c.byID {
		if r.at.Sub(old.at) >= pollEvery {
			delete(c.byID, k)
		}
	}
	c.byID[target] = r
}

// lastProgress is what an agent said last of a job and when, nil for nothing.
func lastProgress(r entity.Reader, record entity.ID) (entity.Properties, int64, error) {
	ref, err := r.ChainHead(record, progressChain)
	if err != nil || ref.N == 0 {
		return nil, 0, err
	}
	raw, err := r.Block(ref.CID)
	if err != nil {
		return nil, 0, err
	}
	b, _, err := entity.OpenChainBlock(raw)
	if err != nil {
		return nil, 0, err
	}
	return b.Body, b.TS, nil
}
