package provider

import "encoding/json"

// What is sent.
type (
	wireRequest struct {
		Model      string        `json:"model"`
		Messages   []wireMessage `json:"messages"`
		Tools      []wireTool    `json:"tools,omitempty"`
		ToolChoice string        `json:"tool_choice,omitempty"`
		Stream     bool          `json:"stream"`
		Options    struct {
			Usage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	wireMessage struct {
		Role    Role       `json:"role"`
		Content *string    `json:"content"` // null beside calls alone
		Calls   []wireCall `json:"tool_calls,omitempty"`
		CallID  string     `json:"tool_call_id,omitempty"`
	}
	wireTool struct {
		Type     string       `json:"type"`
		Function wireFunction `json:"function"`
	}
	wireFunction struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters,omitempty"`
	}
	wireCall struct {
		Index    *int   `json:"index,omitempty"` // in an answer
		ID       string `json:"id,omitempty"`
		Type     string `json:"type,omitempty"`
		Function struct {
			Name      string `json:"name,omitempty"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	}
)

// What comes, a chunk at a time.
type (
	wireChunk struct {
		Choices []struct {
			Delta struct {
				Content   *string    `json:"content"`
				Refusal   *string    `json:"refusal"`
				Reasoning *string    `json:"reasoning_content"` // DeepSeek, vLLM
				Thinking  *string    `json:"reasoning"`         // OpenRouter, Ollama
				Calls     []wireCall `json:"tool_calls"`
			} `json:"delta"`
			Finish *string `json:"finish_reason"`
		} `json:"choices"`
		Usage *struct {
			Input  int64 `json:"prompt_tokens"`
			Output int64 `json:"completion_tokens"`
		} `json:"usage"`
		Error json.RawMessage `json:"error"`
	}
)

// body is a request as it is sent.
func (c *Client) body(r Request) ([]byte, error) {
	w := wireRequest{Model: c.o.Model, Stream: true}
	w.Options.Usage = true
	for _, m := range r.Messages {
		out := wireMessage{Role: m.Role, Content: &m.Text, CallID: m.CallID}
		if len(m.Calls) > 0 && m.Text == "" {
			out.Content = nil
		}
		for _, call := range m.Calls {
			wc := wireCall{ID: call.ID, Type: "function"}
			wc.Function.Name, wc.Function.Arguments = call.Name, call.Arguments
			out.Calls = append(out.Calls, wc)
		}
		w.Messages = append(w.Messages, out)
	}
	for _, t := range r.Tools {
		w.Tools = append(w.Tools, wireTool{Type: "function", Function: wireFunction(t)})
	}
	if r.NoCalls && len(w.Tools) > 0 {
		w.ToolChoice = "none"
	}
	return json.Marshal(w)
}

// finishes are the reasons as providers write them. Old ones say function_call.
var finishes = map[string]Finish{
	"stop": FinishStop, "length": FinishLength, "tool_calls": FinishCalls, "function_call": FinishCalls, "content_filter": FinishFilter,
}
