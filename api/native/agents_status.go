package native

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"stemma/api/outbound"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

const (
	progressChain = "progress"      // of a job: what its agent has said of it, each thing once
	pollEvery     = time.Second     // an agent is asked for a job's status, however many ask us
	mostProgress  = 1000            // blocks of the chain; after them only how the job stands is kept
	maxKept       = 64 << 10        // bytes of a status that is kept with its result
	statusWithin  = 5 * time.Second // an agent has to answer
)

func (s *Service) jobStatusOp() wire.Operation {
	return agentOp(s, wire.Operation{
		Method: "GET", Path: "/agents/{id}/jobs/{job_id}/status", ID: "getJobStatus", Summary: "Get the status of a job",
		Description: "Asks the agent, at most once a second for a job and a query, and keeps each thing it says in the chain `progress` of the job's record. Where the agent does not answer: what it said last, with `cached: true`, `cached_at` and `cached_because`. `expired: true` where what was granted for the job has ended first. For whoever may view the job's record.",
		Permission:  "agent:view", Auth: wire.AuthOptional,
		Success: []wire.Success{{Status: 200, Body: JobStatusResponse{}}}, Errors: []int{400, 403, 404, 502},
	}, s.getJobStatus)
}

type jobStatusIn struct {
	ID     entity.ID `path:"id"`
	JobID  string    `path:"job_id"`
	Detail string    `query:"detail" enum:"full" doc:"handed to the agent"`
	Errors int       `query:"errors" min:"0" max:"100" doc:"likewise"`
}

// JobProgress counts the parts of a job.
type JobProgress struct {
	Total      int64 `json:"total"`
	Pending    int64 `json:"pending"`
	Dispatched int64 `json:"dispatched,omitempty"`
	Done       int64 `json:"done"`
	Error      int64 `json:"error"`
}

// JobProblem is why a job failed.
type JobProblem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// JobStatusResponse documents the answer, which is the agent's own with what we
// know beside.
type JobStatusResponse struct {
	JobID         string         `json:"job_id"`
	Status        string         `json:"status" doc:"pending, running, done or error"`
	Progress      JobProgress    `json:"progress"`
	StartedAt     string         `json:"started_at"`
	CompletedAt   string         `json:"completed_at,omitempty"`
	UpdatedAt     string         `json:"updated_at,omitempty"`
	Result        map[string]any `json:"result,omitempty"`
	Error         *JobProblem    `json:"error,omitempty"`
	Cached        bool           `json:"cached,omitempty" doc:"the agent did not answer; this is what it said last"`
	CachedAt      string         `json:"cached_at,omitempty"`
	CachedBecause string         `json:"cached_because,omitempty"`
	Expired       bool           `json:"expired,omitempty" doc:"what was granted for the job has ended before it did"`
}

// polled is a job whose status is asked for.
type polled struct {
	agent    entity.ID
	record   entity.ID
	endpoint string // "": none that is verified
	status   string // of the record
	expires  time.Time
	last     entity.Properties // what the agent said last; nil: nothing
	lastAt   int64
	problem  any // of the record
	started  any
}

