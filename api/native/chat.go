package native

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"stemma/api/native/chat"
	"stemma/api/wire"
	"stemma/entity"
)

const tagChat = "Chat"

// ChatOptions are the settings of [Service.WithChat].
type ChatOptions struct {
	Model   chat.Model   // nil: POST /chat is answered with 501
	Entropy io.Reader    // of the ids of chats and messages; needed
	Logger  *slog.Logger // nil: silent

	MaxMessage int64 // bytes of a user's message; 0: 2 MB
	MaxStorage int64 // bytes of a chat; 0: 10 GB
	Context    int   // tokens of a request to the model; 0: 128,000
}

// The limits of the specification.
const (
	defaultMaxMessage = 2 << 20
	defaultMaxStorage = 10 << 30
)

// chats is what chatting takes beside the service.
type chats struct {
	engine *chat.Engine
	ids    *entity.IDSource
	o      ChatOptions
}

// WithChat lets people chat with a model.
func (s *Service) WithChat(o ChatOptions) *Service {
	c := &chats{o: o, ids: entity.NewIDSource(s.now, o.Entropy)}
	c.o.MaxMessage = cmp.Or(o.MaxMessage, defaultMaxMessage)
	c.o.MaxStorage = cmp.Or(o.MaxStorage, defaultMaxStorage)
	if o.Model != nil {
		c.engine = chat.New(chat.Options{
			Model: o.Model, Tools: chatTools(s.Operations()), NewID: c.newID, Describe: describeCall, Logger: o.Logger, Context: o.Context,
			Prompt: func() string { return chat.Prompt(s.now()) },
		})
	}
	s.chat = c
	return s
}

func (c *chats) newID() string { return string(c.ids.New(entity.Main)) }

// describeCall is an error as a model and its user may read it.
func describeCall(err error) string {
	message, code := describe(err)
	return message + " (" + code + ")"
}

func (s *Service) chatOps() []wire.Operation {
	id := " `id` is the X-Chat-ID, or the id of the chat's entity."
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "POST", Path: "/chat", ID: "sendChat", Tag: tagChat, Summary: "Send a chat message", Permission: "chat:send", Auth: wire.AuthRequired, MaxBody: 16 << 20,
			Description: "Answers with the AI SDK's UI message stream (`x-vercel-ai-ui-message-stream: v1`, of `ai` 6) from a model that may call operations of this server with the caller's permissions. " +
				"`X-Chat-ID`, a UUID, continues the caller's chat of that name or begins it; left out, a new one is made. The answer has the header too. " +
				"The chat itself knows what was said: of `messages` the last counts. It is the user's, or the assistant's with parts in the state `approval-responded`: a call that changes something waits for one, and is made once. " +
				"A message under an id that is there, with `messageId` naming it, takes its place, and the chat goes on from there. " +
				"The stream ends with a frame `data-usage` and the same usage in the metadata of `finish`. Closing the connection ends the model's answer; what had come is kept as partial. One turn of a chat at a time: another is answered with 409.",
			Success: []wire.Success{{Status: 200, ContentType: "text/event-stream", Description: "the answer as it comes"}}, Errors: []int{400, 401, 403, 404, 409, 413, 501, 507},
		}, s.sendChat),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/chat/sessions", ID: "listChatSessions", Tag: tagChat, Summary: "List user chats", Permission: "chat:view", Auth: wire.AuthRequired,
			Description: "The caller's chats, those that were begun last first.",
			Success:     []wire.Success{{Status: 200, Body: ListChatsResponse{}}}, Errors: []int{400, 401},
		}, s.listChats),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/chat/sessions/{id}", ID: "getChatSession", Tag: tagChat, Summary: "Get chat session", Permission: "chat:view", Auth: wire.AuthRequired,
			Description: "The chat with all that was said; `parts` are in the AI SDK's form, so that a client goes on with them." + id,
			Success:     []wire.Success{{Status: 200, Body: ChatSession{}}}, Errors: []int{400, 401, 403, 404},
		}, s.getChat),
		wire.Op(wire.Operation{
			Method: "DELETE", Path: "/chat/sessions/{id}", ID: "deleteChatSession", Tag: tagChat, Summary: "Delete chat session", Permission: "chat:delete", Auth: wire.AuthRequired,
			Description: "The chat is not found any more. The log keeps what was said, as it keeps everything; only the operator can restore the entity." + id,
			Success:     []wire.Success{{Status: 200, Body: ChatDeletedResponse{}}}, Errors: []int{400, 401, 403, 404},
		}, s.deleteChat),
	}
}

type sendChatIn struct {
	ChatID    string          `header:"X-Chat-ID" pattern:"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"`
	Messages  []ChatMessageIn `json:"messages" req:"true" min:"1" max:"5000"`
	MessageID string          `json:"messageId" max:"200" doc:"the message that the last one takes the place of"`
}

func (s *Service) sendChat(_ context.Context, in *sendChatIn) (*wire.Reply, error) {
	if s.chat == nil || s.chat.engine == nil {
		return nil, entity.Errorf(entity.KindNotImplemented, "native.sendChat", "this server has no language model; its operator can give it one with --chat-url and --chat-model (STEMMA_CHAT_URL, STEMMA_CHAT_MODEL)")
	}
	said, err := in.incoming()
	if err != nil {
		return nil, err
	}
	if err := s.chat.fits(&said[len(said)-1]); err != nil {
		return nil, err
	}
	return &wire.Reply{Stream: func(w http.ResponseWriter, r *http.Request) error {
		ctx, end := wire.Streaming(r.Context())
		defer end()
		return s.chatTurn(ctx, in.ChatID, said, w, r)
	}}, nil
}

// chatTurn takes in what was said and streams the answer.
func (s *Service) chatTurn(ctx context.Context, name string, said []chat.Incoming, w http.ResponseWriter, r *http.Request) error {
	c := s.openChat(ctx, name)
	endTurn, err := s.chat.engine.Begin(ctx, c.key(ctx))
	if err != nil {
		return err
	}
	defer endTurn()
	if err := c.take(ctx, said); err != nil {
		return err
	}
	w.Header().Set("X-Chat-ID", c.name)
	w.Header().Set("X-Vercel-AI-UI-Message-Stream", "v1")
	sink := newChatSink(wire.NewEventStream(w, r))
	defer sink.end()
	_ = s.chat.engine.Run(ctx, c.conversation, c.keep, sink) // told in the stream and in the log
	return nil
}

// chatSilence is after how long without a frame the connection is kept open with
// a comment: models think, and proxies are impatient.
const chatSilence = 15 * time.Second

// chatSink sends frames as they come, and comments while none do.
type chatSink struct {
	mu     sync.Mutex
	stream *wire.EventStream
	stop   chan struct{}
	ended  sync.WaitGroup
}

func newChatSink(stream *wire.EventStream) *chatSink {
	s := &chatSink{stream: stream, stop: make(chan struct{})}
	s.ended.Go(s.keepAlive)
	return s
}

// Send implements [chat.Sink].
func (s *chatSink) Send(data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.stream.Send("", "", data); err != nil {
		return err
	}
	return s.stream.Flush()
}

func (s *chatSink) keepAlive() {
	tick := time.NewTicker(chatSilence)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.mu.Lock()
			_ = s.stream.Comment("alive") // who has gone shows at the next frame
			s.mu.Unlock()
		}
	}
}

// end waits for the last comment: the stream is used no more.
func (s *chatSink) end() {
	close(s.stop)
	s.ended.Wait()
}
