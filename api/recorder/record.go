package recorder

import (
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"stemma/api/recorder/dialect"
	"stemma/api/recorder/run"
	"stemma/entity"
)

// capture is what is kept of a body while it passes.
type capture struct {
	s       *Service
	mu      sync.Mutex // the transport may still read the request while the answer is finished
	kept    bytes.Buffer
	size    int64
	cut     string // why not all is kept
	ended   bool
	broken  error
	began   time.Time // when its first byte came
	sealed  bool
	counted int64
}

func (c *capture) take(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sealed {
		return
	}
	if c.size == 0 && len(p) > 0 {
		c.began = c.s.now()
	}
	c.size += int64(len(p))
	if c.cut != "" {
		return
	}
	room := captureEach - c.kept.Len()
	if len(p) > room {
		p, c.cut = p[:room], "it is longer than what is kept of a call"
	}
	n := int64(len(p))
	if c.s.held.Add(n) > captureAll {
		c.s.held.Add(-n)
		c.cut = "the recorder had no room"
		return
	}
	c.counted += n
	c.kept.Write(p)
}

// seal ends the capture and gives back its bytes' place; they are the caller's.
func (c *capture) seal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sealed = true
}

func (c *capture) release() { c.s.held.Add(-c.counted) }

func (c *capture) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.broken != nil {
		return
	}
	if err == io.EOF {
		c.ended = true
		return
	}
	c.broken = err
}

// tee is a body that is kept as it is read.
func (c *capture) tee(body io.ReadCloser) io.ReadCloser { return &teeBody{body, c} }

type teeBody struct {
	io.ReadCloser
	to *capture
}

// Read reads and keeps.
func (t *teeBody) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if n > 0 {
		t.to.take(p[:n])
	}
	if err != nil {
		t.to.end(err)
	}
	return n, err
}

// recording is the account of one call.
type recording struct {
	s                 *Service
	ctx               context.Context // of the caller, without its end
	proxied           proxied
	method            string
	started, ended    time.Time
	run, session      string
	trace             http.Header // W3C trace context, which goes on to the provider as it came
	request, response capture
	requestEncoding   string
	encoding, kind    string // of the answer: its Content-Encoding and Content-Type
	status            int    // 0: there was none
	gone              bool   // the caller, before there was an answer
}

func (s *Service) newRecording(ctx context.Context, r *http.Request, p proxied) *recording {
	return &recording{
		s: s, ctx: context.WithoutCancel(ctx), proxied: p, method: r.Method, started: s.now(), trace: http.Header{"Traceparent": r.Header["Traceparent"], "Tracestate": r.Header["Tracestate"]},
		run: r.Header.Get(headerRun), session: r.Header.Get(headerSession), requestEncoding: r.Header.Get("Content-Encoding"),
		request: capture{s: s}, response: capture{s: s},
	}
}

// answered begins to keep the answer.
func (rec *recording) answered(resp *http.Response) {
	rec.status, rec.encoding, rec.kind = resp.StatusCode, resp.Header.Get("Content-Encoding"), resp.Header.Get("Content-Type")
	if resp.StatusCode != http.StatusSwitchingProtocols { // whose body is the connection
		resp.Body = rec.response.tee(resp.Body)
	}
}

// failed tells that there is no answer: for the caller is gone, or the provider
// is not reached.
func (rec *recording) failed(gone bool) { rec.gone = gone }

// over hands the call on to be written down. It is called when the call is done
// with, whatever became of it, and does not wait.
func (rec *recording) over() {
	rec.request.seal()
	rec.response.seal()
	rec.ended = rec.s.now()
	rec.s.queue.Add(rec)
}

