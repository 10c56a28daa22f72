package agent

import (
	"stemma/api/llm/provider"
	"stemma/entity"
)

// MostLevels is how many tenants are climbed from an agent.
const MostLevels = 10

// Source reads current manifests: an [entity.Reader] of the whole store, not of
// what some caller may see.
type Source interface {
	Head(entity.ID) (entity.Head, error)
	Manifest(entity.CID) (*entity.Manifest, error)
	Secret(string) ([]byte, error)
}

// Level is a step of the inheritance: the agent, or a tenant.
type Level struct {
	Level string // entity.TypeAgent or entity.TypeTenant
	ID    entity.ID
	Name  string
}

// Nobody is the place of a level where none is meant.
const Nobody = -1

// Origins say where what holds comes from: places in Chain, or Nobody.
type Origins struct {
	Provider             int // Nobody: the operator's default, or none
	SystemPrompt, Models int
	Skills, MCPEndpoints []int // of each
}

// Resolved is what holds for an agent. Settings has what the agent inherits in
// it; of Provider a reference is replaced by what it refers to.
type Resolved struct {
	Settings
	Agent     *entity.Manifest
	CID       entity.CID // of the agent's version
	Tenant    entity.ID  // "" when it belongs to none
	Workspace entity.ID  // the collection that the agent is in, "" for none
	Active    bool       // neither its tenant nor one above is switched off
	Chain     []Level    // from the agent up
	Origins   Origins

	// Withheld is the operator's provider that a level names and that is gone or not
	// open to its tenant: the agent has none then, not even the server's.
	Withheld entity.ID
	// Credential is the entity that the provider's key is kept under: the level
	// that names the provider, or the operator's provider. "" without a provider.
	Credential entity.ID
	// TenantLimits are those of the agent's own tenant; Settings.Limits the
	// agent's.
	TenantLimits Limits
}

// Resolve finds out what holds for an agent. KindNotFound when there is no such
// agent, or it is deleted.
func Resolve(r Source, id entity.ID) (*Resolved, error) {
	const op = "agent.Resolve"
	m, cid, err := live(r, id)
	if err != nil {
		return nil, err
	}
	if m == nil || m.Type != entity.TypeAgent {
		return nil, entity.NotFound(op, "Agent not found: %s", id)
	}
	out := &Resolved{Settings: Of(m), Agent: m, CID: cid, Workspace: m.Collection(), Chain: []Level{{entity.TypeAgent, id, m.Label()}}}
	if out.Tenant, err = TenantOf(r, m); err != nil {
		return nil, err
	}
	out.Origins = Origins{Provider: Nobody, SystemPrompt: Nobody, Models: Nobody}
	var named entity.ID // the level that names the provider
	if out.Provider != nil {
		named, out.Origins.Provider = id, 0
	}
	out.inherit(Settings{}, 0)
	chain, err := Tenants(r, out.Tenant)
	if err != nil {
		return nil, err
	}
	out.Active = out.Tenant == "" || len(chain) > 0
	owner := out.Tenant // whose level names the provider
	for i, t := range chain {
		s := OfTenant(t)
		out.Chain = append(out.Chain, Level{entity.TypeTenant, t.ID, t.Label()})
		out.Active = out.Active && Active(t)
		if i == 0 {
			out.TenantLimits = s.Limits
			out.SealContent = s.SealContent
		}
		if named == "" && s.Provider != nil {
			out.Provider, named, owner = s.Provider, t.ID, t.ID
			out.Origins.Provider = i + 1
		}
		out.inherit(s, i+1)
	}
	if named == "" {
		id, err := Default(r)
		if err != nil || id == "" {
			return out, err
		}
		out.Provider = &ProviderRef{Provider: id}
		err = out.refer(r, out.Tenant)
		out.Withheld = "" // nobody has asked for it
		return out, err
	}
	out.Credential = named
	return out, out.refer(r, owner)
}

