package native

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"stemma/api/outbound"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// processWithin bounds how long an agent may take to say that it has a job.
const processWithin = 15 * time.Second

// How a job stands, as its record says. The agent's own words are the first four.
const (
	jobPending  = "pending"
	jobRunning  = "running"
	jobDone     = "done"
	jobError    = "error"
	jobRejected = "rejected"
	jobExpired  = "expired" // what was granted has ended, and the agent has not said how the job did
)

// InvokedResponse is a job that was begun, or declined.
type InvokedResponse struct {
	Status        string              `json:"status" doc:"started or rejected"`
	JobID         string              `json:"job_id"`
	JobCollection entity.ID           `json:"job_collection"`
	Error         string              `json:"error,omitempty" doc:"of a rejected one: the agent's words"`
	RetryAfter    int64               `json:"retry_after,omitempty" doc:"seconds, when the agent says so"`
	Grants        []InvokeGrantResult `json:"grants" doc:"of a rejected one: none, they were taken back"`
	TargetCID     string              `json:"target_cid"`
	ExpiresAt     string              `json:"expires_at"`
}

// InvokeGrantResult is what an agent has on the target.
type InvokeGrantResult struct {
	AgentID   entity.ID `json:"agent_id"`
	Role      string    `json:"role"`
	ExpiresAt string    `json:"expires_at"`
	WasUpdate bool      `json:"was_update" doc:"it had the role before"`
}

// job is one that was written down and may be handed to its agent.
type job struct {
	*invocation
	id       entity.ID // of its record
	by       access.Principal
	replaced map[entity.ID][]entity.Relationship // by the grants, by scope
	tip      string                              // the target's
	input    map[string]any
	digest   string // of the input, "" for none
	request  string
}

func jobID(record entity.ID) string { return "job_" + string(record) }

// confirmInvoke grants and writes the job down in one transaction, calls the
// agent outside of it, and undoes what it did where the agent does not take the
// job. Once granted it goes on when the caller goes away: nothing stays half done.
func (s *Service) confirmInvoke(ctx context.Context, in *invokeAgentIn) (*wire.Reply, error) {
	j, err := s.begin(ctx, in)
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	out := InvokedResponse{Status: "started", JobID: jobID(j.id), JobCollection: j.jobs.ID, Grants: j.results(), TargetCID: j.tip, ExpiresAt: entity.FormatTime(j.until)}
	declined, err := s.hand(ctx, j)
	if err == nil && declined == nil {
		return &wire.Reply{Status: http.StatusAccepted, Body: out}, nil
	}
	status, text := jobError, ""
	if declined != nil {
		status, text = jobRejected, declined.text
	} else {
		text, _ = describe(err)
	}
	cid, undone := s.undo(ctx, j, status, text)
	switch {
	case undone != nil:
		return nil, undone
	case err != nil:
		return nil, err
	}
	out.Status, out.Error, out.RetryAfter, out.Grants, out.TargetCID = "rejected", text, declined.after, []InvokeGrantResult{}, cid
	return &wire.Reply{Status: http.StatusAccepted, Body: out}, nil
}

// begin is the transaction.
func (s *Service) begin(ctx context.Context, in *invokeAgentIn) (j *job, err error) {
	digest := ""
	if in.Input != nil {
		text, err := wire.Append(nil, in.Input)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		digest = hex.EncodeToString(sum[:])
	}
	err = s.update(ctx, func(tx txn) error {
		plan, err := planInvocation(tx.Reader, in)
		if err != nil {
			return err
		}
		if plan.refused != "" {
			return entity.Errorf(entity.KindForbidden, "native.invoke", "Forbidden: %s", plan.refused)
		}
		j = &job{invocation: plan, id: tx.NewID(), by: tx.Principal(), replaced: map[entity.ID][]entity.Relationship{}, input: in.Input, digest: digest, request: wire.RequestID(ctx)}
		return j.write(tx)
	})
	return j, err
}

// write grants and makes the record.
func (j *job) write(tx txn) error {
	if j.jobs.ID == "" {
		if err := j.newCollection(tx); err != nil {
			return err
		}
	}
	for _, in := range []entity.ID{j.target.ID, j.jobs.ID} {
		grants := j.needed(in)
		if len(grants) == 0 || j.replaced[in] != nil || j.policies[in] == nil {
			continue
		}
		replaced := []entity.Relationship{}
		if _, err := tx.Put(in, entity.Any, j.give(in, grants, tx.Principal().ID, j.id, &replaced)); err != nil {
			return err
		}
		j.replaced[in] = replaced
	}
	h, err := tx.Head(j.target.ID)
	if err != nil {
		return err
	}
	j.tip = h.CID().String()
	return j.record(tx)
}

