package wire

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
)

// Options are what a router needs. The zero value of each but Ops works.
type Options struct {
	Ops []Operation
	// Authenticate finds out who calls. It gives a context derived from the
	// request's, and where the caller stands. An error (of KindUnauthenticated
	// for a credential that does not hold) is the answer. It is not called for
	// AuthNone. nil: everybody is anonymous.
	Authenticate func(*http.Request) (context.Context, Standing, error)
	// Denied is told of every answer of KindUnauthenticated or KindForbidden, and
	// of what was hidden ([entity.ErrHidden]), with the context of the caller as far
	// as it is known, before it is sent. It must not block.
	Denied       func(context.Context, *http.Request, *entity.Error)
	TrustProxy   bool                  // X-Forwarded-For and -Proto are a proxy's own: see ClientOf
	ErrorBody    ErrorBody             // nil: ArkeError
	Logger       *slog.Logger          // nil: silent
	Registry     prometheus.Registerer // nil: metrics are kept and not shown
	Now          func() time.Time      // nil: time.Now
	Entropy      io.Reader             // of request ids; nil: math/rand
	ReadOnly     string                // why every operation that writes is refused, for people; "": none is
	MaxBody      int64                 // bytes; 0: DefaultMaxBody
	BodyTimeout  time.Duration         // for a body to arrive; 0: 30 s
	WriteTimeout time.Duration         // for a piece of a large or streamed answer to be taken; 0: 30 s
}

// defaultTimeout is for a body to arrive and for a piece of an answer to leave.
const defaultTimeout = 30 * time.Second

type router struct {
	mux          *chi.Mux
	authenticate func(*http.Request) (context.Context, Standing, error)
	denied       func(context.Context, *http.Request, *entity.Error)
	trustProxy   bool
	errorBody    ErrorBody
	logger       *slog.Logger
	metrics      *metrics
	ids          *idSource
	readOnly     string
	now          func() time.Time
	maxBody      int64
	bodyTimeout  time.Duration
	writeTimeout time.Duration
	routings     sync.Pool // *chi.Context
	unmatched    *route
	bodies       bodies // of errors where no operation matched
}

// route is an operation with what is counted about it.
type route struct {
	op *Operation
	observers
}

// New makes the handler that serves the operations. It panics when two have the
// same method and path.
func New(o Options) http.Handler {
	rt := &router{
		mux:          chi.NewMux(),
		authenticate: o.Authenticate,
		denied:       o.Denied,
		trustProxy:   o.TrustProxy,
		errorBody:    o.ErrorBody,
		logger:       o.Logger,
		metrics:      newMetrics(o.Registry),
		now:          o.Now,
		readOnly:     o.ReadOnly,
		maxBody:      o.MaxBody,
		bodyTimeout:  o.BodyTimeout,
		writeTimeout: o.WriteTimeout,
		routings:     sync.Pool{New: func() any { return chi.NewRouteContext() }},
	}
	rt.defaults()
	rt.ids = &idSource{now: rt.now, entropy: o.Entropy}
	rt.unmatched = rt.newRoute(&Operation{Method: "(any)", Path: "(none)"})
	seen := map[string]bool{}
	for _, op := range o.Ops {
		key := op.Method + " " + pathParam.ReplaceAllString(op.Path, "{}")
		if seen[key] {
			panic("wire: two operations serve " + key)
		}
		seen[key] = true
	}
	for i := range o.Ops {
		op := o.Ops[i]
		if op.serve == nil && op.raw == nil {
			panic(fmt.Sprintf("wire: operation %s %s was not made by Op or Handle", op.Method, op.Path))
		}
		rt.bodies.add(&op)
		ro := rt.newRoute(&op)
		rt.mux.Method(op.Method, op.Path, rt.handler(ro))
		head := "HEAD " + pathParam.ReplaceAllString(op.Path, "{}")
		if op.Method == http.MethodGet && !seen[head] {
			rt.mux.Method(http.MethodHead, op.Path, rt.handler(ro))
		}
	}
	rt.mux.NotFound(rt.notFound)
	rt.mux.MethodNotAllowed(rt.notAllowed)
	return rt
}

func (rt *router) defaults() {
	if rt.errorBody == nil {
		rt.errorBody = ArkeError
	}
	if rt.logger == nil {
		rt.logger = slog.New(slog.DiscardHandler)
	}
	if rt.now == nil {
		rt.now = time.Now
	}
	if rt.maxBody == 0 {
		rt.maxBody = DefaultMaxBody
	}
	if rt.bodyTimeout == 0 {
		rt.bodyTimeout = defaultTimeout
	}
	if rt.writeTimeout == 0 {
		rt.writeTimeout = defaultTimeout
	}
}