// inherit takes from a level, at its place in Chain, what no nearer one has.
func (out *Resolved) inherit(s Settings, at int) {
	if out.SystemPrompt == nil {
		out.SystemPrompt = s.SystemPrompt
	}
	if out.Embedder == nil {
		out.Embedder = s.Embedder
	}
	if len(out.Models) == 0 {
		out.Models = s.Models
	}
	out.Skills = unite(out.Skills, s.Skills, SkillName)
	out.MCPEndpoints = unite(out.MCPEndpoints, s.MCPEndpoints, EndpointName)
	from := &out.Origins
	if from.SystemPrompt == Nobody && out.SystemPrompt != nil {
		from.SystemPrompt = at
	}
	if from.Models == Nobody && len(out.Models) > 0 {
		from.Models = at
	}
	for len(from.Skills) < len(out.Skills) {
		from.Skills = append(from.Skills, at)
	}
	for len(from.MCPEndpoints) < len(out.MCPEndpoints) {
		from.MCPEndpoints = append(from.MCPEndpoints, at)
	}
}

// refer replaces a reference to one of the operator's providers, named by a level
// of tenant, by what it refers to; by nothing when that is gone or not open.
func (out *Resolved) refer(r Source, tenant entity.ID) error {
	ref := out.Provider
	if ref.Provider == "" {
		return nil
	}
	own := ref.Config
	out.Provider, out.Credential, out.Withheld = nil, "", ref.Provider
	m, _, err := live(r, ref.Provider)
	if err != nil || m == nil || !OpenTo(m, tenant) {
		return err
	}
	c, err := provider.ConfigOf(m.Properties)
	if err != nil || c == nil {
		return nil // not of a form that can be called
	}
	if own.Model != "" {
		c.Model = own.Model
	}
	if own.Deployment != "" {
		c.Deployment = own.Deployment
	}
	if own.DeploymentMap != nil {
		c.DeploymentMap = own.DeploymentMap
	}
	out.Withheld = ""
	out.Provider, out.Credential = &ProviderRef{Config: *c, Provider: ref.Provider}, ref.Provider
	return nil
}

// OpenTo tells whether a tenant may use one of the operator's providers.
func OpenTo(p *entity.Manifest, tenant entity.ID) bool {
	if p.Type != TypeProvider || p.Deleted() {
		return false
	}
	all, _ := p.Properties["tenant_available"].(bool)
	return all || tenant != "" && p.Related(PredicateAvailableTo, tenant) >= 0
}

// TenantOf is the tenant that an entity belongs to: that of its collection, or of
// what lies in none the one that it names itself; "" for none.
func TenantOf(r Source, m *entity.Manifest) (entity.ID, error) {
	c := m.Collection()
	if c == "" || c == m.ID {
		return Peer(m, entity.PredicateTenant), nil
	}
	in, _, err := live(r, c)
	if err != nil || in == nil {
		return "", err
	}
	return Peer(in, entity.PredicateTenant), nil
}

// Tenants are a tenant and those above it, as long as they are there; nothing
// above a circle.
func Tenants(r Source, id entity.ID) (chain []*entity.Manifest, err error) {
	seen := map[entity.ID]bool{}
	for id != "" && !seen[id] && len(chain) < MostLevels {
		seen[id] = true
		m, _, err := live(r, id)
		if err != nil || m == nil || m.Type != entity.TypeTenant {
			return chain, err
		}
		chain = append(chain, m)
		id = Peer(m, entity.PredicateParent)
	}
	return chain, nil
}

// Peer is the first peer of a predicate, "" for none.
func Peer(m *entity.Manifest, p entity.Predicate) entity.ID {
	for i := range m.Relationships {
		if m.Relationships[i].Predicate == p {
			return m.Relationships[i].Peer
		}
	}
	return ""
}

// live is the tip of an entity; nil when there is none or it is deleted.
func live(r Source, id entity.ID) (*entity.Manifest, entity.CID, error) {
	h, err := r.Head(id)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return nil, entity.CID{}, nil
	case err != nil || h.Deleted:
		return nil, entity.CID{}, err
	}
	m, err := r.Manifest(h.CID())
	return m, h.CID(), err
}
