package vector

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"stemma/entity"
)

// corpus is n vectors around 2000 centres, as texts are around subjects.
func corpus(n, dims int, spread float32) []Row {
	r := rand.New(rand.NewPCG(1, 1))
	centres := make([][]float32, 2000)
	for i := range centres {
		centres[i] = randomVector(r, dims)
	}
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = randomRow(r, i, dims)
		for j, c := range centres[r.IntN(len(centres))] {
			rows[i].Vector[j] = rows[i].Vector[j]*spread + c
		}
	}
	return rows
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkNearest(b *testing.B) {
	const n, dims = 100_000, 384
	for _, c := range []struct {
		name   string
		spread float32
		exact  bool
		filter Filter
	}{
		{"clustered", 1, false, Filter{}},
		{"isotropic", 1000, false, Filter{}},
		{"type", 1, false, Filter{Types: []string{"type1"}}},
		{"half-visible", 1, false, Filter{Visible: &sights{
			scope:  map[entity.ID]entity.Sight{"": entity.SightAll, "collection1": entity.SightAll, "collection2": entity.SightSome},
			scoped: map[entity.ID]int{}, hidden: map[entity.ID]bool{}}}},
		{"exact", 1, true, Filter{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			rows := corpus(n, dims, c.spread)
			before := heap()
			x := open(b, Options{Dimensions: dims, Still: true})
			for part := range slices.Chunk(rows, 1000) {
				apply(b, x, part, nil, 1)
			}
			size := float64(heap()-before) / n
			if !c.exact {
				if err := x.Measure(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			b.Logf("%+v", x.Stats())
			var times []time.Duration
			r := rand.New(rand.NewPCG(2, 2))
			for b.Loop() {
				q := slices.Clone(rows[r.IntN(n)].Vector)
				for i, f := range randomVector(r, dims) {
					q[i] += f * c.spread
				}
				begun := time.Now()
				if got, err := x.Nearest(context.Background(), q, 10, c.filter); err != nil || len(got) != 10 {
					b.Fatal(got, err)
				}
				times = append(times, time.Since(begun))
			}
			b.ReportMetric(size, "B/vector")
			slices.Sort(times)
			b.ReportMetric(float64(times[0].Microseconds()), "least-µs") // with both cores to itself
			b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	const n, dims = 100_000, 384
	o := Options{Dir: b.TempDir(), Space: "a", Dimensions: dims, Still: true}
	x, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	for part := range slices.Chunk(corpus(n, dims, 1), 100) {
		apply(b, x, part, nil, 1)
	}
	rate := n / time.Since(begun).Seconds()
	for b.Loop() {
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
		if x, err = Open(o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(rate, "puts/s")
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
}
