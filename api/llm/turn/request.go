package turn

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"stemma/api/llm/memory"
	"stemma/api/llm/provider"
	"stemma/entity"
)

// request is what the client asked, checked.
type request struct {
	body         provider.Body // without what is ours, model and stream
	model        string
	raw          []json.RawMessage // its messages
	messages     []provider.Message
	tools        []json.RawMessage
	conversation string
	partition    string
	wantsUsage   bool // of a stream: the client asked for it
	choices      int
	most         int64 // tokens of an answer; 0: it does not say
}

// roles are who may say something.
var roles = map[string]bool{"system": true, "developer": true, "user": true, "assistant": true, "tool": true, "function": true}

type checker struct{ issues []entity.Issue }

func (c *checker) add(message string, path ...any) {
	c.issues = append(c.issues, entity.Issue{Path: path, Message: message})
}

func (c *checker) err() error {
	if len(c.issues) == 0 {
		return nil
	}
	return &entity.Error{Kind: entity.KindInvalid, Op: "turn.Request", Message: "Validation failed", Issues: c.issues}
}

// text reads an optional member that has to be text.
func (c *checker) text(b provider.Body, name string, most int) string {
	if !b.Has(name) {
		return ""
	}
	var s string
	if !b.Into(name, &s) {
		c.add("must be text", name)
	} else if n := utf8.RuneCountInString(s); most > 0 && n > most {
		c.add("may have "+itoa(most)+" characters at most", name)
	}
	return s
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// want checks that an optional member is of the form of v, which it sets.
func (c *checker) want(b provider.Body, name, form string, v any) {
	if b.Has(name) && !b.Into(name, v) {
		c.add("must be "+form, name)
	}
}

// read checks a request of the pivot. Every problem is told at once. What is not
// known here is left to the provider.
func read(b provider.Body) (*request, error) {
	var c checker
	in := &request{body: b.Clone(), choices: 1}
	in.model = c.text(b, "model", 256)
	in.conversation, in.partition = c.name(b, "conversation_id"), c.name(b, "partition_id")
	var number float64
	var boolean bool
	for _, name := range []string{"temperature", "top_p", "presence_penalty", "frequency_penalty"} {
		c.want(b, name, "a number", &number)
	}
	var fields struct {
		IncludeUsage bool `json:"include_usage"`
	}
	c.want(b, "stream", "true or false", &boolean)
	c.want(b, "stream_options", `an object, like {"include_usage":true}`, &fields)
	c.want(b, "n", "an integer", &in.choices)
	c.want(b, "max_tokens", "an integer", &in.most)
	c.want(b, "max_completion_tokens", "an integer", &in.most)
	c.want(b, "tools", "an array of objects", &in.tools)
	for i, raw := range in.tools {
		var tool provider.Body
		if json.Unmarshal(raw, &tool) != nil || tool == nil {
			c.add(`must be an object, like {"type":"function","function":{"name":"…"}}`, "tools", i)
		}
	}
	in.wantsUsage = fields.IncludeUsage
	if in.choices < 1 {
		c.add("must be at least 1", "n")
	}
	if in.most < 0 {
		c.add("must be at least 1", "max_tokens")
	}
	c.messages(b, in)
	for _, name := range []string{"conversation_id", "partition_id", "model", "stream"} {
		delete(in.body, name)
	}
	return in, c.err()
}

// name reads a client's name for something.
func (c *checker) name(b provider.Body, field string) string {
	s := c.text(b, field, memory.MaxName)
	if b.Has(field) && strings.TrimSpace(s) == "" && len(b[field]) > 0 && b[field][0] == '"' {
		c.add("must not be empty; leave it out for none", field)
	}
	return s
}

func (c *checker) messages(b provider.Body, in *request) {
	if !b.Into("messages", &in.raw) || len(in.raw) == 0 {
		c.add(`must be an array with at least one message, like [{"role":"user","content":"Hello"}]`, "messages")
		return
	}
	for i, raw := range in.raw {
		m, err := provider.ParseMessage(raw)
		switch {
		case err != nil || m.Body == nil:
			c.add(`must be an object, like {"role":"user","content":"Hello"}`, "messages", i)
			continue
		case !roles[m.Role]:
			c.add("must be system, developer, user, assistant or tool", "messages", i, "role")
		case m.Role == "tool" && m.ToolCallID == "":
			c.add("is required: the id of the call that this is the result of", "messages", i, "tool_call_id")
		case (m.Role == "user" || m.Role == "system") && !m.Body.Has("content"):
			c.add("is required", "messages", i, "content")
		}
		if m.Body.Has("content") && m.Content[0] != '"' {
			var parts []provider.Body
			if json.Unmarshal(m.Content, &parts) != nil {
				c.add("must be text or an array of parts", "messages", i, "content")
			}
		}
		in.messages = append(in.messages, m)
	}
}

// question is what the client said last: the query of knowledge bases.
func (in *request) question() string {
	for i := len(in.messages) - 1; i >= 0; i-- {
		if in.messages[i].Role == "user" {
			return in.messages[i].Text()
		}
	}
	return ""
}

// news is what the user said since the last answer, joined by newlines.
func (in *request) news() string {
	var said []string
	for i := len(in.messages) - 1; i >= 0 && in.messages[i].Role != "assistant"; i-- {
		if t := in.messages[i].Text(); in.messages[i].Role == "user" && t != "" {
			said = append([]string{t}, said...)
		}
	}
	return strings.Join(said, "\n")
}

// remembers tells whether the client sends what was said before by itself.
func (in *request) remembers() bool {
	for i := range in.messages {
		if in.messages[i].Role == "assistant" {
			return true
		}
	}
	return false
}
