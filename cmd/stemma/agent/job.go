package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stemma/entity"
)

// How a job stands.
const (
	pending = "pending"
	running = "running"
	done    = "done"
	failed  = "error"
)

// Job is one, as it is on disk.
type Job struct {
	ID         string         `json:"id"`
	Target     entity.ID      `json:"target"`
	Collection entity.ID      `json:"job_collection"`
	Network    entity.Network `json:"network"`
	Until      time.Time      `json:"until"`
	Input      Input          `json:"input"`
	State      State          `json:"state"`
}

// State is what GET /status/{job_id} answers.
type State struct {
	JobID       string         `json:"job_id"`
	Status      string         `json:"status"`
	Phase       string         `json:"phase,omitempty"`
	Progress    Progress       `json:"progress"`
	StartedAt   string         `json:"started_at"`
	UpdatedAt   string         `json:"updated_at"`
	CompletedAt string         `json:"completed_at,omitempty"`
	Result      map[string]any `json:"result,omitempty"`
	Error       *Problem       `json:"error,omitempty"`
}

// Progress counts entities.
type Progress struct {
	Total   int `json:"total"`
	Pending int `json:"pending"`
	Done    int `json:"done"`
	Error   int `json:"error"`
}

// Problem is why a job failed: interrupted, expired, forbidden or failed.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func ended(status string) bool { return status == done || status == failed }

// load reads the jobs there are.
func (a *Agent) load() error {
	const op = "agent.load"
	entries, err := os.ReadDir(a.dir())
	if err != nil {
		return entity.Internal(op, err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue // a file that was never renamed
		}
		text, err := os.ReadFile(filepath.Join(a.dir(), e.Name()))
		if err != nil {
			return entity.Internal(op, err)
		}
		j := new(Job)
		if err := json.Unmarshal(text, j); err != nil || j.ID != name {
			return entity.Invalid(op, "%s is not the record of a job; move it away", filepath.Join(a.dir(), e.Name()))
		}
		a.jobs[j.ID] = j
		if !ended(j.State.Status) {
			err = a.change(j, func(s *State) {
				s.Status, s.Phase, s.CompletedAt = failed, "", s.UpdatedAt
				s.Error = &Problem{"interrupted", "the agent stopped in the middle of the job, and has begun anew since"}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// take keeps a job and begins it. It is false when there are too many; one that
// is there already is not begun again.
func (a *Agent) take(j *Job) (taken bool, err error) {
	a.mu.Lock()
	switch {
	case a.jobs[j.ID] != nil:
		a.mu.Unlock()
		return true, nil
	case a.running >= a.o.Jobs || a.ctx.Err() != nil:
		a.mu.Unlock()
		return false, nil
	}
	a.jobs[j.ID] = j
	a.running++
	a.work.Add(1)
	a.mu.Unlock()
	if err := a.save(*j); err != nil {
		a.mu.Lock()
		delete(a.jobs, j.ID)
		a.running--
		a.work.Done()
		a.mu.Unlock()
		return false, err
	}
	go func() {
		defer a.work.Done()
		a.run(j)
		a.mu.Lock()
		a.running--
		a.mu.Unlock()
	}()
	return true, nil
}

// change makes a step of a job, on disk first. A job has one goroutine that
// changes it.
func (a *Agent) change(j *Job, edit func(*State)) error {
	next := *j
	edit(&next.State)
	next.State.UpdatedAt = entity.FormatTime(a.o.Now())
	if err := a.save(next); err != nil {
		return err
	}
	a.mu.Lock()
	j.State = next.State
	a.mu.Unlock()
	return nil
}

// save replaces the file of a job.
func (a *Agent) save(j Job) (err error) {
	text, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return entity.Internal("agent.save", err)
	}
	path := filepath.Join(a.dir(), j.ID+".json")
	f, err := os.Create(path + ".new")
	if err != nil {
		return entity.Internal("agent.save", err)
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return entity.Internal("agent.save", fmt.Errorf("%s: %w", path, err))
	}
	return nil
}
