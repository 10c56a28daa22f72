package provider

import (
	"net/url"
	"slices"
	"strings"

	"stemma/entity"
)

// Kind is the wire format and the authentication of a provider.
type Kind string

// The kinds.
const (
	OpenAI    Kind = "openai" // and whatever speaks like it: vLLM, llama.cpp, LM Studio, OpenRouter, Groq
	Azure     Kind = "azure"
	Ollama    Kind = "ollama" // its OpenAI-compatible side
	Anthropic Kind = "anthropic"
	Gemini    Kind = "gemini"
)

// kindRow is what is special about a kind.
type kindRow struct {
	kind       Kind
	base       string // where it is when the configuration says nothing; "": it must say
	apiVersion string // when the configuration says nothing
	keyless    bool   // works without a key
}

// kinds is the table of kinds.
var kinds = []kindRow{
	{kind: OpenAI, base: "https://api.openai.com/v1", keyless: true}, // of the compatible ones many take none
	{kind: Azure, apiVersion: "2024-10-21"},
	{kind: Ollama, base: "http://127.0.0.1:11434/v1", keyless: true},
	{kind: Anthropic, base: "https://api.anthropic.com", apiVersion: "2023-06-01"},
	{kind: Gemini, base: "https://generativelanguage.googleapis.com", apiVersion: "v1beta"},
}

// Kinds lists the kinds, in the order of the table.
func Kinds() (all []Kind) {
	for _, row := range kinds {
		all = append(all, row.kind)
	}
	return all
}

func rowOf(k Kind) (kindRow, bool) {
	i := slices.IndexFunc(kinds, func(row kindRow) bool { return row.kind == k })
	if i < 0 {
		return kindRow{}, false
	}
	return kinds[i], true
}

// Config is a provider as a manifest has it: all but its key. The tags are the
// names of the properties.
type Config struct {
	Kind          Kind              `json:"provider"`
	BaseURL       string            `json:"base_url,omitempty"`       // "": the kind's
	Model         string            `json:"model,omitempty"`          // when neither agent nor client names one
	Deployment    string            `json:"deployment,omitempty"`     // azure: of models that DeploymentMap has not
	DeploymentMap map[string]string `json:"deployment_map,omitempty"` // azure: deployment by model
	APIVersion    string            `json:"api_version,omitempty"`    // azure, anthropic, gemini; "": the kind's
	Models        []string          `json:"available_models,omitempty"`
}

// ConfigOf reads a configuration out of the object of a manifest, which may name
// the kind as provider, type or kind. KindInvalid says what is wrong with it;
// nil for an object without a kind.
func ConfigOf(tree map[string]any) (*Config, error) {
	c := &Config{}
	for _, name := range []string{"provider", "kind", "type"} {
		if text, _ := tree[name].(string); text != "" {
			c.Kind = Kind(text)
			break
		}
	}
	if c.Kind == "" {
		return nil, nil
	}
	for name, into := range map[string]*string{"base_url": &c.BaseURL, "model": &c.Model, "deployment": &c.Deployment, "api_version": &c.APIVersion} {
		switch v := tree[name].(type) {
		case nil:
		case string:
			*into = v
		default:
			return nil, entity.Invalid("provider.ConfigOf", "%s of a provider must be text", name)
		}
	}
	if list, ok := tree["available_models"].([]any); ok {
		for _, v := range list {
			if text, ok := v.(string); ok {
				c.Models = append(c.Models, text)
			}
		}
	}
	if byModel, ok := tree["deployment_map"].(map[string]any); ok {
		c.DeploymentMap = map[string]string{}
		for model, v := range byModel {
			if text, ok := v.(string); ok {
				c.DeploymentMap[model] = text
			}
		}
	}
	return c, c.Check()
}

// Tree is the configuration as a manifest has it.
func (c *Config) Tree() map[string]any {
	out := map[string]any{"provider": string(c.Kind)}
	for name, text := range map[string]string{"base_url": c.BaseURL, "model": c.Model, "deployment": c.Deployment, "api_version": c.APIVersion} {
		if text != "" {
			out[name] = text
		}
	}
	if len(c.Models) > 0 {
		list := make([]any, len(c.Models))
		for i, m := range c.Models {
			list[i] = m
		}
		out["available_models"] = list
	}
	if len(c.DeploymentMap) > 0 {
		byModel := map[string]any{}
		for model, deployment := range c.DeploymentMap {
			byModel[model] = deployment
		}
		out["deployment_map"] = byModel
	}
	return out
}

// Check makes sure that a provider can be reached by the configuration.
// KindInvalid says what would be right.
func (c *Config) Check() error {
	const op = "provider.Check"
	row, ok := rowOf(c.Kind)
	if !ok {
		names := make([]string, len(kinds))
		for i, row := range kinds {
			names[i] = string(row.kind)
		}
		return entity.Invalid(op, "a provider is one of %s, not %.40q", strings.Join(names, ", "), string(c.Kind))
	}
	if c.BaseURL == "" && row.base == "" {
		return entity.Invalid(op, "a provider of kind %s needs base_url, like https://name.openai.azure.com", c.Kind)
	}
	if c.BaseURL == "" {
		return nil
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return entity.Invalid(op, "base_url must be a URL like https://api.example.com/v1, without a query or a password in it")
	}
	return nil
}

// Base is the provider's address without a slash at the end.
func (c *Config) Base() string {
	base := c.BaseURL
	if base == "" {
		row, _ := rowOf(c.Kind)
		base = row.base
	}
	return strings.TrimRight(base, "/")
}

func (c *Config) version() string {
	if c.APIVersion != "" {
		return c.APIVersion
	}
	row, _ := rowOf(c.Kind)
	return row.apiVersion
}

// alias is what the provider calls a model in a body.
func (c *Config) alias(model string) string {
	if c.Kind == Azure {
		return c.deployment(model)
	}
	return model
}

// deployment is what Azure calls the model.
func (c *Config) deployment(model string) string {
	if d := c.DeploymentMap[model]; d != "" {
		return d
	}
	if c.Deployment != "" {
		return c.Deployment
	}
	return model
}
