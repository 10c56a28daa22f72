package search

import (
	"context"
	"math"
	"sync"

	"stemma/entity"
	"stemma/query/search/vector"
)

// memberWeight is the weight of a collection's members in its centroid, beside
// that of its own text: n members count n/(n+memberHalf), its text 1. So an
// empty collection is what it says it is, and a large one what it holds as much
// as what it says.
const memberHalf = 4

// centroids remembers the middles of collections' members until one of them
// changes.
type centroids struct {
	mu    sync.Mutex
	means map[entity.ID]vector.Mean
	age   map[entity.ID]uint64 // how often it was forgotten
}

func (c *centroids) forget(touched map[entity.ID]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.age == nil {
		c.means, c.age = make(map[entity.ID]vector.Mean), make(map[entity.ID]uint64)
	}
	for id := range touched {
		delete(c.means, id)
		c.age[id]++
	}
}

func (c *centroids) of(ctx context.Context, s vector.Store, collection entity.ID) (vector.Mean, error) {
	c.mu.Lock()
	mean, ok := c.means[collection]
	age := c.age[collection]
	c.mu.Unlock()
	if ok {
		return mean, nil
	}
	mean, err := s.Mean(ctx, vector.Filter{Collections: []entity.ID{collection}})
	if err != nil {
		return mean, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.age[collection] == age {
		if c.means == nil {
			c.means, c.age = make(map[entity.ID]vector.Mean), make(map[entity.ID]uint64)
		}
		c.means[collection] = mean
	}
	return mean, nil
}

// centroid is what a collection is about: its own text and, where all of them
// may be seen, its members. Nil when there is neither.
func (s *space) centroid(ctx context.Context, collection entity.ID, members bool) ([]float32, error) {
	own, err := s.store.Vector(ctx, collection)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return nil, err
	}
	if !members {
		return own, nil
	}
	mean, err := s.centroids.of(ctx, s.store, collection)
	if err != nil {
		return nil, err
	}
	n := float64(mean.Rows)
	sum := make([]float64, s.name.Dimensions)
	for i, f := range mean.Vector {
		sum[i] = n * mean.Unity * float64(f) // the rows' sum
	}
	if own != nil { // a collection is among its own members
		n--
		for i, f := range own {
			sum[i] -= float64(f)
		}
	}
	if normalize(sum); n > 0 {
		for i := range sum {
			sum[i] *= n / (n + memberHalf)
		}
	}
	for i, f := range own {
		sum[i] += float64(f)
	}
	if !normalize(sum) {
		return nil, nil
	}
	out := make([]float32, len(sum))
	for i, f := range sum {
		out[i] = float32(f)
	}
	return out, nil
}

// normalize makes a vector's length 1; one that is as good as zero becomes zero.
func normalize(v []float64) bool {
	var squares float64
	for _, f := range v {
		squares += f * f
	}
	length := math.Sqrt(squares)
	if length < 1e-6 {
		clear(v)
		return false
	}
	for i := range v {
		v[i] /= length
	}
	return true
}

func dot(a, b []float32) float64 {
	var sum float32
	for i, f := range a {
		sum += f * b[i]
	}
	return float64(sum)
}
