package provider

import (
	"encoding/json"
	"net/http"
	"net/url"

	"stemma/entity"
)

// Request is a chat on its way to a provider: the pivot, and what the mappings
// need beside it.
type Request struct {
	Body   Body // without model and stream
	Model  string
	Stream bool
}

// Call is an HTTP request to a provider, without what proves who calls.
type Call struct {
	Path string // behind the base URL, with the query
	Body []byte
}

// dialect is how a kind of provider is spoken to: mappings without any effect.
type dialect struct {
	kind Kind
	// chat is what the provider takes in place of the pivot.
	chat func(*Config, *Request) (Call, error)
	// answer is the pivot of what it answered; at is the time in seconds, for
	// answers that do not tell it. nil: it is the pivot already.
	answer func(body []byte, model string, at int64) ([]byte, error)
	// stream is a decoder of its events; nil: they are the pivot's already.
	stream func(model string, at int64) Decoder
	embed  func(*Config, Body, string) (Call, error)       // nil: it has no embeddings
	vector func(body []byte, model string) ([]byte, error) // nil: it is the pivot already
	sign   func(c *Config, h http.Header, key string)      // proves who calls
	more   map[string]func(*Config, string) (path string)  // other operations that it has: "responses"
}

// Decoder turns a provider's events into chunks of the pivot. It keeps what it
// needs of those before.
type Decoder interface {
	// Event gives the chunks that an event makes, and whether it was the last. An
	// error is a [*Failure] that the provider reports, or an event that is not
	// what the provider's format has.
	Event(event string, data []byte) (chunks []json.RawMessage, last bool, err error)
}

// dialects is the table.
var dialects = map[Kind]*dialect{
	OpenAI:    {kind: OpenAI, chat: openaiChat, embed: openaiEmbed, sign: bearer, more: openaiMore},
	Ollama:    {kind: Ollama, chat: openaiChat, embed: openaiEmbed, sign: bearer, more: openaiMore},
	Azure:     {kind: Azure, chat: azureChat, embed: azureEmbed, sign: azureSign, more: azureMore},
	Anthropic: {kind: Anthropic, chat: anthropicChat, answer: anthropicAnswer, stream: newAnthropicDecoder, sign: anthropicSign},
	Gemini:    {kind: Gemini, chat: geminiChat, answer: geminiAnswer, stream: newGeminiDecoder, embed: geminiEmbed, vector: geminiVector, sign: geminiSign},
}

func bearer(_ *Config, h http.Header, key string) {
	if key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
}

func azureSign(_ *Config, h http.Header, key string) {
	if key != "" {
		h.Set("Api-Key", key)
	}
}

func anthropicSign(c *Config, h http.Header, key string) {
	h.Set("Anthropic-Version", c.version())
	if key != "" {
		h.Set("X-Api-Key", key)
	}
}

func geminiSign(_ *Config, h http.Header, key string) {
	if key != "" {
		h.Set("X-Goog-Api-Key", key)
	}
}

// pivotBody is the pivot as OpenAI-compatible providers take it.
func pivotBody(r *Request, model string) []byte {
	b := r.Body.Clone()
	stripAside(b)
	if model != "" {
		b.Set("model", model)
	}
	if r.Stream {
		b.Set("stream", true)
		options := Body{}
		b.Into("stream_options", &options)
		options.Set("include_usage", true)
		b.Set("stream_options", options)
	}
	return b.Bytes()
}

func openaiChat(_ *Config, r *Request) (Call, error) {
	return Call{Path: "/chat/completions", Body: pivotBody(r, r.Model)}, nil
}

func openaiEmbed(_ *Config, b Body, model string) (Call, error) {
	b = b.Clone()
	b.Set("model", model)
	return Call{Path: "/embeddings", Body: b.Bytes()}, nil
}

var openaiMore = map[string]func(*Config, string) string{
	"responses": func(*Config, string) string { return "/responses" },
}

func azurePath(c *Config, model, what string) string {
	return "/openai/deployments/" + url.PathEscape(c.deployment(model)) + "/" + what + "?api-version=" + url.QueryEscape(c.version())
}

func azureChat(c *Config, r *Request) (Call, error) {
	if c.deployment(r.Model) == "" {
		return Call{}, entity.Invalid("provider.azure", "no model is named, and the provider's configuration has no deployment")
	}
	return Call{Path: azurePath(c, r.Model, "chat/completions"), Body: pivotBody(r, r.Model)}, nil
}

func azureEmbed(c *Config, b Body, model string) (Call, error) {
	return Call{Path: azurePath(c, model, "embeddings"), Body: b.Bytes()}, nil
}

var azureMore = map[string]func(*Config, string) string{
	"responses": func(c *Config, _ string) string {
		return "/openai/responses?api-version=" + url.QueryEscape(c.version())
	},
}