func (s *Service) getJobStatus(ctx context.Context, in *jobStatusIn) (*wire.Reply, error) {
	var p *polled
	err := s.view(ctx, func(r *guard.Reader) (err error) {
		p, err = s.job(r, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.status == jobRejected || p.last == nil && p.status == jobError {
		return wire.OK(p.failed(p.status)), nil // the agent never had it
	}
	said, err := s.poll(ctx, p, in)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindUpstream:
		return s.cached(ctx, p, err)
	case err != nil:
		return nil, err
	}
	if !ended(said["status"]) && !s.now().Before(p.expires) {
		said = entity.CloneProperties(said) // others have it too
		said["expired"] = true
	}
	return wire.OK(said), nil
}

// job is the job of an agent that the caller may view. That there is none, that
// it is another agent's and that it is hidden are answered alike.
func (s *Service) job(r *guard.Reader, in *jobStatusIn) (*polled, error) {
	_, agent, err := manifestOf(r, "agent:view", in.ID, entity.TypeAgent)
	if err != nil {
		return nil, err
	}
	record, ok := strings.CutPrefix(in.JobID, "job_")
	if _, err := entity.ParseID(record); !ok || err != nil {
		return nil, noJob(in)
	}
	h, err := r.Head(entity.ID(record))
	if err != nil || h.Type != entity.TypeAgentJob || h.Deleted {
		if err == nil || entity.KindOf(err) == entity.KindNotFound {
			err = noJob(in)
		}
		return nil, err
	}
	m, err := r.Manifest(h.CID())
	switch {
	case err != nil:
		return nil, err
	case m.Properties["agent"] != any(string(in.ID)):
		return nil, noJob(in)
	}
	p := &polled{agent: in.ID, record: m.ID, problem: m.Properties["error"], started: m.Properties["started_at"]}
	if agent.Properties[guard.AgentVerified] != nil {
		p.endpoint = endpointOf(agent)
	}
	p.status, _ = m.Properties["status"].(string)
	until, _ := m.Properties["expires_at"].(string)
	p.expires, _ = time.Parse(entity.TimeLayout, until) // as the server wrote it
	p.last, p.lastAt, err = lastProgress(r, p.record)
	return p, err
}

func noJob(in *jobStatusIn) error {
	return entity.NotFound("native.job", "Job not found: agent %s has no job %s", in.ID, in.JobID)
}

// failed is the status of a job that never came to the agent, or whose agent has
// said nothing in its time.
func (p *polled) failed(code string) entity.Properties {
	none := int64(0)
	out := entity.Properties{"job_id": jobID(p.record), "status": jobError, "progress": entity.Properties{"total": none, "pending": none, "done": none, "error": none}, "started_at": p.started, "error": p.problem}
	if p.problem == nil {
		out["error"] = entity.Properties{"code": code, "message": "what was granted for the job ended " + entity.FormatTime(p.expires) + ", and the agent has not said how the job did"}
	}
	return out
}

// cached answers for an agent that does not.
func (s *Service) cached(ctx context.Context, p *polled, why error) (*wire.Reply, error) {
	over := !s.now().Before(p.expires)
	if over && !ended(p.last["status"]) && p.status != jobExpired {
		if err := s.expire(ctx, p); err != nil {
			return nil, err
		}
	}
	text, _ := describe(why)
	var out entity.Properties
	switch {
	case p.last != nil:
		out = entity.CloneProperties(p.last)
		out["cached_at"] = entity.FormatMillis(p.lastAt)
	case over:
		out = p.failed(jobExpired)
	default:
		return nil, why
	}
	if over && !ended(out["status"]) {
		out["status"], out["error"] = jobError, p.failed(jobExpired)["error"]
	}
	if over && !ended(p.last["status"]) {
		out["expired"] = true
	}
	out["cached"], out["cached_because"] = true, text
	return wire.OK(out), nil
}

func ended(status any) bool { return status == any(jobDone) || status == any(jobError) }

// poll asks the agent, once for all who ask within a second.
func (s *Service) poll(ctx context.Context, p *polled, in *jobStatusIn) (entity.Properties, error) {
	if p.endpoint == "" {
		return nil, entity.Errorf(entity.KindUpstream, "native.jobStatus", "the agent has no endpoint that is verified")
	}
	query := url.Values{}
	if in.Detail != "" {
		query.Set("detail", in.Detail)
	}
	if in.Errors > 0 {
		query.Set("errors", strconv.Itoa(in.Errors))
	}
	target := p.endpoint + "/status/" + jobID(p.record)
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	ctx = context.WithoutCancel(ctx) // others wait for the same answer
	v, err, _ := s.agents.polls.Do(target, func() (any, error) {
		if r, ok := s.agents.recent.get(target, s.now()); ok {
			return r.said, r.err
		}
		said, err := s.ask(ctx, p, target)
		if err == nil && !s.agents.ReadOnly {
			err = s.keep(ctx, p, said)
		}
		s.agents.recent.put(target, recentStatus{said: said, err: err, at: s.now()})
		return said, err
	})
	said, _ := v.(entity.Properties)
	return said, err
}

// ask is one call of the agent.
func (s *Service) ask(ctx context.Context, p *polled, target string) (entity.Properties, error) {
	const op = "native.jobStatus"
	res, err := s.agents.Client.Do(ctx, outbound.Request{Method: http.MethodGet, URL: target, Timeout: statusWithin, Header: http.Header{"Accept": {"application/json"}}})
	switch {
	case err != nil && entity.KindOf(err) == entity.KindInvalid: // an address that may not be called any more
		text, _ := describe(err)
		return nil, entity.Errorf(entity.KindUpstream, op, "%s", text)
	case err != nil:
		return nil, err
	case res.Status == http.StatusNotFound:
		return nil, entity.Errorf(entity.KindUpstream, op, "the agent does not know the job")
	case res.Status != http.StatusOK:
		return nil, entity.Errorf(entity.KindUpstream, op, "the agent answers %d", res.Status)
	}
	said, ok := objectOf(res.Body)
	status, _ := said["status"].(string)
	_, counts := said["progress"].(map[string]any)
	if !ok || !counts || said["job_id"] != any(jobID(p.record)) || !slices.Contains([]string{jobPending, jobRunning, jobDone, jobError}, status) {
		return nil, entity.Errorf(entity.KindUpstream, op, `the agent answers what is no status of the job: {"job_id", "status": pending, running, done or error, "progress": {…}, "started_at"} was expected`)
	}
	for _, ours := range []string{"cached", "cached_at", "cached_because", "expired"} {
		delete(said, ours)
	}
	return said, nil
}
