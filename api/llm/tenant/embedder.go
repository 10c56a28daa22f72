package tenant

import (
	"stemma/api/llm/agent"
	"stemma/api/llm/provider"
	"stemma/api/llm/seal"
	"stemma/entity"
)

// Embedder is what a tenant has its texts embedded by. Two that are equal are one.
type Embedder struct {
	Kind                   provider.Kind
	BaseURL, Key, Model    string
	Deployment, APIVersion string // as a [provider.Config] has them; the deployment is that of the model
	Dimensions             int
	Foreign                bool // the tenant has named the address
}

// Target is where it is asked.
func (e *Embedder) Target() *provider.Target {
	return &provider.Target{Config: &provider.Config{Kind: e.Kind, BaseURL: e.BaseURL, Deployment: e.Deployment, APIVersion: e.APIVersion}, Key: e.Key, Foreign: e.Foreign}
}

// at takes the address of a provider.
func (e *Embedder) at(c *provider.Config) {
	e.Kind, e.BaseURL, e.Deployment, e.APIVersion = c.Kind, c.Base(), c.Deployment, c.APIVersion
	if d := c.DeploymentMap[e.Model]; d != "" {
		e.Deployment = d
	}
}

// dimensions of models that are known, where a tenant does not say them.
var dimensions = map[string]int{
	"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536,
	"nomic-embed-text": 768, "mxbai-embed-large": 1024, "all-minilm": 384, "bge-m3": 1024,
	"text-embedding-004": 768, "gemini-embedding-001": 3072,
}

// DimensionsOf is how many the vectors of a model have; 0 where that is not known.
func DimensionsOf(model string) int { return dimensions[model] }

// MostDimensions is what a vector may have.
const MostDimensions = 16384

// CheckEmbedder refuses what cannot be the embedder of a tenant. KindInvalid.
func CheckEmbedder(tree map[string]any) error {
	_, err := embedderOf(tree)
	return err
}

// embedderOf reads it, without an address that is the operator's to know.
func embedderOf(tree map[string]any) (*Embedder, error) {
	const op = "tenant.Embedder"
	invalid := func(field, format string, args ...any) error {
		e := entity.Invalid(op, format, args...)
		e.Issues = []entity.Issue{{Path: []any{"embedder", field}, Message: e.Message}}
		return e
	}
	for name := range tree {
		switch name {
		case "provider", "base_url", "deployment", "api_version", "model", "dimensions", "gateway_provider_id":
		default:
			return nil, invalid(name, "embedder has provider, base_url, deployment, api_version, model, dimensions and gateway_provider_id, and no %.100q; its key is that of the tenant's provider", name)
		}
	}
	out := &Embedder{Foreign: true}
	if out.Model, _ = tree["model"].(string); out.Model == "" {
		return nil, invalid("model", "embedder.model is missing: a model of embeddings, like text-embedding-3-small")
	}
	out.Dimensions = dimensions[out.Model]
	switch n := tree["dimensions"].(type) {
	case nil:
		if out.Dimensions == 0 {
			return nil, invalid("dimensions", "embedder.dimensions is missing: how many the vectors of %.100q have", out.Model)
		}
	case int64:
		if n < 1 || n > MostDimensions {
			return nil, invalid("dimensions", "embedder.dimensions must be from 1 to %d", MostDimensions)
		}
		out.Dimensions = int(n)
	default:
		return nil, invalid("dimensions", "embedder.dimensions must be a whole number")
	}
	if id, _ := tree["gateway_provider_id"].(string); id != "" {
		return out, nil
	}
	c, err := embedderConfig(tree)
	if err != nil {
		return nil, err
	}
	out.at(c)
	return out, nil
}

func embedderConfig(tree map[string]any) (*provider.Config, error) {
	kind, _ := tree["provider"].(string)
	c := &provider.Config{Kind: provider.Kind(kind)}
	for name, into := range map[string]*string{"base_url": &c.BaseURL, "deployment": &c.Deployment, "api_version": &c.APIVersion} {
		*into, _ = tree[name].(string)
	}
	if !c.Kind.Embeds() {
		e := entity.Invalid("tenant.Embedder", "embedder.provider must be openai, which is whatever speaks like it, azure, ollama or gemini; or else embedder.gateway_provider_id one of the operator's of these kinds")
		e.Issues = []entity.Issue{{Path: []any{"embedder", "provider"}, Message: e.Message}}
		return nil, e
	}
	return c, c.Check()
}

// EmbedderOf is the embedder that a tenant, or the nearest one above it that says
// so, has of its own, else the one that the operator has set for all; nil for that
// of the server's flags. A tenant's key is that of the level's provider, if it is for
// the same kind and address. KindUnavailable for one that cannot be asked.
func EmbedderOf(r entity.Reader, box *seal.Box, of entity.ID) (*Embedder, error) {
	const op = "tenant.EmbedderOf"
	chain, err := agent.Tenants(r, of)
	if err != nil {
		return nil, err
	}
	for _, t := range chain {
		tree := agent.OfTenant(t).Embedder
		if len(tree) == 0 {
			continue
		}
		e, err := embedderOf(tree)
		if err != nil {
			return nil, entity.Errorf(entity.KindUnavailable, op, "the embedder of the tenant cannot be asked: %s", err)
		}
		id, _ := tree["gateway_provider_id"].(string)
		if id == "" {
			c, err := embedderConfig(tree)
			if err == nil {
				e.Key, err = provider.Credential(r, box, t.ID, c)
			}
			return e, err
		}
		return e, e.refer(r, box, entity.ID(id), func(m *entity.Manifest) bool { return agent.OpenTo(m, t.ID) })
	}
	return embedderOfAll(r, box)
}

// embedderOfAll is the one that the operator has set for tenants that name none; nil
// for none.
func embedderOfAll(r entity.Reader, box *seal.Box) (*Embedder, error) {
	s, err := ServerSettings(r)
	if err != nil {
		return nil, err
	}
	c := s.Embedder()
	if c == nil && s.EmbedderID == "" {
		return nil, nil
	}
	e := &Embedder{Model: s.EmbedderModel, Dimensions: s.EmbedderDimensions}
	if e.Dimensions == 0 {
		e.Dimensions = dimensions[e.Model]
	}
	if c == nil {
		return e, e.refer(r, box, s.EmbedderID, func(*entity.Manifest) bool { return true })
	}
	e.at(c)
	e.Key, err = provider.Credential(r, box, EmbedderCredential, c)
	return e, err
}

// refer takes the address and the key of one of the operator's providers that may
// be used.
func (e *Embedder) refer(r entity.Reader, box *seal.Box, id entity.ID, may func(*entity.Manifest) bool) error {
	gone := entity.Errorf(entity.KindUnavailable, "tenant.EmbedderOf", "the embedder of the tenant cannot be asked: there is no provider %s of embeddings that it may use", id)
	h, err := r.Head(id)
	if entity.KindOf(err) == entity.KindNotFound || err == nil && h.Deleted {
		return gone
	}
	if err != nil {
		return err
	}
	m, err := r.Manifest(h.CID())
	if err != nil {
		return err
	}
	c, err := provider.ConfigOf(m.Properties)
	if err != nil || c == nil || !may(m) || !c.Kind.Embeds() {
		return gone
	}
	e.at(c)
	e.Foreign = false
	e.Key, err = provider.Credential(r, box, id, c)
	return err
}
