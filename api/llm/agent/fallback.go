package agent

import (
	"stemma/api/llm/provider"
	"stemma/entity"
)

// Target is a provider that a call may be made to.
type Target struct {
	Config     provider.Config
	Credential entity.ID // the entity that its key is kept under
	Provider   entity.ID // of the operator's; "": a tenant or agent configured it
}

// mostFallbacks bounds how many providers are tried.
const mostFallbacks = 5

// Targets are the providers of an agent, in the order in which they are tried:
// its own, then those under "fallbacks" of the configuration that names it, each
// one of
//
//	{"model": "…"}                              the same provider, with another model
//	{"gateway_provider_id": "…", "model": "…"}  one of the operator's, while it is open to the tenant
//
// Fallbacks of another form are as good as absent.
func Targets(r Source, res *Resolved) (all []Target, err error) {
	if res.Provider == nil {
		return nil, nil
	}
	first := Target{Config: res.Provider.Config, Credential: res.Credential, Provider: res.Provider.Provider}
	all = append(all, first)
	tree, owner, err := naming(r, res)
	if err != nil {
		return nil, err
	}
	list, _ := tree["fallbacks"].([]any)
	for _, item := range list {
		tree, _ := item.(map[string]any)
		model, _ := tree["model"].(string)
		id, _ := tree["gateway_provider_id"].(string)
		switch {
		case len(all) > mostFallbacks:
			return all, nil
		case id != "":
			referred := &Resolved{Settings: Settings{Provider: &ProviderRef{Provider: entity.ID(id), Config: provider.Config{Model: model}}}}
			if err := referred.refer(r, owner); err != nil {
				return nil, err
			}
			if referred.Provider != nil {
				all = append(all, Target{referred.Provider.Config, referred.Credential, entity.ID(id)})
			}
		case model != "":
			same := first
			same.Config.Model = model
			all = append(all, same)
		}
	}
	return all, nil
}

// naming is the configuration of the nearest level that has one, and the tenant
// of that level.
func naming(r Source, res *Resolved) (map[string]any, entity.ID, error) {
	if tree, _ := res.Agent.Properties["provider_config"].(map[string]any); providerOf(tree) != nil {
		return tree, res.Tenant, nil
	}
	for _, l := range res.Chain[1:] {
		m, _, err := live(r, l.ID)
		if err != nil || m == nil {
			return nil, "", err
		}
		settings, _ := m.Properties["settings"].(map[string]any)
		if tree, _ := settings["provider_config"].(map[string]any); providerOf(tree) != nil {
			return tree, l.ID, nil
		}
	}
	return nil, "", nil
}
