package chat

import (
	"context"
	_ "embed" // the prompt
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"time"

	"stemma/api/provider"
	"stemma/entity"
)

// Tool is an operation that the model may call.
type Tool struct {
	Name, Description string
	Schema            json.RawMessage // of the input, an object
	Reads             bool            // changes nothing, and so is called unasked
	// Run calls it; Options.Describe renders its error.
	Run func(ctx context.Context, input map[string]any) (json.RawMessage, error)
}

// Model is who answers: a [provider.Client].
type Model interface {
	Stream(ctx context.Context, r provider.Request, each func(provider.Event) error) (provider.Answer, error)
}

// Options are the settings of [New]. Model, NewID and Describe are needed.
type Options struct {
	Model    Model
	Tools    []Tool
	NewID    func() string          // of messages, questions, and calls that come without
	Describe func(err error) string // an error as the user and the model may read it
	Prompt   func() string          // what the model is told first; nil: Prompt(time.Now())
	Logger   *slog.Logger           // nil: silent

	Rounds  int // calls of the model in one turn; 0: 12
	Calls   int // of tools in one answer of the model; 0: 16
	Result  int // bytes of a tool's result that the model gets; 0: 24 KiB
	Context int // tokens of a request, by four bytes each; 0: 128,000
}

// Engine answers. It is safe for concurrent use.
type Engine struct {
	o     Options
	tools map[string]*Tool

	mu      sync.Mutex
	running map[string]chan struct{} // by session; closed when the turn is over
}

//go:embed prompt.txt
var prompt string

// Prompt is what the model is told first, on a day.
func Prompt(now time.Time) string {
	return strings.ReplaceAll(strings.TrimSpace(prompt), "{date}", now.UTC().Format("Monday, 2 January 2006"))
}

// New makes an engine.
func New(o Options) *Engine {
	if o.Prompt == nil {
		o.Prompt = func() string { return Prompt(time.Now()) }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, n := range []struct {
		at *int
		or int
	}{{&o.Rounds, 12}, {&o.Calls, 16}, {&o.Result, 24 << 10}, {&o.Context, 128_000}} {
		if *n.at == 0 {
			*n.at = n.or
		}
	}
	e := &Engine{o: o, tools: map[string]*Tool{}, running: map[string]chan struct{}{}}
	for i := range o.Tools {
		e.tools[o.Tools[i].Name] = &o.Tools[i]
	}
	return e
}

// patience is how long a turn waits for the one before it: whoever was told its end,
// or closed its stream, may go on a moment before the server is done with it.
const patience = 2 * time.Second

// Begin takes the one turn of a session at a time; end gives it back. A server
// that died has given all of them back. KindExists when there is one, and it does not
// end soon; KindCanceled when ctx is done.
func (e *Engine) Begin(ctx context.Context, session string) (end func(), err error) {
	const op = "chat.Begin"
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		over, under := e.turn(session)
		if !under {
			return func() {
				e.mu.Lock()
				defer e.mu.Unlock()
				delete(e.running, session)
				close(over)
			}, nil
		}
		select {
		case <-over:
		case <-late.C:
			return nil, entity.Errorf(entity.KindExists, op, "a turn of this chat is under way; wait for its stream to end, or close it, and send the message again")
		case <-ctx.Done():
			return nil, &entity.Error{Kind: entity.KindCanceled, Op: op, Message: "the caller went away", Err: ctx.Err()}
		}
	}
}

// turn is the one of a session that is under way, or else its next.
func (e *Engine) turn(session string) (over chan struct{}, under bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if over, under = e.running[session]; !under {
		over = make(chan struct{})
		e.running[session] = over
	}
	return over, under
}
