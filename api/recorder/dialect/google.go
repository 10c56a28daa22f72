package dialect

import (
	"cmp"
	"strings"
)

// The forms are those of the Gemini API: models/{model}:generateContent,
// :streamGenerateContent, :embedContent.

func googleRequest(path string, body map[string]any, c *Call) {
	name, verb, _ := strings.Cut(path[strings.LastIndexByte(path, '/')+1:], ":")
	c.Model = name
	switch verb {
	case "generateContent":
		c.Operation = "generate_content"
	case "streamGenerateContent":
		c.Operation, c.Streamed = "generate_content", true
	case "embedContent", "batchEmbedContents":
		c.Operation = "embeddings"
	default:
		c.Model = ""
	}
	for _, key := range []string{"systemInstruction", "system_instruction"} {
		setText(&c.System, contentText(sub(body, key)["parts"]))
	}
	for _, m := range list(body, "contents") {
		if obj, _ := m.(map[string]any); text(obj, "role") == "user" || text(obj, "role") == "" {
			setText(&c.Input, contentText(obj["parts"]))
		}
	}
	setText(&c.Input, contentText(sub(body, "content")["parts"]))
}

func googleUsage(u map[string]any, c *Call) {
	if u == nil {
		return
	}
	t := &c.Tokens
	number(&t.Input, u, "promptTokenCount")
	number(&t.CacheRead, u, "cachedContentTokenCount")
	number(&t.Reasoning, u, "thoughtsTokenCount")
	var said *float64
	number(&said, u, "candidatesTokenCount")
	if out := sum(said, t.Reasoning); out != nil {
		t.Output = out // Google counts thoughts beside what is said
	}
	number(&t.Total, u, "totalTokenCount")
	if t.Total == nil {
		t.Total = sum(t.Input, t.Output)
	}
}

func googleResponse(body map[string]any, c *Call) {
	s := &stream{Call: c}
	googleEvent(body, s)
	s.finish()
}

func googleEvent(data map[string]any, s *stream) {
	s.Model = cmp.Or(text(data, "modelVersion"), s.Model)
	googleUsage(sub(data, "usageMetadata"), s.Call)
	candidates := list(data, "candidates")
	if len(candidates) == 0 {
		if why := text(sub(data, "promptFeedback"), "blockReason"); why != "" {
			s.Finish, s.Ended = why, true
		}
		return
	}
	c, _ := candidates[0].(map[string]any)
	for _, part := range list(sub(c, "content"), "parts") {
		obj, _ := part.(map[string]any)
		thought, _ := obj["thought"].(bool)
		call := sub(obj, "functionCall")
		switch {
		case call != nil:
			s.calls = append(s.calls, &piece{id: text(call, "id"), name: text(call, "name"), parsed: call["args"]})
		case thought:
			s.reasoning.WriteString(text(obj, "text"))
		default:
			s.output.WriteString(text(obj, "text"))
		}
	}
	if finish := text(c, "finishReason"); finish != "" {
		s.Finish, s.Ended = finish, true
	}
}
