package provider

import "encoding/json"

// completion is an answer, or a chunk of one, in the pivot, as the mappings make
// it.
type completion struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *Usage   `json:"usage,omitempty"`
}

type choice struct {
	Index   int            `json:"index"`
	Message *answerMessage `json:"message,omitempty"`
	Delta   *answerMessage `json:"delta,omitempty"`
	Finish  *string        `json:"finish_reason"`
}

// Usage counts tokens in the pivot.
type Usage struct {
	Prompt     int64          `json:"prompt_tokens"`
	Completion int64          `json:"completion_tokens"`
	Total      int64          `json:"total_tokens"`
	Details    *PromptDetails `json:"prompt_tokens_details,omitempty"`
}

// PromptDetails tells which of the prompt's tokens cost less.
type PromptDetails struct {
	Cached int64 `json:"cached_tokens"`
}

type answerMessage struct {
	Role      string
	Content   *string
	Reasoning string // reasoning_content
	Signature string // reasoning_signature, in a chunk: Anthropic's, of what was thought
	ToolCalls []ToolCall
	Aside     json.RawMessage // see aside.go

	deltaCalls []deltaCall // in a chunk, in place of ToolCalls
}

// deltaCall is a piece of a call, with its number among the answer's calls.
type deltaCall struct {
	Index int
	ToolCall
}

// MarshalJSON is a piece as chunks have it: what it does not tell is left out.
func (c deltaCall) MarshalJSON() ([]byte, error) {
	function := map[string]string{"arguments": c.Function.Arguments}
	if c.Function.Name != "" {
		function["name"] = c.Function.Name
	}
	out := Body{}
	out.Set("index", c.Index)
	out.Set("function", function)
	if c.ID != "" {
		out.Set("id", c.ID)
		out.Set("type", "function")
	}
	if c.Extra != nil {
		out["extra_content"] = c.Extra
	}
	return out.Bytes(), nil
}

// MarshalJSON writes content also where it is null: an answer of calls alone.
func (m answerMessage) MarshalJSON() ([]byte, error) {
	out := Body{}
	if m.Role != "" {
		out.Set("role", m.Role)
	}
	switch {
	case m.Content != nil:
		out.Set("content", *m.Content)
	case m.ToolCalls != nil:
		out["content"] = json.RawMessage("null")
	}
	if m.Reasoning != "" {
		out.Set("reasoning_content", m.Reasoning)
	}
	if m.Signature != "" {
		out.Set("reasoning_signature", m.Signature)
	}
	if m.Aside != nil {
		out[aside] = m.Aside
	}
	switch {
	case m.ToolCalls != nil:
		out.Set("tool_calls", m.ToolCalls)
	case m.deltaCalls != nil:
		out.Set("tool_calls", m.deltaCalls)
	}
	return out.Bytes(), nil
}

// set sets what was said and thought.
func (m *answerMessage) set(said, thought string) {
	m.Reasoning = thought
	if said != "" || len(m.ToolCalls) == 0 {
		m.Content = &said
	}
}

func pointer[T any](v T) *T { return &v }