// record is the job's entity.
func (j *job) record(tx txn) error {
	props := entity.Properties{
		"label": jobID(j.id), "agent": string(j.agent.ID), "target": string(j.target.ID), "status": jobPending,
		"started_at": entity.FormatTime(j.at), "expires_at": entity.FormatTime(j.until), "request": j.request,
	}
	if j.digest != "" {
		props["input_sha256"] = j.digest
	}
	tx.Vouch(j.id)
	_, err := tx.Create(entity.Draft{
		ID: j.id, Type: entity.TypeAgentJob, Properties: props,
		Relationships: []entity.Relationship{
			{Predicate: entity.PredicateCollection, Peer: j.jobs.ID, PeerType: entity.TypeCollection},
			{Predicate: "agent", Peer: j.agent.ID, PeerType: entity.TypeAgent},
			{Predicate: "target", Peer: j.target.ID, PeerType: entity.TypeCollection},
		},
	})
	return err
}

// newCollection is one for this job, in which the agents may write its log.
func (j *job) newCollection(tx txn) error {
	role := roleOf(logActions)
	given := map[string][]string{}
	for name, actions := range access.DefaultRoles(entity.TypeCollection) {
		given[name] = actionTexts(actions)
	}
	given[role] = actionTexts(logActions)
	body := createBody{}
	for _, g := range j.grants {
		g.role = role
		r := g.relationship(tx.Principal().ID, j.id, j.at, j.until)
		r.Properties["expires_at"] = entity.FormatTime(j.until)
		body.Relationships = append(body.Relationships, relationshipBody{Predicate: r.Predicate, Peer: r.Peer, PeerType: r.PeerType, Properties: r.Properties})
	}
	root := entity.Properties{"label": "Jobs of " + j.agent.Label(), "_profile_version": "v1"}
	if j.private {
		root["visibility"] = access.Private
		root["label"] = "Jobs"
	}
	v, err := tx.createOwned(entity.TypeCollection, body, "", given, "", root)
	if err != nil {
		return err
	}
	j.jobs, err = tx.Head(v.Manifest.ID)
	return err
}

func actionTexts(actions []access.Action) []string {
	out := make([]string, len(actions))
	for i, a := range actions {
		out[i] = string(a)
	}
	return out
}

// results are the grants on the target.
func (j *job) results() []InvokeGrantResult {
	out := []InvokeGrantResult{}
	for _, g := range j.grants {
		if g.in == j.target.ID {
			until := max(j.until.UnixMilli(), g.was)
			out = append(out, InvokeGrantResult{AgentID: g.agent, Role: g.role, ExpiresAt: entity.FormatMillis(until), WasUpdate: g.was != 0})
		}
	}
	return out
}

// declined is what an agent says that does not take a job.
type declined struct {
	text  string
	after int64
}

// processBody is what an agent is sent, in this order.
type processBody struct {
	JobID         string         `json:"job_id"`
	Target        entity.ID      `json:"target"`
	JobCollection entity.ID      `json:"job_collection"`
	Input         map[string]any `json:"input,omitempty"`
	APIBase       string         `json:"api_base"`
	ExpiresAt     string         `json:"expires_at"`
	Network       entity.Network `json:"network"`
}

