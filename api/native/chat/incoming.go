package chat

import (
	"strings"

	"stemma/entity"
)

// Incoming is a message as a client sent it.
type Incoming struct {
	ID    string
	Role  Role
	Text  string
	Edits bool           // of a user's: it is to take the place of the one with its id
	Calls []IncomingCall // of an assistant's, those that a person has answered
}

// IncomingCall is a tool call as a client sent it back.
type IncomingCall struct {
	Tool, CallID string
	Input        any // as parsed by [entity.ParseJSON]
	Answer       Answer
}

const opAccept = "chat.Accept"

// Accept takes in what a client sent: what it comes to in the conversation is
// already there when Accept returns, and is in the entries that have to be kept.
// The error is of [entity.KindInvalid], or [entity.KindExists] for answers that
// were given before.
func (c *Conversation) Accept(in []Incoming) ([]Entry, error) {
	last := &in[len(in)-1]
	switch last.Role {
	case User:
		return c.say(in)
	case Assistant:
		return c.decide(last)
	}
	return nil, entity.Invalid(opAccept, "the last message is of the role %s; it is the user's, or the assistant's with answers to what was asked", last.Role)
}

// say takes in a user's message. In a new session what was said before comes
// along, in words.
func (c *Conversation) say(in []Incoming) (entries []Entry, err error) {
	if len(c.Messages) == 0 {
		for i := range in[:len(in)-1] {
			if m := &in[i]; (m.Role == User || m.Role == Assistant) && strings.TrimSpace(m.Text) != "" {
				entries = append(entries, c.keep(Entry{ID: m.ID, Role: m.Role, Parts: []Part{{Type: Text, Text: m.Text}}}))
			}
		}
	}
	last := &in[len(in)-1]
	switch at := c.find(last.ID); {
	case strings.TrimSpace(last.Text) == "":
		return nil, entity.Invalid(opAccept, "the message says nothing: give it a part of type text, or content")
	case at >= 0 && c.Messages[at].Role != User:
		return nil, entity.Invalid(opAccept, "message %q is the assistant's", last.ID)
	case at >= 0 && c.Messages[at].Content() != last.Text && !last.Edits:
		return nil, entity.Invalid(opAccept, "message %q says something else in this session; give the new one an id of its own, or its id as messageId too to go on from there", last.ID)
	}
	if e, left := c.lapse(); left {
		entries = append(entries, e)
	}
	return append(entries, c.keep(Entry{ID: last.ID, Role: User, Parts: []Part{{Type: Text, Text: last.Text}}})), nil
}

// keep adds an entry to the conversation and counts it.
func (c *Conversation) keep(e Entry) Entry {
	e.Bytes = c.Bytes + e.Size()
	c.add(&e)
	return e
}

// lapse is what becomes of calls that nobody answered, as the conversation has
// gone on: they were not made.
func (c *Conversation) lapse() (e Entry, left bool) {
	waiting := c.waiting()
	if len(waiting) == 0 {
		return e, false
	}
	no := false
	for i := range waiting {
		waiting[i].State, waiting[i].Approved, waiting[i].Reason = Denied, &no, "nobody answered, and the conversation went on"
	}
	return c.keep(Entry{ID: c.last().ID, Role: Assistant, Parts: waiting}), true
}

// decide takes in a person's answers: to all calls that wait, and each to the
// call that the session holds.
func (c *Conversation) decide(in *Incoming) ([]Entry, error) {
	waiting := c.waiting()
	if len(in.Calls) == 0 {
		return nil, entity.Invalid(opAccept, "the last message is the assistant's and answers nothing: send a user's message, or a part in the state approval-responded")
	}
	if m := c.last(); m == nil || m.ID != in.ID || len(waiting) == 0 {
		return nil, c.notAsked(in)
	}
	var answers []Answer
	for _, p := range waiting {
		call := in.answerTo(p.Approval)
		if call == nil {
			return nil, entity.Invalid(opAccept, "the call %s of %s waits for an answer too: say yes or no to all that wait", p.CallID, p.Tool)
		}
		if call.Tool != p.Tool || call.CallID != p.CallID || !sameInput(p.Input, call.Input) {
			return nil, entity.Invalid(opAccept, "the answer %s is to another call than the one that was asked about: tool, toolCallId and input are those of the question", p.Approval)
		}
		answers = append(answers, call.Answer)
	}
	for _, call := range in.Calls {
		if call.Answer.Approval == "" || !asked(c.last(), call.Answer.Approval) {
			return nil, entity.Invalid(opAccept, "there is no question %q", call.Answer.Approval)
		}
	}
	return []Entry{c.keep(Entry{ID: in.ID, Role: Assistant, Answers: answers})}, nil
}

func (in *Incoming) answerTo(approval string) *IncomingCall {
	for i := range in.Calls {
		if in.Calls[i].Answer.Approval == approval {
			return &in.Calls[i]
		}
	}
	return nil
}

func asked(m *Message, approval string) bool {
	for _, p := range m.Parts {
		if p.Approval == approval {
			return true
		}
	}
	return false
}

// notAsked tells an answer that comes again from one to nothing.
func (c *Conversation) notAsked(in *Incoming) error {
	for i := range c.Messages {
		for _, call := range in.Calls {
			if m := &c.Messages[i]; m.ID == in.ID && call.Answer.Approval != "" && asked(m, call.Answer.Approval) {
				return entity.Errorf(entity.KindExists, opAccept, "the question %s was answered already; GET /chat/sessions/{id} has what came of it", call.Answer.Approval)
			}
		}
	}
	return entity.Invalid(opAccept, "this session asked no such question")
}

// sameInput compares what the model gave with what came back.
func sameInput(kept string, sent any) bool {
	v, err := entity.ParseJSON([]byte(kept), inputDepth)
	return err == nil && entity.EqualValues(v, sent)
}

// inputDepth bounds how deep the input of a tool is nested.
const inputDepth = entity.MaxDepth
