package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strconv"
	"time"
)

const (
	proxyRatio   = 0.7  // of the plain proxy's throughput, of the issue
	proxyAdded   = 0.3  // ms that the recording proxy may add to the median, of the issue
	proxyConns   = 16   // connections that the issue asks for
	proxyRate    = 1000 // calls a second, of all connections, where the load is steady
	proxySettled = 30   // seconds in which the last call has to be recorded
	proxiedCall  = "/v1/chat/completions"
	tunedCall    = tunedPath + proxiedCall
	plainProxy   = "httputil.NewSingleHostReverseProxy"
	recordedCall = "/proxy/" + Key + "/bench/" + UpstreamName + proxiedCall
)

// proxied is a call of a model provider: what is asked, and what the upstream
// answers.
type proxied struct {
	name   string
	body   []byte
	answer []string // the pieces that it comes in
	kind   string
}

var proxiedCalls = []proxied{
	{
		name: "an answer", kind: "application/json",
		body:   []byte(`{"model":"gpt-4o","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Say hello."}]}`),
		answer: []string{`{"id":"chatcmpl-1","object":"chat.completion","created":1760000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"Hello!","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":200,"total_tokens":1200,"prompt_tokens_details":{"cached_tokens":400,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}`},
	},
	{
		name: "a stream", kind: "text/event-stream",
		body: []byte(`{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Count."}]}`),
		answer: []string{
			chunk(`[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]`, "null"),
			chunk(`[{"index":0,"delta":{"content":"One, "},"finish_reason":null}]`, "null"),
			chunk(`[{"index":0,"delta":{"content":"two."},"finish_reason":null}]`, "null"),
			chunk(`[{"index":0,"delta":{},"finish_reason":"stop"}]`, "null"),
			chunk(`[]`, `{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}`),
			"data: [DONE]\n\n",
		},
	},
}

func chunk(choices, usage string) string {
	return `data: {"id":"chatcmpl-3","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-2024-08-06","choices":` + choices + `,"usage":` + usage + "}\n\n"
}

// proxy is the recording proxy against Go's own, both in front of an upstream
// that answers at once.
func (r *runner) proxy(ctx context.Context) (results []Result, err error) {
	for _, call := range proxiedCalls {
		for _, n := range []int{proxyConns, writers} {
			lines, err := r.proxied(ctx, call, n)
			results = append(results, lines...)
			if err != nil {
				return results, err
			}
		}
	}
	return results, nil
}

func (r *runner) proxied(ctx context.Context, call proxied, n int) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	upstream, end, err := call.upstream()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	err = r.served(ctx, Child{Data: dir, Upstream: upstream}, n+1, func(p *process, conns []*conn) error {
		kept, err := newRecordedCalls(conns[n], conns[0], call, recordedCall)
		if err != nil {
			return err
		}
		ours := newProxyLoad(p, call, recordedCall, conns[:n])
		return r.plainly(ctx, upstream, call, n, func(plain, tuned *proxyLoad) error {
			rates, err := r.contest(ctx, r.Sizes.recorded(), ours.phase(kept.wait), plain.phase(), tuned.phase())
			if err != nil {
				return err
			}
			results = judgeProxy(call, n, rates, ours, plain)
			if n != proxyConns {
				return nil
			}
			line, err := r.paced(ctx, kept, ours, plain)
			results = append(results, line)
			return err
		})
	})
	return results, err
}

// plainly has the plain proxies in front of an upstream, in a process of their own,
// make a call over so many connections.
func (r *runner) plainly(ctx context.Context, upstream string, call proxied, n int, fn func(plain, tuned *proxyLoad) error) error {
	return r.served(ctx, Child{Plain: true, Upstream: upstream}, n, func(p *process, conns []*conn) error {
		return fn(newProxyLoad(p, call, proxiedCall, conns), newProxyLoad(p, call, tunedCall, conns))
	})
}

// judgeProxy makes the lines of the rates and times of both.
func judgeProxy(call proxied, n int, rates [][]float64, ours, plain *proxyLoad) []Result {
	ratio, added := Goal{AtLeast: proxyRatio, Text: "≥ 0.7"}, Goal{AtMost: 1, Text: "< 0.3 ms"}
	if n != proxyConns {
		ratio, added = Goal{}, Goal{}
	}
	what := fmt.Sprintf("calls through the recording proxy, %s, %d connections", call.name, n)
	rate := compare(what, "/s", plainProxy, rates[0], rates[1], ratio).
		also(true, fmt.Sprintf("%.0f µs of the server's CPU a call, %.0f the plain proxy's; every call is recorded; %s", ours.cost(), plain.cost(), tunedNote(rates[2])))
	more := millis(percentile(ours.took, 50) - percentile(plain.took, 50))
	latency := bound(fmt.Sprintf("what it adds to the median of a call, %s, %d connections", call.name, n), "ms", []float64{max(more, 0.001)}, proxyAdded, added).
		also(true, ours.against(plain))
	return []Result{rate, latency}
}

