package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"stemma/api/llm/provider"
	"stemma/api/llm/turn"
	"stemma/api/wire"
	"stemma/entity"
)

// stream is an answer on its way to a client, a [turn.Sink]. Until Begin nothing
// is written, so that an error is still answered with a status.
type stream struct {
	w     http.ResponseWriter
	r     *http.Request
	now   func() time.Time
	enc   encoder
	began bool
	buf   bytes.Buffer
	rc    *http.ResponseController
}

// Begin sends the header with the first piece.
func (s *stream) Begin(o turn.Opening) error {
	h := s.w.Header()
	for name, values := range headers(&o) {
		h[name] = values
	}
	wire.NewEventStream(s.w, s.r) // its headers; the events are written as they came
	s.rc, s.began = http.NewResponseController(s.w), true
	return nil
}

// Piece writes a piece, and flushes when no other has arrived behind it.
func (s *stream) Piece(p *provider.Piece) error {
	s.buf.Write(s.enc.piece(p))
	if p.More && s.buf.Len() < flushFrom {
		return nil
	}
	return s.flush()
}

// flushFrom is how much is gathered before it is sent in any case.
const flushFrom = 32 << 10

func (s *stream) flush() error {
	_, err := s.w.Write(s.buf.Bytes())
	s.buf.Reset()
	if err == nil {
		err = s.rc.Flush()
	}
	if err != nil {
		return &entity.Error{Kind: entity.KindCanceled, Op: "gateway.stream", Message: "the caller does not take the answer", Err: err}
	}
	return nil
}

// end ends the answer. An error behind the first piece is told in the stream;
// one before it is the answer.
func (s *stream) end(out *turn.Out, err error) error {
	if !s.began {
		return err
	}
	if err != nil {
		if entity.KindOf(err) == entity.KindCanceled {
			return err
		}
		s.buf.Write(s.enc.fail(err))
		if s.flush() != nil {
			return err
		}
		return nil
	}
	s.buf.Write(s.enc.end(out))
	return s.flush()
}

// chunks are a stream in OpenAI's format.
type chunks struct{ stream *stream }

func (c *chunks) piece(p *provider.Piece) []byte {
	if p.Raw != nil {
		return p.Raw
	}
	return data(p.Data)
}

func data(chunk []byte) []byte {
	return append(append([]byte("data: "), chunk...), "\n\n"...)
}

func (c *chunks) end(o *turn.Out) []byte {
	var out []byte
	if extra := o.Extra(); extra != nil {
		b := provider.Body{}
		for name, v := range extra {
			b.Set(name, v)
		}
		b.Set("id", o.ID)
		b.Set("object", "chat.completion.chunk")
		b.Set("created", c.stream.now().Unix())
		b.Set("model", o.Model)
		b.Set("choices", []any{})
		out = data(b.Bytes())
	}
	return append(out, "data: [DONE]\n\n"...)
}

func (c *chunks) fail(err error) []byte {
	b := provider.Body{}
	b.Set("error", detail(err))
	return data(b.Bytes())
}

// events are a stream in Anthropic's format.
type events struct{ provider.MessagesStream }

func (e *events) piece(p *provider.Piece) []byte {
	if p.Data == nil {
		return []byte(": \n\n")
	}
	return e.Chunk(&p.Chunk)
}

func (e *events) end(o *turn.Out) []byte { return e.End(o.Extra()) }

func (e *events) fail(err error) []byte {
	d := detail(err)
	return e.Fail(anthropicType(entity.KindOf(err)), d.Message)
}

// relay hands an answer on as it comes.
func relay(w http.ResponseWriter, r *http.Request, a *provider.Relayed) error {
	h := w.Header()
	for name, values := range headers(&turn.Opening{Header: a.Header}) {
		h[name] = values
	}
	if a.Events {
		wire.NewEventStream(w, r)
	} else {
		h.Set("Content-Type", "application/json")
	}
	rc := http.NewResponseController(w)
	buf := make([]byte, 16<<10)
	for {
		n, err := a.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return &entity.Error{Kind: entity.KindCanceled, Op: "gateway.relay", Err: err}
			}
			if a.Events {
				if err := rc.Flush(); err != nil {
					return &entity.Error{Kind: entity.KindCanceled, Op: "gateway.relay", Err: err}
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
