package native

import (
	"fmt"
	"strings"

	"stemma/api/native/chat"
	"stemma/entity"
)

// ChatMessageIn is a message of a conversation as the AI SDK sends it.
type ChatMessageIn struct {
	ID      string           `json:"id" req:"true" min:"1" max:"200"`
	Role    string           `json:"role" req:"true" enum:"user,assistant,system,tool"`
	Parts   []map[string]any `json:"parts" max:"1000" doc:"of type text, or tool-NAME with toolCallId, state, input and approval"`
	Content *string          `json:"content" doc:"the text, in place of parts"`
}

// incoming are the messages as the engine takes them. Only the last one has to
// make sense in every part: the chat knows the others.
func (in *sendChatIn) incoming() ([]chat.Incoming, error) {
	out := make([]chat.Incoming, len(in.Messages))
	for i := range in.Messages {
		m := &in.Messages[i]
		out[i] = chat.Incoming{ID: m.ID, Role: chat.Role(m.Role), Edits: m.ID == in.MessageID}
		r := partReader{to: &out[i], strict: i == len(in.Messages)-1, path: []any{"messages", i}}
		r.read(m)
		if r.strict && len(r.issues) > 0 {
			return nil, &entity.Error{Kind: entity.KindInvalid, Op: "native.sendChat", Message: "Validation failed", Issues: r.issues}
		}
	}
	return out, nil
}

// partReader reads the parts of a message.
type partReader struct {
	to     *chat.Incoming
	strict bool
	path   []any
	issues []entity.Issue
}

func (r *partReader) wrong(message string, path ...any) {
	r.issues = append(r.issues, entity.Issue{Path: append(append([]any{}, r.path...), path...), Message: message})
}

func (r *partReader) read(m *ChatMessageIn) {
	if m.Parts == nil {
		if m.Content == nil {
			r.wrong("needs parts, or content", "parts")
			return
		}
		r.to.Text = *m.Content
		return
	}
	for i, p := range m.Parts {
		r.part(i, p)
	}
}

func (r *partReader) part(i int, p map[string]any) {
	at := func(message string, path ...any) { r.wrong(message, append([]any{"parts", i}, path...)...) }
	typ, ok := p["type"].(string)
	name, static := strings.CutPrefix(typ, "tool-")
	switch {
	case !ok || typ == "":
		at("must be text, like text", "type")
	case typ == "text":
		text, ok := p["text"].(string)
		if !ok {
			at("must be text", "text")
		}
		if r.to.Text != "" && text != "" {
			r.to.Text += "\n"
		}
		r.to.Text += text
	case static, typ == "dynamic-tool":
		if !static {
			name, _ = p["toolName"].(string)
		}
		r.call(name, p, at)
	case typ == "file" && r.to.Role == chat.User:
		at("a model here reads text only; leave the file out, or put what it says into the text", "type")
	}
}

// call reads a tool call that a person has answered.
func (r *partReader) call(name string, p map[string]any, at func(string, ...any)) {
	if p["state"] != string(chat.Responded) {
		return
	}
	c := chat.IncomingCall{Tool: name, Input: p["input"]}
	var ok [3]bool
	c.CallID, ok[0] = p["toolCallId"].(string)
	approval, _ := p["approval"].(map[string]any)
	c.Answer.Approval, ok[1] = approval["id"].(string)
	c.Answer.Approved, ok[2] = approval["approved"].(bool)
	for i, field := range [][]any{{"toolCallId"}, {"approval", "id"}, {"approval", "approved"}} {
		if !ok[i] {
			at([]string{"must be text", "must be the id of the question", "must be true or false"}[i], field...)
		}
	}
	if reason, given := approval["reason"]; given && reason != nil {
		text, isText := reason.(string)
		if !isText || len(text) > 2000 {
			at("must be text of at most 2000 bytes", "approval", "reason")
		}
		c.Answer.Reason = text
	}
	r.to.Calls = append(r.to.Calls, c)
}

// chatLimit is a bound that was passed, as the clients of the specification read it.
type chatLimit struct{ code, message, limit, actual string }

func (l *chatLimit) Error() string     { return l.message }
func (l *chatLimit) ErrorCode() string { return l.code }
func (l *chatLimit) ErrorDetails() map[string]any {
	d := map[string]any{"code": l.code, "message": l.message, "limit": l.limit}
	if l.actual != "" {
		d["actual"] = l.actual
	}
	return d
}

// fits makes sure of a message's size.
func (c *chats) fits(m *chat.Incoming) error {
	n := int64(len(m.Text))
	if n <= c.o.MaxMessage {
		return nil
	}
	l := &chatLimit{code: "MESSAGE_TOO_LARGE", limit: chatSize(c.o.MaxMessage), actual: chatSize(n)}
	l.message = "the message has " + l.actual + "; at most " + l.limit + " are allowed"
	return &entity.Error{Kind: entity.KindTooLarge, Op: "native.sendChat", Message: l.message, Err: l}
}

// hasRoom makes sure of a chat's size.
func (c *chats) hasRoom(bytes int64) error {
	if bytes <= c.o.MaxStorage {
		return nil
	}
	l := &chatLimit{code: "CHAT_STORAGE_FULL", limit: chatSize(c.o.MaxStorage)}
	l.message = "the chat is full: it may take " + l.limit + "; begin another"
	return &entity.Error{Kind: entity.KindFull, Op: "native.sendChat", Message: l.message, Err: l}
}

func chatSize(n int64) string {
	for _, unit := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GB"}, {1 << 20, "MB"}, {1 << 10, "KB"}} {
		if n >= unit.bytes {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/float64(unit.bytes)), ".0") + " " + unit.name
		}
	}
	return fmt.Sprint(n, " bytes")
}
