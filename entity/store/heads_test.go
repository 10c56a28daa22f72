package store

import (
	"fmt"
	"testing"

	"stemma/entity"
)

// The cache of heads is bounded, keeps what came last, and takes a head that is
// there already in its place.
func TestHeadCacheIsBounded(t *testing.T) {
	s := headShard{heads: make(map[entity.ID]cachedHead)}
	id := func(i int) entity.ID { return entity.ID(fmt.Sprintf("%026d", i)) }
	const n = 3 * headsPerShard
	for i := range n {
		for _, ver := range []int64{1, 2} {
			s.put(cachedHead{head: entity.Head{ID: id(i), Ver: ver}})
		}
	}
	if len(s.heads) != headsPerShard || len(s.ring) != headsPerShard {
		t.Fatalf("%d heads and %d in the ring, want %d", len(s.heads), len(s.ring), headsPerShard)
	}
	for i := n - headsPerShard; i < n; i++ {
		if s.heads[id(i)].head.Ver != 2 {
			t.Fatalf("head %d of %d is version %d", i, n, s.heads[id(i)].head.Ver)
		}
	}
}
