package run

import (
	"time"

	"stemma/entity"
)

// Summary is a run as lists know it: read off its manifest.
type Summary struct {
	_          struct{}  `cbor:",toarray"`
	ID         entity.ID `cbor:"-"`
	Collection entity.ID
	Agent      entity.ID
	AgentName  string
	Session    entity.ID
	Status     string
	Trigger    string
	Started    int64 // ms since 1970
	Completed  int64 // 0: it has not
	Duration   *float64
	Tokens     *float64
	CostCents  *float64
	Steps      *int64 // nil of a running run, as its manifest does not count
	Tools      *int64
	Errors     int64
	Models     []string
	Anomalies  []string // codes
	ErrorType  string
	Partial    bool
	Trace      string   // of its start: W3C trace context, in hexadecimal
	Traces     []string // others that its steps are part of, of a run that has ended
	Deleted    int64    // when its content was, ms since 1970; 0: it was not
	Held       *Hold    // its content is not to be deleted
	Kept       bool     // its content cannot be deleted: it was recorded before that could be
}

// SummaryOf reads a run's manifest; nil of what is none, or lies in no collection.
func SummaryOf(m *entity.Manifest) *Summary {
	if m == nil || m.Type != Type || m.Deleted() {
		return nil
	}
	p := m.Properties
	s := &Summary{
		ID: m.ID, Collection: m.Collection(), AgentName: text(p, "agent_name"), Status: text(p, "status"), Trigger: text(p, "trigger_type"),
		Started: millis(p, "started_at"), Completed: millis(p, "completed_at"), Duration: floatOf(p, "duration_ms"),
		Tokens: floatOf(p, "total_tokens"), CostCents: floatOf(p, "total_cost_cents"), Steps: intOf(p, "steps"), Tools: intOf(p, "tools"),
		Models: textsOf(p, "models"), ErrorType: text(p, "error_type"), Trace: text(p, "trace_id"), Traces: textsOf(p, "trace_ids"),
	}
	if n := intOf(p, "errors"); n != nil {
		s.Errors = *n
	}
	s.Partial, _ = p["partial"].(bool)
	s.Kept, _ = p[propKept].(bool)
	s.Held = HoldOf(m)
	if gone, ok := p[propDeleted].(map[string]any); ok {
		s.Deleted = millis(gone, "at")
	}
	for _, r := range m.Relationships {
		switch r.Predicate {
		case PredicateAgent:
			s.Agent = r.Peer
		case PredicateSession:
			s.Session = r.Peer
		}
	}
	list, _ := p["anomalies"].([]any)
	for _, a := range list {
		found, _ := a.(map[string]any)
		if code := text(found, "code"); code != "" {
			s.Anomalies = append(s.Anomalies, code)
		}
	}
	if s.Collection == "" {
		return nil
	}
	return s
}

func text(p entity.Properties, key string) string {
	s, _ := p[key].(string)
	return s
}

func millis(p entity.Properties, key string) int64 {
	t, err := time.Parse(entity.TimeLayout, text(p, key))
	if err != nil {
		return 0
	}
	return t.UnixMilli()
}

func floatOf(p entity.Properties, key string) *float64 {
	switch v := p[key].(type) {
	case int64:
		return float(float64(v))
	case float64:
		return &v
	}
	return nil
}

func intOf(p entity.Properties, key string) *int64 {
	if n, ok := p[key].(int64); ok {
		return &n
	}
	return nil
}

func textsOf(p entity.Properties, key string) (out []string) {
	list, _ := p[key].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