// hand calls the agent. An answer that is no acceptance and no refusal is an
// error, KindUpstream.
func (s *Service) hand(ctx context.Context, j *job) (*declined, error) {
	const op = "native.invoke"
	key, err := s.signingKey(ctx)
	if err != nil {
		return nil, err
	}
	body, err := wire.Append(nil, processBody{
		JobID: jobID(j.id), Target: j.target.ID, JobCollection: j.jobs.ID, Input: j.input, APIBase: s.agents.BaseURL,
		ExpiresAt: entity.FormatTime(j.until), Network: wire.NetworkOf(ctx),
	})
	if err != nil {
		return nil, err
	}
	res, err := s.agents.Client.Do(ctx, outbound.Request{
		Method: http.MethodPost, URL: endpointOf(j.agent) + "/process", Body: body, Timeout: processWithin,
		Header: http.Header{
			"Content-Type": {"application/json"}, "Accept": {"application/json"},
			outbound.SignatureHeader: {outbound.Sign(key, s.now(), body)}, "X-Arke-Request-Id": {j.request},
		},
	})
	if err != nil {
		return nil, err
	}
	answer, _ := objectOf(res.Body)
	accepted, told := answer["accepted"].(bool)
	named, isNamed := answer["job_id"].(string)
	switch {
	case !told:
		return nil, entity.Errorf(entity.KindUpstream, op, `the agent answers %d without "accepted": true or false`, res.Status)
	case !accepted:
		text, _ := answer["error"].(string)
		after, _ := answer["retry_after"].(int64)
		return &declined{text: firstOf(strings.ToValidUTF8(text, "?"), "the agent does not say why"), after: max(after, 0)}, nil
	case res.Status >= 300:
		return nil, entity.Errorf(entity.KindUpstream, op, "the agent accepts and answers %d", res.Status)
	case isNamed && named != jobID(j.id):
		return nil, entity.Errorf(entity.KindUpstream, op, "the agent accepts another job")
	}
	return nil, nil
}

const maxRefusal = 1000 // characters of an agent's words that are kept

func firstOf(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	if cut := []rune(text); len(cut) > maxRefusal {
		return string(cut[:maxRefusal])
	}
	return text
}

// undo takes back what was granted for a job and notes how it ended. It gives the
// target's tip. The server does this in the name of who granted, who may not be
// allowed to any more.
func (s *Service) undo(ctx context.Context, j *job, status, text string) (cid string, err error) {
	by := j.by.Actor()
	by.Method = entity.MethodSystem
	_, err = s.network(ctx).Store.Update(ctx, by, func(tx entity.Tx) error {
		scopes := map[entity.ID][]entity.Relationship{j.jobs.ID: j.replaced[j.jobs.ID]}
		if replaced, given := j.replaced[j.target.ID]; given {
			scopes[j.target.ID] = replaced
		}
		for in, replaced := range scopes {
			h, err := tx.Head(in)
			if err != nil {
				return err
			}
			m, err := tx.Manifest(h.CID())
			if err != nil || m.Deleted() || !holdsFor(m, j.id) {
				if err != nil {
					return err
				}
				continue
			}
			before, err := standing(tx, replaced)
			if err != nil {
				return err
			}
			if _, err := tx.Put(in, entity.Any, takeBack(access.PolicyOf(m).Roles, before, j.id)); err != nil {
				return err
			}
		}
		h, err := tx.Head(j.target.ID)
		if err != nil {
			return err
		}
		cid = h.CID().String()
		code := status
		if status == jobError {
			code = codeUnreachable
		}
		return endJob(tx, j.id, status, entity.FormatTime(s.now()), entity.Properties{"code": code, "message": text})
	})
	return cid, err
}

// codeUnreachable is the error of a job that its agent never took.
const codeUnreachable = "unreachable"

// standing are those of the replaced relationships that were not for a job which
// was undone itself meanwhile.
func standing(r entity.Reader, replaced []entity.Relationship) (out []entity.Relationship, err error) {
	for _, rel := range replaced {
		id, _ := rel.Properties["job"].(string)
		h, err := r.Head(entity.ID(id))
		if err != nil && entity.KindOf(err) != entity.KindNotFound {
			return nil, err
		}
		if err == nil && !h.Deleted {
			m, err := r.Manifest(h.CID())
			if err != nil {
				return nil, err
			}
			problem, _ := m.Properties["error"].(entity.Properties)
			if m.Properties["status"] == any(jobRejected) || problem["code"] == any(codeUnreachable) {
				continue
			}
		}
		out = append(out, rel)
	}
	return out, nil
}

func holdsFor(m *entity.Manifest, job entity.ID) bool {
	for _, r := range m.Relationships {
		if r.Properties["job"] == any(string(job)) {
			return true
		}
	}
	return false
}

// endJob writes into a job's record how it ended; problem may be nil.
func endJob(tx entity.Tx, id entity.ID, status, at string, problem entity.Properties) error {
	h, err := tx.Head(id)
	if err != nil || h.Deleted {
		return err
	}
	_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		m.Properties["status"], m.Properties["completed_at"] = status, at
		delete(m.Properties, "error")
		if problem != nil {
			m.Properties["error"] = problem
		}
		return nil
	})
	return err
}
