package provider

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"stemma/entity"
)

// Answer is a whole answer.
type Answer struct {
	Body   []byte      // the pivot
	Header http.Header // the provider's
}

// dialectOf is the row of a target's kind.
func dialectOf(t *Target) (*dialect, error) {
	if err := t.Config.Check(); err != nil {
		return nil, err
	}
	return dialects[t.Config.Kind], nil
}

// Chat asks for an answer in one piece.
func (c *Client) Chat(ctx context.Context, t *Target, r *Request) (*Answer, error) {
	d, err := dialectOf(t)
	if err != nil {
		return nil, err
	}
	call, err := d.chat(t.Config, r)
	if err != nil {
		return nil, err
	}
	a, err := c.whole(ctx, t, r.Model, call)
	if err != nil {
		return nil, err
	}
	if d.answer != nil {
		if a.Body, err = d.answer(a.Body, r.Model, c.o.Now().Unix()); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// whole sends a call and reads an answer that is a JSON object without an error
// in it.
func (c *Client) whole(ctx context.Context, t *Target, model string, call Call) (a *Answer, err error) {
	err = c.call(ctx, t, model, call, c.o.MaxAnswer, func(r *reply) error {
		body, err := readWhole(r)
		a = &Answer{Body: body, Header: r.Header}
		if err == nil {
			r.finish()
		}
		return err
	})
	return a, err
}

func readWhole(r *reply) ([]byte, error) {
	body, err := io.ReadAll(r.body)
	if err != nil {
		return nil, err
	}
	said, ok := object(body)
	if !ok {
		said = nil
		if err := json.Unmarshal(body, &said); err != nil || said == nil {
			return nil, badAnswer("it is "+typeOf(r.Header)+", not a JSON object", body)
		}
	}
	if said.Has("error") && !said.Has("choices") {
		return nil, failureOf(0, body, nil)
	}
	return body, nil
}

func typeOf(h http.Header) string {
	if t := h.Get("Content-Type"); t != "" {
		return reason([]byte(t))
	}
	return "of no type"
}

// Embed asks for vectors, in OpenAI's format.
func (c *Client) Embed(ctx context.Context, t *Target, b Body, model string) (*Answer, error) {
	d, err := dialectOf(t)
	if err != nil {
		return nil, err
	}
	if d.embed == nil {
		return nil, entity.Errorf(entity.KindNotImplemented, "provider.Embed", "a provider of kind %s has no embeddings", t.Config.Kind)
	}
	call, err := d.embed(t.Config, b, model)
	if err != nil {
		return nil, err
	}
	a, err := c.whole(ctx, t, model, call)
	if err == nil && d.vector != nil {
		a.Body, err = d.vector(a.Body, model)
	}
	return a, err
}

// Relayed is an answer of an operation that is handed on as it comes.
type Relayed struct {
	Header http.Header
	Events bool // the body is a stream of events
	io.Reader
	finish func()
}

// Close ends the call.
func (r *Relayed) Close() { r.finish() }

// Relay sends a body to an operation of the provider by its name: "responses".
// KindNotImplemented where the provider does not have it.
func (c *Client) Relay(ctx context.Context, t *Target, name string, b Body, model string) (out *Relayed, err error) {
	d, err := dialectOf(t)
	if err != nil {
		return nil, err
	}
	path := d.more[name]
	if path == nil {
		return nil, entity.Errorf(entity.KindNotImplemented, "provider.Relay", "a provider of kind %s has no %s; use /v1/chat/completions", t.Config.Kind, name)
	}
	if model != "" {
		b = b.Clone()
		b.Set("model", t.Config.alias(model))
	}
	call := Call{Path: path(t.Config, model), Body: b.Bytes()}
	err = c.call(ctx, t, model, call, c.o.MaxStream, func(r *reply) error {
		out = &Relayed{Header: r.Header, Events: isEvents(r.Header), Reader: r.body, finish: r.finish}
		if !out.Events && !isJSON(r.Header) {
			body, _ := io.ReadAll(io.LimitReader(r.body, 4*mostReason))
			return badAnswer("it is "+typeOf(r.Header)+", not JSON", body)
		}
		return nil
	})
	return out, err
}
