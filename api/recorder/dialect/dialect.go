package dialect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"stemma/entity"
)

// Dialect is a provider's form. It is a row of the table.
type Dialect struct {
	Name     string
	request  func(path string, body map[string]any, c *Call)
	response func(body map[string]any, c *Call)
	event    func(data map[string]any, s *stream)
}

// dialects is the table.
var dialects = []Dialect{
	{"openai", openAIRequest, openAIResponse, openAIEvent},
	{"anthropic", anthropicRequest, anthropicResponse, anthropicEvent},
	{"google", googleRequest, googleResponse, googleEvent},
}

// Named is the dialect of a name; ok is false where there is none.
func Named(name string) (d Dialect, ok bool) {
	for _, d := range dialects {
		if d.Name == name {
			return d, true
		}
	}
	return d, false
}

// Names are the dialects there are.
func Names() (names []string) {
	for _, d := range dialects {
		names = append(names, d.Name)
	}
	return names
}

// Tokens are what a call used, by what they were; nil is what the provider did
// not say.
type Tokens struct {
	Input      *float64 // all that went in, cached ones among them
	Output     *float64 // reasoning among them
	Total      *float64
	CacheRead  *float64
	CacheWrite *float64
	Reasoning  *float64
}

// Call is what a request and its response come to.
type Call struct {
	Operation string // chat, responses, completion, embeddings, messages, generate_content; "" for another
	Model     string // as the response says, else as asked for
	Streamed  bool
	System    *string // instructions
	Input     *string // the last that the caller said
	Output    *string
	Reasoning *string
	ToolCalls []any // {id, name, arguments}
	Finish    string
	Tokens    Tokens
	CostUSD   *float64 // as the provider says it
	ErrorType string
	Error     string
	Ended     bool // of a stream: its end has come
}

// Request reads what a program asks for. path is behind the provider's base URL;
// body is what was sent as [entity.ParseJSON] reads it, nil where it is no JSON.
func (d Dialect) Request(path string, body any) Call {
	var c Call
	obj, _ := body.(map[string]any)
	d.request(path, obj, &c)
	return c
}

// Response adds what the provider answered in one piece: value is the body as
// [entity.ParseJSON] reads it, nil where it is no JSON.
func (d Dialect) Response(c *Call, status int, body []byte, value any) {
	c.Ended = true
	if obj, ok := value.(map[string]any); ok {
		d.answered(c, obj)
	}
	if status >= 400 && c.Error == "" {
		c.Error = clip(strings.TrimSpace(string(body)), 1000)
	}
}

func (d Dialect) answered(c *Call, obj map[string]any) {
	if failed(obj, c) {
		return
	}
	d.response(obj, c)
}

// Stream adds what the provider answered as server-sent events or, as Google
// does without alt=sse, as an array that grows.
func (d Dialect) Stream(c *Call, body []byte) {
	c.Streamed = true
	s := &stream{Call: c, d: d}
	if trimmed := bytes.TrimLeft(body, " \r\n\t"); len(trimmed) > 0 && trimmed[0] == '[' {
		s.array(trimmed)
	} else {
		s.events(body)
	}
	s.finish()
}

// stream puts together what comes in pieces.
type stream struct {
	*Call
	d         Dialect
	output    strings.Builder
	reasoning strings.Builder
	calls     []*piece
	whole     bool // a last event said all at once
}

// piece is a tool call that comes in pieces.
type piece struct {
	key, id, name string
	arguments     strings.Builder
	parsed        any // where it came whole
}

// call is the tool call of a key, which is made when it is new.
func (s *stream) call(key string) *piece {
	for _, p := range s.calls {
		if p.key == key {
			return p
		}
	}
	p := &piece{key: key}
	s.calls = append(s.calls, p)
	return p
}

// events reads server-sent events; an event that is not complete is not one.
func (s *stream) events(body []byte) {
	var data bytes.Buffer
	flush := func() {
		text := bytes.TrimSpace(data.Bytes())
		switch {
		case len(text) == 0:
		case string(text) == "[DONE]":
			s.Ended = true
		default:
			if obj := object(text); obj != nil {
				s.one(obj)
			}
		}
		data.Reset()
	}
	for len(body) > 0 {
		line, rest, complete := bytes.Cut(body, []byte("\n"))
		body = rest
		if !complete {
			break
		}
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			flush()
			continue
		}
		if value, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			data.Write(bytes.TrimPrefix(value, []byte(" ")))
			data.WriteByte('\n')
		}
	}
	if bytes.HasPrefix(bytes.TrimSpace(data.Bytes()), []byte("[DONE]")) {
		flush()
	}
}

// array reads the elements of an array that may be cut off.
func (s *stream) array(body []byte) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if _, err := dec.Token(); err != nil {
		return
	}
	for dec.More() {
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return
		}
		if obj := object(raw); obj != nil {
			s.one(obj)
		}
	}
}

func (s *stream) one(obj map[string]any) {
	if failed(obj, s.Call) {
		return
	}
	s.d.event(obj, s)
}

func (s *stream) finish() {
	if s.whole {
		return
	}
	setText(&s.Output, s.output.String())
	setText(&s.Reasoning, s.reasoning.String())
	for _, p := range s.calls {
		args := p.parsed
		if args == nil {
			args = parsed(p.arguments.String())
		}
		s.ToolCalls = append(s.ToolCalls, toolCall(p.id, p.name, args))
	}
}

func setText(at **string, s string) {
	if s != "" {
		*at = &s
	}
}

// failed reads an error, which all three write as {"error":{…}}.
func failed(obj map[string]any, c *Call) bool {
	switch e := obj["error"].(type) {
	case map[string]any:
		c.ErrorType = cmp.Or(text(e, "type"), text(e, "status"), text(e, "code"))
		c.Error = cmp.Or(text(e, "message"), "the provider gave no message")
	case string:
		c.Error = e
	default:
		return false
	}
	return true
}

// toolCall is a call that a model asks for.
func toolCall(id, name string, arguments any) map[string]any {
	m := map[string]any{"name": name, "arguments": arguments}
	if id != "" {
		m["id"] = id
	}
	return m
}

// parsed is a text as the value it writes, the text itself where it is none.
func parsed(s string) any {
	if v, err := entity.ParseJSON([]byte(s), entity.MaxDepth-8); err == nil {
		return v
	}
	return s
}

func object(b []byte) map[string]any {
	v, err := entity.ParseJSON(b, entity.MaxDepth)
	if err != nil {
		return nil
	}
	obj, _ := v.(map[string]any)
	return obj
}

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}

func sub(m map[string]any, key string) map[string]any {
	v, _ := m[key].(map[string]any)
	return v
}

func list(m map[string]any, key string) []any {
	v, _ := m[key].([]any)
	return v
}

// number sets what is there, and leaves what is not.
func number(at **float64, m map[string]any, key string) {
	switch v := m[key].(type) {
	case int64:
		f := float64(v)
		*at = &f
	case float64:
		*at = &v
	}
}

func sum(parts ...*float64) *float64 {
	var total *float64
	for _, p := range parts {
		if p == nil {
			continue
		}
		v := *p
		if total != nil {
			v += *total
		}
		total = &v
	}
	return total
}

func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}
