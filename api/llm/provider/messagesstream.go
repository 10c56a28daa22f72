package provider

import "bytes"

// MessagesStream writes chunks of the pivot as the events of Anthropic's
// messages. The zero value is ready.
type MessagesStream struct {
	out    bytes.Buffer
	began  bool
	kind   string // of the open block; "": none is
	index  int    // of the open block, or of the next
	call   int    // number of the call whose block is open
	stop   string
	usage  *Usage
	called bool
}

func (s *MessagesStream) event(name string, v map[string]any) {
	v["type"] = name
	s.out.WriteString("event: " + name + "\ndata: ")
	s.out.Write(encode(v))
	s.out.WriteString("\n\n")
}

// take is what was written since.
func (s *MessagesStream) take() []byte {
	b := bytes.Clone(s.out.Bytes())
	s.out.Reset()
	return b
}

func (s *MessagesStream) begin(c *Chunk) {
	if s.began {
		return
	}
	s.began = true
	s.event("message_start", map[string]any{"message": map[string]any{
		"id": c.ID, "type": "message", "role": "assistant", "model": c.Model, "content": []any{}, "stop_reason": nil, "stop_sequence": nil,
		"usage": usageOf(c.Usage),
	}})
}

func (s *MessagesStream) closeBlock() {
	if s.kind == "" {
		return
	}
	s.event("content_block_stop", map[string]any{"index": s.index})
	s.kind = ""
	s.index++
}

func (s *MessagesStream) open(kind string, block map[string]any) {
	if s.kind == kind && kind != "tool_use" {
		return
	}
	s.closeBlock()
	s.kind = kind
	block["type"] = kind
	s.event("content_block_start", map[string]any{"index": s.index, "content_block": block})
}

func (s *MessagesStream) delta(kind, field, text string) {
	s.event("content_block_delta", map[string]any{"index": s.index, "delta": map[string]string{"type": kind, field: text}})
}

// Chunk is the events of a chunk. Of several choices the first counts.
func (s *MessagesStream) Chunk(c *Chunk) []byte {
	s.begin(c)
	if c.Usage != nil {
		s.usage = c.Usage
	}
	for _, ch := range c.Choices {
		if ch.Index != 0 {
			continue
		}
		if ch.Delta.Reasoning != "" {
			s.open("thinking", map[string]any{"thinking": "", "signature": ""})
			s.delta("thinking_delta", "thinking", ch.Delta.Reasoning)
		}
		if ch.Delta.Signature != "" && s.kind == "thinking" {
			s.delta("signature_delta", "signature", ch.Delta.Signature)
		}
		for _, text := range []*string{ch.Delta.Content, ch.Delta.Refusal} {
			if text != nil && *text != "" {
				s.open("text", map[string]any{"text": ""})
				s.delta("text_delta", "text", *text)
			}
		}
		for i := range ch.Delta.ToolCalls {
			s.toolCall(&ch.Delta.ToolCalls[i])
		}
		if ch.Finish != "" {
			s.stop = ch.Finish
		}
	}
	return s.take()
}

func (s *MessagesStream) toolCall(c *ChunkCall) {
	if s.kind != "tool_use" || c.Index != s.call || !s.called {
		s.called, s.call = true, c.Index
		s.open("tool_use", map[string]any{"id": c.ID, "name": c.Function.Name, "input": map[string]any{}})
	}
	if c.Function.Arguments != "" {
		s.delta("input_json_delta", "partial_json", c.Function.Arguments)
	}
}

// End is what ends a whole answer; more are members of its last event but one.
func (s *MessagesStream) End(more map[string]any) []byte {
	s.begin(&Chunk{})
	s.closeBlock()
	last := map[string]any{"delta": map[string]any{"stop_reason": stopWord(s.stop), "stop_sequence": nil}, "usage": usageOf(s.usage)}
	for name, v := range more {
		last[name] = v
	}
	s.event("message_delta", last)
	s.event("message_stop", map[string]any{})
	return s.take()
}

// Fail is what ends an answer that broke off.
func (s *MessagesStream) Fail(kind, message string) []byte {
	s.event("error", map[string]any{"error": map[string]string{"type": kind, "message": message}})
	return s.take()
}