// read makes sense of the two bodies.
func (rec *recording) read() (call dialect.Call, metadata, bodies fields) {
	d, _ := dialect.Named(rec.proxied.provider.Dialect)
	request := rec.request.decoded(rec.requestEncoding)
	value, isJSON := parsed(request)
	call = d.Request(pathOnly(rec.proxied.tail), value)
	metadata = make(fields, 12) // which has room for all
	metadata["method"], metadata["path"], metadata["request_bytes"], metadata["response_bytes"] = rec.method, pathOnly(rec.proxied.tail), rec.request.size, rec.response.size
	metadata.name("traceparent", rec.trace.Get("Traceparent")).name("tracestate", strings.Join(rec.trace["Tracestate"], ","))
	bodies = fields{}
	if rec.request.size > 0 {
		if !isJSON {
			value = rec.request.digest()
		}
		bodies["request"] = value
	}
	if rec.status == 0 {
		call.ErrorType, call.Error = "upstream_unreachable", "the provider could not be reached"
		if rec.gone {
			call.ErrorType, call.Error = "caller_gone", "the caller went away before there was an answer"
		}
		return call, metadata, bodies
	}
	metadata["status"] = int64(rec.status)
	response := rec.response.decoded(rec.encoding)
	kind, _, _ := strings.Cut(rec.kind, ";")
	switch {
	case strings.EqualFold(strings.TrimSpace(kind), "text/event-stream") || call.Streamed && bytes.HasPrefix(bytes.TrimLeft(response, " \r\n"), []byte("[")):
		d.Stream(&call, response)
	default:
		call.Streamed = false
		value, isJSON := parsed(response)
		d.Response(&call, rec.status, response, value)
		if !isJSON {
			value = rec.response.digest()
		}
		if rec.response.size > 0 {
			bodies["response"] = value
		}
	}
	if call.Streamed && !rec.response.began.IsZero() {
		metadata["first_byte_ms"] = rec.response.began.Sub(rec.started).Milliseconds()
	}
	metadata["streamed"] = call.Streamed
	if rec.status >= 400 && call.ErrorType == "" {
		call.ErrorType = "http_error"
	}
	return call, metadata, bodies
}

func pathOnly(tail string) string {
	path, _, _ := strings.Cut(tail, "?")
	return path
}

// partial says why what is recorded is not all there was; "" when it is.
func (rec *recording) partial(call *dialect.Call) string {
	switch {
	case rec.status == 0:
		return ""
	case rec.status == http.StatusSwitchingProtocols:
		return "the connection became something else than HTTP"
	case rec.response.broken != nil && !errors.Is(rec.response.broken, context.Canceled):
		return "the answer broke off"
	case rec.response.broken != nil, !rec.response.ended && rec.response.size > 0 || call.Streamed && !rec.response.ended:
		return "the caller went away before the answer's end"
	case rec.response.cut != "":
		return "of the answer: " + rec.response.cut
	case rec.request.cut != "":
		return "of the request: " + rec.request.cut
	case call.Streamed && !call.Ended && call.Error == "":
		return "the stream stopped without its end"
	}
	return ""
}

