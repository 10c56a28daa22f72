package usage_test

import (
	"fmt"
	"testing"
	"time"

	"stemma/api/llm/usage"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/entity/storetest"
)

// What counting adds to writing a run down, in a store in memory: for batches as
// the recorder of runs writes them.
func BenchmarkCount(b *testing.B) {
	for _, batch := range []int{1, 64} {
		for name, projections := range map[string][]entity.Projection{"counted": {usage.New()}, "not counted": nil} {
			b.Run(fmt.Sprintf("%d/%s", batch, name), func(b *testing.B) {
				clock := storetest.NewClock()
				s, err := store.Open(store.Options{Projections: projections, Clock: clock.Now, Entropy: storetest.Entropy(1)})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				i := 0
				for b.Loop() {
					_, err := s.Update(b.Context(), system, func(tx entity.Tx) error {
						for range batch {
							f := fact{tenant: tenants[i%3], agent: agents[i%2], key: keys[i%3], model: models[i%3], status: "completed", begun: clock.Now(), at: clock.Now(),
								latency: float64(100 + i*7919%5000), overhead: 1.5, ttfb: 50, ttfbs: true, prompt: 1000, completion: 200, known: true, cost: 0.001}
							i++
							if _, err := tx.Create(f.draft(f.status)); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
					clock.Advance(time.Second)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*batch), "µs/run")
			})
		}
	}
}
