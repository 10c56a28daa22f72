package attest

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// register makes the metrics.
func (l *Log) register(reg prometheus.Registerer) error {
	if reg == nil {
		return nil
	}
	network := prometheus.Labels{"network": string(l.store.Network())}
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value)
	}
	of := func(value func() float64) func() float64 {
		return func() float64 {
			l.mu.RLock()
			defer l.mu.RUnlock()
			return value()
		}
	}
	for _, c := range []prometheus.Collector{
		gauge("stemma_follower_lag", "Changes that readers see and the projection does not yet.",
			prometheus.Labels{"network": string(l.store.Network()), "follower": "attest"}, func() float64 {
				var last entity.Seq
				_ = l.store.View(context.Background(), func(r entity.Reader) error { last = r.Seq(); return nil })
				head, _, _ := l.now()
				return max(0, float64(last)-float64(head.Size))
			}),
		gauge("stemma_attest_size", "Changes under the last signed checkpoint.", network, of(func() float64 { return float64(l.head.Size) })),
		gauge("stemma_attest_halted", "1 when attestation has found that the log is not what it signed.", network, of(func() float64 {
			if l.halted != nil {
				return 1
			}
			return 0
		})),
	} {
		if err := reg.Register(c); err != nil {
			return entity.Internal("attest.register", err)
		}
	}
	return nil
}
