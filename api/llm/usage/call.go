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
	places

	histogram = 64 // and above: latencies by bucket
)

// call is a run, as it is counted.
type call struct {
	tenant, agent entity.ID
	key, model    string
	at            int64 // ms since 1970
	sums          entity.Sums
}

// ours tells whether a manifest is a run that the server has written itself.
func ours(m *entity.Manifest) bool {
	return m != nil && m.Type == runs.Type && m.EditedBy.UserID == "system" && m.EditedBy.Method == entity.MethodSystem
}

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
	c := &call{tenant: tenantOf(m), key: text(p, "key"), model: clip(cmp.Or(text(p, "model"), "unknown")), at: m.TS}
	if c.agent = peer(m, runs.PredicateAgent); len(c.agent) != idLength {
		c.agent = ""
	}
	if t, err := time.Parse(entity.TimeLayout, text(p, "completed_at")); err == nil {
		c.at = t.UnixMilli()
	}
	c.at = min(max(c.at, 0), math.MaxUint32*level5.width())
	add := func(place uint32, amount int64) {
		if amount > 0 {
			c.sums = append(c.sums, entity.Sum{Place: place, Amount: amount})
		}
	}
	add(requests, 1)
	switch text(p, "status") {
	case runs.Failed, runs.TimedOut:
		add(errored, 1)
	case runs.Cancelled:
		add(cancelled, 1)
	}
	prompt, completion := whole(p["prompt_tokens"], 1), whole(p["completion_tokens"], 1)
	add(promptTokens, prompt)
	add(completionTokens, completion)
	if usd, ok := number(p["cost_usd"]); ok {
		add(priced, 1)
		add(cost, round(usd*1e9))
	} else if prompt+completion > 0 {
		add(unpriced, 1)
	}
	timed := func(place uint32, v any) {
		if _, ok := number(v); ok {
			add(place, whole(v, 1000))
			add(place+1, 1)
		}
	}
	timed(latency, p["latency_ms"])
	timed(overhead, p["overhead_ms"])
	timed(ttfb, p["ttfb_ms"])
	if rag, ok := p["rag"].(map[string]any); ok {
		add(ragCalls, 1)
		if stage := text(rag, "stage_failed"); stage != "" && stage != "none" {
			add(ragFailed, 1)
		}
		if fallback, _ := rag["fallback"].(bool); fallback {
			add(ragFallback, 1)
		}
		add(ragTime, whole(rag["retrieval_ms"], 1000))
		add(ragChunks, whole(rag["chunks"], 1))
	}
	if _, ok := number(p["latency_ms"]); ok {
		add(histogram+bucketOf(whole(p["latency_ms"], 1000)), 1)
	}
	return c
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
