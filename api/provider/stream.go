package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"stemma/entity"
)

// maxCalls bounds the calls of one answer.
const maxCalls = 64

var (
	errSilent = errors.New("the provider sent nothing for too long")
	errWhole  = errors.New("the answer is whole")
)

// Stream asks the model and tells of its answer as it comes; an error of each
// ends it. The answer holds what came, also beside an error. See the package
// comment for the kinds of errors.
func (c *Client) Stream(ctx context.Context, r Request, each func(Event) error) (Answer, error) {
	const op = "provider.Stream"
	body, err := c.body(r)
	if err != nil {
		return Answer{}, entity.Internal(op, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(c.o.Silence, func() { cancel(errSilent) })
	defer silence.Stop()
	resp, err := c.ask(ctx, body, func() { silence.Reset(c.o.Silence) })
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
		return Answer{}, c.unusable(fmt.Errorf("a stream was asked for and %q came", kind))
	}
	b := builder{each: each, most: c.o.MaxAnswer}
	err = events(alive{resp.Body, func() { silence.Reset(c.o.Silence) }}, b.take)
	if errors.Is(err, errWhole) {
		or(&b.finish, FinishUnknown)
	}
	answer := b.answer()
	switch {
	case errors.Is(err, errWhole), err == nil && b.finish != "":
		return answer, nil
	case ctx.Err() != nil:
		return answer, c.ended(ctx)
	case b.told != nil:
		return answer, b.told // each's own
	case b.refused != nil:
		return answer, c.broken(b.refused)
	case err == nil:
		return answer, c.broken(io.ErrUnexpectedEOF)
	case b.wrong || errors.Is(err, errLine):
		return answer, c.unusable(err)
	}
	return answer, c.broken(err)
}

// alive tells of every read that brings something.
type alive struct {
	io.Reader
	sign func()
}

func (a alive) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if n > 0 {
		a.sign()
	}
	return n, err
}

// ended is why ctx is done.
func (c *Client) ended(ctx context.Context) error {
	const op = "provider.Stream"
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errSilent):
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Message: "the model's provider " + c.name + " sent nothing for " + c.o.Silence.String(), Err: cause}
	case errors.Is(cause, context.DeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Message: "the model took too long", Err: cause}
	}
	return &entity.Error{Kind: entity.KindCanceled, Op: op, Err: cause}
}

func (c *Client) broken(err error) error {
	return &entity.Error{Kind: entity.KindUnavailable, Op: "provider.Stream", Message: "the model's provider " + c.name + " broke off its answer", Err: err}
}

func (c *Client) unusable(err error) error {
	return &entity.Error{Kind: entity.KindInternal, Op: "provider.Stream", Message: "the model's provider " + c.name + " gave an answer that cannot be used", Err: err}
}

// builder makes an answer of chunks.
type builder struct {
	each    func(Event) error
	most    int
	size    int
	text    strings.Builder
	calls   []callBuilder
	finish  Finish
	usage   Usage
	told    error // of each
	refused error // in the stream
	wrong   bool  // what came is not the format
}

type callBuilder struct {
	index int
	Call
	arguments strings.Builder
	begun     bool
}

var done = []byte("[DONE]")

// take is one event of the stream.
func (b *builder) take(data []byte) error {
	if bytes.Equal(bytes.TrimSpace(data), done) {
		return errWhole
	}
	var chunk wireChunk
	if err := json.Unmarshal(data, &chunk); err != nil {
		b.wrong = true
		return err
	}
	if len(chunk.Error) > 0 && string(chunk.Error) != "null" {
		b.refused = fmt.Errorf("in the stream: %.500s", chunk.Error)
		return b.refused
	}
	if chunk.Usage != nil {
		b.usage = Usage{max(0, chunk.Usage.Input), max(0, chunk.Usage.Output)}
	}
	if len(chunk.Choices) == 0 {
		return nil
	}
	choice := &chunk.Choices[0] // one was asked for
	for _, piece := range []struct {
		kind EventKind
		text *string
	}{{ReasoningDelta, choice.Delta.Reasoning}, {ReasoningDelta, choice.Delta.Thinking}, {TextDelta, choice.Delta.Content}, {TextDelta, choice.Delta.Refusal}} {
		if piece.text == nil || *piece.text == "" {
			continue
		}
		if piece.kind == TextDelta {
			b.text.WriteString(*piece.text)
		}
		if err := b.tell(Event{Kind: piece.kind, Text: *piece.text}); err != nil {
			return err
		}
	}
	for i := range choice.Delta.Calls {
		if err := b.call(&choice.Delta.Calls[i]); err != nil {
			return err
		}
	}
	if choice.Finish != nil && *choice.Finish != "" {
		if b.finish = finishes[*choice.Finish]; b.finish == "" {
			b.finish = FinishUnknown
		}
	}
	return nil
}

