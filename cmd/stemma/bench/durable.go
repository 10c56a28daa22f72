package bench

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
	"stemma/entity/store"
)

// durable is the first row: the store's compare-and-swap against Badger alone,
// which writes the same keys and bytes in batches of the same mean size.
func (r *runner) durable(ctx context.Context) (results []Result, err error) {
	err = r.withStore(func(s *store.Store, registry *prometheus.Registry) error {
		edits, err := newEditors(ctx, s, newProse())
		if err != nil {
			return err
		}
		batches := &batches{registry: registry}
		ours := crowd(writers, edits.edit, nil)
		if _, _, err := ours(ctx, r.Sizes.Window/2); err != nil { // for its mean batch, and for what Badger is to write
			return err
		}
		sample, err := sampleUpdates(ctx, s)
		if err != nil {
			return err
		}
		return r.withRaw(sample, func(raw *rawWriter) error {
			rates, err := r.contest(ctx, r.Sizes.long(), ours, func(ctx context.Context, d time.Duration) (int, time.Duration, error) {
				mean, err := batches.mean()
				if err != nil {
					return 0, 0, err
				}
				raw.batch = max(1, int(math.Round(mean)))
				return raw.write(ctx, d)
			})
			if err != nil {
				return err
			}
			mean, err := batches.mean()
			if err != nil {
				return err
			}
			if err := edits.verify(ctx, s); err != nil {
				return err
			}
			results = append(results, compare("durable CAS updates, 64 writers, store API", "/s", "raw Badger, same keys and bytes", rates[0], rates[1], Goal{AtLeast: 0.5, Text: "≥ 0.5"}).
				also(true, fmt.Sprintf("%.1f updates to a batch, %d keys and %d bytes to an update", mean, keysPerUpdate, sample.meanBytes())))
			return nil
		})
	})
	return results, err
}

// editors are writers with an entity of their own each.
type editors struct {
	store entity.Store
	prose prose
	ids   [writers]entity.ID
	tips  [writers]entity.CID
	done  [writers]atomic.Int64
}

func newEditors(ctx context.Context, s entity.Store, p prose) (*editors, error) {
	e := &editors{store: s, prose: p}
	_, err := s.Update(ctx, actor, func(tx entity.Tx) error {
		for w := range writers {
			v, err := tx.Create(entity.Draft{Type: "note", Properties: p.properties()})
			if err != nil {
				return err
			}
			e.ids[w], e.tips[w] = v.Manifest.ID, v.CID
		}
		return nil
	})
	return e, err
}

// edit writes the next version of the writer's entity, which must be at the tip
// that the writer knows.
func (e *editors) edit(ctx context.Context, w int) error {
	text := e.prose.text(textSize)
	var v *entity.Version
	_, err := e.store.Update(ctx, actor, func(tx entity.Tx) (err error) {
		v, err = tx.Put(e.ids[w], entity.At(e.tips[w]), func(m *entity.Manifest) error {
			m.Properties["text"] = text
			return nil
		})
		return err
	})
	if err == nil {
		e.tips[w] = v.CID
		e.done[w].Add(1)
	}
	return err
}

// verify makes sure that every update that was answered is a version.
func (e *editors) verify(ctx context.Context, s entity.Store) error {
	return s.View(ctx, func(r entity.Reader) error {
		for w, id := range e.ids {
			h, err := r.Head(id)
			if err != nil {
				return err
			}
			if want := e.done[w].Load() + 1; h.Ver != want || h.CID() != e.tips[w] {
				return fmt.Errorf("entity %s is at version %d after %d updates", id, h.Ver, want-1)
			}
		}
		return nil
	})
}

// batches reads the mean size of the store's batches from its metrics, since it
// was asked last.
type batches struct {
	registry *prometheus.Registry
	count    uint64
	sum      float64
	last     float64
}

func (b *batches) mean() (float64, error) {
	families, err := b.registry.Gather()
	if err != nil {
		return 0, err
	}
	for _, f := range families {
		if f.GetName() != "stemma_commit_updates" {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		if n := h.GetSampleCount() - b.count; n > 0 {
			b.last = (h.GetSampleSum() - b.sum) / float64(n)
			b.count, b.sum = h.GetSampleCount(), h.GetSampleSum()
		}
		return b.last, nil
	}
	return 0, fmt.Errorf("the store has no metric stemma_commit_updates")
}
