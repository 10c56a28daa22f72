package recorder

import (
	"context"

	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

func (s *Service) holdOps() []wire.Operation {
	op := func(method, path, id, summary, description string, body any, errors ...int) wire.Operation {
		return wire.Operation{
			Method: method, Path: path, ID: id, Tag: tagMonitoring, Summary: summary, Description: description,
			Permission: "collection:manage", Auth: wire.AuthRequired, Success: []wire.Success{{Status: 200, Body: body}}, Errors: append(errors, 401, 403),
		}
	}
	const all, one = "/api/monitoring/retention/hold", "/api/monitoring/runs/{runId}/hold"
	return []wire.Operation{
		wire.Op(op("PUT", all, "holdRetention", "Put the recordings on hold", "Nothing of the recordings is deleted until the hold is lifted, whatever the retention says; the retention is kept, and goes on then. For who manages the recordings. Who put them on hold, when and why stands in the versions of the collection.", RetentionResponse{}, 400), s.holdRetention),
		wire.Op(op("DELETE", all, "releaseRetention", "Lift the recordings' hold", "What is past the retention is deleted soon after.", RetentionResponse{}), s.releaseRetention),
		wire.Op(op("PUT", one, "holdRun", "Put a run on hold", "Retention passes the run by, and what was told of its session, until the hold is lifted. For who manages the recordings that it is in. What is deleted already does not come back.", HoldResponse{}, 400, 404), s.holdRun),
		wire.Op(op("DELETE", one, "releaseRun", "Lift a run's hold", "What is past the retention is deleted soon after.", HoldResponse{}, 404), s.releaseRun),
	}
}

// HoldResponse is whether a run is on hold.
type HoldResponse struct {
	RunID string    `json:"run_id"`
	Hold  *run.Hold `json:"hold" doc:"null for none"`
}

type holdRetentionIn struct {
	Reason string `json:"reason" max:"500" doc:"for those who read it later, like the number of a case"`
}

type holdRunIn struct {
	oneRunIn
	holdRetentionIn
}

func (s *Service) holdRetention(ctx context.Context, in *holdRetentionIn) (*wire.Reply, error) {
	return s.putHold(ctx, in)
}

func (s *Service) releaseRetention(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	return s.putHold(ctx, nil)
}

// putHold puts the caller's recordings on hold, or with nil lifts the hold. A hold
// that there is stays as it was said.
func (s *Service) putHold(ctx context.Context, in *holdRetentionIn) (*wire.Reply, error) {
	var out RetentionResponse
	err := s.update(ctx, func(tx *guard.Tx) error {
		id, m, err := managedRecordings(tx)
		if err != nil {
			return err
		}
		out = retentionOf(m)
		if (out.Hold != nil) == (in != nil) {
			return nil
		}
		out.Hold = holdBy(tx, in)
		return hold(tx, id, out.Hold)
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}

func (s *Service) holdRun(ctx context.Context, in *holdRunIn) (*wire.Reply, error) {
	return s.putRunHold(ctx, in.Run, &in.holdRetentionIn)
}

func (s *Service) releaseRun(ctx context.Context, in *oneRunIn) (*wire.Reply, error) {
	return s.putRunHold(ctx, in.Run, nil)
}

func (s *Service) putRunHold(ctx context.Context, name string, in *holdRetentionIn) (*wire.Reply, error) {
	out := HoldResponse{RunID: name}
	err := s.update(ctx, func(tx *guard.Tx) error {
		t, err := readHead(tx.Reader, name)
		if err != nil {
			return err
		}
		if err := manages(tx, t.head.Collection); err != nil {
			return err
		}
		if out.Hold = t.summary.Held; (out.Hold != nil) == (in != nil) {
			return nil
		}
		out.Hold = holdBy(tx, in)
		tx.Permit(t.head.ID) // who manages the recordings was asked for
		if err := hold(tx, t.head.ID, out.Hold); err != nil || t.summary.Session == "" {
			return err
		}
		tx.Permit(t.summary.Session)
		tx.Vouch(t.summary.Session)
		_, err = tx.Put(t.summary.Session, entity.Any, func(m *entity.Manifest) error {
			run.SetHeld(m, t.head.ID, in != nil)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}

// holdBy is the caller's hold; nil for none.
func holdBy(tx *guard.Tx, in *holdRetentionIn) *run.Hold {
	if in == nil {
		return nil
	}
	return &run.Hold{At: entity.FormatTime(tx.At()), By: tx.Principal().ID, Reason: in.Reason}
}

func hold(tx *guard.Tx, id entity.ID, h *run.Hold) error {
	tx.Vouch(id)
	_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		run.SetHold(m, h)
		return nil
	})
	return err
}

// manages refuses who does not manage a collection of recordings.
func manages(tx *guard.Tx, collection entity.ID) error {
	for _, action := range []string{"collection:manage", "collection:update"} {
		if _, err := tx.Allowed(actionOf(action), collection); err != nil {
			return err
		}
	}
	return nil
}
