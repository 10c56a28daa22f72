package run_test

import (
	"reflect"
	"testing"
	"time"

	"stemma/api/recorder/run"
	"stemma/entity"
)

// full is a body with everything that an entry has, of whatever kind.
func full() entity.Properties {
	return entity.Properties{
		"step": int64(7), "trigger_type": "api", "session_id": "s", "step_type": "reasoning", "input": "in", "output": "out", "reasoning": "why",
		"duration_ms": 1.5, "tokens_used": int64(12), "cost_cents": 0.25, "model": "m", "provider": "p", "error_type": "t", "error_message": "e",
		"metadata": map[string]any{"a": []any{int64(1), 1.5, nil, true}}, "usage": map[string]any{"input_tokens": int64(3)}, "tool_calls": []any{map[string]any{"name": "f", "arguments": map[string]any{"x": int64(1)}}},
		"request": map[string]any{"model": "m"}, "response": "text", "partial": "cut", "made": true, "tool_name": "f", "status": "success",
		"arguments": map[string]any{"x": []any{}}, "result": []any{"r"}, "target_system": "crm", "system_prompt": "be brief",
		"active_instructions": []any{"i"}, "retrieved_documents": []any{map[string]any{"d": int64(1)}}, "total_tokens": 15.5, "total_cost_cents": int64(2),
		"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7", "parent_span_id": "53995c3f42cd8ad8", "started_at": int64(1),
	}
}

// What a run is judged by at its end is what reads back: where all was written by
// the same writer it is not read.
func TestWrittenIsWhatReadsBack(t *testing.T) {
	s, clock := open(t, run.Projection{})
	collection, agent := place(t, s)
	for name, at := range map[string]time.Time{"told when": clock.Now().Add(-time.Hour), "not told when": {}} {
		update(t, s, func(tx entity.Tx) error {
			w := run.Begin(tx, run.Start{Collection: collection, Agent: agent, Trigger: "api", At: at, Body: full()}, clock.Now())
			w.Step(full(), at)
			if _, err := w.Tool("", full(), at); err != nil {
				return err
			}
			if _, err := w.Context("", entity.Properties{}, at); err != nil {
				return err
			}
			var judged []*run.Entry
			if _, _, err := w.End(run.Finish{Status: run.Completed, At: at, Body: full()}, func(got []*run.Entry) []any {
				judged = got
				return nil
			}); err != nil {
				return err
			}
			want, err := run.All(tx, w.ID())
			if err != nil || len(judged) != 5 || len(want) != 5 {
				t.Fatalf("%s: %d entries were judged, of %d: %v", name, len(judged), len(want), err)
			}
			for i := range want {
				if !reflect.DeepEqual(judged[i], want[i]) {
					t.Errorf("%s: entry %d\nis   %+v\nwant %+v", name, i, judged[i], want[i])
				}
			}
			return nil
		})
	}
}

// Every member that a block gives an entry is among those compared.
func TestFullIsEverything(t *testing.T) {
	body := full()
	for _, f := range reflect.VisibleFields(reflect.TypeFor[run.Entry]()) {
		key := f.Tag.Get("cbor")
		switch key {
		case "-", "kind", "at", "sequence", "steps", "agent", "agent_id", "content", "salt", "failed": // which the writer sets
			continue
		}
		if _, ok := body[key]; !ok {
			t.Errorf("no %s", key)
		}
	}
}
