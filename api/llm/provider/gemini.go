package provider

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"stemma/entity"
)

// The format of Gemini's generateContent, version v1beta: ai.google.dev,
// "Generating content" and "Function calling".

type geminiContent struct {
	Role  string       `json:"role,omitempty"`
	Parts []geminiPart `json:"parts"`
}

type geminiPart struct {
	Text      string          `json:"text,omitempty"`
	Thought   bool            `json:"thought,omitempty"`
	Inline    *geminiBlob     `json:"inlineData,omitempty"`
	File      *geminiFile     `json:"fileData,omitempty"`
	Call      *geminiCall     `json:"functionCall,omitempty"`
	Response  *geminiResponse `json:"functionResponse,omitempty"`
	Signature string          `json:"thoughtSignature,omitempty"`
}

type geminiBlob struct {
	MimeType string `json:"mimeType"`
	Data     string `json:"data"`
}

type geminiFile struct {
	URI string `json:"fileUri"`
}

type geminiCall struct {
	ID   string          `json:"id,omitempty"`
	Name string          `json:"name"`
	Args json.RawMessage `json:"args,omitempty"`
}

type geminiResponse struct {
	ID       string          `json:"id,omitempty"`
	Name     string          `json:"name"`
	Response json.RawMessage `json:"response"`
}

// signature is where OpenAI-compatible clients of Gemini keep the signature of a
// thought that a call follows from; the model wants it back with the call.
type signature struct {
	Google struct {
		Thought string `json:"thought_signature"`
	} `json:"google"`
}

func geminiChat(c *Config, r *Request) (Call, error) {
	messages, err := r.Body.Messages()
	if err != nil {
		return Call{}, entity.Invalid("provider.gemini", "messages: %s", err)
	}
	if r.Model == "" {
		return Call{}, entity.Invalid("provider.gemini", "no model is named; set one on the agent or send model")
	}
	out := Body{}
	system, contents := geminiContents(messages)
	if len(system) > 0 {
		out.Set("systemInstruction", geminiContent{Parts: system})
	}
	out.Set("contents", contents)
	geminiTools(r.Body, out)
	if config := geminiConfig(r.Body); len(config) > 0 {
		out.Set("generationConfig", config)
	}
	verb := ":generateContent"
	if r.Stream {
		verb = ":streamGenerateContent?alt=sse"
	}
	return Call{Path: geminiPath(c, r.Model) + verb, Body: out.Bytes()}, nil
}

func geminiPath(c *Config, model string) string {
	return "/" + c.version() + "/models/" + url.PathEscape(strings.TrimPrefix(model, "models/"))
}

// geminiConfig is how answers are made; what has no counterpart is left out.
func geminiConfig(in Body) Body {
	out := Body{}
	for from, to := range map[string]string{
		"temperature": "temperature", "top_p": "topP", "n": "candidateCount", "seed": "seed", "max_tokens": "maxOutputTokens",
		"presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty",
	} {
		if in.Has(from) {
			out[to] = in[from]
		}
	}
	if in.Has("max_completion_tokens") {
		out["maxOutputTokens"] = in["max_completion_tokens"]
	}
	if stop := in["stop"]; present(stop) {
		if stop[0] == '"' {
			stop = encode([]json.RawMessage{stop})
		}
		out["stopSequences"] = stop
	}
	var format struct {
		Type   string `json:"type"`
		Schema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	}
	if in.Into("response_format", &format) && strings.HasPrefix(format.Type, "json") {
		out.Set("responseMimeType", "application/json")
		if present(format.Schema.Schema) {
			out["responseJsonSchema"] = format.Schema.Schema
		}
	}
	return out
}

func geminiTools(in, out Body) {
	var tools []tool
	if !in.Into("tools", &tools) || len(tools) == 0 {
		return
	}
	declared := []Body{}
	for _, t := range tools {
		if t.Function.Name == "" {
			continue // another provider's own
		}
		d := Body{}
		d.Set("name", t.Function.Name)
		if t.Function.Description != "" {
			d.Set("description", t.Function.Description)
		}
		if present(t.Function.Parameters) {
			d["parametersJsonSchema"] = t.Function.Parameters
		}
		declared = append(declared, d)
	}
	out.Set("tools", []any{map[string]any{"functionDeclarations": declared}})
	calling := map[string]any{}
	switch mode, name := toolChoice(in["tool_choice"]); mode {
	case "auto", "none":
		calling["mode"] = strings.ToUpper(mode)
	case "required":
		calling["mode"] = "ANY"
	case "function":
		calling["mode"], calling["allowedFunctionNames"] = "ANY", []string{name}
	}
	if len(calling) > 0 {
		out.Set("toolConfig", map[string]any{"functionCallingConfig": calling})
	}
}

