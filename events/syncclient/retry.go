package syncclient

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Retry says how failures that may pass are waited for. The zero value waits
// between half a second and half a minute, for ever.
type Retry struct {
	First time.Duration // the first wait; 0: 500 ms
	Most  time.Duration // the longest; 0: 30 s. Retry-After may ask for more
	For   time.Duration // give up when nothing has worked for so long; 0: never
	// Notify, when set, is told of each failure and how long it is waited for.
	Notify func(err error, wait time.Duration)
}

func (r Retry) withDefaults() Retry {
	if r.First <= 0 {
		r.First = 500 * time.Millisecond
	}
	if r.Most <= 0 {
		r.Most = 30 * time.Second
	}
	r.Most = max(r.Most, r.First)
	return r
}

// patience is the waiting of one call.
type patience struct {
	Retry
	failures int       // in a row
	since    time.Time // of the first of them
}

// progress forgets earlier failures.
func (p *patience) progress() { p.failures = 0 }

// wait waits for what may pass: it returns nil when it is time to try again,
// else the error to give up with.
func (p *patience) wait(ctx context.Context, op string, err error) error {
	var failed *passing
	if !errors.As(err, &failed) {
		return err
	}
	now := time.Now()
	if p.failures == 0 {
		p.since = now
	}
	wait := max(p.next(), failed.after)
	p.failures++
	if p.For > 0 && now.Add(wait).Sub(p.since) > p.For {
		return failed.err
	}
	if p.Notify != nil {
		p.Notify(failed.err, wait)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ended(ctx, op)
	}
}

// next doubles with every failure. A random half of it keeps the many clients
// of a server that restarts from coming back all at once.
func (p *patience) next() time.Duration {
	full := p.Most
	if p.failures < 32 {
		if d := p.First << p.failures; d > 0 && d < p.Most {
			full = d
		}
	}
	return full/2 + rand.N(full/2+1)
}

// persist calls try until it succeeds or fails for good.
func (c *Client) persist(ctx context.Context, op string, try func() error) error {
	p := patience{Retry: c.retry}
	for {
		err := try()
		if err == nil {
			return nil
		}
		if err = p.wait(ctx, op, err); err != nil {
			return err
		}
	}
}
