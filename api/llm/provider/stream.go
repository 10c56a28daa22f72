package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
)

// Chunk is what is to be known of a chunk of the pivot.
type Chunk struct {
	ID      string          `json:"id"`
	Model   string          `json:"model"`
	Choices []ChunkChoice   `json:"choices"`
	Usage   *Usage          `json:"usage"`
	Error   json.RawMessage `json:"error"`
}

// ChunkChoice is what a chunk adds to a choice.
type ChunkChoice struct {
	Index int `json:"index"`
	Delta struct {
		Content   *string     `json:"content"`
		Refusal   *string     `json:"refusal"`
		Reasoning string      `json:"reasoning_content"`
		Signature string      `json:"reasoning_signature"`
		ToolCalls []ChunkCall `json:"tool_calls"`
	} `json:"delta"`
	Finish string `json:"finish_reason"`
}

// ChunkCall is a piece of a call that a model asks for.
type ChunkCall struct {
	Index int `json:"index"`
	ToolCall
}

// Piece is the next piece of a stream. Its bytes are valid until the next.
type Piece struct {
	Data  json.RawMessage // a chunk of the pivot; nil: a comment
	Chunk Chunk           // the same, read
	Raw   []byte          // the event as it came, where the provider speaks the pivot; else nil
	More  bool            // another has arrived already: no need to flush
}

// Stream is an answer that arrives piece by piece.
type Stream struct {
	Header http.Header

	reply    *reply
	events   *eventReader
	decoder  Decoder // nil: events are the pivot's
	queue    []json.RawMessage
	first    *Event // was read to see that there is one
	finished bool   // some choice has ended
	over     bool
}

// Stream asks for an answer in pieces. It returns when the first event has come
// and is no error, so that until then another provider can be tried.
func (c *Client) Stream(ctx context.Context, t *Target, r *Request) (s *Stream, err error) {
	d, err := dialectOf(t)
	if err != nil {
		return nil, err
	}
	call, err := d.chat(t.Config, r)
	if err != nil {
		return nil, err
	}
	err = c.call(ctx, t, r.Model, call, c.o.MaxStream, func(a *reply) error {
		s = &Stream{Header: a.Header, reply: a}
		if !isEvents(a.Header) {
			return s.unstreamed(d, a, r.Model, c.o.Now().Unix())
		}
		if d.stream != nil {
			s.decoder = d.stream(r.Model, c.o.Now().Unix())
		}
		s.events = newEventReader(a.body, c.o.MaxEvent)
		return s.open()
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func isEvents(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "text/event-stream"
}

// open reads the first event that has data, and refuses an error.
func (s *Stream) open() error {
	for {
		ev, err := s.events.next()
		if err == io.EOF {
			return upstream(true, "the provider's stream ends before its first event")
		}
		if err != nil {
			return err
		}
		if ev.Data == nil {
			continue
		}
		if err := reported(ev.Data); err != nil {
			return err
		}
		if ev.Name == "error" {
			return failureOf(0, ev.Data, nil)
		}
		s.first = &ev
		return nil
	}
}

// unstreamed takes an answer in one piece, of a provider that does not stream.
func (s *Stream) unstreamed(d *dialect, a *reply, model string, at int64) error {
	body, err := readWhole(a)
	if err != nil {
		return err
	}
	if d.answer != nil {
		if body, err = d.answer(body, model, at); err != nil {
			return err
		}
	}
	s.queue, err = Chunks(body)
	s.over = true
	return err
}

// Chunks makes the chunks of a stream out of a whole answer of the pivot.
func Chunks(body []byte) ([]json.RawMessage, error) {
	var in struct {
		Choices []Body `json:"choices"`
	}
	head, err := ParseBody(body)
	if err != nil || json.Unmarshal(body, &in) != nil {
		return nil, badAnswer("it has no choices", body)
	}
	usage := head["usage"]
	delete(head, "usage")
	head.Set("object", "chat.completion.chunk")
	for _, c := range in.Choices {
		var message Body
		c.Into("message", &message)
		delete(c, "message")
		var calls []Body
		if message.Into("tool_calls", &calls) {
			for i := range calls {
				calls[i].Set("index", i)
			}
			message.Set("tool_calls", calls)
		}
		c.Set("delta", message)
	}
	head.Set("choices", in.Choices)
	out := []json.RawMessage{head.Bytes()}
	if present(usage) {
		head["choices"], head["usage"] = json.RawMessage("[]"), usage
		out = append(out, head.Bytes())
	}
	return out, nil
}

var done = []byte("[DONE]")

// Next is the next piece; io.EOF at the end of a whole answer. An error is as at
// [Failure]: what came before it is all there is.
func (s *Stream) Next() (p Piece, err error) {
	for {
		if len(s.queue) > 0 {
			p = Piece{Data: s.queue[0], More: len(s.queue) > 1 || s.over || s.events.waiting()}
			s.queue = s.queue[1:]
			err = s.read(&p)
			return p, err
		}
		if s.over {
			return p, io.EOF
		}
		ev, err := s.event()
		if err == io.EOF {
			if s.over = true; s.finished {
				return p, io.EOF
			}
			return p, upstream(false, "the provider's stream broke off before the answer was complete")
		}
		if err != nil {
			s.over = true
			return p, err
		}
		if bytes.Equal(bytes.TrimSpace(ev.Data), done) {
			s.over = true
			return p, io.EOF
		}
		if s.decoder == nil {
			p = Piece{Data: ev.Data, Raw: ev.Raw, More: s.events.waiting()}
			err = s.read(&p)
			return p, err
		}
		if ev.Data == nil {
			continue
		}
		if s.queue, s.over, err = s.decoder.Event(ev.Name, ev.Data); err != nil {
			s.over = true
			return p, err
		}
	}
}

func (s *Stream) event() (ev Event, err error) {
	if s.first != nil {
		ev, s.first = *s.first, nil
		return ev, nil
	}
	return s.events.next()
}

// read reads the chunk of a piece.
func (s *Stream) read(p *Piece) error {
	if p.Data == nil {
		return nil
	}
	if err := p.Chunk.read(p.Data); err != nil {
		s.over = true
		return badAnswer("an event of its stream is not a JSON object of the kind that it should be", p.Data)
	}
	if present(p.Chunk.Error) {
		s.over = true
		return failureOf(0, p.Data, nil)
	}
	for _, c := range p.Chunk.Choices {
		s.finished = s.finished || c.Finish != ""
	}
	return nil
}

// Close ends the call.
func (s *Stream) Close() { s.reply.finish() }

// ReadPiece is a piece of a chunk that this server makes itself.
func ReadPiece(data json.RawMessage) (p Piece, err error) {
	p.Data = data
	if err := p.Chunk.read(data); err != nil {
		return p, badAnswer("a chunk cannot be read", data)
	}
	return p, nil
}