func geminiContents(messages []Message) (system []geminiPart, contents []geminiContent) {
	names := map[string]string{} // of calls, by id
	for _, m := range messages {
		role := "user"
		switch m.Role {
		case "system", "developer":
			if t := m.Text(); t != "" {
				system = append(system, geminiPart{Text: t})
			}
			continue
		case "assistant":
			role = "model"
		}
		parts := m.geminiParts(names)
		if len(parts) == 0 {
			continue
		}
		if n := len(contents); n > 0 && contents[n-1].Role == role {
			contents[n-1].Parts = append(contents[n-1].Parts, parts...)
			continue
		}
		contents = append(contents, geminiContent{role, parts})
	}
	return system, contents
}

func (m *Message) geminiParts(names map[string]string) (out []geminiPart) {
	if m.Role == "tool" {
		result := json.RawMessage(m.Text())
		var object Body
		if json.Unmarshal(result, &object) != nil || object == nil {
			result = encode(map[string]string{"result": m.Text()})
		}
		return []geminiPart{{Response: &geminiResponse{ID: m.ToolCallID, Name: names[m.ToolCallID], Response: result}}}
	}
	for _, p := range m.parts() {
		switch p.Type {
		case "image_url", "file":
			at := p.ImageURL.URL + p.File.Data
			if mediaType, data, ok := dataURL(at); ok {
				out = append(out, geminiPart{Inline: &geminiBlob{mediaType, data}})
			} else if at != "" {
				out = append(out, geminiPart{File: &geminiFile{at}})
			}
		case "input_audio":
			out = append(out, geminiPart{Inline: &geminiBlob{"audio/" + p.Audio.Format, p.Audio.Data}})
		default:
			if t := p.Text + p.Refusal; t != "" {
				out = append(out, geminiPart{Text: t})
			}
		}
	}
	for _, c := range m.ToolCalls {
		names[c.ID] = c.Function.Name
		var s signature
		_ = json.Unmarshal(c.Extra, &s) // another provider's has none
		out = append(out, geminiPart{Call: &geminiCall{ID: c.ID, Name: c.Function.Name, Args: c.Function.input()}, Signature: s.Google.Thought})
	}
	return out
}

type geminiReply struct {
	Candidates []struct {
		Index   int           `json:"index"`
		Content geminiContent `json:"content"`
		Finish  string        `json:"finishReason"`
	} `json:"candidates"`
	Feedback struct {
		Block string `json:"blockReason"`
	} `json:"promptFeedback"`
	Usage *struct {
		Prompt     int64 `json:"promptTokenCount"`
		Cached     int64 `json:"cachedContentTokenCount"`
		Candidates int64 `json:"candidatesTokenCount"`
		Thoughts   int64 `json:"thoughtsTokenCount"`
		ToolUse    int64 `json:"toolUsePromptTokenCount"`
	} `json:"usageMetadata"`
	Model string          `json:"modelVersion"`
	ID    string          `json:"responseId"`
	Error json.RawMessage `json:"error"`
}

func (r *geminiReply) usage() *Usage {
	if r.Usage == nil {
		return nil
	}
	u := &Usage{Prompt: r.Usage.Prompt + r.Usage.ToolUse, Completion: r.Usage.Candidates + r.Usage.Thoughts}
	u.Total = u.Prompt + u.Completion
	if r.Usage.Cached > 0 {
		u.Details = &PromptDetails{Cached: r.Usage.Cached}
	}
	return u
}

// geminiFinish is why an answer ended, in the pivot's words; "" when it has not.
func geminiFinish(reason string, calls bool) string {
	switch reason {
	case "", "FINISH_REASON_UNSPECIFIED":
		return ""
	case "MAX_TOKENS":
		return "length"
	case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY":
		return "content_filter"
	}
	if calls {
		return "tool_calls"
	}
	return "stop"
}

// said takes parts apart: what was said, thought, and which calls are asked for.
// first numbers the calls that have no id.
func said(id string, first int, parts []geminiPart) (m answerMessage) {
	var text, thought strings.Builder
	for _, p := range parts {
		switch {
		case p.Call != nil:
			c := ToolCall{ID: p.Call.ID, Type: "function", Function: ToolFunction{p.Call.Name, "{}"}}
			if c.ID == "" {
				c.ID = fmt.Sprintf("call_%s_%d", id, first+len(m.ToolCalls))
			}
			if present(p.Call.Args) {
				c.Function.Arguments = string(p.Call.Args)
			}
			if p.Signature != "" {
				var s signature
				s.Google.Thought = p.Signature
				c.Extra = encode(s)
			}
			m.ToolCalls = append(m.ToolCalls, c)
		case p.Thought:
			thought.WriteString(p.Text)
		default:
			text.WriteString(p.Text)
		}
	}
	m.set(text.String(), thought.String())
	return m
}

