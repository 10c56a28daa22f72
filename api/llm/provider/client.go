package provider

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"strings"
	"time"

	"stemma/api/outbound"
	"stemma/entity"
)

// Options are the settings of a [Client]. The zero value of each works.
type Options struct {
	Transport http.RoundTripper // of what the operator configured; nil: see transport.go
	Foreign   http.RoundTripper // of what tenants configured; nil: as Transport, to public addresses alone
	First     time.Duration     // until an answer begins; 0: 2 minutes
	Idle      time.Duration     // between two pieces of an answer; 0: 60 s
	MaxAnswer int64             // bytes of a whole answer; 0: 32 MiB
	MaxEvent  int               // bytes of an event of a stream; 0: 4 MiB
	MaxStream int64             // bytes of all of a stream; 0: 64 MiB
	Tries     int               // before an answer begins; 0: 3
	Backoff   time.Duration     // before the second try, doubled for each more, and up to twice that by chance; 0: 250 ms
	MaxWait   time.Duration     // a provider that asks for more is not tried again; 0: 5 s
	Failures  uint32            // in a row, after which a provider is left alone; 0: 5
	Cooldown  time.Duration     // for so long; 0: 20 s
	Now       func() time.Time
	Sleep     func(context.Context, time.Duration) error
	Random    func() float64 // 0 up to 1
}

// Client calls providers. It is safe for concurrent use.
type Client struct {
	o        Options
	own      *http.Client
	foreign  *http.Client
	breakers breakers
}

