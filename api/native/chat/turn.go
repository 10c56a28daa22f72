package chat

import (
	"context"
	"errors"
	"time"

	"stemma/api/provider"
	"stemma/entity"
)

// Keep writes an entry down. It is called with a context that a disconnect does
// not end.
type Keep func(context.Context, Entry) error

// keepTime is how long an entry may take to be written.
const keepTime = 30 * time.Second

var errGone = errors.New("nobody waits for the answer any more")

// turn is one answer on its way.
type turn struct {
	*Engine
	ctx     context.Context
	c       *Conversation
	id      string // of the message
	w       *writer
	keep    Keep
	usage   Usage
	parts   int  // that were opened in the stream
	approve bool // calls wait for a person
}

// Run answers the last message of a conversation that [Conversation.Accept] took
// in: the answer goes to the sink and is kept step by step. What goes wrong is
// told in the stream; the error is for the log only. When ctx ends, the model's
// answer is given up and kept as far as it came.
func (e *Engine) Run(ctx context.Context, c *Conversation, keep Keep, sink Sink) error {
	t := &turn{Engine: e, ctx: ctx, c: c, w: &writer{sink: sink}, keep: keep}
	if m := c.last(); m.Role == Assistant {
		t.id = m.ID
	} else {
		t.id = e.o.NewID()
	}
	_ = t.w.send(frame{Type: "start", MessageID: t.id}) // who has gone shows in ctx
	finish, err := t.run()
	switch {
	case err != nil && t.gone():
		_ = t.w.send(frame{Type: "abort", Reason: "the connection or the server ended"}) // to whom still listens
	case err != nil:
		e.o.Logger.WarnContext(ctx, "a turn failed", "err", err)
		_ = t.w.send(frame{Type: "error", Error: e.o.Describe(err)})
		t.end("error")
	default:
		t.end(string(finish))
	}
	t.w.done()
	return err
}

// gone tells that nobody waits for the answer any more.
func (t *turn) gone() bool { return t.ctx.Err() != nil || t.w.err != nil }

func (t *turn) end(finish string) {
	_ = t.w.send(frame{Type: "data-usage", Data: t.usage, Transient: true})
	_ = t.w.send(frame{Type: "finish", Finish: finish, Metadata: &Metadata{Usage: &t.usage}})
}

func (t *turn) run() (provider.Finish, error) {
	if err := t.settle(); err != nil {
		return "", err
	}
	for round := 1; ; round++ {
		r := t.request(t.c)
		r.NoCalls = round >= t.o.Rounds
		if n := tokens(&r); n > t.o.Context {
			err := entity.Errorf(entity.KindTooLarge, "chat.Run", "this conversation is too long for the model: about %d tokens of at most %d; begin a new one", n, t.o.Context)
			return "", errors.Join(err, t.save(Entry{Finish: "error", Partial: true}))
		}
		finish, err := t.step(r)
		if err != nil || finish != provider.FinishCalls || t.approve || r.NoCalls {
			return finish, err
		}
	}
}

// save keeps an entry of the answer, whatever became of ctx.
func (t *turn) save(e Entry) error {
	e.ID, e.Role = t.id, Assistant
	e = t.c.keep(e)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), keepTime)
	defer cancel()
	return t.keep(ctx, e)
}

// settle makes the calls that a person allowed, and tells of those not.
func (t *turn) settle() error {
	m := t.c.last()
	var parts []Part
	for _, p := range m.Parts {
		if p.State != Responded || p.Approved == nil {
			continue
		}
		if *p.Approved {
			t.call(&p)
		} else {
			p.State = Denied
			_ = t.w.send(frame{Type: "tool-output-denied", CallID: p.CallID})
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil
	}
	return t.save(Entry{Parts: parts})
}

// step is one answer of the model, with the calls it makes.
func (t *turn) step(r provider.Request) (provider.Finish, error) {
	_ = t.w.send(frame{Type: "start-step"})
	s := newStep(t)
	answer, err := t.o.Model.Stream(t.ctx, r, s.event)
	s.close()
	entry := Entry{Parts: append([]Part{{Type: StepStart}}, s.texts...), Finish: string(answer.Finish), Usage: &Usage{answer.Usage.Input, answer.Usage.Output}}
	t.usage.Input += answer.Usage.Input
	t.usage.Output += answer.Usage.Output
	if err != nil {
		entry.Finish, entry.Partial = "error", true
		if t.gone() {
			entry.Finish = "abort"
		}
		return "", errors.Join(err, t.save(entry))
	}
	for i := range answer.Calls {
		entry.Parts = append(entry.Parts, s.made(i, &answer.Calls[i]))
	}
	_ = t.w.send(frame{Type: "finish-step"})
	if len(answer.Calls) > 0 && t.gone() {
		entry.Finish, entry.Partial = "abort", true
		return "", errors.Join(errGone, t.save(entry))
	}
	return answer.Finish, t.save(entry)
}
