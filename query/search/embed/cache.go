package embed

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"

	"stemma/entity"
)

// CacheOptions are the settings of [OpenCache].
type CacheOptions struct {
	Dir      string // made if it is missing; of one cache of one process. "": in memory
	MaxBytes int64  // of what is kept; 0: 1 GiB on disk, 64 MiB in memory. What was not used for longest goes first
}

// Cache keeps vectors by the SHA-256 of space, purpose and text. It may be lost
// at any time, and is used by any number of goroutines; one cache serves many
// spaces.
type Cache struct {
	o     CacheOptions
	mu    sync.Mutex
	young *shelf
	old   *shelf
	hits  int64
	tried int64
}

type cacheKey [sha256.Size]byte

func keyOf(s Space, p Purpose, text string) (k cacheKey) {
	h := sha256.New()
	h.Write([]byte(s.String() + "\x00" + p.String() + "\x00")) // a hash does not fail
	h.Write([]byte(text))
	return cacheKey(h.Sum(k[:0]))
}

// OpenCache opens or makes a cache. What is broken in it is forgotten.
func OpenCache(o CacheOptions) (*Cache, error) {
	const op = "embed.OpenCache"
	if o.Dir == "" {
		or(&o.MaxBytes, 64<<20)
		return &Cache{o: o, young: newShelf(nil), old: newShelf(nil)}, nil
	}
	or(&o.MaxBytes, 1<<30)
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, entity.Internal(op, err)
	}
	c := &Cache{o: o}
	var err error
	if c.old, err = openShelf(c.path("older")); err != nil {
		return nil, entity.Internal(op, err)
	}
	if c.young, err = openShelf(c.path("recent")); err != nil {
		_ = c.old.close() // the other error is the one
		return nil, entity.Internal(op, err)
	}
	return c, nil
}

func (c *Cache) path(name string) string { return filepath.Join(c.o.Dir, name) }

// Close closes the files. A cache that was not closed has forgotten little.
func (c *Cache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.young.close()
	if err2 := c.old.close(); err == nil {
		err = err2
	}
	if err != nil {
		return entity.Internal("embed.Cache", err)
	}
	return nil
}

// Hits is how often a vector was there, of how many times one was looked for.
func (c *Cache) Hits() (hits, of int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hits, c.tried
}

// get is the vector of the key, of so many dimensions; nil where there is none.
func (c *Cache) get(k cacheKey, dims int) []float32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried++
	v := c.young.get(k)
	if v == nil {
		if v = c.old.get(k); v != nil {
			c.putLocked(k, v) // it is used, and stays
		}
	}
	if len(v) != dims {
		return nil
	}
	c.hits++
	return v
}

func (c *Cache) put(k cacheKey, v []float32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putLocked(k, v)
}

// putLocked keeps v, which nobody changes any more. A failure is a vector that
// is not kept.
func (c *Cache) putLocked(k cacheKey, v []float32) {
	if c.young.size+recordBytes(v) > c.o.MaxBytes/2 && c.young.size > 0 {
		c.turn()
	}
	if c.young.size+recordBytes(v) <= c.o.MaxBytes/2 {
		c.young.put(k, v)
	}
}

// turn makes an old shelf of the young one.
func (c *Cache) turn() {
	_ = c.old.close() // it is forgotten
	c.old = c.young
	if c.o.Dir == "" {
		c.young = newShelf(nil)
		return
	}
	_ = os.Rename(c.path("recent"), c.path("older")) // else it is written over below
	young, err := openShelf(c.path("recent"))
	if err != nil {
		young = newShelf(nil) // in memory until the next turn
	}
	c.young = young
}
