package provider

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"stemma/entity"
)

// Role is who says a message.
type Role string

// The roles.
const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
	ToolRole  Role = "tool"
)

// Message is one message of a conversation.
type Message struct {
	Role   Role
	Text   string
	Calls  []Call // of an assistant
	CallID string // of a tool: the call that this is the result of
}

// Call is a model's wish to have a tool called.
type Call struct {
	ID, Name  string
	Arguments string // JSON, as far as the model keeps to it
}

// Tool is what a model may call.
type Tool struct {
	Name, Description string
	Parameters        json.RawMessage // a JSON schema of an object
}

// Request is what a model is asked.
type Request struct {
	Messages []Message
	Tools    []Tool
	NoCalls  bool // the tools are for understanding what was said; none may be called now
}

// Usage is what an answer cost, in tokens; zero where the provider does not say.
type Usage struct{ Input, Output int64 }

// Finish is why an answer ended.
type Finish string

// The reasons.
const (
	FinishStop    Finish = "stop"
	FinishLength  Finish = "length"
	FinishCalls   Finish = "tool-calls"
	FinishFilter  Finish = "content-filter"
	FinishUnknown Finish = "other"
)

// EventKind is what an event brings.
type EventKind uint8

// The kinds of event.
const (
	TextDelta      EventKind = iota + 1 // more of the answer's text
	ReasoningDelta                      // more of what the model thinks, where the provider tells
	CallBegins                          // a call, by its Index: ID and Name
	CallDelta                           // more of its arguments, as Text
)

// Event is a piece of an answer.
type Event struct {
	Kind     EventKind
	Text     string
	Index    int
	ID, Name string
}

// Answer is a whole answer, or as much of it as came.
type Answer struct {
	Text   string
	Calls  []Call
	Finish Finish
	Usage  Usage
}

// Options are the settings of [New]. BaseURL and Model are needed.
type Options struct {
	BaseURL string // like "https://api.openai.com/v1" or "http://127.0.0.1:11434/v1"; "/chat/completions" is added
	Key     string // sent as a bearer token; "": none
	Model   string

	Silence    time.Duration // without a byte, before the first and between two; 0: 2 minutes
	Tries      int           // before the first byte, in all; 0: 4
	Backoff    time.Duration // before the second try, doubled for each more; 0: 500 ms
	MaxBackoff time.Duration // the longest, unless Retry-After asks for more, up to a minute; 0: 10 s
	MaxAnswer  int           // bytes of text and arguments of one answer; 0: 1 MiB

	Transport http.RoundTripper                          // nil: [http.DefaultTransport]
	Now       func() time.Time                           // nil: [time.Now]
	Sleep     func(context.Context, time.Duration) error // nil: by a timer, until ctx is done
	Jitter    func(time.Duration) time.Duration          // nil: half to all of it, at random
}

// Client asks one model of one provider. It is safe for any number of
// goroutines.
type Client struct {
	o      Options
	url    string
	name   string // of the provider, for messages
	client *http.Client
}

// New checks the settings and asks nothing. The error is of
// [entity.KindInvalid].
func New(o Options) (*Client, error) {
	const op = "provider.New"
	u, err := url.Parse(o.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, entity.Invalid(op, "the base URL of a model's provider is like https://api.openai.com/v1, not %q", o.BaseURL)
	case o.Model == "":
		return nil, entity.Invalid(op, "a provider needs the name of a model, like gpt-4.1-mini")
	}
	or(&o.Silence, 2*time.Minute)
	or(&o.Tries, 4)
	or(&o.Backoff, 500*time.Millisecond)
	or(&o.MaxBackoff, 10*time.Second)
	or(&o.MaxAnswer, 1<<20)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Jitter == nil {
		o.Jitter = func(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
	}
	return &Client{
		o: o, name: u.Host, url: strings.TrimSuffix(strings.TrimSuffix(o.BaseURL, "/"), "/chat/completions") + "/chat/completions",
		client: &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the key is for nobody else
		}},
	}, nil
}

func or[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
