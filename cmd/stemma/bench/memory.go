package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// Bounds of the issue.
const (
	bytesPerEdge   = 48
	edgesPerSecond = 1_000_000
)

// memory is what the graph takes, and how long it holds up the opening of a
// store that has its rows on disk.
func (r *runner) memory(ctx context.Context) ([]Result, error) {
	g, err := r.powerLaw()
	if err != nil {
		return nil, err
	}
	perEdge, err := r.heapPerEdge(g)
	if err != nil {
		return nil, err
	}
	results := []Result{bound("memory per edge, both directions, nodes and ids included", "B", perEdge, bytesPerEdge, Goal{AtMost: 1, Text: "≤ 48 B"})}
	speed, err := r.rebuild(ctx, g)
	if err != nil {
		return results, err
	}
	return append(results, speed), nil
}

func (r *runner) heapPerEdge(g *sample) (perEdge []float64, err error) {
	for range r.Repeat {
		before := heap()
		index := graph.New()
		if err := index.Load(g.rows); err != nil {
			return nil, err
		}
		perEdge = append(perEdge, float64(heap()-before)/float64(g.edges))
		runtime.KeepAlive(index)
	}
	return perEdge, nil
}

// heap is what is alive.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first found in pools
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// rebuild opens a store with the graph and, in turn, with a projection that has
// its name and loads nothing.
func (r *runner) rebuild(ctx context.Context, g *sample) (result Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, done()) }()
	s, _, err := r.openStore(dir)
	if err != nil {
		return result, err
	}
	err = fill(ctx, s, g.nodes, 4, 100, g.draft)
	if err = errors.Join(err, s.Close()); err != nil {
		return result, err
	}
	var rates, with, without []float64
	for i := range r.Repeat + 1 {
		index := graph.New()
		a, err := r.timeOpen(dir, index)
		if err != nil {
			return result, err
		}
		if n := index.Snapshot().EdgeCount(); n != g.edges {
			return result, fmt.Errorf("the graph has %d edges after opening, not %d", n, g.edges)
		}
		b, err := r.timeOpen(dir, idle{index})
		if err != nil {
			return result, err
		}
		if i == 0 {
			continue // the pages of the files were not in memory
		}
		with, without = append(with, a.Seconds()), append(without, b.Seconds())
		rates = append(rates, float64(g.edges)/max(a-b, time.Microsecond).Seconds())
	}
	return bound("rebuild at open, from rows on disk", "edges/s", rates, edgesPerSecond, Goal{AtLeast: 1, Text: "≥ 1M edges/s"}).
		also(true, fmt.Sprintf("open takes %.2f s with the graph, %.2f s without", median(with), median(without))), nil
}

// timeOpen opens and closes a store, and times the former.
func (r *runner) timeOpen(dir string, p entity.Projection) (time.Duration, error) {
	runtime.GC()
	began := time.Now()
	s, err := store.Open(store.Options{Dir: dir, Projections: r.Projections(p)})
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	return took, s.Close()
}

// idle stands for the graph where its loading is not to be measured: without
// one of its name the store would forget that the rows are up to date.
type idle struct{ *graph.Index }

// Load loads nothing.
func (idle) Load(entity.Rows) error { return nil }
