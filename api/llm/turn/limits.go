package turn

import (
	"stemma/api/llm/agent"
	"stemma/api/llm/budget"
	"stemma/entity"
)

func keyAccount(key string, l agent.Limits) budget.Account {
	return budget.Account{Name: "key/" + key, What: "this key", Limits: budget.Limits(l)}
}

func tenantAccount(id entity.ID, l agent.Limits) budget.Account {
	return budget.Account{Name: "tenant/" + string(id), What: "this tenant", Limits: budget.Limits(l)}
}

// KeyOf is the name that limits are kept by of an agent's key, of which shown is
// what lists show.
func KeyOf(agent entity.ID, shown string) string { return string(agent) + "/" + shown }

// UsedByKey is what a key, by its name, has used of its limits.
func (e *Engine) UsedByKey(key string, l agent.Limits) (budget.Used, error) {
	return e.o.Limits.Used(keyAccount(key, l))
}

// UsedByTenant is what a tenant has used of its limits.
func (e *Engine) UsedByTenant(id entity.ID, l agent.Limits) (budget.Used, error) {
	return e.o.Limits.Used(tenantAccount(id, l))
}
