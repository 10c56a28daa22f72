package provider

import (
	"encoding/json"
	"strings"

	"stemma/entity"
)

// The format of Anthropic's messages, version 2023-06-01: docs.anthropic.com,
// "Messages" and "Streaming messages".

// anthropicMaxTokens is what an answer may have where nobody says: the format
// wants a number.
const anthropicMaxTokens = 4096

// block is a piece of content, of those kinds that have a counterpart.
type block struct {
	Type      string          `json:"type"`
	Text      string          `json:"text,omitempty"`
	Source    *source         `json:"source,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
	ToolUseID string          `json:"tool_use_id,omitempty"`
	Content   json.RawMessage `json:"content,omitempty"`
	Thinking  string          `json:"thinking,omitempty"`
}

type source struct {
	Type      string `json:"type"`
	MediaType string `json:"media_type,omitempty"`
	Data      string `json:"data,omitempty"`
	URL       string `json:"url,omitempty"`
}

type anthropicMessage struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

func anthropicChat(_ *Config, r *Request) (Call, error) {
	messages, err := r.Body.Messages()
	if err != nil {
		return Call{}, entity.Invalid("provider.anthropic", "messages: %s", err)
	}
	out := Body{}
	r.Body.Into(aside, &out)
	system, list := anthropicMessages(messages)
	if len(system) > 0 {
		out.Set("system", system)
	}
	out.Set("messages", list)
	if r.Model != "" {
		out.Set("model", r.Model)
	}
	if r.Stream {
		out.Set("stream", true)
	}
	if err := anthropicParameters(r.Body, out); err != nil {
		return Call{}, err
	}
	return Call{Path: "/v1/messages", Body: out.Bytes()}, nil
}

// anthropicParameters sets what is not messages. What has no counterpart is left
// out, but for more than one answer.
func anthropicParameters(in, out Body) error {
	var n int
	if in.Into("n", &n) && n > 1 {
		return entity.Invalid("provider.anthropic", "n is %d; this provider gives one answer", n)
	}
	switch {
	case in.Has("max_completion_tokens"):
		out["max_tokens"] = in["max_completion_tokens"]
	case in.Has("max_tokens"):
		out["max_tokens"] = in["max_tokens"]
	case !out.Has("max_tokens"):
		out.Set("max_tokens", anthropicMaxTokens)
	}
	var temperature float64
	if in.Into("temperature", &temperature) {
		out.Set("temperature", min(temperature, 1)) // the pivot's goes to 2
	}
	if in.Has("top_p") {
		out["top_p"] = in["top_p"]
	}
	if stop := in["stop"]; present(stop) {
		if stop[0] == '"' {
			stop = encode([]json.RawMessage{stop})
		}
		out["stop_sequences"] = stop
	}
	if user := in.Text("user"); user != "" && !out.Has("metadata") {
		out.Set("metadata", map[string]string{"user_id": user})
	}
	anthropicTools(in, out)
	return nil
}

// tool is a function that a model may call, in the pivot.
type tool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters,omitempty"`
	} `json:"function"`
	Aside json.RawMessage `json:"x_anthropic,omitempty"`
}

// toolChoice is which tool a model shall call: mode is auto, none, required or
// function, and then name says which.
func toolChoice(raw json.RawMessage) (mode, name string) {
	if mode = text(raw); mode != "" {
		return mode, ""
	}
	var chosen tool
	if json.Unmarshal(raw, &chosen) == nil && chosen.Function.Name != "" {
		return "function", chosen.Function.Name
	}
	return "", ""
}

func anthropicTools(in, out Body) {
	var tools []tool
	if !in.Into("tools", &tools) || len(tools) == 0 {
		return
	}
	list := []json.RawMessage{}
	for _, t := range tools {
		if t.Aside != nil {
			list = append(list, t.Aside)
			continue
		}
		b := Body{}
		b.Set("name", t.Function.Name)
		if t.Function.Description != "" {
			b.Set("description", t.Function.Description)
		}
		if b["input_schema"] = t.Function.Parameters; !present(t.Function.Parameters) {
			b["input_schema"] = json.RawMessage(`{"type":"object"}`)
		}
		list = append(list, b.Bytes())
	}
	out.Set("tools", list)
	choice := map[string]any{}
	switch mode, name := toolChoice(in["tool_choice"]); mode {
	case "auto", "none":
		choice["type"] = mode
	case "required":
		choice["type"] = "any"
	case "function":
		choice["type"], choice["name"] = "tool", name
	}
	parallel := true
	if in.Into("parallel_tool_calls", &parallel) && !parallel && choice["type"] != "none" {
		if choice["type"] == nil {
			choice["type"] = "auto"
		}
		choice["disable_parallel_tool_use"] = true
	}
	if len(choice) > 0 {
		out.Set("tool_choice", choice)
	}
}

