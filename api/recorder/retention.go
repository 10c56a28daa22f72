package recorder

import (
	"context"

	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

func (s *Service) retentionOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "GET", Path: "/api/monitoring/retention", ID: "getRetention", Tag: tagMonitoring, Summary: "Get how long content is kept", Permission: "collection:view", Auth: wire.AuthRequired,
			Description: "For how many days after a run has ended what was said in it is kept; null is for ever.",
			Success:     []wire.Success{{Status: 200, Body: RetentionResponse{}}}, Errors: []int{401, 403},
		}, s.getRetention),
		wire.Op(wire.Operation{
			Method: "PUT", Path: "/api/monitoring/retention", ID: "setRetention", Tag: tagMonitoring, Summary: "Set how long content is kept", Permission: "collection:manage", Auth: wire.AuthRequired,
			Description: "For who manages the recordings. What was said in runs that ended longer ago is deleted soon after, for good: prompts, answers, arguments and results of tools, contexts, metadata. Names, times, counts, costs and hashes stay, and so does the proof; `…/verify` shows what is gone. A run that nobody ends is due when nothing came of it for as long, and ended then. What is on hold stays.",
			Success:     []wire.Success{{Status: 200, Body: RetentionResponse{}}}, Errors: []int{400, 401, 403},
		}, s.setRetention),
		wire.Op(wire.Operation{
			Method: "DELETE", Path: "/api/monitoring/retention", ID: "endRetention", Tag: tagMonitoring, Summary: "Keep content for ever", Permission: "collection:manage", Auth: wire.AuthRequired,
			Description: "From now on; what is deleted does not come back.",
			Success:     []wire.Success{{Status: 200, Body: RetentionResponse{}}}, Errors: []int{401, 403},
		}, s.endRetention),
	}
}

// RetentionResponse is how long content is kept.
type RetentionResponse struct {
	Days *int64    `json:"days" doc:"after the run has ended, or the last of it came; null: for ever"`
	Hold *run.Hold `json:"hold" doc:"while there is one nothing is deleted, whatever days says; null for none"`
}

type setRetentionIn struct {
	Days int64 `json:"days" req:"true" min:"1" max:"36500"`
}

func retentionOf(m *entity.Manifest) (out RetentionResponse) {
	if days := run.DaysOf(m); days != 0 {
		out.Days = &days
	}
	out.Hold = run.HoldOf(m)
	return out
}

func (s *Service) getRetention(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out RetentionResponse
	err := s.view(ctx, func(r *guard.Reader) error {
		id, err := recordings(r)
		if err != nil || id == "" {
			return err
		}
		if _, err := r.Allowed("collection:view", id); err != nil {
			return err
		}
		m, err := tipOf(r, id)
		if err == nil {
			out = retentionOf(m)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}

func (s *Service) setRetention(ctx context.Context, in *setRetentionIn) (*wire.Reply, error) {
	return s.putRetention(ctx, &in.Days)
}

func (s *Service) endRetention(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	return s.putRetention(ctx, nil)
}

// managedRecordings is where the caller's recordings are kept, which is made where
// there is none yet; only who manages it changes what becomes of them.
func managedRecordings(tx *guard.Tx) (id entity.ID, m *entity.Manifest, err error) {
	if id, err = ensureRecordings(tx); err != nil {
		return "", nil, err
	}
	if err = manages(tx, id); err != nil {
		return "", nil, err
	}
	m, err = tipOf(tx, id)
	return id, m, err
}

func (s *Service) putRetention(ctx context.Context, days *int64) (*wire.Reply, error) {
	out := RetentionResponse{Days: days}
	err := s.update(ctx, func(tx *guard.Tx) error {
		id, m, err := managedRecordings(tx)
		if err != nil {
			return err
		}
		out.Hold = run.HoldOf(m)
		if retentionOf(m).is(days) {
			return nil
		}
		_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Note = "how long content is kept"
			if days == nil {
				delete(m.Properties, run.PropRetention)
			} else {
				m.Properties[run.PropRetention] = *days
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}

func (r RetentionResponse) is(days *int64) bool {
	return r.Days == nil && days == nil || r.Days != nil && days != nil && *r.Days == *days
}
