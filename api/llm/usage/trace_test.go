package usage_test

import (
	"bytes"
	"testing"
	"time"

	"stemma/api/llm/runs"
	"stemma/api/llm/seal"
	"stemma/api/llm/usage"
	"stemma/entity"
)

// What is sealed is opened by its tenant's key alone; a run that somebody made up
// is no trace.
func TestDetail(t *testing.T) {
	w := newRig(t, 1)
	box := func(b byte) *seal.Box {
		master, err := seal.New(bytes.Repeat([]byte{b}, seal.KeySize))
		w.ok(err)
		return master.Of(tenants[0])
	}
	f := w.fact()
	made := w.create(person, f.draft("completed"))
	id := entity.NewIDSource(w.clock.Now, bytes.NewReader(make([]byte, 100))).New(entity.Main)
	d := f.draft("completed")
	recorder := runs.New(runs.Options{Stores: []entity.Store{w.store}})
	recorder.Record(&runs.Run{Network: entity.Main, ID: id, Agent: agents[0], AgentLabel: "bot", Box: box(1), Started: time.UnixMilli(0), Properties: d.Properties,
		Entries: []runs.Entry{{Kind: runs.Start, At: w.clock.Now(), Properties: map[string]any{"agent": "bot"}, Sealed: map[string]any{"input": "Where?"}}}})
	w.ok(recorder.Close())
	w.view(func(r entity.Reader) {
		for name, c := range map[string]struct {
			box     *seal.Box
			input   any
			problem bool
		}{"the tenant's key": {box(1), "Where?", false}, "another": {box(2), nil, true}, "none": {nil, nil, true}} {
			got, err := usage.DetailOf(r, id, c.box)
			w.ok(err)
			if step := got.Steps[0]; !step.Sealed || step.Body["input"] != c.input || (step.Problem != "") != c.problem || step.Body["sealed"] != nil || step.Body["agent"] != "bot" || got.AgentName != "bot" {
				t.Errorf("with %s: %+v", name, step)
			}
		}
		for _, id := range []entity.ID{made, agents[0]} {
			if _, err := usage.DetailOf(r, id, nil); entity.KindOf(err) != entity.KindNotFound {
				t.Errorf("%s is a trace: %v", id, err)
			}
		}
	})
}
