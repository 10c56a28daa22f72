package agent

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"stemma/api/outbound"
	"stemma/entity"
)

const maxRequest = 1 << 20 // bytes of a job

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // who has gone has gone
}

func (a *Agent) verification(w http.ResponseWriter, _ *http.Request) {
	if a.o.Token == "" {
		answer(w, http.StatusNotFound, map[string]any{"error": "this agent was started without a verification token"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"verification_token": a.o.Token, "agent_id": a.o.ID})
}

// request is the body of POST /process.
type request struct {
	JobID         string         `json:"job_id"`
	Target        entity.ID      `json:"target"`
	JobCollection entity.ID      `json:"job_collection"`
	Input         Input          `json:"input"`
	ExpiresAt     string         `json:"expires_at"`
	Network       entity.Network `json:"network"`
}

// Input is what the agent can be asked for.
type Input struct {
	Task     string `json:"task"`     // summarise or link; "": summarise
	Property string `json:"property"` // link: entities with the same value of it; "" none
	Mentions *bool  `json:"mentions"` // link: an entity whose text has the label of another; default true
}

func (a *Agent) process(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, text string) {
		answer(w, status, map[string]any{"accepted": false, "error": text})
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		refuse(http.StatusBadRequest, "the body cannot be read, or has more than 1 MiB")
		return
	}
	if err := a.checkSignature(r, body); err != nil {
		var e *entity.Error
		status := http.StatusServiceUnavailable
		if errors.As(err, &e) && e.Kind == entity.KindUnauthenticated {
			status = http.StatusUnauthorized
		}
		refuse(status, message(err))
		return
	}
	j, err := a.job(body)
	if err != nil {
		refuse(http.StatusBadRequest, message(err))
		return
	}
	switch taken, err := a.take(j); {
	case err != nil:
		a.o.Logger.Error("a job could not be kept", "job", j.ID, "err", err)
		refuse(http.StatusInternalServerError, "the job could not be written down")
	case !taken:
		answer(w, http.StatusOK, map[string]any{"accepted": false, "error": "busy with other jobs", "retry_after": 30})
	default:
		answer(w, http.StatusOK, map[string]any{"accepted": true, "job_id": j.ID})
	}
}

// job reads a request.
func (a *Agent) job(body []byte) (*Job, error) {
	const op = "agent.job"
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, entity.Invalid(op, "the body is not a job: %s", err)
	}
	record, ok := strings.CutPrefix(r.JobID, "job_")
	until, timeErr := time.Parse(time.RFC3339, r.ExpiresAt)
	if r.Input.Task == "" {
		r.Input.Task = taskSummarise
	}
	switch {
	case !ok || !isID(entity.ID(record)) || !isID(r.Target) || !isID(r.JobCollection):
		return nil, entity.Invalid(op, "job_id must be job_ and an id, target and job_collection ids")
	case timeErr != nil || !a.o.Now().Before(until):
		return nil, entity.Invalid(op, "expires_at must be a time to come, like 2026-01-01T00:00:00Z")
	case r.Network != entity.Main && r.Network != entity.Test:
		return nil, entity.Invalid(op, "network must be main or test")
	case tasks[r.Input.Task] == nil:
		return nil, entity.Invalid(op, "input.task must be summarise or link, not %q", r.Input.Task)
	}
	now := entity.FormatTime(a.o.Now())
	return &Job{ID: r.JobID, Target: r.Target, Collection: r.JobCollection, Network: r.Network, Until: until, Input: r.Input, State: State{JobID: r.JobID, Status: pending, StartedAt: now, UpdatedAt: now}}, nil
}

func isID(id entity.ID) bool {
	_, err := entity.ParseID(string(id))
	return err == nil
}

func (a *Agent) checkSignature(r *http.Request, body []byte) error {
	header := r.Header.Get(outbound.SignatureHeader)
	key, fresh, err := a.keys.get(r.Context(), a, false)
	if err != nil {
		return err
	}
	err = outbound.CheckSignature(key, header, body, a.o.Now())
	if err != nil && !fresh { // the key may have been changed
		if key, _, err = a.keys.get(r.Context(), a, true); err == nil {
			err = outbound.CheckSignature(key, header, body, a.o.Now())
		}
	}
	return err
}

func (a *Agent) status(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	j := a.jobs[r.PathValue("job")]
	var s State
	if j != nil {
		s = j.State
	}
	a.mu.Unlock()
	if j == nil {
		answer(w, http.StatusNotFound, map[string]any{"error": "there is no such job here"})
		return
	}
	answer(w, http.StatusOK, s)
}

// message is what a caller may read of an error.
func message(err error) string {
	var e *entity.Error
	if errors.As(err, &e) && e.Message != "" {
		return e.Message
	}
	return "internal error"
}
