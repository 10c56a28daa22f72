package run

import "stemma/entity"

// written is what is to be sealed of an entry as the one that it reads back as,
// without the reading.
func written(n, ts int64, b body) *Entry {
	var w struct {
		Entry
		told told
	}
	w.N, w.TS = n, ts
	w.take(b.entry, &w.told)
	w.take(b.content, &w.told)
	return &w.Entry
}

// sealed says where it is, and its content.
func (e *Entry) sealed(c entity.CID, entry entity.Properties, salt string) {
	e.CID = c
	if at, ok := contentAt(entry); ok {
		e.Content, e.Salt = &at, salt
	}
}

// told is room for what an entry points at, allocated with it.
type told struct {
	texts   [5]string
	numbers [5]float64
	ints    [2]int64
	n       [3]int // of the first three that are taken
}

func (t *told) text(v string) *string     { t.n[0]++; p := &t.texts[t.n[0]-1]; *p = v; return p }
func (t *told) number(v float64) *float64 { t.n[1]++; p := &t.numbers[t.n[1]-1]; *p = v; return p }
func (t *told) int(v int64) *int64        { t.n[2]++; p := &t.ints[t.n[2]-1]; *p = v; return p }

// take takes in what a body says.
func (e *Entry) take(body entity.Properties, t *told) {
	for key, v := range body {
		switch v := v.(type) {
		case string:
			e.setText(key, v, t)
		case int64:
			e.setInt(key, v, t)
			e.setNumber(key, float64(v), t)
		case float64:
			e.setNumber(key, v, t)
		case bool:
			e.Made = e.Made || key == "made" && v
			e.Failed = e.Failed || key == "failed" && v
		case map[string]any:
			switch key {
			case "metadata":
				e.Metadata = v
			case "usage":
				e.Usage = v
			}
		case []any:
			switch key {
			case "tool_calls":
				e.ToolCalls = v
			case "active_instructions":
				e.Instructions = v
			case "retrieved_documents":
				e.Documents = v
			}
		}
		switch key {
		case "request":
			e.Request = v
		case "response":
			e.Response = v
		case "arguments":
			e.Arguments = v
		case "result":
			e.Result = v
		}
	}
}

func (e *Entry) setText(key, v string, t *told) {
	switch key {
	case "kind":
		e.Kind = Kind(v)
	case "agent_id":
		e.AgentID = entity.ID(v)
	case "session_id":
		e.SessionID = entity.ID(v)
	case "input":
		e.Input = t.text(v)
	case "output":
		e.Output = t.text(v)
	case "reasoning":
		e.Reasoning = t.text(v)
	case "target_system":
		e.TargetSystem = t.text(v)
	case "system_prompt":
		e.SystemPrompt = t.text(v)
	case "trigger_type":
		e.Trigger = v
	case "agent":
		e.Agent = v
	case "step_type":
		e.StepType = v
	case "model":
		e.Model = v
	case "provider":
		e.Provider = v
	case "error_type":
		e.ErrorType = v
	case "error_message":
		e.Error = v
	case "partial":
		e.Partial = v
	case "tool_name":
		e.Tool = v
	case "status":
		e.Status = v
	case entity.ContentSalt:
		e.Salt = v
	case "trace_id":
		e.TraceID = v
	case "span_id":
		e.SpanID = v
	case "parent_span_id":
		e.ParentSpanID = v
	}
}

func (e *Entry) setInt(key string, v int64, t *told) {
	switch key {
	case "at":
		e.At = t.int(v)
	case "sequence":
		e.Sequence = v
	case "steps":
		e.Steps = v
	case "step":
		e.Step = v
	case "started_at":
		e.Started = t.int(v)
	}
}

func (e *Entry) setNumber(key string, v float64, t *told) {
	switch key {
	case "duration_ms":
		e.DurationMS = t.number(v)
	case "tokens_used":
		e.Tokens = t.number(v)
	case "cost_cents":
		e.CostCents = t.number(v)
	case "total_tokens":
		e.TotalTokens = t.number(v)
	case "total_cost_cents":
		e.TotalCost = t.number(v)
	}
}
