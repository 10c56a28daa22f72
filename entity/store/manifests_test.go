package store

import (
	"fmt"
	"sync"
	"testing"

	"stemma/entity"
)

func digestOf(i int) entity.Digest {
	d, _ := entity.DigestOf(entity.SumBlock(fmt.Append(nil, i)))
	return d
}

// The cache gives back what was put in, keeps what is read, and never holds
// more than its bound, however much passes through.
func TestManifestCache(t *testing.T) {
	const bound = 16 * 100_000
	c := newManifestCache(bound)
	hot := digestOf(-1)
	c.put(hot, &entity.Manifest{Ver: 7}, 1000)
	for i := range 20_000 {
		c.put(digestOf(i), &entity.Manifest{Ver: int64(i)}, 1000)
		if m, ok := c.get(digestOf(i)); !ok || m.Ver != int64(i) {
			t.Fatalf("%d is not there right after it was put", i)
		}
		if m, ok := c.get(hot); !ok || m.Ver != 7 {
			t.Fatalf("what is read all the time was evicted at %d", i)
		}
	}
	c.put(digestOf(-2), &entity.Manifest{}, bound)
	if _, ok := c.get(digestOf(-2)); ok {
		t.Error("something larger than the bound was taken in")
	}
	total, entries := 0, 0
	for i := range c.shards {
		s := &c.shards[i]
		sum := 0
		for _, e := range s.byKey {
			sum += e.bytes
		}
		if sum != s.bytes || s.bytes > c.limit || len(s.clock)-s.hand != len(s.byKey) {
			t.Errorf("shard %d: %d bytes counted, %d there, of %d; %d turns for %d entries", i, s.bytes, sum, c.limit, len(s.clock)-s.hand, len(s.byKey))
		}
		total, entries = total+sum, entries+len(s.byKey)
	}
	if total > bound || entries < bound/(decodedSize*1000+256)*9/10 {
		t.Errorf("%d entries of %d bytes within %d", entries, total, bound)
	}
}

func TestManifestCacheRace(t *testing.T) {
	c := newManifestCache(1 << 20)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 3000 {
				n := (i*7 + w) % 2000
				c.put(digestOf(n), &entity.Manifest{Ver: int64(n)}, 500)
				if m, ok := c.get(digestOf(n)); ok && m.Ver != int64(n) {
					t.Errorf("%d gives %d", n, m.Ver)
				}
			}
		})
	}
	wg.Wait()
}
