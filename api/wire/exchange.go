package wire

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"stemma/entity"
)

// meta is the context of a request. It may outlive the request; routing is
// taken away when the request is over.
type meta struct {
	context.Context
	id      string
	network entity.Network
	op      *Operation
	from    origin
	denied  func(context.Context, *http.Request, *entity.Error)
	routing *chi.Context
}

type metaKey struct{}

// Value gives chi its routing context, so that chi makes none of its own.
func (m *meta) Value(key any) any {
	switch key {
	case metaKey{}:
		return m
	case chi.RouteCtxKey:
		if m.routing == nil {
			return nil
		}
		return m.routing
	}
	return m.Context.Value(key)
}

func metaOf(ctx context.Context) *meta {
	m, _ := ctx.Value(metaKey{}).(*meta)
	return m
}

// RequestID names the request in logs and answers: req_ and a ULID, or what the
// caller sent as X-Request-Id. "" outside of a request.
func RequestID(ctx context.Context) string {
	if m := metaOf(ctx); m != nil {
		return m.id
	}
	return ""
}

// NetworkOf is the network that the request is about; main outside of a request.
func NetworkOf(ctx context.Context) entity.Network {
	if m := metaOf(ctx); m != nil && m.network != "" {
		return m.network
	}
	return entity.Main
}

// OperationOf is the row that serves the request, nil outside of one. An
// Authenticate function reads the level from it.
func OperationOf(ctx context.Context) *Operation {
	if m := metaOf(ctx); m != nil {
		return m.op
	}
	return nil
}

// exchange is one request and its answer. It is the ResponseWriter that
// handlers see, and it is used by the request's goroutine alone.
type exchange struct {
	meta   meta
	router *router
	route  *route
	w      http.ResponseWriter
	start  time.Time
	first  time.Time // of an event stream, when it began
	values [4]string // backs header values, one allocation less for each

	status   int // what was or would be written
	bytes    int64
	wrote    bool // the header is out
	stream   bool // writes have deadlines
	deadline bool // a write deadline is set
}

// bigAnswer is from what size on a buffered answer has a write deadline.
const bigAnswer = 16 << 10

func (x *exchange) header() http.Header         { return x.w.Header() }
func (x *exchange) Header() http.Header         { return x.w.Header() }
func (x *exchange) Unwrap() http.ResponseWriter { return x.w }

// WriteHeader sends the header.
func (x *exchange) WriteHeader(status int) {
	if status >= 200 {
		if x.wrote {
			return
		}
		x.wrote, x.status = true, status
	}
	x.w.WriteHeader(status)
}

// Write sends a piece of the answer.
func (x *exchange) Write(p []byte) (int, error) {
	if !x.wrote {
		x.WriteHeader(x.status)
	}
	if x.stream || len(p) >= bigAnswer {
		x.setWriteDeadline()
	}
	n, err := x.w.Write(p)
	x.bytes += int64(n)
	return n, err
}

// FlushError lets http.ResponseController flush through.
func (x *exchange) FlushError() error {
	if !x.wrote {
		x.WriteHeader(x.status)
	}
	x.setWriteDeadline()
	return http.NewResponseController(x.w).Flush()
}

// Flush is for handlers that look for an http.Flusher. The error shows at the
// next write.
func (x *exchange) Flush() { _ = x.FlushError() }

func (x *exchange) setWriteDeadline() {
	x.deadline = true
	_ = http.NewResponseController(x.w).SetWriteDeadline(x.router.now().Add(x.router.writeTimeout))
}

// set sets a header to one value, kept in slot i.
func (x *exchange) set(i int, key, value string) {
	x.values[i] = value
	x.header()[key] = x.values[i : i+1 : i+1]
}

// The slots of exchange.values.
const (
	slotID = iota
	slotLength
	slotETag
	slotType
)

// answer writes a reply. An error means that nothing was written, or that
// writing was cut short.
func (x *exchange) answer(r *http.Request, reply *Reply) error {
	if reply == nil {
		reply = NoContent()
	}
	h := x.header()
	for key, values := range reply.Header {
		h[http.CanonicalHeaderKey(key)] = values
	}
	if reply.etag != "" {
		x.set(slotETag, "Etag", reply.etag)
	}
	if reply.Stream != nil {
		x.status, x.stream = max(reply.Status, http.StatusOK), true
		return reply.Stream(x, r)
	}
	status := reply.Status
	if reply.Body == nil {
		if status == 0 {
			status = http.StatusNoContent
		}
		if status != http.StatusNoContent && status != http.StatusNotModified {
			x.set(slotLength, "Content-Length", "0")
		}
		x.WriteHeader(status)
		return nil
	}
	if status == 0 {
		status = http.StatusOK
	}
	return x.body(r, status, reply.Body)
}

