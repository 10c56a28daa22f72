package turn

import (
	"encoding/json"
	"strings"

	"stemma/api/llm/provider"
)

// gathered is an answer put together from its pieces: its first choice.
type gathered struct {
	id, model string
	text      strings.Builder
	calls     []provider.ToolCall
	finish    string
	usage     *provider.Usage
}

// add takes a chunk in.
func (g *gathered) add(c *provider.Chunk) {
	if g.id == "" {
		g.id = c.ID
	}
	if c.Model != "" {
		g.model = c.Model
	}
	if c.Usage != nil {
		g.usage = c.Usage
	}
	for i := range c.Choices {
		ch := &c.Choices[i]
		if ch.Index != 0 {
			continue
		}
		for _, t := range []*string{ch.Delta.Content, ch.Delta.Refusal} {
			if t != nil {
				g.text.WriteString(*t)
			}
		}
		for _, call := range ch.Delta.ToolCalls {
			g.call(call)
		}
		if ch.Finish != "" {
			g.finish = ch.Finish
		}
	}
}

// mostCalls bounds the calls of one answer.
const mostCalls = 128

func (g *gathered) call(c provider.ChunkCall) {
	if c.Index < 0 || c.Index >= mostCalls {
		return
	}
	for len(g.calls) <= c.Index {
		g.calls = append(g.calls, provider.ToolCall{Type: "function"})
	}
	at := &g.calls[c.Index]
	if c.ID != "" {
		at.ID = c.ID
	}
	if c.Extra != nil {
		at.Extra = c.Extra
	}
	at.Function.Name += c.Function.Name
	at.Function.Arguments += c.Function.Arguments
}

// message is the answer as a message of the pivot.
func (g *gathered) message() json.RawMessage {
	b := provider.Body{}
	b.Set("role", "assistant")
	if text := g.text.String(); text != "" || len(g.calls) == 0 {
		b.Set("content", text)
	} else {
		b["content"] = json.RawMessage("null")
	}
	if len(g.calls) > 0 {
		b.Set("tool_calls", g.calls)
	}
	return b.Bytes()
}

// whole is a whole answer of the pivot, read.
func whole(body []byte) (g *gathered, choices int) {
	in := provider.ReadWhole(body)
	g = &gathered{id: in.ID, model: in.Model, usage: in.Usage, finish: in.Finish}
	if in.Choices > 0 {
		if m, err := provider.ParseMessage(in.Message); err == nil {
			g.text.WriteString(m.Text())
			g.calls = m.ToolCalls
		}
	}
	return g, in.Choices
}
