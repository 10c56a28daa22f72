package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"
)

// firstToken is how long a first token is under way: from just before the upstream
// writes it until the client has it.
func (r *runner) firstToken(ctx context.Context) (line Result, err error) {
	call := proxiedCalls[1]
	var written atomic.Int64 // when the first token was, in ns since began
	began := time.Now()
	upstream := func() (string, func() error, error) {
		return listen(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // the answer is the same
			w.Header().Set("Content-Type", call.kind)
			w.(http.Flusher).Flush()
			for i, piece := range call.answer {
				if i == 0 {
					written.Store(int64(time.Since(began)))
				}
				_, _ = io.WriteString(w, piece) // who does not listen is found out by the client
				w.(http.Flusher).Flush()
			}
		})
	}
	err = r.withAgent(ctx, upstream, 2, func(_ *process, conns []*conn, upstream string) error {
		buf := make([]byte, 4<<10)
		under := func(c *conn, took *[]time.Duration) phase {
			return steady(func() error {
				if err := call.ask(c, proxiedCall); err != nil {
					return err
				}
				body, seen := httputil.NewChunkedReader(c.in), 0
				for {
					n, err := body.Read(buf)
					if seen == 0 && n > 0 {
						*took = append(*took, time.Since(began)-time.Duration(written.Load()))
					}
					if seen += n; err != nil {
						return call.over(c, proxiedCall, seen, err)
					}
				}
			})
		}
		var ours, plain []time.Duration
		err := r.plainly(ctx, upstream, call, 1, func(other, _ *proxyLoad) error {
			_, err := r.contest(ctx, r.Sizes.long(), under(conns[0], &ours), under(other.conns[0], &plain))
			return err
		})
		if err != nil {
			return err
		}
		line = bound("from a first token's arrival at the gateway until the client has it, one connection", "ms", []float64{millis(percentile(ours, 50))}, gatewayFirst, Goal{AtMost: 1, Text: "< 0.5 ms"}).
			also(true, fmt.Sprintf("median; p99 %.2f ms; through the plain proxy %.2f and %.2f ms", millis(percentile(ours, 99)), millis(percentile(plain, 50)), millis(percentile(plain, 99))))
		return nil
	})
	return line, err
}

// slowly is an upstream whose streams go on until they are let go: a token each
// tenth of the window.
type slowly struct {
	every time.Duration
	begun sync.WaitGroup // of the streams that have a first token
	free  chan struct{}  // closed when they may end
}

func (s *slowly) serve(w http.ResponseWriter, r *http.Request) {
	call := proxiedCalls[1]
	_, _ = io.Copy(io.Discard, r.Body) // the answer is the same
	w.Header().Set("Content-Type", call.kind)
	say := func(piece string) {
		_, _ = io.WriteString(w, piece) // who does not listen is found out by the client
		w.(http.Flusher).Flush()
	}
	say(call.answer[0])
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-s.free:
			for _, piece := range call.answer[2:] {
				say(piece)
			}
			return
		case <-r.Context().Done():
			return
		case <-tick.C:
			say(call.answer[1])
		}
	}
}

// slowStreams is the memory of a server with many streams that are under way for
// the window.
func (r *runner) slowStreams(ctx context.Context) (line Result, err error) {
	n := r.Sizes.Streams
	up := &slowly{every: r.Sizes.Window / 10, free: make(chan struct{})}
	up.begun.Add(n)
	err = r.withAgent(ctx, func() (string, func() error, error) { return listen(up.serve) }, n+1, func(p *process, conns []*conn, _ string) error {
		before, err := p.memory()
		if err != nil {
			return err
		}
		var most memory
		err = together(ctx, n+1, func(ctx context.Context, w int) (err error) {
			if w < n {
				return drain(conns[w], &up.begun)
			}
			defer close(up.free)
			up.begun.Wait()
			time.Sleep(r.Sizes.Window) // while they go on
			most, err = p.memory()
			return err
		})
		if err != nil {
			return err
		}
		line = bound(fmt.Sprintf("resident memory of a server with %d slow streams through the gateway, at its peak", n), "MB", []float64{float64(most.peak) / 1e6}, gatewayMemory, Goal{AtMost: 1, Text: "< 400 MB"}).
			also(true, fmt.Sprintf("%.0f MB before them", float64(before.resident)/1e6))
		return nil
	})
	return line, err
}

// drain reads a stream to its end. begun is told of its first token, or that there
// will be none.
func drain(c *conn, begun *sync.WaitGroup) (err error) {
	var once sync.Once
	defer once.Do(begun.Done)
	if err := proxiedCalls[1].ask(c, proxiedCall); err != nil {
		return err
	}
	body, buf, tail := httputil.NewChunkedReader(c.in), make([]byte, 1<<10), []byte(nil)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			once.Do(begun.Done)
			tail = append(tail, buf[:n]...)
			tail = tail[max(0, len(tail)-32):]
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && bytes.HasSuffix(tail, []byte("data: [DONE]\n\n")):
			return nil
		default:
			return fmt.Errorf("bench: a slow stream ends with %q: %w", tail, err)
		}
	}
}