// tunedNote is what the plain proxy does with a connection for every caller.
func tunedNote(rates []float64) string {
	return fmt.Sprintf("for reference: the plain proxy makes %.0f/s when it keeps a connection for every caller", median(rates))
}

// paced is what the recording proxy adds at a steady load, which neither proxy is
// at its end with: what it adds at full load is only what it has less of
// throughput, seen by each connection.
func (r *runner) paced(ctx context.Context, kept *recordedCalls, ours, plain *proxyLoad) (Result, error) {
	ours.took, plain.took = nil, nil
	var added []float64
	for range r.Repeat {
		var medians [2]float64
		for i, load := range []*proxyLoad{ours, plain} {
			from := len(load.took)
			ops, err := load.steadily(ctx, r.Sizes.Window)
			if err == nil && load == ours {
				err = kept.wait(ops)
			}
			if err != nil {
				return Result{}, err
			}
			medians[i] = millis(percentile(slices.Clone(load.took[from:]), 50))
		}
		added = append(added, max(medians[0]-medians[1], 0.001))
	}
	return bound(fmt.Sprintf("the same at a steady %d a second, %s, %d connections", proxyRate, ours.call.name, len(ours.conns)), "ms", added, proxyAdded, Goal{AtMost: 1, Text: "< 0.3 ms"}).
		also(true, ours.against(plain)), nil
}

// upstream serves the call's answer to whatever is asked, until ended.
func (c proxied) upstream() (url string, end func() error, err error) {
	return listen(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the answer is the same
		w.Header().Set("Content-Type", c.kind)
		for i, piece := range c.answer {
			if i > 0 {
				w.(http.Flusher).Flush()
			}
			_, _ = io.WriteString(w, piece) // who does not listen is found out by the client
		}
	})
}

// listen serves an upstream until ended.
func listen(handler http.HandlerFunc) (url string, end func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() error {
		err := server.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}, nil
}

// whole is all that is answered.
func (c proxied) whole() (size int) {
	for _, piece := range c.answer {
		size += len(piece)
	}
	return size
}

// make sends the call and checks the answer.
func (c proxied) make(conn *conn, path string, in []byte) error {
	if len(c.answer) == 1 {
		a, err := conn.must(200, "POST", path, c.body)
		if want := c.whole(); err == nil && len(a.body) != want {
			err = fmt.Errorf("bench: %s answered %d bytes, not %d", path, len(a.body), want)
		}
		return err
	}
	if err := c.ask(conn, path); err != nil {
		return err
	}
	body, n, err := httputil.NewChunkedReader(conn.in), 0, error(nil)
	for err == nil {
		var k int
		k, err = body.Read(in)
		n += k
	}
	return c.over(conn, path, n, err)
}

// ask sends the call and reads the head of its answer, which is a stream.
func (c proxied) ask(conn *conn, path string) error {
	if err := conn.send("POST", path, "", c.body); err != nil {
		return err
	}
	status, _, _, chunked, err := conn.head()
	if err == nil && (status != 200 || !chunked) {
		err = fmt.Errorf("bench: %s answered %d, not a stream", path, status)
	}
	return err
}

// over checks how a stream ended, with err behind so many bytes.
func (c proxied) over(conn *conn, path string, n int, err error) error {
	if want := c.whole(); !errors.Is(err, io.EOF) || n != want {
		return fmt.Errorf("bench: %s streamed %d bytes, not %d: %w", path, n, want, err)
	}
	_, err = conn.line() // behind the last chunk
	return err
}

// proxyLoad is connections that make the call one after the other.
type proxyLoad struct {
	p     *process
	call  proxied
	path  string
	conns []*conn
	in    [][]byte // what each reads into
	run   phase
	times [][]time.Duration // by connection
	took  []time.Duration
	cpu   time.Duration // of the server
	calls int
}