func geminiAnswer(body []byte, model string, at int64) ([]byte, error) {
	var in geminiReply
	if err := json.Unmarshal(body, &in); err != nil || len(in.Candidates) == 0 && in.Feedback.Block == "" {
		return nil, badAnswer("it is no answer of Gemini's", body)
	}
	if in.Model != "" {
		model = in.Model
	}
	out := completion{ID: in.ID, Object: "chat.completion", Created: at, Model: model, Choices: []choice{}, Usage: in.usage()}
	for _, c := range in.Candidates {
		m := said(in.ID, 0, c.Content.Parts)
		m.Role = "assistant"
		finish := geminiFinish(c.Finish, len(m.ToolCalls) > 0)
		out.Choices = append(out.Choices, choice{Index: c.Index, Message: &m, Finish: &finish})
	}
	if len(in.Candidates) == 0 { // the prompt was blocked
		out.Choices = []choice{{Message: &answerMessage{Role: "assistant", Content: pointer("")}, Finish: pointer("content_filter")}}
	}
	return encode(out), nil
}

// geminiDecoder reads a stream of Gemini's answers, each of them a whole one.
type geminiDecoder struct {
	head  completion
	calls map[int]int // how many there were, by candidate
	began map[int]bool
	ended bool
}

func newGeminiDecoder(model string, at int64) Decoder {
	return &geminiDecoder{head: completion{Object: "chat.completion.chunk", Model: model, Created: at}, calls: map[int]int{}, began: map[int]bool{}}
}

func (d *geminiDecoder) Event(_ string, data []byte) (chunks []json.RawMessage, last bool, err error) {
	var in geminiReply
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, false, badAnswer("an event of its stream is not JSON", data)
	}
	if present(in.Error) {
		return nil, true, failureOf(0, data, nil)
	}
	if in.ID != "" {
		d.head.ID = in.ID
	}
	if in.Model != "" {
		d.head.Model = in.Model
	}
	emit := func(c choice) {
		chunk := d.head
		chunk.Choices = []choice{c}
		chunks = append(chunks, encode(chunk))
	}
	if in.Feedback.Block != "" && len(in.Candidates) == 0 {
		d.ended = true
		emit(choice{Delta: &answerMessage{Role: "assistant", Content: pointer("")}, Finish: pointer("content_filter")})
	}
	for _, c := range in.Candidates {
		m := said(d.head.ID, d.calls[c.Index], c.Content.Parts)
		for _, call := range m.ToolCalls {
			m.deltaCalls = append(m.deltaCalls, deltaCall{d.calls[c.Index], call})
			d.calls[c.Index]++
		}
		m.ToolCalls = nil
		if !d.began[c.Index] {
			m.Role, d.began[c.Index] = "assistant", true
		}
		out := choice{Index: c.Index, Delta: &m}
		if finish := geminiFinish(c.Finish, d.calls[c.Index] > 0); finish != "" {
			out.Finish, d.ended = &finish, true
		}
		emit(out)
	}
	if u := in.usage(); u != nil && d.ended {
		chunk := d.head
		chunk.Choices, chunk.Usage = []choice{}, u
		chunks = append(chunks, encode(chunk))
	}
	return chunks, false, nil // the stream's end is the last
}

func geminiEmbed(c *Config, b Body, model string) (Call, error) {
	const op = "provider.gemini"
	var inputs []string
	if one := b.Text("input"); one != "" {
		inputs = []string{one}
	} else if !b.Into("input", &inputs) {
		return Call{}, entity.Invalid(op, "input must be text, or an array of texts, for this provider")
	}
	requests := make([]map[string]any, len(inputs))
	for i, t := range inputs {
		requests[i] = map[string]any{"model": "models/" + strings.TrimPrefix(model, "models/"), "content": geminiContent{Parts: []geminiPart{{Text: t}}}}
		if b.Has("dimensions") {
			requests[i]["outputDimensionality"] = b["dimensions"]
		}
	}
	return Call{Path: geminiPath(c, model) + ":batchEmbedContents", Body: encode(map[string]any{"requests": requests})}, nil
}

func geminiVector(body []byte, model string) ([]byte, error) {
	var in struct {
		Embeddings []struct {
			Values json.RawMessage `json:"values"`
		} `json:"embeddings"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Embeddings == nil {
		return nil, badAnswer("it has no embeddings", body)
	}
	data := make([]map[string]any, len(in.Embeddings))
	for i, e := range in.Embeddings {
		data[i] = map[string]any{"object": "embedding", "index": i, "embedding": e.Values}
	}
	return encode(map[string]any{"object": "list", "model": model, "data": data, "usage": map[string]int{"prompt_tokens": 0, "total_tokens": 0}}), nil
}
