package provider

import (
	"encoding/json"
	"slices"

	"stemma/entity"
)

// MessagesRequest is the pivot of a request in the format of Anthropic's
// messages. KindInvalid when it is none.
func MessagesRequest(body []byte) (Body, error) {
	in, err := ParseBody(body)
	if err != nil {
		return nil, err
	}
	out, own := Body{}, Body{}
	for name, value := range in {
		switch name {
		case "model", "stream", "max_tokens", "temperature", "top_p", "conversation_id", "partition_id":
			out[name] = value
		case "stop_sequences":
			out["stop"] = value
		case "system", "messages", "tools", "tool_choice":
		default:
			own[name] = value
		}
	}
	out.Set(aside, own)
	var metadata Body
	if in.Into("metadata", &metadata) && metadata.Text("user_id") != "" {
		out["user"] = metadata["user_id"]
	}
	messages, err := pivotMessages(in)
	if err != nil {
		return nil, err
	}
	out.Set("messages", messages)
	return out, pivotTools(in, out)
}

func pivotMessages(in Body) (out []Body, err error) {
	const op = "provider.MessagesRequest"
	if in.Has("system") {
		m, err := pivotMessage("system", in["system"])
		if err != nil {
			return nil, entity.Invalid(op, "system: %s", err)
		}
		out = append(out, m...)
	}
	var list []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(in["messages"], &list); err != nil || len(list) == 0 {
		return nil, entity.Invalid(op, `messages must be an array with at least one message, like [{"role":"user","content":"Hello"}]`)
	}
	for i, m := range list {
		if m.Role != "user" && m.Role != "assistant" {
			return nil, entity.Invalid(op, "messages[%d].role must be user or assistant, not %.40q", i, m.Role)
		}
		made, err := pivotMessage(m.Role, m.Content)
		if err != nil {
			return nil, entity.Invalid(op, "messages[%d].content: %s", i, err)
		}
		out = append(out, made...)
	}
	return out, nil
}

