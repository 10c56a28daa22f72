package turn

import (
	"context"

	"stemma/entity"
)

// View runs fn on the latest state of a network's store. KindNotFound for a
// network that the server does not have.
func (e *Engine) View(ctx context.Context, network entity.Network, fn func(entity.Reader) error) error {
	s := e.stores[network]
	if s == nil {
		return entity.NotFound("turn.View", "this server has no network %s", network)
	}
	return s.View(ctx, fn)
}
