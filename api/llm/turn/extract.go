package turn

import (
	"fmt"
	"net/http"
	"strings"

	"stemma/api/llm/provider"
)

// BuiltIn is the model of agents that no provider is configured for. It is no
// language model, and says so: it quotes the passages of the knowledge base that
// are nearest to the question.
const BuiltIn = "stemma/extract"

const builtInKind provider.Kind = "stemma"

const builtInNote = "This is stemma/extract, which is built in and is not a language model: it quotes the knowledge base. Configure a provider to have a model answer."

// quoted is what the built-in model answers.
func quoted(p *Plan, passages []Passage, unfound error) string {
	var b strings.Builder
	switch {
	case p.KnowledgeBase == "":
		b.WriteString("No knowledge base is attached to this agent, so that there is nothing to quote.\n")
	case unfound != nil:
		fmt.Fprintf(&b, "The knowledge base %q could not be searched: %s.\n", p.KnowledgeBase, text(unfound))
	case len(passages) == 0:
		fmt.Fprintf(&b, "Nothing in the knowledge base %q matches the question.\n", p.KnowledgeBase)
	default:
		b.WriteString("The passages that match the question best:\n")
		for i, passage := range passages {
			fmt.Fprintf(&b, "\n[%d] %s (source: %s)\n", i+1, strings.TrimSpace(passage.Content), passage.SourcePath)
		}
	}
	return b.String() + "\n" + builtInNote
}

// extract answers without a provider, in the pivot.
func (t *turn) extract() error {
	now := t.e.o.Now()
	said := quoted(t.plan, t.passages, t.unfound)
	t.target = &provider.Target{Config: &provider.Config{Kind: builtInKind}}
	t.out.Model = BuiltIn
	g := &gathered{id: "chatcmpl-" + string(t.rec.run.ID), model: BuiltIn, finish: "stop"}
	g.text.WriteString(said)
	g.usage = &provider.Usage{Prompt: t.e.count.tokens(t.in.question()), Completion: t.e.count.tokens(said)}
	g.usage.Total = g.usage.Prompt + g.usage.Completion
	t.answer = g
	b := provider.Body{}
	for name, v := range map[string]any{
		"id": g.id, "object": "chat.completion", "created": now.Unix(), "model": BuiltIn, "usage": g.usage,
		"choices": []any{map[string]any{"index": 0, "message": g.message(), "finish_reason": "stop"}},
	} {
		b.Set(name, v)
	}
	t.rec.first(now)
	t.rec.model(t, now, nil)
	t.out.Header, t.out.ID, t.out.Body = http.Header{}, g.id, b.Bytes()
	if t.sink != nil {
		if err := t.extracted(); err != nil {
			return err
		}
	}
	return t.keep()
}

// extracted streams the answer, as the pieces that others send.
func (t *turn) extracted() error {
	chunks, err := provider.Chunks(t.out.Body)
	if err != nil {
		return err
	}
	for _, data := range chunks {
		p, err := provider.ReadPiece(data)
		if err != nil {
			return err
		}
		if len(p.Chunk.Choices) == 0 && !t.in.wantsUsage {
			continue
		}
		if err := t.piece(http.Header{}, &p); err != nil {
			return err
		}
	}
	return nil
}