// pivotMessage is a message of content blocks: results of calls are messages of
// their own, before the rest.
func pivotMessage(role string, content json.RawMessage) (out []Body, err error) {
	const op = "provider.MessagesRequest"
	if len(content) > 0 && content[0] == '"' {
		m := Body{"content": content}
		m.Set("role", role)
		return []Body{m}, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(content, &raw); err != nil || !present(content) {
		return nil, entity.Invalid(op, "must be text or an array of content blocks")
	}
	var parts []any
	var calls []ToolCall
	var rest []json.RawMessage
	for _, r := range raw {
		var b block
		if err := json.Unmarshal(r, &b); err != nil || b.Type == "" {
			return nil, entity.Invalid(op, "a block must be an object with a type")
		}
		switch b.Type {
		case "tool_result":
			m := Body{}
			m.Set("role", "tool")
			m.Set("tool_call_id", b.ToolUseID)
			m.Set("content", blocksText(b.Content))
			m.Set(aside, []json.RawMessage{r})
			out = append(out, m)
			continue
		case "tool_use":
			calls = append(calls, ToolCall{ID: b.ID, Type: "function", Function: ToolFunction{b.Name, string(b.Input)}})
		default:
			if p := b.part(); p != nil {
				parts = append(parts, p)
			}
		}
		rest = append(rest, r)
	}
	if len(rest) == 0 {
		return out, nil
	}
	m := Body{}
	m.Set("role", role)
	m.Set("content", parts)
	if calls != nil {
		m.Set("tool_calls", calls)
	}
	m.Set(aside, rest)
	return append(out, m), nil
}

// part is a block as a part of the pivot; nil when it has no counterpart.
func (b *block) part() any {
	at := ""
	if b.Source != nil {
		if at = b.Source.URL; b.Source.Type == "base64" {
			at = "data:" + b.Source.MediaType + ";base64," + b.Source.Data
		}
	}
	switch {
	case b.Type == "text":
		return map[string]string{"type": "text", "text": b.Text}
	case b.Type == "image" && at != "":
		return map[string]any{"type": "image_url", "image_url": map[string]string{"url": at}}
	case b.Type == "document" && at != "":
		return map[string]any{"type": "file", "file": map[string]string{"filename": "document", "file_data": at}}
	}
	return nil
}

// blocksText is the text of a result: text, or blocks.
func blocksText(raw json.RawMessage) string {
	m := Message{Content: raw}
	return m.Text()
}

func pivotTools(in, out Body) error {
	if in.Has("tools") {
		var tools []Body
		if !in.Into("tools", &tools) {
			return entity.Invalid("provider.MessagesRequest", "tools must be an array of objects with a name and an input_schema")
		}
		list := make([]Body, len(tools))
		for i, t := range tools {
			list[i] = Body{aside: t.Bytes()}
			if t.Has("input_schema") {
				function := Body{"name": t["name"], "parameters": t["input_schema"]}
				if t.Has("description") {
					function["description"] = t["description"]
				}
				list[i].Set("type", "function")
				list[i].Set("function", function)
			}
		}
		out.Set("tools", list)
	}
	var choice struct {
		Type   string `json:"type"`
		Name   string `json:"name"`
		Single bool   `json:"disable_parallel_tool_use"`
	}
	if !in.Into("tool_choice", &choice) {
		return nil
	}
	switch choice.Type {
	case "auto", "none":
		out.Set("tool_choice", choice.Type)
	case "any":
		out.Set("tool_choice", "required")
	case "tool":
		out.Set("tool_choice", map[string]any{"type": "function", "function": map[string]string{"name": choice.Name}})
	}
	if choice.Single {
		out.Set("parallel_tool_calls", false)
	}
	return nil
}

// stopWords are why an answer ended, in Anthropic's words.
var stopWords = map[string]string{"length": "max_tokens", "tool_calls": "tool_use", "function_call": "tool_use", "content_filter": "refusal"}

func stopWord(finish string) string {
	if w := stopWords[finish]; w != "" {
		return w
	}
	return "end_turn"
}

// usageOf counts in Anthropic's words, where what came from a cache is not in the
// input.
func usageOf(u *Usage) map[string]int64 {
	if u == nil {
		u = &Usage{}
	}
	out := map[string]int64{"input_tokens": u.Prompt, "output_tokens": u.Completion}
	if u.Details != nil && u.Details.Cached > 0 {
		out["input_tokens"] = max(0, u.Prompt-u.Details.Cached)
		out["cache_read_input_tokens"] = u.Details.Cached
	}
	return out
}

// MessagesAnswer is an answer of the pivot in the format of Anthropic's
// messages. Members of the pivot's that more names are kept.
func MessagesAnswer(pivot []byte, more ...string) ([]byte, error) {
	in, err := ParseBody(pivot)
	var choices []struct {
		Message json.RawMessage `json:"message"`
		Finish  string          `json:"finish_reason"`
	}
	if err != nil || !in.Into("choices", &choices) || len(choices) == 0 {
		return nil, badAnswer("it has no choices", pivot)
	}
	m, err := ParseMessage(choices[0].Message)
	if err != nil {
		return nil, badAnswer("its message cannot be read", pivot)
	}
	m.Role = "assistant"
	blocks := m.blocks()
	if thought := m.Body.Text("reasoning_content"); thought != "" && !m.Body.Has(aside) {
		blocks = slices.Insert(blocks, 0, encode(block{Type: "thinking", Thinking: thought}))
	}
	if blocks == nil {
		blocks = []json.RawMessage{}
	}
	var usage *Usage
	in.Into("usage", &usage)
	out := Body{"id": in["id"], "model": in["model"]}
	out.Set("type", "message")
	out.Set("role", "assistant")
	out.Set("content", blocks)
	out.Set("stop_reason", stopWord(choices[0].Finish))
	out.Set("stop_sequence", nil)
	out.Set("usage", usageOf(usage))
	for _, name := range more {
		if in[name] != nil {
			out[name] = in[name]
		}
	}
	return out.Bytes(), nil
}
