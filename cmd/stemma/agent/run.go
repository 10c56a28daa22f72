package agent

import (
	"context"
	"net/http"

	"stemma/entity"
)

// The tasks.
const (
	taskSummarise = "summarise"
	taskLink      = "link"
)

// task does a job and gives its result.
type task func(ctx context.Context, w *worker) (map[string]any, error)

var tasks = map[string]task{taskSummarise: summarise, taskLink: link}

// worker is one job at work.
type worker struct {
	agent *Agent
	job   *Job
	api   client
}

// run does a job, whatever comes of it, and then writes its log.
func (a *Agent) run(j *Job) {
	ctx, stop := context.WithDeadline(a.ctx, j.Until)
	defer stop()
	w := &worker{agent: a, job: j, api: client{http: a.o.Client, server: a.o.Server, key: a.o.Key, network: j.Network}}
	result, err := w.do(ctx)
	problem := w.problem(ctx, err)
	at := entity.FormatTime(a.o.Now())
	log := j.State
	log.Result, log.Error, log.Status, log.CompletedAt, log.Phase = result, problem, done, at, ""
	if problem != nil {
		log.Status = failed
	}
	if ctx.Err() == nil {
		if err := w.log(ctx, log); err != nil {
			a.o.Logger.Warn("the log of a job was not written", "job", j.ID, "err", err)
		}
	}
	if err := a.change(j, func(s *State) { *s = log }); err != nil {
		a.o.Logger.Error("the end of a job could not be kept", "job", j.ID, "err", err)
	}
	a.o.Logger.Info("job ended", "job", j.ID, "task", j.Input.Task, "status", log.Status)
}

func (w *worker) do(ctx context.Context) (map[string]any, error) {
	if err := w.agent.change(w.job, func(s *State) { s.Status = running }); err != nil {
		return nil, err
	}
	return tasks[w.job.Input.Task](ctx, w)
}

// problem is an error as a status tells it, nil for none.
func (w *worker) problem(ctx context.Context, err error) *Problem {
	switch {
	case err == nil:
		return nil
	case w.agent.ctx.Err() != nil:
		return &Problem{"interrupted", "the agent was stopped in the middle of the job"}
	case ctx.Err() != nil:
		return &Problem{"expired", "the job was not done in the time that it was given"}
	case entity.KindOf(err) == entity.KindForbidden:
		return &Problem{"forbidden", message(err)}
	}
	return &Problem{"failed", message(err)}
}

// each reads the target's entities, a page at a time, and counts those that fn has
// done. What fn fails at is counted as an error, and the job goes on, unless it is
// about the agent as a whole.
func (w *worker) each(ctx context.Context, phase string, ids []entity.ID, fn func(Entity) error) error {
	if err := w.agent.change(w.job, func(s *State) {
		s.Phase, s.Progress = phase, Progress{Total: len(ids), Pending: len(ids)}
	}); err != nil {
		return err
	}
	for at := 0; at < len(ids); at += page {
		some := ids[at:min(at+page, len(ids))]
		read, err := w.api.read(ctx, some)
		if err != nil {
			return err
		}
		bad := 0
		for _, e := range read {
			err := fn(e)
			if kind := entity.KindOf(err); err != nil && (ctx.Err() != nil || kind == entity.KindForbidden || kind == entity.KindUpstream) {
				return err
			} else if err != nil {
				w.agent.o.Logger.Warn("an entity was left as it is", "job", w.job.ID, "entity", e.ID, "err", err)
				bad++
			}
		}
		if err := w.agent.change(w.job, func(s *State) {
			s.Progress.Pending -= len(some)
			s.Progress.Done += len(some) - bad
			s.Progress.Error += bad
		}); err != nil {
			return err
		}
	}
	return nil
}

// log writes what came of the job into the job collection: a file entity without
// content that has it in log_data, contained in the collection.
func (w *worker) log(ctx context.Context, s State) error {
	name, in := w.job.ID+".json", w.job.Collection
	var file Entity
	err := w.api.do(ctx, http.MethodPost, "/files", map[string]any{
		"key": w.job.ID, "filename": name, "content_type": "application/json", "size": 0, "collection": in,
		"properties":    map[string]any{"log_data": map[string]any{"job_id": w.job.ID, "agent_id": w.agent.o.ID, "target": w.job.Target, "input": w.job.Input, "status": s}},
		"relationships": []any{map[string]any{"predicate": entity.PredicateIn, "peer": in, "peer_type": entity.TypeCollection}},
	}, &file)
	if err != nil {
		return err
	}
	_, err = w.api.edit(ctx, "/collections/"+string(in), func(Entity) map[string]any {
		return map[string]any{"relationships_add": []any{map[string]any{"predicate": entity.PredicateContains, "peer": file.ID, "peer_type": entity.TypeFile, "peer_label": name}}}
	})
	return err
}