// anthropicMessages takes the system's messages out, and joins what follows each
// other under one role: the results of calls made at once must be one message.
func anthropicMessages(messages []Message) (system []json.RawMessage, list []anthropicMessage) {
	for _, m := range messages {
		blocks := m.blocks()
		switch m.Role {
		case "system", "developer":
			system = append(system, blocks...)
			continue
		case "assistant":
		default:
			m.Role = "user"
		}
		if len(blocks) == 0 {
			continue
		}
		if n := len(list); n > 0 && list[n-1].Role == m.Role {
			list[n-1].Content = append(list[n-1].Content.([]json.RawMessage), blocks...)
			continue
		}
		list = append(list, anthropicMessage{m.Role, blocks})
	}
	return system, list
}

// blocks are the pieces of a message as Anthropic has them.
func (m *Message) blocks() (out []json.RawMessage) {
	if m.Body.Into(aside, &out) {
		return out
	}
	add := func(b block) { out = append(out, encode(b)) }
	if m.Role == "tool" {
		content := m.Content
		if !present(content) {
			content = json.RawMessage(`""`)
		}
		add(block{Type: "tool_result", ToolUseID: m.ToolCallID, Content: content})
		return out
	}
	for _, p := range m.parts() {
		switch p.Type {
		case "image_url":
			if mediaType, data, ok := dataURL(p.ImageURL.URL); ok {
				add(block{Type: "image", Source: &source{Type: "base64", MediaType: mediaType, Data: data}})
			} else {
				add(block{Type: "image", Source: &source{Type: "url", URL: p.ImageURL.URL}})
			}
		case "file":
			if mediaType, data, ok := dataURL(p.File.Data); ok {
				add(block{Type: "document", Source: &source{Type: "base64", MediaType: mediaType, Data: data}})
			}
		default:
			if t := p.Text + p.Refusal; t != "" {
				add(block{Type: "text", Text: t})
			}
		}
	}
	for _, c := range m.ToolCalls {
		add(block{Type: "tool_use", ID: c.ID, Name: c.Function.Name, Input: c.Function.input()})
	}
	return out
}

// anthropicUsage counts tokens; what came from a cache is not in Input.
type anthropicUsage struct {
	Input      int64 `json:"input_tokens"`
	CacheWrite int64 `json:"cache_creation_input_tokens"`
	CacheRead  int64 `json:"cache_read_input_tokens"`
	Output     int64 `json:"output_tokens"`
}

func (u anthropicUsage) pivot() *Usage {
	prompt := u.Input + u.CacheWrite + u.CacheRead
	out := &Usage{Prompt: prompt, Completion: u.Output, Total: prompt + u.Output}
	if u.CacheRead > 0 {
		out.Details = &PromptDetails{Cached: u.CacheRead}
	}
	return out
}

// stopReasons are why an answer ended, in the pivot's words.
var stopReasons = map[string]string{"end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length", "model_context_window_exceeded": "length", "tool_use": "tool_calls", "refusal": "content_filter"}

func stopReason(s string) string {
	if r := stopReasons[s]; r != "" {
		return r
	}
	return "stop"
}

type anthropicReply struct {
	ID         string            `json:"id"`
	Type       string            `json:"type"`
	Model      string            `json:"model"`
	Content    []json.RawMessage `json:"content"`
	StopReason string            `json:"stop_reason"`
	Usage      anthropicUsage    `json:"usage"`
}

