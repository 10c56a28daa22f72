package turn

import (
	"bytes"
	"context"
	"sync"

	"stemma/api/llm/agent"
	"stemma/api/llm/provider"
	"stemma/api/llm/seal"
	"stemma/api/llm/tools"
	"stemma/entity"
)

// Plan is what holds for an agent, ready to be used.
type Plan struct {
	*agent.Resolved
	targets   []provider.Target
	endpoints []tools.Endpoint
	box       *seal.Box // of the tenant
	seen      seen
}

// Model is what answers when a client names no model: [BuiltIn] without a
// provider, "" where the provider has to be told.
func (p *Plan) Model() string {
	if len(p.targets) == 0 {
		return BuiltIn
	}
	return p.targets[0].Config.Model
}

// seen is what a plan was made of: it holds while all of that is as it was.
type seen struct {
	tips    map[entity.ID]entity.Digest // zero: there was none
	secrets map[string][]byte
}

func (s *seen) holds(r entity.Reader) (bool, error) {
	for id, tip := range s.tips {
		h, err := r.Head(id)
		if err != nil && entity.KindOf(err) != entity.KindNotFound {
			return false, err
		}
		if h.Tip != tip {
			return false, nil
		}
	}
	for name, was := range s.secrets {
		is, err := r.Secret(name)
		if err != nil || !bytes.Equal(is, was) {
			return false, err
		}
	}
	return true, nil
}

// watched is a reader that notes what a plan is made of.
type watched struct {
	entity.Reader
	seen *seen
}

func (w watched) Head(id entity.ID) (entity.Head, error) {
	h, err := w.Reader.Head(id)
	if err == nil || entity.KindOf(err) == entity.KindNotFound {
		w.seen.tips[id] = h.Tip
	}
	return h, err
}

func (w watched) Secret(name string) ([]byte, error) {
	v, err := w.Reader.Secret(name)
	if err == nil {
		w.seen.secrets[name] = bytes.Clone(v)
	}
	return v, err
}

// plans are the plans of agents, in memory.
type plans struct {
	mu sync.Mutex
	by map[entity.ID]*Plan
}

// mostPlans bounds how many are remembered.
const mostPlans = 10_000

func (p *plans) get(id entity.ID) *Plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.by[id]
}

func (p *plans) put(id entity.ID, made *Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil || len(p.by) >= mostPlans {
		p.by = map[entity.ID]*Plan{}
	}
	p.by[id] = made
}

// Plan is what holds for an agent now. What is remembered of it is looked at
// again each time: some ten look-ups by key, and no more while nothing changes.
// KindNotFound when there is no such agent, KindForbidden when the provider that is
// named for it is not open to its tenant.
func (e *Engine) Plan(ctx context.Context, network entity.Network, id entity.ID) (p *Plan, err error) {
	s := e.stores[network]
	if s == nil {
		return nil, entity.NotFound("turn.Plan", "this server has no network %s", network)
	}
	err = s.View(ctx, func(r entity.Reader) error {
		if p = e.plans.get(id); p != nil {
			if ok, err := p.seen.holds(r); err != nil || ok {
				return err
			}
		}
		p, err = e.plan(r, id)
		if err == nil {
			e.plans.put(id, p)
		}
		return err
	})
	return p, err
}

func (e *Engine) plan(r entity.Reader, id entity.ID) (p *Plan, err error) {
	p = &Plan{seen: seen{map[entity.ID]entity.Digest{}, map[string][]byte{}}}
	w := watched{r, &p.seen}
	if p.Resolved, err = agent.Resolve(w, id); err != nil {
		return nil, err
	}
	if p.Withheld != "" && p.Active {
		return nil, entity.Errorf(entity.KindForbidden, "turn.Plan", "Forbidden: the provider %s, which is named for this agent, is gone or not open to its tenant; ask who runs the server for it, or name another", p.Withheld)
	}
	if e.o.Box != nil && p.Tenant != "" {
		p.box = e.o.Box.Of(p.Tenant)
	}
	targets, err := agent.Targets(w, p.Resolved)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		config := t.Config
		key, err := provider.Credential(w, e.o.Box, t.Credential, &config)
		if err != nil {
			return nil, err
		}
		p.targets = append(p.targets, provider.Target{Config: &config, Key: key, Foreign: t.Provider == ""})
	}
	if len(targets) == 0 && e.o.Default != nil {
		p.targets = []provider.Target{*e.o.Default}
	}
	var levels []entity.ID
	for _, l := range p.Chain {
		levels = append(levels, l.ID)
	}
	for _, tree := range p.MCPEndpoints {
		url, _ := tree["url"].(string)
		if url == "" {
			continue
		}
		token, err := tools.Credential(w, e.o.Box, levels, url)
		if err != nil {
			return nil, err
		}
		p.endpoints = append(p.endpoints, tools.Endpoint{Name: agent.EndpointName(tree), URL: url, Token: token})
	}
	return p, nil
}
