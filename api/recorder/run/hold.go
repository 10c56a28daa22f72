package run

import (
	"slices"

	"stemma/entity"
)

// PropHold is the property of a collection of runs, or of a run, whose content is not
// to be deleted whatever the retention says: {at, by, reason?}.
const PropHold = "content_hold"

// propHeldRuns is the property of a session that names the runs of it that are on
// hold: what was told of the session stays with them.
const propHeldRuns = "held_runs"

// Hold is why content is kept whatever the retention says.
type Hold struct {
	At     string    `json:"since"`
	By     entity.ID `json:"by" doc:"who said so"`
	Reason string    `json:"reason,omitempty"`
}

// HoldOf is the hold of a collection or a run; nil for none.
func HoldOf(m *entity.Manifest) *Hold {
	p, ok := m.Properties[PropHold].(map[string]any)
	if !ok {
		return nil
	}
	return &Hold{At: text(p, "at"), By: entity.ID(text(p, "by")), Reason: text(p, "reason")}
}

// SetHold puts what the manifest is of on hold, or with nil lifts the hold.
func SetHold(m *entity.Manifest, h *Hold) {
	if h == nil {
		delete(m.Properties, PropHold)
		m.Note = "hold lifted"
		return
	}
	p := map[string]any{"at": h.At, "by": string(h.By)}
	if h.Reason != "" {
		p["reason"] = h.Reason
	}
	m.Properties[PropHold], m.Note = p, "on hold"
}

// SetHeld notes in a session that a run of it is on hold, or is not any more.
func SetHeld(m *entity.Manifest, id entity.ID, held bool) {
	ids := slices.DeleteFunc(textsOf(m.Properties, propHeldRuns), func(s string) bool { return s == string(id) })
	if held {
		ids = append(ids, string(id))
	}
	if len(ids) == 0 {
		delete(m.Properties, propHeldRuns)
		return
	}
	m.Properties[propHeldRuns] = texts(ids)
}
