package store

import (
	"sync"
	"sync/atomic"

	"stemma/entity"
)

// manifestCache keeps decoded manifests, which never change, within a bound on
// bytes. It evicts by the clock: in the order of arrival, but what was read
// gets another turn for each time, up to three. A cache that admits by frequency, as
// ristretto does, turns away the tip that was just written, which is the one
// that the next edit reads.
type manifestCache struct {
	shards [16]manifestShard
	limit  int // bytes of a shard
}

type manifestShard struct {
	mu    sync.RWMutex
	byKey map[entity.Digest]*cachedManifest
	clock []entity.Digest // from hand on in the order of their turns, then from 0
	hand  int
	bytes int
}

type cachedManifest struct {
	manifest *entity.Manifest
	bytes    int
	turns    atomic.Int32 // to be passed over
}

const maxTurns = 3

// decodedSize is about how much more memory a decoded manifest takes than its
// block, measured on the benchmark's 1 KB manifests.
const decodedSize = 3

func newManifestCache(bytes int64) *manifestCache {
	c := &manifestCache{}
	c.limit = int(bytes) / len(c.shards)
	for i := range c.shards {
		c.shards[i].byKey = make(map[entity.Digest]*cachedManifest)
	}
	return c
}

func (c *manifestCache) shard(d entity.Digest) *manifestShard {
	return &c.shards[int(d[0])%len(c.shards)] // a digest is random in every byte
}

func (c *manifestCache) get(d entity.Digest) (*entity.Manifest, bool) {
	s := c.shard(d)
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.byKey[d]
	if !ok {
		return nil, false
	}
	if n := e.turns.Load(); n < maxTurns {
		e.turns.CompareAndSwap(n, n+1)
	}
	return e.manifest, true
}

// put takes in a manifest whose block has so many bytes.
func (c *manifestCache) put(d entity.Digest, m *entity.Manifest, block int) {
	e := &cachedManifest{manifest: m, bytes: decodedSize*block + 256}
	if e.bytes > c.limit/4 {
		return
	}
	s := c.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.byKey[d]; there {
		return
	}
	for s.bytes+e.bytes > c.limit {
		s.evict()
	}
	s.byKey[d] = e
	s.bytes += e.bytes
	s.clock = append(s.clock, d)
}

// evict removes the first entry from the hand on that has no turn left. There
// is one, as passing over takes a turn.
func (s *manifestShard) evict() {
	for {
		d := s.clock[s.hand]
		s.clock[s.hand] = entity.Digest{}
		s.hand++
		if e := s.byKey[d]; e.turns.Load() > 0 {
			e.turns.Add(-1)
			s.clock = append(s.clock, d)
		} else {
			delete(s.byKey, d)
			s.bytes -= e.bytes
			s.trim()
			return
		}
		s.trim()
	}
}

// trim drops the part of the clock that the hand has left behind.
func (s *manifestShard) trim() {
	if s.hand > 1024 && s.hand > len(s.clock)/2 {
		n := copy(s.clock, s.clock[s.hand:])
		s.clock, s.hand = s.clock[:n], 0
	}
}
