package wire

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the series that all routers of a registry share.
type metrics struct {
	duration *prometheus.HistogramVec // method, route, status
	inFlight prometheus.Gauge
}

// buckets go from a look-up in memory to a request that somebody waits for.
var buckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "stemma_http_request_duration_seconds",
			Help:    "Time from a request to its answer; of an event stream, to its beginning.",
			Buckets: buckets,
		}, []string{"method", "route", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "stemma_http_requests_in_flight",
			Help: "Requests that are being served, event streams included.",
		}),
	}
	if reg == nil {
		return m
	}
	m.duration = register(reg, m.duration)
	m.inFlight = register(reg, m.inFlight)
	return m
}

// register gives the collector of that name that is there already, as each view
// has a router. Anything else that goes wrong is a defect seen at start.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	err := reg.Register(c)
	if err == nil {
		return c
	}
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		if same, ok := there.ExistingCollector.(C); ok {
			return same
		}
	}
	panic("wire: " + err.Error())
}

// observers are the histograms of one route, found once per class of status.
// They come into being when first used: a route that nobody calls has no series.
type observers struct {
	vec          *prometheus.HistogramVec
	method, path string
	classes      [6]atomic.Pointer[prometheus.Observer]
}

var classNames = [6]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

func (o *observers) observe(status int, took time.Duration) {
	class := status / 100
	if class < 1 || class > 5 || status == http.StatusSwitchingProtocols {
		class = 0
	}
	at := &o.classes[class]
	obs := at.Load()
	if obs == nil {
		made := o.vec.WithLabelValues(o.method, o.path, classNames[class])
		obs = &made
		at.Store(obs)
	}
	(*obs).Observe(took.Seconds())
}
