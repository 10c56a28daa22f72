package portal

import (
	"context"
	"encoding/json"
	"net/http"

	"stemma/api/llm/provider"
	"stemma/api/llm/turn"
	"stemma/api/wire"
	"stemma/entity"
)

func (s *Service) chatOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/agents/{id}/chat", ID: "portalChat", Summary: "Have an agent answer", Permission: anyMember,
			Description: "One turn of the agent as its clients have it, with its prompt, memory, knowledge base, tools and limits; it is recorded as a run. 502 when its provider fails or gives no answer. " +
				"With `stream` the answer comes as server-sent events, each with an object: `start` (`model`, `run_id`, `conversation_id`), `text` (`text`, to be added to what came before), `tool_call` (`id`, `name`, `arguments`) and `tool_result` (`id`, `name`, `failed`, `result`, `duration_ms`) of the tools that are called here, " +
				"and at the end `answer`, which is what is answered without `stream`, or `error`. What goes wrong before the first event is answered with its status. Closing the connection ends the call of the provider.",
			Success: []wire.Success{{Status: 200, Body: ChatAnswer{}}, {Status: 200, ContentType: "text/event-stream"}}, Errors: []int{400, 404, 429, 502, 503},
		}), s.chat),
	}
}

type chatIn struct {
	idIn
	Messages     []map[string]any `json:"messages" req:"true" min:"1" doc:"as in OpenAI's chat completions"`
	Model        *string          `json:"model" max:"256"`
	Conversation *string          `json:"conversation_id" alias:"conversationId" max:"200"`
	Partition    *string          `json:"partition_id" alias:"partitionId" max:"200"`
	Stream       bool             `json:"stream"`
}

// ChatAnswer is what an agent has answered.
type ChatAnswer struct {
	Message          json.RawMessage `json:"message"`
	Model            string          `json:"model"`
	Usage            json.RawMessage `json:"usage" doc:"as the provider tells it"`
	PromptTokens     int64           `json:"prompt_tokens" doc:"of all that the provider was asked, with rounds of tools"`
	CompletionTokens int64           `json:"completion_tokens"`
	CostUSD          *float64        `json:"cost_usd" doc:"null when the model has no price"`
	ConversationID   string          `json:"conversation_id,omitempty"`
	PartitionID      string          `json:"partition_id,omitempty"`
	Sources          []turn.Source   `json:"rag_sources,omitempty"`
	Run              entity.ID       `json:"run_id" doc:"that it is recorded as"`
}

func answerOf(o *turn.Out) ChatAnswer {
	return ChatAnswer{
		Message: o.Message, Model: o.Model, PromptTokens: o.Prompt, CompletionTokens: o.Completion, CostUSD: o.CostUSD,
		ConversationID: o.Conversation, PartitionID: o.Partition, Sources: o.Sources, Run: o.Run,
	}
}

func (s *Service) chat(ctx context.Context, in *chatIn) (*wire.Reply, error) {
	caller := turn.Caller{Network: wire.NetworkOf(ctx), Agent: in.ID, Trigger: "portal"}
	err := s.view(ctx, func(h here) error {
		caller.Key = "portal/" + string(h.user)
		_, err := h.live("agent:invoke", in.ID, entity.TypeAgent, "agent")
		return err
	})
	if err != nil {
		return nil, err
	}
	p, err := s.Engine.Plan(ctx, caller.Network, caller.Agent)
	if err != nil {
		return nil, err
	}
	if !p.Active {
		return nil, entity.Errorf(entity.KindForbidden, "portal.chat", "Forbidden: a tenant above this one is switched off, and so are the agents below it")
	}
	body := provider.Body{}
	body.Set("messages", in.Messages)
	for name, text := range map[string]*string{"model": in.Model, "conversation_id": in.Conversation, "partition_id": in.Partition} {
		if text != nil {
			body.Set(name, *text)
		}
	}
	if in.Stream {
		return secret(&wire.Reply{Stream: func(w http.ResponseWriter, r *http.Request) error { return s.stream(w, r, caller, body) }}), nil
	}
	out, err := s.Engine.Take(ctx, caller, body, nil)
	if err != nil {
		return nil, err
	}
	var said struct {
		Choices []struct {
			Message json.RawMessage `json:"message"`
		} `json:"choices"`
		Model string          `json:"model"`
		Usage json.RawMessage `json:"usage"`
	}
	if err := json.Unmarshal(out.Body, &said); err != nil || len(said.Choices) == 0 {
		return nil, entity.Errorf(entity.KindUpstream, "portal.chat", "the provider's answer has no choices")
	}
	answer := answerOf(out)
	answer.Message, answer.Model, answer.Usage = said.Choices[0].Message, said.Model, said.Usage
	return secret(wire.OK(answer)), nil
}
