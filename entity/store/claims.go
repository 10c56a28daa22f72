package store

import (
	"sync"

	"stemma/entity"
)

// claims are the entities that optimistic runs on their way to the committer
// will write. A second run on one of them would only be thrown away.
type claims struct {
	mu    sync.Mutex
	taken map[entity.ID]chan struct{} // closed on release; nil while nobody waits
}

// take claims an entity. When another run has it, busy is closed as soon as
// what that run wrote is visible, or is known not to come.
func (c *claims) take(id entity.ID) (busy <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	released, ok := c.taken[id]
	switch {
	case !ok:
		if c.taken == nil {
			c.taken = make(map[entity.ID]chan struct{})
		}
		c.taken[id] = nil
		return nil
	case released == nil:
		released = make(chan struct{})
		c.taken[id] = released
	}
	return released
}

func (c *claims) release(ids map[entity.ID]struct{}) {
	if len(ids) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range ids {
		if released := c.taken[id]; released != nil {
			close(released)
		}
		delete(c.taken, id)
	}
}