func newProxyLoad(p *process, call proxied, path string, conns []*conn) *proxyLoad {
	l := &proxyLoad{p: p, call: call, path: path, conns: conns, times: make([][]time.Duration, len(conns)), in: make([][]byte, len(conns))}
	for w := range l.in {
		l.in[w] = make([]byte, 4<<10)
	}
	l.run = crowd(len(conns), l.one, func(w int, took time.Duration) { l.times[w] = append(l.times[w], took) })
	return l
}

func (l *proxyLoad) one(_ context.Context, w int) error {
	return l.call.make(l.conns[w], l.path, l.in[w])
}

// steadily makes calls at [proxyRate], each connection in its turn, and counts
// them.
func (l *proxyLoad) steadily(ctx context.Context, d time.Duration) (int, error) {
	began, step := time.Now(), time.Second/proxyRate
	err := together(ctx, len(l.conns), func(ctx context.Context, w int) error {
		for i := w; ; i += len(l.conns) {
			due := began.Add(time.Duration(i) * step)
			if due.Sub(began) >= d {
				return ctx.Err()
			}
			time.Sleep(time.Until(due))
			at := time.Now()
			if err := l.one(ctx, w); err != nil {
				return err
			}
			l.times[w] = append(l.times[w], time.Since(at))
		}
	})
	return l.gather(), err
}

// gather puts together how long calls took, and counts those that are new.
func (l *proxyLoad) gather() (n int) {
	for w := range l.times {
		n += len(l.times[w])
		l.took, l.times[w] = append(l.took, l.times[w]...), l.times[w][:0]
	}
	return n
}

// against puts the times of both beside each other.
func (l *proxyLoad) against(plain *proxyLoad) string {
	p := func(l *proxyLoad, p float64) float64 { return millis(percentile(l.took, p)) }
	return fmt.Sprintf("p50 %.2f ms for %.2f, p99 %.1f ms for %.1f", p(l, 50), p(plain, 50), p(l, 99), p(plain, 99))
}

// phase is the load with what it costs the server; settled is what it has to wait
// for, within the time that counts.
func (l *proxyLoad) phase(settled ...func(ops int) error) phase {
	return func(ctx context.Context, d time.Duration) (int, time.Duration, error) {
		before, err := l.p.cpu()
		if err != nil {
			return 0, 0, err
		}
		began := time.Now()
		ops, took, err := l.run(ctx, d)
		for _, wait := range settled {
			if err == nil {
				err = wait(ops)
				took = time.Since(began)
			}
		}
		after, cpuErr := l.p.cpu()
		l.calls += ops
		l.cpu += after - before
		l.gather()
		return ops, took, errors.Join(err, cpuErr)
	}
}

// cost is the server's CPU for a call, in µs.
func (l *proxyLoad) cost() float64 {
	return float64(l.cpu.Microseconds()) / float64(max(l.calls, 1))
}

// recordedCalls counts the calls that are recorded, by the events that each makes.
type recordedCalls struct {
	c    *conn
	at   int // the last event there is
	each int // events of a call
}

// newRecordedCalls finds out how many events a call makes. The first makes the
// agent too.
func newRecordedCalls(c, caller *conn, call proxied, path string) (*recordedCalls, error) {
	k := &recordedCalls{c: c}
	for range 2 {
		before, err := latest(c)
		if err != nil {
			return nil, err
		}
		if err := call.make(caller, path, make([]byte, 4<<10)); err != nil {
			return nil, err
		}
		if k.at, err = k.past(before); err != nil {
			return nil, err
		}
		k.each = k.at - before
	}
	return k, nil
}

// past waits for an event behind the one given, and gives the last there is.
func (k *recordedCalls) past(seq int) (int, error) {
	path := "/events?kind=create,update,append&limit=1&wait=" + strconv.Itoa(proxySettled) + "&since=" + strconv.Itoa(seq)
	if _, err := k.c.must(200, "GET", path, nil); err != nil {
		return 0, err
	}
	return latest(k.c)
}

// wait waits until so many more calls are recorded; it is an error if one is not.
func (k *recordedCalls) wait(calls int) error {
	want := k.at + calls*k.each
	at, err := latest(k.c)
	for err == nil && at < want {
		before := at
		if at, err = k.past(before); err == nil && at == before {
			break // nothing comes any more
		}
	}
	if err == nil && at != want {
		err = fmt.Errorf("bench: %d events of %d calls, not %d: not every call was recorded once", at-k.at, calls, want-k.at)
	}
	k.at = at
	return err
}
