package dialect

import (
	"cmp"
	"fmt"
	"strings"
)

// The forms are those of Anthropic's Messages API and its streaming events.

func anthropicRequest(path string, body map[string]any, c *Call) {
	if strings.HasSuffix(strings.TrimSuffix(path, "/"), "/messages") {
		c.Operation = "messages"
	}
	c.Model = text(body, "model")
	c.Streamed, _ = body["stream"].(bool)
	setText(&c.System, contentText(body["system"]))
	for _, m := range list(body, "messages") {
		if obj, _ := m.(map[string]any); text(obj, "role") == "user" {
			setText(&c.Input, contentText(obj["content"]))
		}
	}
}

// anthropicUsage sums what went in: Anthropic counts tokens from and to the
// cache beside the others.
func anthropicUsage(u map[string]any, c *Call) {
	if u == nil {
		return
	}
	t := &c.Tokens
	var fresh *float64
	number(&fresh, u, "input_tokens")
	number(&t.CacheRead, u, "cache_read_input_tokens")
	number(&t.CacheWrite, u, "cache_creation_input_tokens")
	if fresh != nil {
		t.Input = sum(fresh, t.CacheRead, t.CacheWrite)
	}
	number(&t.Output, u, "output_tokens")
	t.Total = sum(t.Input, t.Output)
}

func anthropicResponse(body map[string]any, c *Call) {
	c.Model = cmp.Or(text(body, "model"), c.Model)
	anthropicUsage(sub(body, "usage"), c)
	c.Finish = text(body, "stop_reason")
	var said, thought []string
	for _, block := range list(body, "content") {
		obj, _ := block.(map[string]any)
		switch text(obj, "type") {
		case "text":
			said = append(said, text(obj, "text"))
		case "thinking":
			thought = append(thought, text(obj, "thinking"))
		case "tool_use", "server_tool_use", "mcp_tool_use":
			c.ToolCalls = append(c.ToolCalls, toolCall(text(obj, "id"), text(obj, "name"), obj["input"]))
		}
	}
	setText(&c.Output, strings.Join(said, ""))
	setText(&c.Reasoning, strings.Join(thought, "\n"))
}

func anthropicEvent(data map[string]any, s *stream) {
	switch text(data, "type") {
	case "message_start":
		m := sub(data, "message")
		s.Model = cmp.Or(text(m, "model"), s.Model)
		anthropicUsage(sub(m, "usage"), s.Call)
	case "content_block_start":
		block := sub(data, "content_block")
		if t := text(block, "type"); strings.HasSuffix(t, "tool_use") {
			p := s.call(fmt.Sprint(data["index"]))
			p.id, p.name = text(block, "id"), text(block, "name")
			if in := sub(block, "input"); len(in) > 0 {
				p.parsed = in
			}
		}
		s.output.WriteString(text(block, "text"))
	case "content_block_delta":
		delta := sub(data, "delta")
		switch text(delta, "type") {
		case "text_delta":
			s.output.WriteString(text(delta, "text"))
		case "thinking_delta":
			s.reasoning.WriteString(text(delta, "thinking"))
		case "input_json_delta":
			s.call(fmt.Sprint(data["index"])).arguments.WriteString(text(delta, "partial_json"))
		}
	case "message_delta":
		s.Finish = cmp.Or(text(sub(data, "delta"), "stop_reason"), s.Finish)
		anthropicUsage(sub(data, "usage"), s.Call)
	case "message_stop":
		s.Ended = true
	}
}
