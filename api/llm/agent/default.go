package agent

import "stemma/entity"

// defaultSecret is where the secret space has the provider that is the default:
// one name, so that there is never more than one.
const defaultSecret = "gateway/default-provider"

// Default is the operator's provider of agents for which neither they nor a tenant
// name one, while it is open to their tenant; "" for none.
func Default(r Source) (entity.ID, error) {
	id, err := r.Secret(defaultSecret)
	return entity.ID(id), err
}

// SetDefault makes a provider the default in place of the one that was; "" leaves
// none.
func SetDefault(tx entity.Tx, id entity.ID) {
	if id == "" {
		tx.DeleteSecret(defaultSecret)
		return
	}
	tx.SetSecret(defaultSecret, []byte(id))
}
