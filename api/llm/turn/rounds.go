package turn

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"stemma/api/llm/provider"
	"stemma/api/llm/tools"
	"stemma/entity"
)

// request is what the provider is sent in a round.
func (t *turn) request(model string, last bool) *provider.Request {
	b := t.in.body.Clone()
	b.Set("messages", t.messages)
	switch {
	case len(t.tools) > 0:
		b.Set("tools", t.tools)
		if last {
			b.Set("tool_choice", "none")
		}
	default:
		delete(b, "tools")
		if t.in.tools != nil { // an empty list, or all of them dropped
			delete(b, "tool_choice")
		}
	}
	return &provider.Request{Body: b, Model: model, Stream: t.sink != nil}
}

// modelOf is the model that a target of the chain is asked for: the client's of
// the first, each further one's own.
func (t *turn) modelOf(i int) string {
	if own := t.plan.targets[i].Config.Model; i > 0 && own != "" {
		return own
	}
	return t.model
}

// ask calls the providers of the chain in order until one answers.
func (t *turn) ask(last bool, call func(*provider.Target, *provider.Request) error) (err error) {
	for i := range t.plan.targets {
		t.target = &t.plan.targets[i]
		model := t.modelOf(i)
		start := t.e.o.Now()
		err = call(t.target, t.request(model, last))
		took := t.e.o.Now().Sub(start)
		t.upstream += took
		if err == nil {
			t.out.Model = model
			return nil
		}
		t.rec.failed(t.e.o.Now(), t.target, model, took, err)
		if kind := entity.KindOf(err); kind != entity.KindUpstream && kind != entity.KindRateLimited || t.ctx.Err() != nil || t.relayed {
			return err
		}
	}
	return err
}

// rounds asks until there is an answer that asks for no tool of ours.
func (t *turn) rounds() error {
	for round := 1; ; round++ {
		start := t.e.o.Now()
		last := round > t.e.o.Rounds
		run := t.wholeRound
		if t.sink != nil {
			run = t.streamRound
		}
		finish, err := run(last)
		if t.answer != nil {
			t.rec.model(t, start, err)
		}
		if err != nil {
			return err
		}
		if !t.ours() || last {
			return finish()
		}
		t.messages = append(slices.Clip(t.messages), t.answer.message())
		results, err := t.call(t.answer.calls)
		if err != nil {
			return err
		}
		t.messages = append(t.messages, results...)
		if t.ctx.Err() != nil {
			return canceled(t.ctx)
		}
	}
}

func canceled(ctx context.Context) error {
	return &entity.Error{Kind: entity.KindCanceled, Op: "turn", Message: "the caller went away", Err: ctx.Err()}
}

// ours tells whether the answer asks for tools, and for ours alone: what it asks
// for of the client's, the client has to see.
func (t *turn) ours() bool {
	if t.set == nil || len(t.answer.calls) == 0 {
		return false
	}
	for _, c := range t.answer.calls {
		if !t.set.Has(c.Function.Name) {
			return false
		}
	}
	return true
}

// call calls tools, all at once, and gives their results as messages.
func (t *turn) call(calls []provider.ToolCall) ([]json.RawMessage, error) {
	listener, listens := t.sink.(Listener)
	for i := 0; listens && i < len(calls); i++ {
		if err := listener.Call(calls[i]); err != nil {
			return nil, t.sunk(err)
		}
	}
	results := make([]tools.Result, len(calls))
	took := make([]time.Duration, len(calls))
	start := t.e.o.Now()
	each(len(calls), func(i int) {
		results[i] = t.set.Call(t.ctx, calls[i].Function.Name, calls[i].Function.Arguments)
		took[i] = t.e.o.Now().Sub(start)
	})
	out := make([]json.RawMessage, len(calls))
	for i, c := range calls {
		t.rec.tool(start, c, results[i], took[i])
		b := provider.Body{}
		b.Set("role", "tool")
		b.Set("tool_call_id", c.ID)
		b.Set("content", results[i].Text)
		out[i] = b.Bytes()
	}
	t.upstream += t.e.o.Now().Sub(start)
	for i := 0; listens && i < len(calls); i++ {
		if err := listener.Result(calls[i], results[i], took[i]); err != nil {
			return nil, t.sunk(err)
		}
	}
	return out, nil
}

// wholeRound asks for an answer in one piece. finish hands it on.
func (t *turn) wholeRound(last bool) (finish func() error, err error) {
	var a *provider.Answer
	t.answer = nil
	err = t.ask(last, func(to *provider.Target, r *provider.Request) (err error) {
		a, err = t.e.o.Client.Chat(t.ctx, to, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	choices := 0
	if t.answer, choices = whole(a.Body); choices == 0 {
		return nil, entity.Errorf(entity.KindUpstream, "turn", "the provider's answer has no choices")
	}
	return func() error {
		t.rec.first(t.e.o.Now())
		t.out.Header, t.out.ID, t.out.Body = a.Header, t.answer.id, a.Body
		return nil
	}, nil
}

// streamRound asks for an answer in pieces and hands them on as they come. Where
// there are tools of ours, what may be a call of one is held back: finish hands
// it on when it was none.
func (t *turn) streamRound(last bool) (finish func() error, err error) {
	var s *provider.Stream
	t.answer = nil
	err = t.ask(last, func(to *provider.Target, r *provider.Request) (err error) {
		s, err = t.e.o.Client.Stream(t.ctx, to, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	g := &gathered{}
	t.answer = g
	var held []provider.Piece
	wait := t.e.o.Now()
	for {
		p, err := s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.upstream += t.e.o.Now().Sub(wait)
			return nil, err
		}
		t.rec.first(t.e.o.Now())
		g.add(&p.Chunk)
		switch {
		case p.Data != nil && len(p.Chunk.Choices) == 0 && p.Chunk.Usage != nil && !t.in.wantsUsage:
			continue // asked for by us alone
		case t.set != nil && !last && p.Data != nil && holds(&p.Chunk):
			p.Data, p.Raw = slices.Clone(p.Data), slices.Clone(p.Raw)
			held = append(held, p)
			continue
		}
		if err := t.piece(s.Header, &p); err != nil {
			return nil, err
		}
	}
	t.upstream += t.e.o.Now().Sub(wait)
	t.out.ID = g.id
	return func() error {
		for i := range held {
			if err := t.piece(s.Header, &held[i]); err != nil {
				return err
			}
		}
		if !t.began { // an answer without a piece
			return t.open(s.Header)
		}
		return nil
	}, nil
}

// holds tells whether a chunk may be part of a call, or ends an answer.
func holds(c *provider.Chunk) bool {
	if len(c.Choices) == 0 {
		return true // usage: of the last round alone
	}
	for i := range c.Choices {
		if len(c.Choices[i].Delta.ToolCalls) > 0 || c.Choices[i].Finish != "" {
			return true
		}
	}
	return false
}

func (t *turn) open(h http.Header) error {
	t.began = true
	t.out.Header = h
	return t.sunk(t.sink.Begin(t.out.Opening))
}

func (t *turn) piece(h http.Header, p *provider.Piece) error {
	if !t.began {
		if err := t.open(h); err != nil {
			return err
		}
	}
	return t.sunk(t.sink.Piece(p))
}

// sunk is the error of a sink: nobody listens any more.
func (t *turn) sunk(err error) error {
	var e *entity.Error
	if err == nil || errors.As(err, &e) && e.Kind == entity.KindCanceled {
		return err
	}
	return &entity.Error{Kind: entity.KindCanceled, Op: "turn", Message: "the caller does not take the answer", Err: err}
}