// NewClient makes a client.
func NewClient(o Options) *Client {
	or(&o.First, 2*time.Minute)
	or(&o.Idle, time.Minute)
	or(&o.MaxAnswer, 32<<20)
	or(&o.MaxEvent, 4<<20)
	or(&o.MaxStream, 64<<20)
	or(&o.Tries, 3)
	or(&o.Backoff, 250*time.Millisecond)
	or(&o.MaxWait, 5*time.Second)
	or(&o.Failures, 5)
	or(&o.Cooldown, 20*time.Second)
	if o.Transport == nil {
		o.Transport = Transport()
	}
	if o.Foreign == nil {
		o.Foreign = ForeignTransport(false)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := &Client{o: o, own: &http.Client{Transport: o.Transport, CheckRedirect: noRedirect}, foreign: &http.Client{Transport: o.Foreign, CheckRedirect: noRedirect}}
	c.breakers.init(o.Failures, o.Cooldown)
	return c
}

func or[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Close lets go of idle connections.
func (c *Client) Close() {
	c.own.CloseIdleConnections()
	c.foreign.CloseIdleConnections()
}

// Target is a provider with what opens it.
type Target struct {
	Config  *Config
	Key     string
	Foreign bool // configured by a tenant: it may not reach into the server's own network
}

// name tells providers apart that fail apart.
func (t *Target) name(model string) string {
	return string(t.Config.Kind) + " " + t.Config.Base() + " " + t.Config.deployment(model)
}

// url is where a path behind the base is.
func (t *Target) url(path string) string {
	base := t.Config.Base()
	if t.Config.Kind == Ollama && strings.Count(base, "/") == 2 {
		base += "/v1" // its address without the side that speaks as OpenAI
	}
	return base + path
}

// reply is an answer that has begun.
type reply struct {
	*http.Response
	body   io.Reader // Response.Body, bounded in size and in time
	finish func()    // ends the call
}

// call sends a request, and has the beginning of its answer taken by use, until
// both succeed or it does not help to try again. An error is of KindCanceled when
// ctx ended, else as at [Failure]. After an error of use the call is over, else
// it is the caller's to finish.
func (c *Client) call(ctx context.Context, t *Target, model string, call Call, most int64, use func(*reply) error) error {
	wait := c.o.Backoff
	for try := 1; ; try++ {
		err := c.try(ctx, t, model, call, most, use)
		var f *Failure
		if err == nil || !errors.As(err, &f) || !f.Again || try >= c.o.Tries || f.Wait > c.o.MaxWait {
			return err
		}
		pause := max(f.Wait, time.Duration(float64(wait)*(1+c.o.Random())))
		wait *= 2
		if c.o.Sleep(ctx, pause) != nil {
			return gone(ctx, err)
		}
	}
}

func gone(ctx context.Context, err error) error {
	return &entity.Error{Kind: entity.KindCanceled, Op: "provider.Send", Message: "the call was given up", Err: errors.Join(ctx.Err(), err)}
}

// try sends a request once.
func (c *Client) try(ctx context.Context, t *Target, model string, call Call, most int64, use func(*reply) error) (err error) {
	settle, err := c.breakers.enter(t.name(model))
	if err != nil {
		return err
	}
	out, err := c.send(ctx, t, call, most)
	if err == nil {
		if err = use(out); err != nil {
			out.finish()
		}
	}
	settle(err)
	return err
}

// send sends a request and waits for the head of its answer, which is good.
func (c *Client) send(ctx context.Context, t *Target, call Call, most int64) (out *reply, err error) {
	inner, cancel := context.WithCancelCause(ctx)
	defer func() {
		if err != nil {
			cancel(nil)
		}
	}()
	r, err := http.NewRequestWithContext(inner, http.MethodPost, t.url(call.Path), bytes.NewReader(call.Body))
	if err != nil {
		return nil, entity.Invalid("provider.Send", "the provider's address cannot be used: %s", t.Config.Base())
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {"stemma"}}
	dialects[t.Config.Kind].sign(t.Config, r.Header, t.Key)
	client := c.own
	if t.Foreign {
		client = c.foreign
	}
	timer := time.AfterFunc(c.o.First, func() { cancel(errSlow) })
	resp, err := client.Do(r)
	if err != nil {
		timer.Stop()
		return nil, c.unreached(ctx, inner, err)
	}
	if resp.ContentLength > most {
		timer.Stop()
		resp.Body.Close()
		return nil, upstream(false, "the provider answers with %d bytes; at most %d are read", resp.ContentLength, most)
	}
	timer.Reset(c.o.Idle)
	body := &bounded{ctx: ctx, inner: inner, r: resp.Body, left: most, most: most, idle: c.o.Idle, timer: timer}
	out = &reply{Response: resp, body: body, finish: func() {
		timer.Stop()
		cancel(nil)
		resp.Body.Close()
	}}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		said, _ := io.ReadAll(io.LimitReader(body, 64<<10)) // what it says counts, not whether it said all
		out.finish()
		return nil, failureOf(resp.StatusCode, said, resp.Header)
	}
	return out, nil
}

// errSlow is why a call was ended by us.
var errSlow = errors.New("the answer does not begin, or does not go on")

// unreached is the error of a call that was not answered.
func (c *Client) unreached(ctx, inner context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return gone(ctx, err)
	case context.Cause(inner) == errSlow:
		return upstream(false, "the provider did not answer within %s", c.o.First)
	case errors.Is(err, outbound.ErrRefused):
		return entity.Invalid("provider.Send", "the provider's address is not public; the operator of this server has to configure it")
	}
	var e interface{ Timeout() bool }
	if errors.As(err, &e) && e.Timeout() {
		return upstream(true, "the provider cannot be reached: it does not answer in time")
	}
	return upstream(true, "the provider cannot be reached: %s", plainly(err))
}

// plainly is the innermost of an error: the outer ones name the address.
func plainly(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// bounded reads a body within its bounds of size and time.
type bounded struct {
	ctx, inner context.Context
	r          io.Reader
	left, most int64
	idle       time.Duration
	timer      *time.Timer
}

func (b *bounded) Read(p []byte) (n int, err error) {
	if b.left <= 0 {
		if n, _ := b.r.Read(p[:1]); n == 0 {
			return 0, io.EOF
		}
		return 0, upstream(false, "the provider sends more than %d bytes, which is the limit", b.most)
	}
	n, err = b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	b.timer.Reset(b.idle)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case b.ctx.Err() != nil:
		return n, gone(b.ctx, err)
	case context.Cause(b.inner) == errSlow:
		return n, upstream(false, "the provider stopped sending for %s, in the middle of its answer", b.idle)
	}
	return n, upstream(true, "the provider's answer broke off: %s", plainly(err))
}

// isJSON tells whether an answer says that it is JSON.
func isJSON(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}
