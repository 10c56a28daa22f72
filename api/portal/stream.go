package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"stemma/api/llm/provider"
	"stemma/api/llm/tools"
	"stemma/api/llm/turn"
	"stemma/api/wire"
	"stemma/entity"
)

// chatStream is an answer on its way to a browser, a [turn.Listener]. Until its
// first event nothing is written, so that an error is still answered with a status.
type chatStream struct {
	w      http.ResponseWriter
	r      *http.Request
	events *wire.EventStream // nil: it has not begun
}

// stream has an agent answer as it comes.
func (s *Service) stream(w http.ResponseWriter, r *http.Request, caller turn.Caller, body provider.Body) error {
	st := &chatStream{w: w, r: r}
	out, err := s.Engine.Take(r.Context(), caller, body, st)
	switch {
	case err == nil:
		a := answerOf(out)
		a.Usage = encoded(provider.Usage{Prompt: a.PromptTokens, Completion: a.CompletionTokens, Total: a.PromptTokens + a.CompletionTokens})
		return st.send("answer", a)
	case st.events == nil || entity.KindOf(err) == entity.KindCanceled:
		return err
	}
	var e *entity.Error
	if !errors.As(err, &e) {
		e = entity.Internal("portal.stream", err)
	}
	status, code := wire.Status(e.Kind)
	return st.send("error", wire.OpenAIError(e, status, code, ""))
}

func encoded(v any) json.RawMessage {
	data, _ := json.Marshal(v) // of texts and numbers
	return data
}

// add puts an event behind those that are to be sent.
func (s *chatStream) add(event string, v any) error {
	if s.events == nil {
		s.events = wire.NewEventStream(s.w, s.r)
	}
	return s.events.Send("", event, encoded(v))
}

func (s *chatStream) send(event string, v any) error {
	if err := s.add(event, v); err != nil {
		return err
	}
	return s.events.Flush()
}

// Begin implements [turn.Sink].
func (s *chatStream) Begin(o turn.Opening) error {
	return s.add("start", map[string]any{"model": o.Model, "run_id": o.Run, "conversation_id": o.Conversation})
}

// Piece implements [turn.Sink]: the text of the first choice. It is sent when no
// other piece has arrived behind it.
func (s *chatStream) Piece(p *provider.Piece) error {
	text := ""
	for i := range p.Chunk.Choices {
		c := &p.Chunk.Choices[i]
		for _, t := range []*string{c.Delta.Content, c.Delta.Refusal} {
			if t != nil && c.Index == 0 {
				text += *t
			}
		}
	}
	if text != "" {
		if err := s.add("text", map[string]string{"text": text}); err != nil {
			return err
		}
	}
	if p.More {
		return nil
	}
	return s.events.Flush()
}

// Call implements [turn.Listener].
func (s *chatStream) Call(c provider.ToolCall) error {
	return s.send("tool_call", map[string]any{"id": c.ID, "name": c.Function.Name, "arguments": c.Function.Arguments})
}

// Result implements [turn.Listener].
func (s *chatStream) Result(c provider.ToolCall, r tools.Result, took time.Duration) error {
	return s.send("tool_result", map[string]any{"id": c.ID, "name": c.Function.Name, "failed": r.Failed, "result": r.Text, "duration_ms": float64(took.Microseconds()) / 1000})
}
