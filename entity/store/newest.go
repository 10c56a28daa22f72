package store

import (
	"hash/maphash"
	"sync"
)

// newest keeps what is under keys that were lately written or read, so that the tip of
// a busy entity, or the key of a busy client, costs a map look-up. What is in it is
// valid for every view that is not older than its version: a newer one would have
// replaced it before any newer view could open.
type newest[K ~string, V any] struct {
	seed   maphash.Seed
	shards [newestShards]newestShard[K, V]
}

const newestShards = 64

// How much is kept: of secrets those that are read, which are the keys of clients that
// are at work, and none that is larger than largestKept bytes.
const (
	keptHeads   = 64 << 10
	keptSecrets = 4 << 10
	largestKept = 4 << 10
)

type newestShard[K ~string, V any] struct {
	mu   sync.RWMutex
	most int
	rows map[K]newestRow[V]
	ring []K // of those in rows, in the order of their coming from hand on
	hand int
	ts   uint64 // of the last commit that wrote here
}

type newestRow[V any] struct {
	value   V
	version uint64 // Badger's timestamp of the row
}

// newNewest makes one for up to so many keys.
func newNewest[K ~string, V any](most int) *newest[K, V] {
	c := &newest[K, V]{seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].most, c.shards[i].rows = most/newestShards, make(map[K]newestRow[V])
	}
	return c
}

func (c *newest[K, V]) shard(key K) *newestShard[K, V] {
	return &c.shards[maphash.String(c.seed, string(key))%newestShards]
}

// get is what is under a key as of the timestamp, if it is here.
func (c *newest[K, V]) get(key K, ts uint64) (newestRow[V], bool) {
	s := c.shard(key)
	s.mu.RLock()
	defer s.mu.RUnlock()
	row, ok := s.rows[key]
	return row, ok && row.version <= ts
}

// keepRead takes in what a view read at ts, unless a later commit has written to the
// shard: then it may be out of date already.
func (c *newest[K, V]) keepRead(key K, row newestRow[V], ts uint64) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ts <= ts {
		s.put(key, row)
	}
}

// keepWritten takes in what a commit wrote, before any view can open at its
// timestamp.
func (c *newest[K, V]) keepWritten(key K, row newestRow[V]) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ts = row.version
	s.put(key, row)
}

// rewritten is keepWritten for what is kept only when it is read.
func (c *newest[K, V]) rewritten(key K, row newestRow[V]) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ts = row.version
	if _, there := s.rows[key]; there {
		s.rows[key] = row
	}
}

func (s *newestShard[K, V]) put(key K, row newestRow[V]) {
	if _, there := s.rows[key]; !there && len(s.ring) < s.most {
		s.ring = append(s.ring, key)
	} else if !there {
		delete(s.rows, s.ring[s.hand])
		s.ring[s.hand] = key
		s.hand = (s.hand + 1) % s.most
	}
	s.rows[key] = row
}
