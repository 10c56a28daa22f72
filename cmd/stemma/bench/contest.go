package bench

import (
	"context"
	"time"
)

// phase does as much as it can for about so long, and tells how many operations
// that were and how long they really took.
type phase func(ctx context.Context, d time.Duration) (ops int, took time.Duration, err error)

// turns say how long a phase runs in each repeat, and after how much of it the
// next one has its turn.
type turns struct{ window, slice time.Duration }

// long are the turns of what waits for disks and connections.
func (z Sizes) long() turns { return turns{z.Window, z.Window / 4} }

// recorded are the turns of what is recorded behind the answers: each ends with the
// wait for the last record, which takes the longer a part of a turn the shorter it is.
func (z Sizes) recorded() turns { return turns{z.Window, z.Window / 2} }

// brief are the turns of what only computes: the shorter they are, the more
// alike is the noise that each sees.
func (z Sizes) brief() turns { return turns{z.Window / 2, z.Window / 100} }

// contest runs the phases in turn, slice after slice, and gives the operations
// a second of each, by phase and repeat. Each runs once before it counts.
func (r *runner) contest(ctx context.Context, t turns, phases ...phase) (rates [][]float64, err error) {
	for _, p := range phases {
		if _, _, err := p(ctx, t.slice); err != nil {
			return nil, err
		}
	}
	rates = make([][]float64, len(phases))
	for range r.Repeat {
		ops, spent := make([]int, len(phases)), make([]time.Duration, len(phases))
		for spent[0] < t.window {
			for i, p := range phases {
				n, took, err := p(ctx, t.slice)
				if err != nil {
					return nil, err
				}
				ops[i] += n
				spent[i] += took
			}
		}
		for i := range phases {
			rates[i] = append(rates[i], float64(ops[i])/spent[i].Seconds())
		}
	}
	return rates, nil
}

// steady makes a phase of one operation, repeated by one goroutine.
func steady(op func() error) phase {
	return func(ctx context.Context, d time.Duration) (ops int, took time.Duration, err error) {
		began := time.Now()
		for took < d {
			if err := op(); err != nil {
				return ops, took, err
			}
			ops++
			took = time.Since(began)
		}
		return ops, took, ctx.Err()
	}
}

// crowd makes a phase of n workers, each repeating its operation until the time
// is up. After is told how long each operation took; nil is not.
func crowd(n int, op func(ctx context.Context, worker int) error, after func(worker int, took time.Duration)) phase {
	return func(ctx context.Context, d time.Duration) (int, time.Duration, error) {
		counts := make([]int, n)
		began := time.Now()
		err := together(ctx, n, func(ctx context.Context, w int) error {
			for at := began; at.Sub(began) < d; {
				if err := op(ctx, w); err != nil {
					return err
				}
				counts[w]++
				now := time.Now()
				if after != nil {
					after(w, now.Sub(at))
				}
				at = now
			}
			return nil
		})
		took := time.Since(began)
		ops := 0
		for _, c := range counts {
			ops += c
		}
		return ops, took, err
	}
}
