package embed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"stemma/entity"
)

// mostWait is the longest that Retry-After is obeyed for; after that the caller
// is told.
const mostWait = 5 * time.Minute

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// passing is a failure that may be over soon.
type passing struct {
	err   error
	after time.Duration // the least that the service asks us to wait
}

func (p *passing) Error() string { return p.err.Error() }
func (p *passing) Unwrap() error { return p.err }

// ask asks for one batch until it is answered, refused, or the tries are used
// up. The error is an [*entity.Error].
func (r *Remote) ask(ctx context.Context, texts []string) ([][]float32, error) {
	const op = "embed.Remote"
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, done(op, ctx.Err())
	}
	pause := r.o.Backoff
	for try := 1; ; try++ {
		err := r.limit(ctx)
		if err == nil {
			var vectors [][]float32
			if vectors, err = r.once(ctx, texts); err == nil {
				return vectors, nil
			}
		}
		var p *passing
		switch {
		case ctx.Err() != nil:
			return nil, done(op, ctx.Err())
		case !errors.As(err, &p):
			return nil, err
		case try == r.o.Tries || p.after > mostWait:
			return nil, &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: fmt.Sprintf("the embedding service %s does not answer", r.o.Name), Err: err}
		}
		wait := max(r.o.Jitter(pause), p.after)
		if err := r.o.Sleep(ctx, wait); err != nil {
			return nil, done(op, err)
		}
		pause = min(2*pause, r.o.MaxBackoff)
	}
}

// limit waits for our own rate.
func (r *Remote) limit(ctx context.Context) error {
	if r.limiter == nil {
		return nil
	}
	now := r.o.Now()
	slot := r.limiter.ReserveN(now, 1)
	if d := slot.DelayFrom(now); d > 0 {
		if err := r.o.Sleep(ctx, d); err != nil {
			slot.CancelAt(r.o.Now())
			return err
		}
	}
	return nil
}

// retryAfter is what the header asks for: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