// records are the entries that tell of the call: a run of its own, or a step of
// the run that the caller named.
func (rec *recording) records(call *dialect.Call, metadata, bodies fields) []record {
	partial := rec.partial(call)
	took := float64(rec.ended.Sub(rec.started).Milliseconds())
	cents := rec.s.cost(rec.proxied.provider.Name, call, metadata)
	failure := call.Error != "" || rec.status == 0 || rec.status >= 400
	step := make(fields, 24) // which has room for all
	step["step_type"] = "reasoning"
	step.text("input", call.Input).text("output", call.Output).text("reasoning", call.Reasoning).
		number("duration_ms", &took).number("tokens_used", call.Tokens.Total).number("cost_cents", cents).
		name("model", call.Model).name("provider", rec.proxied.provider.Name).name("error_type", call.ErrorType).name("error_message", call.Error).
		name("partial", partial).object("metadata", metadata)
	if failure {
		step["step_type"] = "error"
	}
	if call.Operation != "" {
		metadata["operation"] = call.Operation
	}
	metadata["finish_reason"] = call.Finish
	if usage := usageOf(call.Tokens); len(usage) > 0 {
		step["usage"] = map[string]any(usage)
	}
	if len(call.ToolCalls) > 0 {
		step["tool_calls"] = call.ToolCalls
	}
	for key, v := range bodies {
		step[key] = v
	}
	of, ref, ids := rec.run, "", traceOf(rec.trace)
	var list []record
	if of == "" {
		of, ref = "run", "run"
		list = append(list, record{kind: run.KindStart, ref: ref, word: "api", session: rec.session, at: rec.started, ids: ids, body: entity.Properties(fields{}.text("input", call.Input))})
	}
	list = append(list, record{kind: run.KindStep, run: of, at: rec.started, ids: ids, body: entity.Properties(step)})
	if call.System != nil {
		list = append(list, record{kind: run.KindContext, run: of, at: rec.started, body: entity.Properties(fields{}.text("system_prompt", call.System).number("total_tokens", call.Tokens.Input))})
	}
	if ref != "" {
		end := record{kind: run.KindEnd, run: of, word: run.Completed, at: rec.ended, body: entity.Properties(fields{}.text("output", call.Output))}
		if failure || partial != "" && strings.Contains(partial, "broke") {
			end.word = run.Failed
			end.body = entity.Properties(fields(end.body).name("error_type", cmp.Or(call.ErrorType, "broken_off")).name("error_message", cmp.Or(call.Error, partial)))
		}
		list = append(list, end)
	}
	return list
}

// traceOf is where a call stands in the trace of its headers; nowhere where they
// have none, or one that is not valid.
func traceOf(h http.Header) (ids traceIDsOf) {
	at := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(h)))
	if at.IsValid() {
		ids.trace, ids.parent = at.TraceID().String(), at.SpanID().String()
	}
	return ids
}

// cost is what a call cost in cents, and notes by which price.
func (s *Service) cost(provider string, call *dialect.Call, metadata fields) *float64 {
	price, known := s.options.Price(provider, call.Model)
	cents := call.Cents(price, known)
	if known && cents != nil && call.CostUSD == nil {
		cached := price.CachedInput()
		metadata["price"] = map[string]any(fields{}.number("input", &price.Input).number("output", &price.Output).number("cache_read", &cached))
	}
	return cents
}

func usageOf(t dialect.Tokens) fields {
	return fields{}.number("input_tokens", t.Input).number("output_tokens", t.Output).number("total_tokens", t.Total).
		number("cache_read_tokens", t.CacheRead).number("cache_write_tokens", t.CacheWrite).number("reasoning_tokens", t.Reasoning)
}

// decoded is the body that was kept, without its encoding, as far as it can be
// read.
func (c *capture) decoded(encoding string) []byte {
	raw := c.kept.Bytes()
	var in io.Reader
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return raw
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil
		}
		in = z
	case "deflate":
		in = flate.NewReader(bytes.NewReader(raw))
	case "br":
		in = brotli.NewReader(bytes.NewReader(raw))
	case "zstd":
		z, err := zstd.NewReader(bytes.NewReader(raw), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(captureEach*8))
		if err != nil {
			return nil
		}
		defer z.Close()
		in = z
	default:
		return nil
	}
	plain, _ := io.ReadAll(io.LimitReader(in, 2*captureEach)) // what was cut off ends early
	return plain
}

// parsed is a body as the JSON it is; ok is false where it is none.
func parsed(plain []byte) (v any, ok bool) {
	v, err := entity.ParseJSON(plain, entity.MaxDepth-8)
	return v, err == nil
}

// digest stands for a body that is no JSON: its size and hash.
func (c *capture) digest() map[string]any {
	sum := sha256.Sum256(c.kept.Bytes())
	return map[string]any{"bytes": c.size, "sha256_of_kept": hex.EncodeToString(sum[:]), "kept": int64(c.kept.Len())}
}
