package usage_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"stemma/api/llm/usage"
	"stemma/api/recorder/run"
	"stemma/entity"
)

const recordings = entity.ID("01JH8Z0Y6V5RZ4Q8Q9V4T2W3XC")

// told is a run as a recorder leaves it.
func told(status string, more entity.Properties) entity.Draft {
	p := entity.Properties{"status": status, "agent_name": "bot"}
	if status != "running" {
		p["chain"] = map[string]any{"name": "steps", "n": int64(3)}
	}
	maps.Copy(p, more)
	return entity.Draft{Type: "run", Properties: p, Relationships: []entity.Relationship{{Predicate: entity.PredicateCollection, Peer: recordings, PeerType: "collection"}, {Predicate: "agent", Peer: agents[0], PeerType: "agent"}}}
}

// Law: a recorded run counts once, when it ends, in the recordings that it lies in
// and among all that are recorded, and nowhere else; rebuilt from the log the
// counters are the same.
func TestRecordedRunsAreCounted(t *testing.T) {
	w := newRig(t, 1)
	at := entity.FormatTime(w.clock.Now())
	w.create(person, told("completed", entity.Properties{"completed_at": at, "models": []any{"gpt-4o"}, "steps": int64(1), "total_tokens": int64(100), "total_cost_cents": int64(2), "duration_ms": int64(400)}))
	slow := w.create(person, told("running", nil))
	w.edit(person, slow, func(m *entity.Manifest) {
		maps.Copy(m.Properties, told("failed", entity.Properties{"completed_at": at, "models": []any{"gpt-4o", "claude"}, "steps": int64(9), "total_tokens": int64(50), "duration_ms": int64(900_000)}).Properties)
	})
	idle := w.create(person, told("running", nil))
	w.edit(system, idle, func(m *entity.Manifest) { // as the server ends what was left open
		maps.Copy(m.Properties, told("timeout", entity.Properties{"completed_at": at, "steps": int64(2)}).Properties)
	})
	// What counts for nothing: what has not ended, has no chain, lies nowhere, or was
	// counted already, however it is edited later.
	w.create(person, told("running", nil))
	bare := told("completed", nil)
	delete(bare.Properties, "chain")
	w.create(person, bare)
	stray := told("completed", nil)
	stray.Relationships = stray.Relationships[1:]
	w.create(person, stray)
	for _, by := range []entity.Actor{person, system} {
		w.edit(by, slow, func(m *entity.Manifest) { m.Properties["total_tokens"] = int64(7) })
		w.edit(by, idle, func(m *entity.Manifest) { m.Properties["content_deleted"] = true })
	}
	w.toggle(slow)
	w.toggle(slow)
	call := w.fact()
	call.at = w.clock.Now()
	w.create(system, call.draft("completed"))

	check := func() {
		t.Helper()
		w.view(func(r entity.Reader) {
			win := usage.Last(1, w.clock.Now().Add(time.Minute))
			sum := func(s ...usage.Scope) string {
				got, err := usage.Summarize(r, s, win)
				w.ok(err)
				return fmt.Sprintf("%d requests, %d errors, %d tokens, %d unpriced", got.Requests, got.Errors, got.Tokens, got.Unpriced)
			}
			const want = "3 requests, 2 errors, 150 tokens, 1 unpriced"
			if got := sum(usage.Recordings(recordings)); got != want {
				t.Errorf("of the recordings: %s, want %s", got, want)
			}
			if got := sum(usage.AllRecorded()); got != want {
				t.Errorf("of all that is recorded: %s, want %s", got, want)
			}
			if got, err := usage.Summarize(r, []usage.Scope{usage.All()}, win); err != nil || got.Requests != 1 {
				t.Errorf("of the gateway: %+v", got)
			}
			if got, err := usage.Summarize(r, []usage.Scope{usage.Agent(agents[0]), usage.Agent(agents[1])}, win); err != nil || got.Requests != 1 {
				t.Errorf("of agents: %+v", got)
			}
			got, err := usage.Summarize(r, []usage.Scope{usage.Recordings(recordings)}, win)
			if w.ok(err); got.CostUSD == nil || *got.CostUSD != 0.02 || got.AvgLatency == nil || *got.AvgLatency != 400 || !near(got.P99, 400, 1, 1.0/64) {
				t.Errorf("cost %v, latency %v, p99 %v", *got.CostUSD, *got.AvgLatency, *got.P99)
			}
			models, err := usage.Models(r, []usage.Scope{usage.Recordings(recordings)}, win)
			if w.ok(err); fmt.Sprint(names(models)) != "[gpt-4o several unknown]" {
				t.Errorf("models: %v", names(models))
			}
		})
	}
	check()
	rows := w.rows()
	w.close()
	w.open(again{usage.New()})
	check()
	if now := w.rows(); !maps.Equal(now, rows) {
		t.Error("rebuilt rows differ")
	}
}

func names(models []usage.Model) (out []string) {
	for _, m := range models {
		out = append(out, m.Model)
	}
	return out
}

// What is asked for is by its source: a tenant's calls, its recordings, or both.
func TestSources(t *testing.T) {
	w := newRig(t, 2)
	w.update(person, func(tx entity.Tx) error {
		run.SetCollection(tx, tenants[0], recordings)
		return nil
	})
	w.view(func(r entity.Reader) {
		for source, want := range map[usage.Source][]usage.Scope{
			"": {usage.Tenant(tenants[0]), usage.Tenant(tenants[1]), usage.Recordings(recordings)}, usage.Gateway: usage.Tenants(tenants[:2]), usage.Recorder: {usage.Recordings(recordings)},
		} {
			if got, err := source.Of(r, tenants[:2]); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%q: %v, want %v: %v", source, got, want, err)
			}
		}
	})
	if len(usage.Source("").OfAll()) != 2 || len(usage.Gateway.OfAll()) != 1 || usage.Recorder.OfAll()[0] != usage.AllRecorded() {
		t.Error("of everybody")
	}
}
