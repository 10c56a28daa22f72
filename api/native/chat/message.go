package chat

import (
	"encoding/json"
	"slices"

	"stemma/entity"
)

// Role is who a message is from.
type Role string

// The roles.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// State is how far a tool call has come, in the AI SDK's words.
type State string

// The states.
const (
	Requested State = "approval-requested" // waits for a person
	Responded State = "approval-responded" // was answered, and what came of it is not kept
	Output    State = "output-available"
	Failed    State = "output-error"
	Denied    State = "output-denied"
)

// PartType is what a part of a message is.
type PartType string

// The types.
const (
	StepStart PartType = "step-start" // of an answer; what follows is one answer of the model
	Text      PartType = "text"
	ToolCall  PartType = "tool"
)

// Part is a piece of a message.
type Part struct {
	Type     PartType `json:"type"`
	Text     string   `json:"text,omitempty"`
	Tool     string   `json:"tool,omitempty"`
	CallID   string   `json:"call_id,omitempty"`
	State    State    `json:"state,omitempty"`
	Input    string   `json:"input,omitempty"`  // JSON, or what the model gave in its place
	Output   string   `json:"output,omitempty"` // JSON
	Error    string   `json:"error,omitempty"`
	Approval string   `json:"approval,omitempty"` // the id of the question
	Approved *bool    `json:"approved,omitempty"`
	Reason   string   `json:"reason,omitempty"`
}

// Usage is what a step or an answer cost, in tokens.
type Usage struct {
	Input  int64 `json:"input_tokens"`
	Output int64 `json:"output_tokens"`
}

// Answer is what a person said to a call that waits.
type Answer struct {
	Approval string `json:"approval"`
	Approved bool   `json:"approved"`
	Reason   string `json:"reason,omitempty"`
}

// Entry is a block of a session's chain.
type Entry struct {
	ID      string   `json:"id"` // of the message
	Role    Role     `json:"role"`
	Parts   []Part   `json:"parts,omitempty"`
	Answers []Answer `json:"answers,omitempty"`
	Finish  string   `json:"finish,omitempty"`
	Usage   *Usage   `json:"usage,omitempty"`
	Partial bool     `json:"partial,omitempty"` // was cut off
	Bytes   int64    `json:"bytes"`             // of all entries up to this one
	At      int64    `json:"-"`                 // ms since 1970
}

// Size is about what the entry takes.
func (e *Entry) Size() int64 {
	size := int64(len(e.ID))
	for _, p := range e.Parts {
		size += int64(len(p.Text) + len(p.Input) + len(p.Output) + len(p.Error) + len(p.CallID))
	}
	return size
}

// Body is the entry as the body of a block.
func (e *Entry) Body() (entity.Properties, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, entity.Internal("chat.Body", err)
	}
	v, err := entity.ParseJSON(text, entity.MaxDepth)
	if err != nil {
		return nil, entity.Internal("chat.Body", err)
	}
	return v.(map[string]any), nil
}

// OpenEntry is the inverse of [Entry.Body], with the time of the block.
func OpenEntry(b *entity.ChainBlock) (e Entry, err error) {
	text, err := json.Marshal(b.Body)
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		return e, entity.Internal("chat.OpenEntry", err)
	}
	e.At = b.TS
	return e, nil
}

// Message is a message of a conversation.
type Message struct {
	ID      string
	Role    Role
	Parts   []Part
	At      int64 // when it began, ms since 1970
	Finish  string
	Usage   Usage
	Partial bool
}

// Content is all of a message's text, a line between two parts.
func (m *Message) Content() string {
	text := ""
	for _, p := range m.Parts {
		if p.Type == Text && p.Text != "" {
			if text != "" {
				text += "\n"
			}
			text += p.Text
		}
	}
	return text
}

// Conversation is what a session's entries come to.
type Conversation struct {
	Messages []Message
	Bytes    int64 // of all entries
}

// Fold reads the conversation off the entries of a session.
func Fold(entries []Entry) *Conversation {
	c := &Conversation{}
	for i := range entries {
		c.add(&entries[i])
	}
	return c
}

func (c *Conversation) find(id string) int {
	return slices.IndexFunc(c.Messages, func(m Message) bool { return m.ID == id })
}

func (c *Conversation) add(e *Entry) {
	c.Bytes = e.Bytes
	at := c.find(e.ID)
	if at >= 0 && e.Role == User {
		c.Messages, at = c.Messages[:at], -1
	}
	if at < 0 {
		c.Messages = append(c.Messages, Message{ID: e.ID, Role: e.Role, At: e.At})
		at = len(c.Messages) - 1
	}
	m := &c.Messages[at]
	for _, p := range e.Parts {
		m.put(p)
	}
	for _, a := range e.Answers {
		for i := range m.Parts {
			if p := &m.Parts[i]; p.State == Requested && p.Approval == a.Approval {
				p.State, p.Approved, p.Reason = Responded, &a.Approved, a.Reason
			}
		}
	}
	if e.Finish != "" {
		m.Finish, m.Partial = e.Finish, e.Partial
	}
	if e.Usage != nil {
		m.Usage.Input += e.Usage.Input
		m.Usage.Output += e.Usage.Output
	}
}

// put adds a part, or puts it in the place of what it was before.
func (m *Message) put(p Part) {
	if p.Type == ToolCall {
		for i := range m.Parts {
			if m.Parts[i].Type == ToolCall && m.Parts[i].CallID == p.CallID {
				m.Parts[i] = p
				return
			}
		}
	}
	m.Parts = append(m.Parts, p)
}

// last is the last message, nil where there is none.
func (c *Conversation) last() *Message {
	if len(c.Messages) == 0 {
		return nil
	}
	return &c.Messages[len(c.Messages)-1]
}

// waiting are the calls of the last message that wait for a person.
func (c *Conversation) waiting() (parts []Part) {
	if m := c.last(); m != nil && m.Role == Assistant {
		for _, p := range m.Parts {
			if p.State == Requested {
				parts = append(parts, p)
			}
		}
	}
	return parts
}

// hasCall tells whether a call of the conversation has the id.
func (c *Conversation) hasCall(id string) bool {
	return slices.ContainsFunc(c.Messages, func(m Message) bool {
		return slices.ContainsFunc(m.Parts, func(p Part) bool { return p.CallID == id })
	})
}
