package recorder

import (
	"context"

	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

// VerifyResponse is what verifying a run's chain gave.
type VerifyResponse struct {
	RunID       string      `json:"run_id"`
	Valid       bool        `json:"valid"`
	Complete    bool        `json:"complete" doc:"the run has ended, and the head is pinned in its manifest"`
	Entries     int64       `json:"entries" doc:"that hold, from the first"`
	Steps       int64       `json:"steps"`
	ChainHash   string      `json:"chain_hash" doc:"of the last entry that holds"`
	Pinned      *string     `json:"pinned_hash" doc:"what the manifest pins; null of a run that is running"`
	FirstBroken *run.Broken `json:"first_broken" doc:"null where nothing is"`
	Gaps        []VerifyGap `json:"gaps" doc:"where content was deleted; hashes, links and numbers hold there as anywhere"`
}

// VerifyGap is a part of a chain whose content was deleted.
type VerifyGap struct {
	From      int64  `json:"from" doc:"the place in the chain, from 1"`
	To        int64  `json:"to" doc:"the last place"`
	Entries   int64  `json:"entries" doc:"of them that had content"`
	DeletedAt string `json:"deleted_at"`
	Days      *int64 `json:"retention_days" doc:"that it was deleted under"`
}

func gapOf(g run.Gap) VerifyGap {
	out := VerifyGap{From: g.From, To: g.To, Entries: g.Entries, DeletedAt: entity.FormatMillis(g.At)}
	if g.Days != 0 {
		out.Days = &g.Days
	}
	return out
}

// verdict verifies a run on the reader's state.
func verdict(r *guard.Reader, t *told) (VerifyResponse, error) {
	out := VerifyResponse{RunID: run.Name(t.head.ID), Gaps: []VerifyGap{}}
	pin, _, err := pinned(r, t)
	if err != nil {
		return out, err
	}
	if pin != nil {
		hash := run.HashOf(pin.CID)
		out.Pinned, out.Complete = &hash, true
	}
	v, err := run.Verify(r.Reader, t.head.ID, pin)
	out.Valid, out.Entries, out.Steps, out.ChainHash, out.FirstBroken = v.Valid, v.Entries, v.Steps, v.ChainHash, v.Broken
	for _, g := range v.Gaps {
		out.Gaps = append(out.Gaps, gapOf(g))
	}
	return out, err
}

// pinned is the head that the oldest version pins which pins one, and that version:
// an edit of a later version moves nothing. nil where none does.
func pinned(r *guard.Reader, t *told) (pin *entity.ChainRef, version entity.CID, err error) {
	for ref, err := range r.Reader.History(t.head.ID, 0) {
		if err != nil {
			return nil, version, err
		}
		m, err := r.Reader.Manifest(ref.CID)
		if err != nil {
			return nil, version, err
		}
		if at, ok := run.Pin(m); ok {
			pin, version = &at, ref.CID
		}
	}
	return pin, version, nil
}

func (s *Service) verify(ctx context.Context, in *oneRunIn) (*wire.Reply, error) {
	var out VerifyResponse
	err := s.view(ctx, func(r *guard.Reader) error {
		t, err := readHead(r, in.Run)
		if err != nil {
			return err
		}
		out, err = verdict(r, t)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(out), nil
}
