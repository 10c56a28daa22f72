package native

import (
	"context"
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
			if err != nil {
				return err
			}
			if m.Deleted() || !holdsFor(m, j.id) {
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
