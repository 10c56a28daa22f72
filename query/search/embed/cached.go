package embed

import (
	"context"
	"slices"

	"stemma/entity"
)

// Cached is an embedder that asks another for what the cache does not know.
type Cached struct {
	from  source
	cache *Cache
}

var _ source = (*Cached)(nil)

// NewCached puts a cache before an embedder, with whom it shares the space.
func NewCached(from source, cache *Cache) *Cached { return &Cached{from, cache} }

// Space is that of the embedder behind it.
func (c *Cached) Space() Space { return c.from.Space() }

// askAtOnce is how many texts are asked for before their vectors are kept: what
// fails later does not lose them.
const askAtOnce = 256

// Embed asks once for texts that are equal. Failures of the cache are not
// failures of Embed: the embedder is asked. Failures of the embedder do not lose
// what it had answered for others of the texts: asked again, the cache has it.
func (c *Cached) Embed(ctx context.Context, purpose Purpose, texts []string) ([][]float32, error) {
	space := c.from.Space()
	if space.Dimensions == 0 {
		return c.from.Embed(ctx, purpose, texts) // whose vectors they are is not known yet
	}
	vectors := make([][]float32, len(texts))
	missing := map[cacheKey][]int{}
	var order []cacheKey
	for i, text := range texts {
		k := keyOf(space, purpose, text)
		if at, ok := missing[k]; ok {
			missing[k] = append(at, i)
		} else if vectors[i] = c.cache.get(k, space.Dimensions); vectors[i] == nil {
			missing[k] = []int{i}
			order = append(order, k)
		}
	}
	for keys := range slices.Chunk(order, askAtOnce) {
		ask := make([]string, len(keys))
		for i, k := range keys {
			ask[i] = texts[missing[k][0]]
		}
		found, err := c.from.Embed(ctx, purpose, ask)
		if err != nil {
			return nil, elsewhere(err, func(i int) int { return missing[keys[i]][0] })
		}
		if len(found) != len(ask) {
			return nil, entity.Errorf(entity.KindInternal, "embed.Cached", "%d vectors for %d texts", len(found), len(ask))
		}
		for i, k := range keys {
			if len(found[i]) == space.Dimensions {
				c.cache.put(k, found[i])
			}
			for n, at := range missing[k] {
				if vectors[at] = found[i]; n > 0 {
					vectors[at] = slices.Clone(found[i])
				}
			}
		}
	}
	return vectors, nil
}

// elsewhere is err, which speaks of positions among the texts that were asked
// for, in the positions of the caller.
func elsewhere(err error, position func(int) int) error {
	e, ok := err.(*entity.Error)
	if !ok || len(e.Issues) == 0 {
		return err
	}
	moved := *e
	moved.Issues = slices.Clone(e.Issues)
	for i, issue := range moved.Issues {
		if at, ok := issue.Path[0].(int); ok {
			moved.Issues[i].Path = []any{position(at)}
		}
	}
	return &moved
}
