package gateway

import (
	"context"
	"net/http"

	"stemma/api/llm/provider"
	"stemma/api/llm/turn"
	"stemma/api/wire"
)

// ChatCompletion is an answer. What the provider adds to it is kept.
type ChatCompletion struct {
	ID             string        `json:"id"`
	Object         string        `json:"object" doc:"chat.completion"`
	Created        int64         `json:"created"`
	Model          string        `json:"model"`
	Choices        []any         `json:"choices"`
	Usage          any           `json:"usage"`
	ConversationID string        `json:"conversation_id,omitempty" doc:"Where the agent remembers: what to send with the next question."`
	PartitionID    string        `json:"partition_id,omitempty"`
	Sources        []turn.Source `json:"rag_sources,omitempty" doc:"The passages of the knowledge base that the model was given."`
}

func (s *Service) chat(ctx context.Context, in *bodyIn) (*wire.Reply, error) {
	caller, _, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	body, err := readBody(in)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, caller, body, openAI)
}

func (s *Service) messages(ctx context.Context, in *bodyIn) (*wire.Reply, error) {
	caller, _, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	data, err := read(in)
	if err != nil {
		return nil, err
	}
	body, err := provider.MessagesRequest(data)
	if err != nil {
		return nil, err
	}
	if streams(body) {
		body.Set("stream_options", map[string]bool{"include_usage": true}) // which the format always has
	}
	return s.answer(ctx, caller, body, anthropic)
}

// format is how a client reads answers.
type format struct {
	whole  func(*turn.Out) ([]byte, error)
	stream func(*stream) encoder
}

// encoder writes an answer's pieces as a client reads them.
type encoder interface {
	piece(*provider.Piece) []byte
	end(*turn.Out) []byte
	fail(error) []byte
}

var (
	openAI = format{
		whole:  func(o *turn.Out) ([]byte, error) { return o.Body, nil },
		stream: func(s *stream) encoder { return &chunks{stream: s} },
	}
	anthropic = format{
		whole: func(o *turn.Out) ([]byte, error) {
			return provider.MessagesAnswer(o.Body, "conversation_id", "partition_id", "rag_sources")
		},
		stream: func(*stream) encoder { return &events{} },
	}
)

// answer has the agent answer, whole or streamed, in a client's format.
func (s *Service) answer(ctx context.Context, caller turn.Caller, body provider.Body, f format) (*wire.Reply, error) {
	if !streams(body) {
		out, err := s.engine.Take(ctx, caller, body, nil)
		if err != nil {
			return nil, err
		}
		data, err := f.whole(out)
		if err != nil {
			return nil, err
		}
		reply := wire.Bytes("application/json", data)
		reply.Header = headers(&out.Opening)
		return reply, nil
	}
	return &wire.Reply{Stream: func(w http.ResponseWriter, r *http.Request) error {
		st := &stream{w: w, r: r, now: s.now}
		st.enc = f.stream(st)
		out, err := s.engine.Take(ctx, caller, body, st)
		return st.end(out, err)
	}}, nil
}

func (s *Service) embeddings(ctx context.Context, in *bodyIn) (*wire.Reply, error) {
	caller, _, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	body, err := readBody(in)
	if err != nil {
		return nil, err
	}
	out, err := s.engine.Embed(ctx, caller, body)
	if err != nil {
		return nil, err
	}
	reply := wire.Bytes("application/json", out.Body)
	reply.Header = headers(&out.Opening)
	return reply, nil
}

func (s *Service) responses(ctx context.Context, in *bodyIn) (*wire.Reply, error) {
	caller, _, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	body, err := readBody(in)
	if err != nil {
		return nil, err
	}
	return &wire.Reply{Stream: func(w http.ResponseWriter, r *http.Request) error {
		return s.engine.Relay(ctx, caller, "responses", body, func(a *provider.Relayed) error { return relay(w, r, a) })
	}}, nil
}
