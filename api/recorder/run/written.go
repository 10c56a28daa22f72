package run

import "stemma/entity"

// written is what was sealed of an entry and its content as the one that it reads
// back as, without the reading.
func written(ref entity.ChainRef, ts int64, entry, content entity.Properties) *Entry {
	e := &Entry{N: ref.N, TS: ts, CID: ref.CID}
	e.take(entry)
	e.take(content)
	return e
}

// take takes in what a body says.
func (e *Entry) take(body entity.Properties) {
	for key, v := range body {
		switch v := v.(type) {
		case string:
			e.setText(key, v)
		case int64:
			e.setInt(key, v)
			e.setNumber(key, float64(v))
		case float64:
			e.setNumber(key, v)
		case bool:
			e.Made = e.Made || key == "made" && v
			e.Failed = e.Failed || key == "failed" && v
		case map[string]any:
			switch key {
			case "metadata":
				e.Metadata = v
			case "usage":
				e.Usage = v
			case "content":
				at, _ := contentAt(body)
				e.Content = &at
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

func (e *Entry) setText(key, v string) {
	switch key {
	case "kind":
		e.Kind = Kind(v)
	case "agent_id":
		e.AgentID = entity.ID(v)
	case "session_id":
		e.SessionID = entity.ID(v)
	case "input":
		e.Input = &v
	case "output":
		e.Output = &v
	case "reasoning":
		e.Reasoning = &v
	case "target_system":
		e.TargetSystem = &v
	case "system_prompt":
		e.SystemPrompt = &v
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

func (e *Entry) setInt(key string, v int64) {
	switch key {
	case "at":
		e.At = &v
	case "sequence":
		e.Sequence = v
	case "steps":
		e.Steps = v
	case "step":
		e.Step = v
	case "started_at":
		e.Started = &v
	}
}

func (e *Entry) setNumber(key string, v float64) {
	switch key {
	case "duration_ms":
		e.DurationMS = &v
	case "tokens_used":
		e.Tokens = &v
	case "cost_cents":
		e.CostCents = &v
	case "total_tokens":
		e.TotalTokens = &v
	case "total_cost_cents":
		e.TotalCost = &v
	}
}
