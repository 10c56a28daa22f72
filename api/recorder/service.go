package recorder

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/api/auth"
	"stemma/api/auth/limit"
	"stemma/api/backlog"
	"stemma/api/llm/price"
	"stemma/api/recorder/run"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/entity/scope"
	"stemma/versions/attest"
)

// Network is one network's store, with run.Projection and Scopes among its
// projections.
type Network struct {
	Store  entity.Store
	Scopes *scope.Index
	Wipe   func(context.Context) (left int, err error) // overwrites what was deleted (store.Store.Wipe); nil: the store's own affair
}

// Options are what the view works with.
type Options struct {
	Networks []Network
	Auth     *auth.Authenticator
	Now      func() time.Time // nil: time.Now
	Rate     int              // requests a second that record, for each caller; 0: not bounded
	Attest   *attest.Log      // of the main network, for evidence; nil: none is given
	Salt     run.Salt         // of content; nil: crypto/rand
	Retain   time.Duration    // how often what was left open, or is past its retention, is looked for; 0: when Retain is called
	Idle     time.Duration    // how long nothing comes of a run before it is ended as left open; 0: as long as content is kept there

	Providers []Provider // beside, and before, those that are known
	// Price is what a provider's model costs; ok is false where that is not known.
	// nil: the list prices.
	Price     func(provider, model string) (p price.Price, ok bool)
	Transport http.RoundTripper     // to the providers; nil: one of our own
	Logger    *slog.Logger          // nil: silent
	Registry  prometheus.Registerer // nil: metrics are kept and not shown
}

// Service answers the operations of this view.
type Service struct {
	guards map[entity.Network]*guard.Guard
	stores map[entity.Network]entity.Store
	auth   *auth.Authenticator
	now    func() time.Time
	rate   *limit.Limiter // nil: not bounded
	agents sync.Map       // agentKey → entity.ID: where an agent was found last

	options   Options
	transport http.RoundTripper
	logger    *slog.Logger
	proxyLog  *log.Logger
	buffers   bufferPool
	held      atomic.Int64 // bytes that are kept of calls
	queue     *backlog.Backlog[*recording]
	tests     *limit.Limiter
	dropped   *prometheus.CounterVec

	exports   barrier
	retention retention

	masks sync.Map // entity.CID of a collection's tip → mask.Rules
}

// New makes the view, which Close ends.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Price == nil {
		list := price.List()
		o.Price = func(provider, model string) (price.Price, bool) { return price.Of(provider, model, list) }
	}
	s := &Service{guards: map[entity.Network]*guard.Guard{}, stores: map[entity.Network]entity.Store{}, auth: o.Auth, now: o.Now}
	for _, n := range o.Networks {
		if n.Scopes == nil {
			panic("recorder.New: a network needs Scopes: without policies everything would be open")
		}
		s.stores[n.Store.Network()] = n.Store
		s.guards[n.Store.Network()] = guard.New(n.Store, n.Scopes, o.Now)
	}
	s.openProxy(o)
	s.openRetention(o)
	if o.Rate > 0 {
		s.rate = limit.New(limit.Options{Burst: 2 * o.Rate, Every: time.Second / time.Duration(o.Rate)})
	}
	return s
}

func (s *Service) openProxy(o Options) {
	s.options, s.transport, s.logger = o, o.Transport, o.Logger
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.transport == nil {
		s.transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableCompression: true, // bytes pass as they are
			MaxIdleConns: 1024, MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second, ExpectContinueTimeout: time.Second,
		}
	}
	s.proxyLog = slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug)
	s.tests = limit.New(testLimit)
	s.openQueue()
	s.dropped = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "stemma_recorder_dropped_total", Help: "Calls through the proxy that were not recorded, by why."}, []string{"why"})
	if o.Registry != nil {
		o.Registry.MustRegister(s.dropped)
	}
}

// Operations is the table of the API, in the order of the reference.
func (s *Service) Operations() (all []wire.Operation) {
	for _, group := range [][]wire.Operation{s.proxyOps(), s.ingestOps(), s.traceOps(), s.monitoringOps(), s.maskOps(), s.retentionOps(), s.holdOps(), s.keyOps()} {
		all = append(all, group...)
	}
	for i := range all {
		if all[i].ErrorBody == nil {
			all[i].ErrorBody = Error
		}
		if configures[all[i].ID] {
			all[i].After(func(ctx context.Context, given []wire.Given) { s.auth.TellChange(ctx, "", given) })
		}
	}
	return all
}

// configures are the operations that the audit is told of.
var configures = map[string]bool{
	"setMasking": true, "setRetention": true, "endRetention": true, "holdRetention": true, "releaseRetention": true, "holdRun": true, "releaseRun": true,
	"createRecorderKey": true, "revokeRecorderKey": true,
}

// view runs fn on the latest state of the request's network, as the request's
// principal may see it.
func (s *Service) view(ctx context.Context, fn func(*guard.Reader) error) error {
	return s.guards[wire.NetworkOf(ctx)].View(ctx, auth.From(ctx), fn)
}

// update runs fn as a transaction of the request's principal.
func (s *Service) update(ctx context.Context, fn func(*guard.Tx) error) error {
	_, err := s.guards[wire.NetworkOf(ctx)].Update(ctx, auth.From(ctx), fn)
	return err
}

// allow bounds how often a caller records.
func (s *Service) allow(ctx context.Context) error {
	if s.rate == nil {
		return nil
	}
	_, wait, ok := s.rate.Take(string(auth.From(ctx).ID), s.now())
	if ok {
		return nil
	}
	return &entity.Error{Kind: entity.KindRateLimited, Op: "recorder.allow", Message: "Too many requests; try again in a moment, or send more records in each: POST /api/v1/batch takes 1,000", Err: tooOften(wait)}
}

// tooOften tells when to try again.
type tooOften time.Duration

func (t tooOften) Error() string { return "too often" }

// RetryAfter is for the header.
func (t tooOften) RetryAfter() time.Duration { return time.Duration(t) }
