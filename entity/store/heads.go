package store

import (
	"hash/maphash"
	"sync"

	"stemma/entity"
)

// headCache keeps heads that were lately written or read, so that the tip of a
// busy entity costs a map look-up. A head in it is valid for every view that is
// not older than the head's version: a newer one would have replaced it before
// any newer view could open.
type headCache struct {
	seed   maphash.Seed
	shards [headShards]headShard
}

const (
	headShards    = 64
	headsPerShard = 1024
)

type headShard struct {
	mu    sync.RWMutex
	heads map[entity.ID]cachedHead
	ring  []entity.ID // of those in heads, in the order of their coming from hand on
	hand  int
	ts    uint64 // of the last commit that wrote here
}

type cachedHead struct {
	head    entity.Head
	version uint64 // Badger's timestamp of the row
}

func newHeadCache() *headCache {
	c := &headCache{seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].heads = make(map[entity.ID]cachedHead)
	}
	return c
}

func (c *headCache) shard(id entity.ID) *headShard {
	return &c.shards[maphash.String(c.seed, string(id))%headShards]
}

// get is the head of id as of the timestamp, if it is here.
func (c *headCache) get(id entity.ID, ts uint64) (cachedHead, bool) {
	s := c.shard(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.heads[id]
	return h, ok && h.version <= ts
}

// keepRead takes in what a view read at ts, unless a later commit has written
// to the shard: then the head may be out of date already.
func (c *headCache) keepRead(h cachedHead, ts uint64) {
	s := c.shard(h.head.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ts <= ts {
		s.put(h)
	}
}

// keepWritten takes in what the commit at h.version wrote, before any view can
// open at that timestamp.
func (c *headCache) keepWritten(h cachedHead) {
	s := c.shard(h.head.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ts = h.version
	s.put(h)
}

func (s *headShard) put(h cachedHead) {
	id := h.head.ID
	if _, there := s.heads[id]; !there && len(s.ring) < headsPerShard {
		s.ring = append(s.ring, id)
	} else if !there {
		delete(s.heads, s.ring[s.hand])
		s.ring[s.hand] = id
		s.hand = (s.hand + 1) % headsPerShard
	}
	s.heads[id] = h
}

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
