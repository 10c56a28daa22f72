package usage

import (
	"cmp"
	"math"
	"slices"
	"time"

	"stemma/api/llm/runs"
	"stemma/entity"
)

// Places of a row of sums. They are on disk: never changed, only added to.
const (
	requests = iota
	errored
	cancelled
	promptTokens
	completionTokens
	priced      // calls whose cost is known
	unpriced    // calls that took tokens, whose cost is not
	cost        // billionths of a dollar
	latency     // µs
	latencies   // calls that say
	overhead    // µs
	overheads   // calls that say
	ttfb        // µs
	ttfbs       // calls that say
	ragCalls    // calls that something was looked up for
	ragFailed   // of those, that failed
	ragFallback // of those, that went on without
	ragTime     // µs
	ragChunks
	wholeTokens // of calls that say no more than how many in all
	places

	histogram = 64 // and above: latencies by bucket
)

// call is a run, as it is counted.
type call struct {
	tenant, agent entity.ID
	key, model    string
	recordings    entity.ID // that a recorded run lies in; "" of a run of the server's own
	at            int64     // ms since 1970
	sums          entity.Sums
}

func (c *call) add(place uint32, amount int64) {
	if amount > 0 {
		c.sums = append(c.sums, entity.Sum{Place: place, Amount: amount})
	}
}

// ours tells whether a manifest is a run that the server has written itself.
func ours(m *entity.Manifest) bool {
	return m != nil && m.Type == runs.Type && m.EditedBy.UserID == "system" && m.EditedBy.Method == entity.MethodSystem
}

// recorded tells whether a step is the end of a run of a recorder: one that lies in
// somebody's recordings, with its chain pinned, and that the server has not begun
// itself.
func recorded(before, after *entity.Manifest) bool {
	if after == nil || after.Type != runs.Type || !ended(after) || len(after.Collection()) != idLength {
		return false
	}
	if _, pinned := after.Properties["chain"].(map[string]any); !pinned {
		return false
	}
	if before == nil {
		return !ours(after)
	}
	return !ours(before) && text(before.Properties, "status") == running
}

const running = "running"

func ended(m *entity.Manifest) bool {
	switch text(m.Properties, "status") {
	case runs.Completed, runs.Failed, runs.Cancelled, runs.TimedOut:
		return true
	}
	return false
}

// callOf reads a run that has ended.
func callOf(m *entity.Manifest) *call {
	p := m.Properties
	c := &call{tenant: tenantOf(m), key: text(p, "key"), model: clip(cmp.Or(text(p, "model"), "unknown")), at: atOf(m)}
	if c.agent = peer(m, runs.PredicateAgent); len(c.agent) != idLength {
		c.agent = ""
	}
	c.add(requests, 1)
	switch text(p, "status") {
	case runs.Failed, runs.TimedOut:
		c.add(errored, 1)
	case runs.Cancelled:
		c.add(cancelled, 1)
	}
	prompt, completion := whole(p["prompt_tokens"], 1), whole(p["completion_tokens"], 1)
	c.add(promptTokens, prompt)
	c.add(completionTokens, completion)
	c.costs(p["cost_usd"], 1e9, prompt+completion)
	c.timed(latency, p["latency_ms"])
	c.timed(overhead, p["overhead_ms"])
	c.timed(ttfb, p["ttfb_ms"])
	if rag, ok := p["rag"].(map[string]any); ok {
		c.add(ragCalls, 1)
		if stage := text(rag, "stage_failed"); stage != "" && stage != "none" {
			c.add(ragFailed, 1)
		}
		if fallback, _ := rag["fallback"].(bool); fallback {
			c.add(ragFallback, 1)
		}
		c.add(ragTime, whole(rag["retrieval_ms"], 1000))
		c.add(ragChunks, whole(rag["chunks"], 1))
	}
	c.took(p["latency_ms"])
	return c
}

// several is the model of a recorded run in which there were some.
const several = "several"

// recordedCall reads a recorded run that has ended. How long it took counts where it
// was one call; of an agent at work for minutes nobody wants to know as of a call.
func recordedCall(m *entity.Manifest) *call {
	p := m.Properties
	c := &call{recordings: m.Collection(), model: "unknown", at: atOf(m)}
	switch models, _ := p["models"].([]any); len(models) {
	case 0:
	case 1:
		if model, _ := models[0].(string); model != "" {
			c.model = clip(model)
		}
	default:
		c.model = several
	}
	c.add(requests, 1)
	switch text(p, "status") {
	case runs.Failed, runs.TimedOut:
		c.add(errored, 1)
	}
	single := p["steps"] == int64(1)
	tokens := whole(p["total_tokens"], 1)
	c.costs(p["total_cost_cents"], 1e7, tokens)
	if single {
		c.timed(latency, p["duration_ms"])
	}
	c.add(wholeTokens, tokens)
	if single {
		c.took(p["duration_ms"])
	}
	return c
}

// atOf is when a run ended, as it is counted.
func atOf(m *entity.Manifest) int64 {
	at := m.TS
	if t, err := time.Parse(entity.TimeLayout, text(m.Properties, "completed_at")); err == nil {
		at = t.UnixMilli()
	}
	return min(max(at, 0), math.MaxUint32*level5.width())
}

// costs counts what so many tokens cost, in parts of a dollar of which one is so
// many billionths.
func (c *call) costs(v any, billionths float64, tokens int64) {
	if amount, ok := number(v); ok {
		c.add(priced, 1)
		c.add(cost, round(amount*billionths))
	} else if tokens > 0 {
		c.add(unpriced, 1)
	}
}

// timed counts a time in ms, and that it is known.
func (c *call) timed(place uint32, v any) {
	if _, ok := number(v); ok {
		c.add(place, whole(v, 1000))
		c.add(place+1, 1)
	}
}

// took counts a time in ms in the histogram, which comes last.
func (c *call) took(v any) {
	if _, ok := number(v); ok {
		c.add(histogram+bucketOf(whole(v, 1000)), 1)
	}
}

// tenantOf is the tenant that a run was for, "" for none.
func tenantOf(m *entity.Manifest) entity.ID {
	id := entity.ID(text(m.Properties, "tenant"))
	if len(id) != idLength {
		return ""
	}
	return id
}

const idLength = 26

func text(p entity.Properties, name string) string {
	s, _ := p[name].(string)
	return s
}

func peer(m *entity.Manifest, predicate entity.Predicate) entity.ID {
	i := slices.IndexFunc(m.Relationships, func(r entity.Relationship) bool { return r.Predicate == predicate })
	if i < 0 {
		return ""
	}
	return m.Relationships[i].Peer
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// mostAmount bounds what one call counts, so that no sum runs over.
const mostAmount = 1 << 50

func round(f float64) int64 {
	return int64(math.Round(min(max(f, 0), mostAmount))) // NaN is no number of a manifest
}

func whole(v any, times float64) int64 {
	f, _ := number(v)
	return round(f * times)
}

// clip bounds a model's name as part of a key.
func clip(s string) string { return s[:min(len(s), 200)] }