func (rt *router) newRoute(op *Operation) *route {
	return &route{op: op, observers: observers{vec: rt.metrics.duration, method: op.Method, path: op.Path}}
}

// ServeHTTP is everything that happens around an operation, in one place: what
// ten layers of middleware would do with ten wrappers and ten contexts.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{router: rt, route: rt.unmatched, w: w, start: rt.now(), status: http.StatusOK}
	x.meta.Context, x.meta.op = r.Context(), rt.unmatched.op
	x.meta.id, x.meta.denied = rt.ids.forRequest(r.Header), rt.denied
	x.meta.from = origin{remote: r.RemoteAddr, header: r.Header, tls: r.TLS != nil, trust: rt.trustProxy}
	rt.metrics.inFlight.Inc()
	defer rt.finish(x, r)
	x.set(slotID, "X-Request-Id", x.meta.id)
	cors(w.Header(), r)
	if r.Method == http.MethodOptions && preflight(w.Header(), r) {
		x.WriteHeader(http.StatusNoContent)
		return
	}
	routing := rt.routings.Get().(*chi.Context)
	routing.Reset()
	routing.Routes = rt.mux
	x.meta.routing = routing
	rt.mux.ServeHTTP(x, r.WithContext(&x.meta))
}

// finish is what every request ends with, whatever became of it.
func (rt *router) finish(x *exchange, r *http.Request) {
	p := recover()
	if p != nil && p != http.ErrAbortHandler {
		rt.logger.ErrorContext(r.Context(), "panic", "request_id", x.meta.id, "method", r.Method, "path", x.path(r),
			"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if !x.wrote {
			status, code := Status(entity.KindInternal)
			x.failAs(r, &entity.Error{Kind: entity.KindInternal, Op: "wire"}, status, code)
			p = nil
		}
	}
	if routing := x.meta.routing; routing != nil {
		x.meta.routing = nil
		rt.routings.Put(routing)
	}
	if x.deadline {
		_ = http.NewResponseController(x.w).SetWriteDeadline(time.Time{})
	}
	rt.metrics.inFlight.Dec()
	end := x.first // a stream took as long as it took to begin
	if end.IsZero() {
		end = rt.now()
	}
	took := end.Sub(x.start)
	x.route.observe(x.status, took)
	rt.access(x, r, took)
	if p != nil {
		panic(http.ErrAbortHandler) // cut the connection: half an answer is out
	}
}

// access writes the line of the access log.
func (rt *router) access(x *exchange, r *http.Request, took time.Duration) {
	level := slog.LevelDebug
	if x.status >= http.StatusInternalServerError {
		level = slog.LevelInfo
	}
	if !rt.logger.Enabled(r.Context(), level) {
		return
	}
	rt.logger.LogAttrs(r.Context(), level, "request",
		slog.String("method", r.Method), slog.String("route", x.route.op.Path), slog.Int("status", x.status),
		slog.Int64("bytes", x.bytes), slog.Duration("duration", took), slog.String("request_id", x.meta.id))
}

// handler serves one operation. chi hands on the writer it was given.
func (rt *router) handler(ro *route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange)
		x.route, x.meta.op = ro, ro.op
		if ctx, err := rt.run(x, ro.op, r); err != nil {
			x.tellDenied(ctx, r, err)
			x.fail(r, err)
		}
	}
}

// run serves the operation; ctx is the caller's, as far as the caller is known.
func (rt *router) run(x *exchange, op *Operation, r *http.Request) (ctx context.Context, err error) {
	if ctx, err = rt.admit(x, op, r); err != nil {
		return ctx, err
	}
	if op.raw != nil {
		x.stream = true
		op.raw.ServeHTTP(x, withContext(r, ctx))
		return ctx, nil
	}
	reply, err := op.serve(ctx, x, r)
	if err != nil {
		return ctx, err
	}
	if reply != nil && reply.Stream != nil {
		r = withContext(r, ctx)
	}
	return ctx, x.answer(r, reply)
}

func withContext(r *http.Request, ctx context.Context) *http.Request {
	if ctx == r.Context() {
		return r
	}
	return r.WithContext(ctx)
}

func (rt *router) notFound(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)
	x.fail(r, entity.NotFound("wire.Route", "there is no %s here; GET /ops-reference lists what there is", clip(r.URL.Path)))
}

// notAllowed answers 405, which no kind of error stands for.
func (rt *router) notAllowed(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	var allowed []string
	for _, m := range methods {
		if rt.mux.Match(chi.NewRouteContext(), m, path) {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		rt.notFound(w, r)
		return
	}
	list := strings.Join(allowed, ", ")
	x.header().Set("Allow", list)
	e := entity.Invalid("wire.Route", "%s is not served here; allowed: %s", clip(r.Method), list)
	x.failAs(r, e, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
}
