package native

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

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