// call is a piece of a call. Some providers leave the index out and send each
// call whole; some repeat id and name with every piece.
func (b *builder) call(w *wireCall) error {
	at := len(b.calls) - 1
	if w.Index != nil {
		for at = len(b.calls) - 1; at >= 0 && b.calls[at].index != *w.Index; at-- {
		}
	} else if w.ID != "" && at >= 0 && b.calls[at].ID != w.ID {
		at = -1
	}
	if at < 0 {
		if len(b.calls) == maxCalls {
			b.wrong = true
			return fmt.Errorf("more than %d calls in one answer", maxCalls)
		}
		at = len(b.calls)
		b.calls = append(b.calls, callBuilder{index: at})
		if w.Index != nil {
			b.calls[at].index = *w.Index
		}
	}
	c := &b.calls[at]
	if c.ID == "" {
		c.ID = w.ID
	}
	if c.Name == "" {
		c.Name = w.Function.Name
	}
	if !c.begun && c.Name != "" {
		c.begun = true
		if err := b.tell(Event{Kind: CallBegins, Index: at, ID: c.ID, Name: c.Name}); err != nil {
			return err
		}
	}
	if w.Function.Arguments == "" {
		return nil
	}
	c.arguments.WriteString(w.Function.Arguments)
	return b.tell(Event{Kind: CallDelta, Index: at, Text: w.Function.Arguments})
}

// tell hands an event on, within the bound.
func (b *builder) tell(e Event) error {
	if b.size += len(e.Text); b.size > b.most {
		b.wrong = true
		return fmt.Errorf("more than %d bytes in one answer", b.most)
	}
	b.told = b.each(e)
	return b.told
}

func (b *builder) answer() Answer {
	a := Answer{Text: b.text.String(), Finish: b.finish, Usage: b.usage}
	for i := range b.calls {
		c := b.calls[i].Call
		c.Arguments = b.calls[i].arguments.String()
		a.Calls = append(a.Calls, c)
	}
	if len(a.Calls) > 0 && a.Finish == FinishStop {
		a.Finish = FinishCalls // as some say stop
	}
	return a
}

// ask sends the request until its answer begins, it is refused, or the tries are
// used up.
func (c *Client) ask(ctx context.Context, body []byte, sign func()) (*http.Response, error) {
	pause := c.o.Backoff
	for try := 1; ; try++ {
		resp, err := c.once(ctx, body)
		var p *passing
		switch {
		case err == nil:
			return resp, nil
		case ctx.Err() != nil:
			return nil, c.ended(ctx)
		case !errors.As(err, &p):
			return nil, err
		case try >= c.o.Tries || p.after > mostWait:
			return nil, c.gaveUp(p)
		}
		sign()
		if err := c.o.Sleep(ctx, max(c.o.Jitter(pause), p.after)); err != nil {
			return nil, c.ended(ctx)
		}
		sign()
		pause = min(2*pause, c.o.MaxBackoff)
	}
}

// once sends the request. The error is a [*passing] or an [*entity.Error].
func (c *Client) once(ctx context.Context, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, entity.Internal("provider.Stream", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	if c.o.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Key)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, &passing{err: err}
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.refusal(resp)
}
