package arweave

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// metrics tell how anchoring goes.
type metrics struct {
	steps    *prometheus.CounterVec
	failures atomic.Int64 // in a row
	item     atomic.Bool  // there is one that is not published yet
}

// newMetrics registers the metrics, with a nil registry nowhere.
func newMetrics(registry prometheus.Registerer, log Log) (*metrics, error) {
	m := &metrics{steps: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "stemma_arweave_steps_total", Help: "Tries to anchor a checkpoint on Arweave, by their result: anchored, or why not.",
	}, []string{"result"})}
	m.steps.WithLabelValues("anchored")
	for _, r := range reasons {
		m.steps.WithLabelValues(string(r))
	}
	if registry == nil {
		return m, nil
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	for _, c := range []prometheus.Collector{
		m.steps,
		gauge("stemma_arweave_failures", "Failed tries to anchor since one worked.", func() float64 { return float64(m.failures.Load()) }),
		gauge("stemma_arweave_underway", "1 while a signed item is not known to be published.", func() float64 {
			if m.item.Load() {
				return 1
			}
			return 0
		}),
		gauge("stemma_arweave_anchored_size", "Size of the log that is anchored.", func() float64 {
			size, _ := log.Latest()
			return float64(size)
		}),
		gauge("stemma_arweave_anchored_timestamp_seconds", "When it was anchored; 0 for never.", func() float64 {
			if size, at := log.Latest(); size > 0 {
				return float64(at.UnixMilli()) / 1000
			}
			return 0
		}),
	} {
		if err := registry.Register(c); err != nil {
			return nil, entity.Internal("arweave.newMetrics", err)
		}
	}
	return m, nil
}

func (m *metrics) underway(is bool) { m.item.Store(is) }

// anchored counts a step that worked.
func (m *metrics) anchored() {
	m.failures.Store(0)
	m.steps.WithLabelValues("anchored").Inc()
}

// failed counts one that did not.
func (m *metrics) failed(f *failure) {
	m.failures.Add(1)
	m.steps.WithLabelValues(string(f.reason)).Inc()
}
