package vector

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// What comparing one vector with those of a large knowledge base takes.
func BenchmarkDot(b *testing.B) {
	for _, dims := range []int{512, 1536} {
		b.Run(fmt.Sprint(dims), func(b *testing.B) {
			const chunks = 10_000
			rnd := rand.New(rand.NewPCG(1, 2))
			all, q := make([]float32, chunks*dims), make([]float32, dims)
			for i := range all {
				all[i] = rnd.Float32()
			}
			for i := range q {
				q[i] = rnd.Float32()
			}
			sum := 0.0
			for b.Loop() {
				for i := range chunks {
					sum += float64(Dot(q, all[i*dims:(i+1)*dims]))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/search")
		})
	}
}
