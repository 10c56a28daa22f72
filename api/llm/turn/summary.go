package turn

import (
	"context"
	"strings"
	"time"

	"stemma/api/llm/memory"
	"stemma/api/llm/provider"
	"stemma/entity"
)

// summaryTime bounds the making of a summary.
const summaryTime = 2 * time.Minute

// summaryPrompt is what the model that sums up is told.
const summaryPrompt = "Summarise the conversation below for an assistant that will continue it. Keep names, numbers, decisions, open questions and what the user asked for. Answer with the summary alone."

// summarise has a conversation summed up behind the turn when what is remembered
// of it has grown past the agent's limit. A failure is logged, and tried again
// after the next turn.
func (t *turn) summarise(now memory.State) {
	if now.Live <= t.plan.TokenLimit || len(t.plan.targets) == 0 {
		return
	}
	e, place, plan, model := t.e, t.place, t.plan, t.plan.SummaryModel
	if model == "" {
		model = t.model
	}
	store := t.store()
	e.over.Go(func() {
		ctx, cancel := context.WithTimeout(e.behind, summaryTime)
		defer cancel()
		if err := e.sumUp(ctx, store, place, plan, model); err != nil && ctx.Err() == nil {
			e.o.Logger.Warn("a conversation is not summed up", "agent", place.Agent, "err", err)
		}
	})
}

func (e *Engine) sumUp(ctx context.Context, store entity.Store, place memory.Place, plan *Plan, model string) error {
	var s memory.State
	err := store.View(ctx, func(r entity.Reader) (err error) {
		s, err = memory.Load(r, place)
		return err
	})
	if err != nil || s.Live <= plan.TokenLimit || len(s.Messages) == 0 {
		return err
	}
	var b strings.Builder
	if s.Summary != "" {
		b.WriteString("What was said before, summed up: " + s.Summary + "\n\n")
	}
	for _, m := range s.Messages {
		b.WriteString(m.Role + ": " + m.Content + "\n")
	}
	body := provider.Body{}
	body.Set("messages", []map[string]string{{"role": "system", "content": summaryPrompt}, {"role": "user", "content": b.String()}})
	a, err := e.o.Client.Chat(ctx, &plan.targets[0], &provider.Request{Body: body, Model: model})
	if err != nil {
		return err
	}
	g, _ := whole(a.Body)
	summary := strings.TrimSpace(g.text.String())
	if summary == "" {
		return entity.Errorf(entity.KindUpstream, "turn.sumUp", "the summary is empty")
	}
	_, err = store.Update(ctx, entity.Actor{UserID: place.Agent, Method: entity.MethodAI}, func(tx entity.Tx) error {
		return memory.Summarise(tx, s.ID, place.Box, plan.SealContent, s.Last, summary)
	})
	return err
}
