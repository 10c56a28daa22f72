package provider

import (
	"encoding/json"
	"strings"
)

// Message is a message of the pivot. What it does not name is in Body.
type Message struct {
	Role       string
	Content    json.RawMessage // text, an array of parts, or null
	ToolCalls  []ToolCall
	ToolCallID string
	Body       Body
}

// ToolCall is a call of a function that a model asks for.
type ToolCall struct {
	ID       string          `json:"id"`
	Type     string          `json:"type,omitempty"`
	Function ToolFunction    `json:"function"`
	Extra    json.RawMessage `json:"extra_content,omitempty"` // what a provider wants back with the call
}

// ToolFunction is the function's name and its arguments, a JSON text.
type ToolFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// input is the arguments as an object; what is none is put into one.
func (f ToolFunction) input() json.RawMessage {
	text := strings.TrimSpace(f.Arguments)
	var b Body
	if text == "" {
		return json.RawMessage("{}")
	}
	if json.Unmarshal([]byte(text), &b) == nil && b != nil {
		return json.RawMessage(text)
	}
	return encode(map[string]string{"arguments": f.Arguments})
}

// part is a piece of a message's content.
type part struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Refusal  string `json:"refusal"`
	ImageURL struct {
		URL string `json:"url"`
	} `json:"image_url"`
	File struct {
		Data string `json:"file_data"`
		Name string `json:"filename"`
	} `json:"file"`
	Audio struct {
		Data   string `json:"data"`
		Format string `json:"format"`
	} `json:"input_audio"`
}

// ParseMessage reads a message.
func ParseMessage(raw json.RawMessage) (m Message, err error) {
	ok := false
	if m.Body, ok = object(raw); !ok {
		m.Body = nil
		if err := json.Unmarshal(raw, &m.Body); err != nil {
			return m, err
		}
	}
	m.Role, m.Content, m.ToolCallID = m.Body.Text("role"), m.Body["content"], m.Body.Text("tool_call_id")
	if m.Body.Has("tool_calls") {
		err = json.Unmarshal(m.Body["tool_calls"], &m.ToolCalls)
	}
	return m, err
}

// Messages reads the messages of a request.
func (b Body) Messages() (all []Message, err error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(b["messages"], &raw); err != nil {
		return nil, err
	}
	all = make([]Message, len(raw))
	for i := range raw {
		if all[i], err = ParseMessage(raw[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// parts are the pieces of the content; text is one piece.
func (m *Message) parts() (all []part) {
	if s := text(m.Content); s != "" {
		return []part{{Type: "text", Text: s}}
	}
	_ = json.Unmarshal(m.Content, &all) // null and "" have none
	return all
}

// Text is all text of the message, piece by piece on lines of its own.
func (m *Message) Text() string {
	if s := text(m.Content); s != "" {
		return s
	}
	var texts []string
	for _, p := range m.parts() {
		if t := p.Text + p.Refusal; t != "" {
			texts = append(texts, t)
		}
	}
	return strings.Join(texts, "\n")
}

// dataURL takes data:image/png;base64,… apart.
func dataURL(url string) (mediaType, base64 string, ok bool) {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return "", "", false
	}
	mediaType, base64, ok = strings.Cut(rest, ";base64,")
	return mediaType, base64, ok
}
