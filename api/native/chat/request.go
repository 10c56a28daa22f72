package chat

import (
	"encoding/json"

	"stemma/api/provider"
)

// request is the conversation as the model gets it.
func (e *Engine) request(c *Conversation) provider.Request {
	r := provider.Request{Messages: []provider.Message{{Role: provider.System, Text: e.o.Prompt()}}}
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.Role == User {
			r.Messages = append(r.Messages, provider.Message{Role: provider.User, Text: m.Content()})
			continue
		}
		r.Messages = append(r.Messages, steps(m)...)
	}
	for _, t := range e.o.Tools {
		r.Tools = append(r.Tools, provider.Tool{Name: t.Name, Description: t.Description, Parameters: t.Schema})
	}
	return r
}

// steps are the messages of an answer: of each step what the model said and
// called, and what came of the calls.
func steps(m *Message) (out []provider.Message) {
	var said provider.Message
	var results []provider.Message
	end := func() {
		if said.Text != "" || len(said.Calls) > 0 {
			out = append(append(out, said), results...)
		}
		said, results = provider.Message{Role: provider.Assistant}, nil
	}
	end()
	for _, p := range m.Parts {
		switch p.Type {
		case StepStart:
			end()
		case Text:
			said.Text += p.Text
		case ToolCall:
			said.Calls = append(said.Calls, provider.Call{ID: p.CallID, Name: p.Tool, Arguments: arguments(p.Input)})
			results = append(results, provider.Message{Role: provider.ToolRole, CallID: p.CallID, Text: p.result()})
		}
	}
	end()
	return out
}

// arguments are those of a call as a provider takes them back: an object.
func arguments(input string) string {
	var obj map[string]json.RawMessage
	if json.Unmarshal([]byte(input), &obj) != nil {
		return "{}"
	}
	return input
}

// What a model is told of a call that has no result.
const (
	toldDenied  = "The user did not allow this call; it was not made. Do not try it again unless asked to."
	toldUnknown = "The server stopped while this call was made; whether it had an effect is not known. Look before you try it again."
)

// result is what the model is told of a call.
func (p *Part) result() string {
	switch p.State {
	case Output:
		return p.Output
	case Failed:
		return failure(p.Error)
	case Denied:
		if p.Reason != "" {
			return failure(toldDenied + " The reason: " + p.Reason)
		}
		return failure(toldDenied)
	}
	return failure(toldUnknown)
}

func failure(text string) string {
	out, err := json.Marshal(map[string]string{"error": text})
	if err != nil {
		return `{"error":"failed"}` // which text does not
	}
	return string(out)
}

// tokens is about how many the request takes: one for four bytes.
func tokens(r *provider.Request) int {
	n := 0
	for _, m := range r.Messages {
		n += len(m.Text) + len(m.CallID)
		for _, c := range m.Calls {
			n += len(c.Name) + len(c.Arguments)
		}
	}
	for _, t := range r.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Parameters)
	}
	return n / 4
}
