package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"stemma/entity"
	"stemma/entity/store"
)

var actor = entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}

func properties(n int) entity.Properties {
	p := entity.Properties{"label": "bench"}
	for i := range n {
		p[fmt.Sprintf("property_%02d", i)] = "forty characters of text, more or less.."
	}
	return p
}

func create(tb testing.TB, s *store.Store, n int) []*entity.Version {
	tb.Helper()
	out := make([]*entity.Version, n)
	if _, err := s.Update(context.Background(), actor, func(tx entity.Tx) (err error) {
		for i := range out {
			if out[i], err = tx.Create(entity.Draft{Type: "document", Properties: properties(18)}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		tb.Fatal(err)
	}
	return out
}

func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 8, 64, 256} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s, err := store.Open(store.Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			vs := create(b, s, writers)
			b.ResetTimer()
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					tip := vs[w].CID
					id := vs[w].Manifest.ID
					for i := 0; left.Add(-1) >= 0; i++ {
						if _, err := s.Update(context.Background(), actor, func(tx entity.Tx) error {
							v, err := tx.Put(id, entity.At(tip), func(m *entity.Manifest) error {
								m.Properties["label"] = fmt.Sprint("edit ", i)
								return nil
							})
							if err == nil {
								tip = v.CID
							}
							return err
						}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
		})
	}
}

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	vs := create(t, s, 3)
	if s.Seq() != 3 {
		t.Fatal(s.Seq())
	}
	if _, err := s.Check(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = store.Open(store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Seq() != 3 {
		t.Fatal(s.Seq())
	}
	s.View(t.Context(), func(r entity.Reader) error {
		h, err := r.Head(vs[1].Manifest.ID)
		if err != nil || h.CID() != vs[1].CID {
			t.Fatal(h, err)
		}
		return nil
	})
}

// BenchmarkContended is 64 writers on one entity, each reading the tip and
// trying again when it lost, beside one writer alone.
func BenchmarkContended(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s, err := store.Open(store.Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			id := create(b, s, 1)[0].Manifest.ID
			b.ResetTimer()
			var left, conflicts atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						for {
							var tip entity.CID
							if err := s.View(context.Background(), func(r entity.Reader) error {
								h, err := r.Head(id)
								tip = h.CID()
								return err
							}); err != nil {
								b.Error(err)
								return
							}
							_, err := s.Update(context.Background(), actor, func(tx entity.Tx) error {
								_, err := tx.Put(id, entity.At(tip), func(m *entity.Manifest) error {
									n, _ := m.Properties["n"].(int64)
									m.Properties["n"] = n + 1
									return nil
								})
								return err
							})
							if err == nil {
								break
							}
							if entity.KindOf(err) != entity.KindConflict {
								b.Error(err)
								return
							}
							conflicts.Add(1)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
			b.ReportMetric(float64(conflicts.Load())/float64(b.N), "conflicts/op")
		})
	}
}
