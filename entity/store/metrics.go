package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// metrics of the committer. The zero value counts nothing.
type metrics struct {
	latency  prometheus.Observer
	size     prometheus.Observer
	bytes    prometheus.Counter
	reruns   prometheus.Counter
	observed bool
}

func (s *Store) newMetrics(reg prometheus.Registerer) (metrics, error) {
	if reg == nil {
		return metrics{}, nil
	}
	labels := prometheus.Labels{"network": string(s.network)}
	latency := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "stemma_commit_seconds", Help: "Time from the first closure of a batch to its fsync.", ConstLabels: labels,
		Buckets: prometheus.ExponentialBuckets(50e-6, 2, 16),
	})
	size := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "stemma_commit_updates", Help: "Updates that shared one fsync.", ConstLabels: labels,
		Buckets: prometheus.ExponentialBuckets(1, 2, 11),
	})
	bytes := prometheus.NewCounter(prometheus.CounterOpts{Name: "stemma_commit_bytes_total", Help: "Keys and values committed.", ConstLabels: labels})
	reruns := prometheus.NewCounter(prometheus.CounterOpts{Name: "stemma_update_reruns_total", Help: "Closures run again because what they had read had changed.", ConstLabels: labels})
	seq := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "stemma_log_seq", Help: "Number of the last visible change.", ConstLabels: labels},
		func() float64 { return float64(s.Seq()) })
	queue := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "stemma_commit_queue", Help: "Updates waiting for the committer.", ConstLabels: labels},
		func() float64 { return float64(len(s.queue)) })
	all := []prometheus.Collector{latency, size, bytes, reruns, seq, queue}
	for _, p := range s.projections {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "stemma_follower_lag", Help: "Changes that readers see and the projection does not yet.",
			ConstLabels: prometheus.Labels{"network": string(s.network), "follower": p.Name()},
		}, func() float64 { return max(0, float64(s.Seq())-float64(s.shown.Load())) }))
	}
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			return metrics{}, entity.Internal("store.metrics", err)
		}
	}
	return metrics{latency: latency, size: size, bytes: bytes, reruns: reruns, observed: true}, nil
}

func (m metrics) commit(updates, bytes int, took time.Duration) {
	if m.observed {
		m.latency.Observe(took.Seconds())
		m.size.Observe(float64(updates))
		m.bytes.Add(float64(bytes))
	}
}

func (m metrics) rerun() {
	if m.observed {
		m.reruns.Inc()
	}
}