var jsonType = []string{"application/json"}

// body encodes, compresses and writes.
func (x *exchange) body(r *http.Request, status int, v any) error {
	h := x.header()
	if formed, ok := v.(Formed); ok {
		v = formed.Form(r)
	}
	if raw, ok := v.(Raw); ok {
		x.set(slotType, "Content-Type", raw.ContentType)
		return x.send(r, status, raw.Data)
	}
	at := answers.Get().(*[]byte)
	data, err := Append((*at)[:0], v)
	if err != nil {
		return err
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = jsonType
	}
	err = x.send(r, status, data)
	if cap(data) <= keepBuffer {
		*at = data
		answers.Put(at)
	}
	return err
}

// answers are buffers that answers are encoded into.
var answers = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

func (x *exchange) send(r *http.Request, status int, data []byte) error {
	h := x.header()
	if len(data) >= compressFrom && compressible(h) {
		h["Vary"] = varyEncoding
		if acceptsGzip(r.Header["Accept-Encoding"]) {
			return x.sendGzip(status, data)
		}
	}
	x.set(slotLength, "Content-Length", strconv.Itoa(len(data)))
	x.WriteHeader(status)
	_, err := x.Write(data)
	return gone(err)
}

// gone turns a failure to write, which means that nobody listens, into one that
// is not worth a line in the log.
func gone(err error) error {
	if err == nil || errors.Is(err, http.ErrBodyNotAllowed) { // the latter: HEAD
		return nil
	}
	return &entity.Error{Kind: entity.KindCanceled, Op: "wire.Send", Message: "the caller did not take the answer", Err: err}
}

// fail answers an error, or cuts the connection when an answer has begun.
func (x *exchange) fail(r *http.Request, err error) {
	e := asError(r.Context(), err)
	status, code := Status(e.Kind)
	x.log(r, e, status)
	if x.wrote {
		panic(http.ErrAbortHandler)
	}
	if wait := retryAfter(e); wait != "" {
		x.header().Set("Retry-After", wait)
	}
	if e.Kind == entity.KindUnauthenticated {
		x.header()["Www-Authenticate"] = challenge
	}
	x.failAs(r, e, status, code)
}

var challenge = []string{"Bearer", "ApiKey"}

// failAs renders the error as the view does.
func (x *exchange) failAs(r *http.Request, e *entity.Error, status int, code string) {
	h := x.header()
	for _, key := range []string{"Etag", "Content-Type", "Content-Encoding", "Content-Length", "Cache-Control"} {
		delete(h, key)
	}
	h["X-Content-Type-Options"] = noSniff
	own := x.route.op.ErrorBody
	if x.route == x.router.unmatched {
		own = x.router.bodies.of(r.URL.Path)
	}
	render := x.router.errorBody
	if own != nil {
		render = own
	}
	if err := x.body(r, status, render(e, status, code, x.meta.id)); err != nil {
		x.router.logger.ErrorContext(r.Context(), "error not rendered", "err", err, "request_id", x.meta.id)
		if !x.wrote {
			http.Error(x, "Internal server error", http.StatusInternalServerError)
		}
	}
}

var noSniff = []string{"nosniff"}

// path is the request's path as logs may have it.
func (x *exchange) path(r *http.Request) string {
	if x.route.op.KeyInPath {
		return x.route.op.Path
	}
	return r.URL.Path
}

// log says what no caller may see. What callers do wrong is only of interest
// to somebody who debugs.
func (x *exchange) log(r *http.Request, e *entity.Error, status int) {
	level := slog.LevelDebug
	switch {
	case e.Kind == entity.KindInternal:
		level = slog.LevelError
	case status >= http.StatusInternalServerError && e.Kind != entity.KindNotImplemented:
		level = slog.LevelWarn
	}
	logger := x.router.logger
	if !logger.Enabled(r.Context(), level) {
		return
	}
	logger.LogAttrs(r.Context(), level, "request failed",
		slog.String("request_id", x.meta.id), slog.String("method", r.Method), slog.String("path", x.path(r)),
		slog.String("kind", e.Kind.String()), slog.Int("status", status), slog.String("err", strings.ToValidUTF8(e.Error(), "�")))
}
