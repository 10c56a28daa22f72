package dialect

import (
	"cmp"
	"fmt"
	"strings"
)

// The forms are those of the API reference of OpenAI: Chat Completions,
// Responses, Completions and Embeddings, with their streams.

var openAIOperations = []struct{ suffix, name string }{
	{"/chat/completions", "chat"}, {"/responses", "responses"}, {"/completions", "completion"}, {"/embeddings", "embeddings"},
}

func openAIRequest(path string, body map[string]any, c *Call) {
	for _, o := range openAIOperations {
		if strings.HasSuffix(strings.TrimSuffix(path, "/"), o.suffix) {
			c.Operation = o.name
			break
		}
	}
	c.Model = text(body, "model")
	c.Streamed, _ = body["stream"].(bool)
	setText(&c.System, text(body, "instructions"))
	for _, m := range list(body, "messages") {
		openAIMessage(m, c)
	}
	switch in := body["input"].(type) {
	case string:
		setText(&c.Input, in)
	case []any:
		for _, m := range in {
			openAIMessage(m, c)
		}
	}
	setText(&c.Input, text(body, "prompt"))
}

// openAIMessage takes the instructions, and the last that the user said.
func openAIMessage(m any, c *Call) {
	switch m := m.(type) {
	case string: // of a list of texts to embed
		setText(&c.Input, m)
	case map[string]any:
		said := contentText(m["content"])
		switch text(m, "role") {
		case "system", "developer":
			if c.System != nil {
				said = *c.System + "\n" + said
			}
			setText(&c.System, said)
		case "user":
			setText(&c.Input, said)
		}
	}
}

// contentText joins the texts of a message's content.
func contentText(content any) string {
	switch v := content.(type) {
	case string:
		return v
	case []any:
		var parts []string
		for _, p := range v {
			obj, _ := p.(map[string]any)
			if s := cmp.Or(text(obj, "text"), text(obj, "refusal")); s != "" {
				parts = append(parts, s)
			}
		}
		return strings.Join(parts, "\n")
	}
	return ""
}

func openAIUsage(u map[string]any, c *Call) {
	if u == nil {
		return
	}
	t := &c.Tokens
	for _, key := range []string{"prompt_tokens", "input_tokens"} {
		number(&t.Input, u, key)
	}
	for _, key := range []string{"completion_tokens", "output_tokens"} {
		number(&t.Output, u, key)
	}
	number(&t.Total, u, "total_tokens")
	for _, key := range []string{"prompt_tokens_details", "input_tokens_details"} {
		number(&t.CacheRead, sub(u, key), "cached_tokens")
	}
	for _, key := range []string{"completion_tokens_details", "output_tokens_details"} {
		number(&t.Reasoning, sub(u, key), "reasoning_tokens")
	}
	number(&c.CostUSD, u, "cost") // OpenRouter's
	if t.Total == nil {
		t.Total = sum(t.Input, t.Output)
	}
}

func openAIResponse(body map[string]any, c *Call) {
	c.Model = cmp.Or(text(body, "model"), c.Model)
	openAIUsage(sub(body, "usage"), c)
	if len(list(body, "output")) > 0 || text(body, "object") == "response" {
		openAIOutput(body, c)
		return
	}
	for _, choice := range list(body, "choices") {
		obj, _ := choice.(map[string]any)
		m := sub(obj, "message")
		if c.Output == nil {
			setText(&c.Output, cmp.Or(contentText(m["content"]), text(m, "refusal"), text(obj, "text")))
			setText(&c.Reasoning, cmp.Or(text(m, "reasoning_content"), text(m, "reasoning")))
		}
		c.Finish = cmp.Or(c.Finish, text(obj, "finish_reason"))
		for _, call := range list(m, "tool_calls") {
			t, _ := call.(map[string]any)
			f := sub(t, "function")
			c.ToolCalls = append(c.ToolCalls, toolCall(text(t, "id"), cmp.Or(text(f, "name"), text(sub(t, "custom"), "name")), parsed(cmp.Or(text(f, "arguments"), text(sub(t, "custom"), "input")))))
		}
	}
}

// openAIOutput reads the items of a response of the Responses API.
func openAIOutput(body map[string]any, c *Call) {
	var said, thought []string
	for _, item := range list(body, "output") {
		obj, _ := item.(map[string]any)
		switch text(obj, "type") {
		case "message":
			said = append(said, contentText(obj["content"]))
		case "reasoning":
			thought = append(thought, contentText(obj["summary"]))
		case "function_call", "custom_tool_call", "mcp_call":
			c.ToolCalls = append(c.ToolCalls, toolCall(cmp.Or(text(obj, "call_id"), text(obj, "id")), text(obj, "name"), parsed(cmp.Or(text(obj, "arguments"), text(obj, "input")))))
		}
	}
	setText(&c.Output, strings.Join(said, "\n"))
	setText(&c.Reasoning, strings.Join(thought, "\n"))
	c.Finish = cmp.Or(text(sub(body, "incomplete_details"), "reason"), text(body, "status"))
}

func openAIEvent(data map[string]any, s *stream) {
	if kind := text(data, "type"); strings.HasPrefix(kind, "response.") {
		openAIResponseEvent(kind, data, s)
		return
	}
	s.Model = cmp.Or(text(data, "model"), s.Model)
	openAIUsage(sub(data, "usage"), s.Call)
	for _, choice := range list(data, "choices") {
		obj, _ := choice.(map[string]any)
		if n, _ := obj["index"].(int64); n != 0 {
			continue // the first is what is told
		}
		delta := sub(obj, "delta")
		s.output.WriteString(cmp.Or(contentText(delta["content"]), text(delta, "refusal"), text(obj, "text")))
		s.reasoning.WriteString(cmp.Or(text(delta, "reasoning_content"), text(delta, "reasoning")))
		for _, call := range list(delta, "tool_calls") {
			t, _ := call.(map[string]any)
			p := s.call(fmt.Sprint(t["index"]))
			f := sub(t, "function")
			p.id, p.name = cmp.Or(p.id, text(t, "id")), cmp.Or(p.name, text(f, "name"))
			p.arguments.WriteString(text(f, "arguments"))
		}
		if finish := text(obj, "finish_reason"); finish != "" {
			s.Finish, s.Ended = finish, true
		}
	}
}

func openAIResponseEvent(kind string, data map[string]any, s *stream) {
	switch kind {
	case "response.created", "response.in_progress":
		s.Model = cmp.Or(text(sub(data, "response"), "model"), s.Model)
	case "response.output_text.delta", "response.refusal.delta":
		s.output.WriteString(text(data, "delta"))
	case "response.reasoning_summary_text.delta":
		s.reasoning.WriteString(text(data, "delta"))
	case "response.output_item.added":
		item := sub(data, "item")
		if t := text(item, "type"); t == "function_call" || t == "custom_tool_call" {
			p := s.call(fmt.Sprint(data["output_index"]))
			p.id, p.name = cmp.Or(text(item, "call_id"), text(item, "id")), text(item, "name")
		}
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		s.call(fmt.Sprint(data["output_index"])).arguments.WriteString(text(data, "delta"))
	case "response.completed", "response.incomplete", "response.failed":
		s.Ended = true
		body := sub(data, "response")
		if failed(body, s.Call) {
			return
		}
		s.whole = true
		openAIResponse(body, s.Call)
	}
}