func anthropicAnswer(body []byte, model string, at int64) ([]byte, error) {
	var in anthropicReply
	if err := json.Unmarshal(body, &in); err != nil || in.Type != "message" {
		return nil, badAnswer("it is no message of Anthropic's", body)
	}
	m := answerMessage{Role: "assistant"}
	var said, thought strings.Builder
	whole := true // the pivot has all of it
	for _, raw := range in.Content {
		var b block
		if err := json.Unmarshal(raw, &b); err != nil {
			return nil, badAnswer("a block of its content is not readable", body)
		}
		switch b.Type {
		case "text":
			said.WriteString(b.Text)
		case "thinking":
			thought.WriteString(b.Thinking)
		case "tool_use":
			m.ToolCalls = append(m.ToolCalls, ToolCall{ID: b.ID, Type: "function", Function: ToolFunction{b.Name, string(b.Input)}})
		}
		whole = whole && (b.Type == "text" || b.Type == "tool_use")
	}
	if !whole {
		m.Aside = encode(in.Content)
	}
	m.set(said.String(), thought.String())
	if in.Model != "" {
		model = in.Model
	}
	return encode(completion{ID: in.ID, Object: "chat.completion", Created: at, Model: model, Usage: in.Usage.pivot(),
		Choices: []choice{{Message: &m, Finish: pointer(stopReason(in.StopReason))}}}), nil
}

// anthropicDecoder reads a stream of Anthropic's events.
type anthropicDecoder struct {
	head  completion // of every chunk
	usage anthropicUsage
	calls int
	tools map[int]int // number of the call by index of the block
	stop  string
}

func newAnthropicDecoder(model string, at int64) Decoder {
	return &anthropicDecoder{head: completion{Object: "chat.completion.chunk", Model: model, Created: at}, tools: map[int]int{}}
}

type anthropicEvent struct {
	Type    string         `json:"type"`
	Index   int            `json:"index"`
	Message anthropicReply `json:"message"`
	Block   block          `json:"content_block"`
	Delta   struct {
		Type       string `json:"type"`
		Text       string `json:"text"`
		JSON       string `json:"partial_json"`
		Thinking   string `json:"thinking"`
		Signature  string `json:"signature"`
		StopReason string `json:"stop_reason"`
	} `json:"delta"`
	Usage json.RawMessage `json:"usage"`
	Error json.RawMessage `json:"error"`
}

func (d *anthropicDecoder) delta(m answerMessage) []json.RawMessage {
	c := d.head
	c.Choices = []choice{{Delta: &m}}
	return []json.RawMessage{encode(c)}
}

func (d *anthropicDecoder) Event(_ string, data []byte) (chunks []json.RawMessage, last bool, err error) {
	var e anthropicEvent
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, false, badAnswer("an event of its stream is not JSON", data)
	}
	switch e.Type {
	case "message_start":
		d.head.ID, d.usage = e.Message.ID, e.Message.Usage
		if e.Message.Model != "" {
			d.head.Model = e.Message.Model
		}
		return d.delta(answerMessage{Role: "assistant", Content: pointer("")}), false, nil
	case "content_block_start":
		switch e.Block.Type {
		case "tool_use":
			d.tools[e.Index] = d.calls
			d.calls++
			call := ToolCall{ID: e.Block.ID, Type: "function", Function: ToolFunction{Name: e.Block.Name}}
			return d.delta(answerMessage{deltaCalls: []deltaCall{{d.tools[e.Index], call}}}), false, nil
		case "text":
			if e.Block.Text != "" {
				return d.delta(answerMessage{Content: &e.Block.Text}), false, nil
			}
		}
	case "content_block_delta":
		switch e.Delta.Type {
		case "text_delta":
			return d.delta(answerMessage{Content: &e.Delta.Text}), false, nil
		case "thinking_delta":
			return d.delta(answerMessage{Reasoning: e.Delta.Thinking}), false, nil
		case "signature_delta":
			return d.delta(answerMessage{Signature: e.Delta.Signature}), false, nil
		case "input_json_delta":
			if n, ok := d.tools[e.Index]; ok && e.Delta.JSON != "" {
				return d.delta(answerMessage{deltaCalls: []deltaCall{{n, ToolCall{Function: ToolFunction{Arguments: e.Delta.JSON}}}}}), false, nil
			}
		}
	case "message_delta":
		_ = json.Unmarshal(e.Usage, &d.usage) // has what is new only
		d.stop = stopReason(e.Delta.StopReason)
		c := d.head
		c.Choices = []choice{{Delta: &answerMessage{}, Finish: &d.stop}}
		return []json.RawMessage{encode(c)}, false, nil
	case "message_stop":
		c := d.head
		c.Choices, c.Usage = []choice{}, d.usage.pivot()
		return []json.RawMessage{encode(c)}, true, nil
	case "error":
		return nil, true, failureOf(0, encode(map[string]json.RawMessage{"error": e.Error}), nil)
	}
	return nil, false, nil
}
