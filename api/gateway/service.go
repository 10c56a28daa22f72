package gateway

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"stemma/api/auth"
	"stemma/api/llm/provider"
	"stemma/api/llm/turn"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// Service answers the operations of this view.
type Service struct {
	engine *turn.Engine
	now    func() time.Time
}

// New makes the view over an engine.
func New(engine *turn.Engine, now func() time.Time) *Service {
	return &Service{engine: engine, now: now}
}

// maxBody is the largest request: images travel in it.
const maxBody = 32 << 20

const tagGateway = "Language models"

// bodyIn is a request whose members are the provider's to know.
type bodyIn struct {
	Body wire.Upload `body:"raw"`
}

// Operations is the table of the API.
func (s *Service) Operations() []wire.Operation {
	common := func(op wire.Operation) wire.Operation {
		op.Tag, op.Auth, op.BearerKeys, op.MaxBody = tagGateway, wire.AuthRequired, true, maxBody
		if op.ErrorBody == nil {
			op.ErrorBody = Error
		}
		return op
	}
	ask := []int{400, 401, 403, 404, 413, 415, 429, 501, 502, 503}
	all := []wire.Operation{
		wire.Op(common(wire.Operation{
			Method: "POST", Path: "/v1/chat/completions", ID: "createChatCompletion", Summary: "Have an agent answer a chat",
			Description: "OpenAI's chat completions, answered by the key's agent. Every field goes to the provider as it came, but for `conversation_id` and `partition_id`, which name what the agent remembers. `model` may be left out: the agent's is asked. With `stream` the answer is a stream of server-sent events that ends with `data: [DONE]`; the last chunk before it has `conversation_id` and `rag_sources`, where there are any.",
			Success:     []wire.Success{{Status: 200, Body: ChatCompletion{}, Description: "The provider's answer, with what is ours in it. With `stream` text/event-stream."}}, Errors: ask,
		}), s.chat),
		wire.Op(common(wire.Operation{
			Method: "POST", Path: "/v1/messages", ID: "createMessage", Summary: "Have an agent answer, in Anthropic's format", ErrorBody: AnthropicError,
			Description: "Anthropic's messages, answered by the key's agent, whichever provider that has. `conversation_id` and `partition_id` are as in chat completions.",
			Success:     []wire.Success{{Status: 200, Body: map[string]any{}, Description: "A message. With `stream` text/event-stream."}}, Errors: ask,
		}), s.messages),
		wire.Op(common(wire.Operation{
			Method: "POST", Path: "/v1/embeddings", ID: "createEmbedding", Summary: "Turn texts into vectors",
			Description: "OpenAI's embeddings, by the provider of the key's agent. 501 where it has none.",
			Success:     []wire.Success{{Status: 200, Body: map[string]any{}}}, Errors: ask,
		}), s.embeddings),
		wire.Op(common(wire.Operation{
			Method: "POST", Path: "/v1/responses", ID: "createResponse", Summary: "Have the provider answer, in the format of OpenAI's responses",
			Description: "Handed on as it is, with the agent's prompt in `instructions`, to providers of the kinds openai, azure and ollama; 501 for others. Memory, knowledge bases and tools are those of chat completions alone.",
			Success:     []wire.Success{{Status: 200, Body: map[string]any{}, Description: "The provider's answer. With `stream` text/event-stream."}}, Errors: ask,
		}), s.responses),
		wire.Op(common(wire.Operation{
			Method: "GET", Path: "/v1/models", ID: "listModels", Summary: "List the models that the agent may be asked for",
			Description: "The agent's own first. The list has the members that clients of OpenAI and of Anthropic look for.",
			Success:     []wire.Success{{Status: 200, Body: Models{}}}, Errors: []int{401},
		}), s.models),
		wire.Op(common(wire.Operation{
			Method: "GET", Path: "/v1/models/{model}", ID: "getModel", Summary: "Get one of these models",
			Success: []wire.Success{{Status: 200, Body: Model{}}}, Errors: []int{401, 404},
		}), s.model),
	}
	for _, op := range s.analyticsOps() {
		all = append(all, common(op))
	}
	return all
}

// caller is the agent that the request's key belongs to. KindUnauthenticated for
// a credential of anybody else, and while the tenant is switched off.
func (s *Service) caller(ctx context.Context) (c turn.Caller, p *turn.Plan, err error) {
	const op = "gateway.caller"
	who := auth.From(ctx)
	if who.Kind != access.Agent || !strings.HasPrefix(auth.CredentialOf(ctx), string(auth.GatewayForm)) {
		return c, nil, &entity.Error{Kind: entity.KindUnauthenticated, Op: op, Message: "The key is not an agent's: models are asked with a key that begins with " + string(auth.GatewayForm)}
	}
	c = turn.Caller{Network: wire.NetworkOf(ctx), Agent: who.ID, Key: turn.KeyOf(who.ID, auth.CredentialOf(ctx))}
	if !access.Grants(who.Scopes, "agent:invoke") && who.Scopes != nil {
		return c, nil, entity.Errorf(entity.KindForbidden, op, "Forbidden: the scopes of this key do not have agent:invoke")
	}
	if p, err = s.engine.Plan(ctx, c.Network, c.Agent); err != nil {
		return c, nil, err
	}
	if !p.Active {
		return c, nil, &entity.Error{Kind: entity.KindUnauthenticated, Op: op, Message: "The tenant of this key is switched off"}
	}
	c.Plan = p
	return c, p, nil
}

// read reads a body that has to be a JSON object.
func read(in *bodyIn) ([]byte, error) {
	const op = "gateway.read"
	kind, _, _ := strings.Cut(in.Body.ContentType, ";")
	if kind = strings.ToLower(strings.TrimSpace(kind)); kind != "" && kind != "application/json" {
		return nil, entity.Errorf(entity.KindUnsupported, op, "a body of type %.64q is not read here; send application/json", kind)
	}
	data, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, entity.Invalid(op, `the body is missing; send a JSON object, like {"messages":[{"role":"user","content":"Hello"}]}`)
	}
	return data, nil
}

func readBody(in *bodyIn) (provider.Body, error) {
	data, err := read(in)
	if err != nil {
		return nil, err
	}
	return provider.ParseBody(data)
}

// streams tells whether a request asks for a stream. Another form of the member
// is found when the request is checked.
func streams(b provider.Body) bool {
	var on bool
	return b.Into("stream", &on) && on
}

// kept are the headers of a provider's answer that are not handed on: those of
// the connection, of the form of the body, and those that this server sets.
var kept = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Content-Length": true, "Content-Encoding": true, "Content-Type": true, "Date": true, "Server": true, "Set-Cookie": true, "Vary": true, "Etag": true,
	"Strict-Transport-Security": true, "Alt-Svc": true, "X-Request-Id": true, "Cache-Control": true, "X-Content-Type-Options": true, "Www-Authenticate": true,
}

// headers are the headers of an answer.
func headers(o *turn.Opening) http.Header {
	h := make(http.Header, len(o.Header)+2)
	for name, values := range o.Header {
		if !kept[name] && !strings.HasPrefix(name, "Access-Control-") {
			h[name] = values
		}
	}
	if o.Conversation != "" {
		h.Set("X-Arachne-Conversation-Id", o.Conversation)
	}
	return h
}
