package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/versions/attest"
)

// commitRate is the steady load under which attestation is measured, commits a
// second.
const commitRate = 1000

// attestTurns are how often with and without take turns in a repeat: few, as each
// has to be longer than what is between two checkpoints.
const attestTurns = 3

// attest is what the log of attestations costs those who write, and how far it is
// behind them: one store that is written to at a steady rate, with a log that
// follows and without, in turn.
func (r *runner) attest(ctx context.Context) (results []Result, err error) {
	err = r.withStore(func(s *store.Store, _ *prometheus.Registry) error {
		dir, done, err := r.scratch()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, done()) }()
		edits, err := newEditors(ctx, s, newProse())
		if err != nil {
			return err
		}
		if _, err := pace(ctx, edits, r.Sizes.Window, nil); err != nil { // once before it counts
			return err
		}
		var with, without, lags []float64
		var followed, alone, behind []time.Duration
		commits := 0
		for range r.Repeat {
			var on, off, lag []time.Duration
			for range attestTurns {
				took, late, err := attested(ctx, s, edits, dir, r.Sizes.Window)
				if err != nil {
					return err
				}
				plain, err := pace(ctx, edits, r.Sizes.Window, nil)
				if err != nil {
					return err
				}
				on, off, lag = append(on, took...), append(off, plain...), append(lag, late...)
			}
			commits += len(on)
			followed, alone, behind = append(followed, on...), append(alone, off...), append(behind, lag...)
			with, without, lags = append(with, meanMillis(on)), append(without, meanMillis(off)), append(lags, slices.Max(lag).Seconds())
		}
		if err := edits.verify(ctx, s); err != nil {
			return err
		}
		rate := float64(commits) / (float64(r.Repeat*attestTurns) * r.Sizes.Window.Seconds())
		results = append(results,
			compare("a commit, at a steady 1,000 commits/s, while the log of attestations follows", "ms", "the same store, nothing following", with, without, Goal{AtMost: 1.05, Text: "≤ 1.05"}).
				also(true, fmt.Sprintf("means; %.0f commits/s, p99 %.1f ms with and %.1f ms without", rate, millis(percentile(followed, 99)), millis(percentile(alone, 99)))),
			bound("an answered commit is under a signed checkpoint after, at the longest", "s", lags, 5, Goal{AtMost: 1, Text: "< 5 s"}).
				also(true, fmt.Sprintf("p50 %.2f s, p99 %.2f s", percentile(behind, 50).Seconds(), percentile(behind, 99).Seconds())))
		return nil
	})
	return results, err
}

func meanMillis(ds []time.Duration) float64 {
	var sum time.Duration
	for _, d := range ds {
		sum += d
	}
	return millis(sum) / float64(len(ds))
}

// pace lets the writers commit at the steady rate, and gives how long each commit
// took. After is told when each was answered; nil is not.
func pace(ctx context.Context, edits *editors, d time.Duration, after func(at time.Time)) (took []time.Duration, err error) {
	var mu sync.Mutex
	began := time.Now()
	err = together(ctx, writers, func(ctx context.Context, w int) error {
		for n := w; ; n += writers {
			due := time.Duration(n) * time.Second / commitRate
			if due >= d {
				return nil
			}
			select {
			case <-time.After(due - time.Since(began)):
			case <-ctx.Done():
				return ctx.Err()
			}
			start := time.Now()
			if err := edits.edit(ctx, w); err != nil {
				return err
			}
			end := time.Now()
			mu.Lock()
			took = append(took, end.Sub(start))
			if after != nil {
				after(end)
			}
			mu.Unlock()
		}
	})
	return took, err
}

// attested is pace with a log that follows, and gives too how long after its answer
// each commit was under a checkpoint.
func attested(ctx context.Context, s *store.Store, edits *editors, dir string, d time.Duration) (took, lags []time.Duration, err error) {
	l, err := attest.Open(ctx, attest.Options{Dir: dir, Store: s, Fallback: "bench/tlog"})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	head, err := l.WaitCheckpoint(ctx, int64(s.Seq())-1)
	if err != nil {
		return nil, nil, err
	}
	behind := lagging{head: head.Size}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		for at := head.Size; ; {
			next, err := l.WaitCheckpoint(watching, at)
			if err != nil {
				return
			}
			at = next.Size
			behind.signed(at)
		}
	})
	took, err = pace(ctx, edits, d, behind.answered)
	stop()
	watch.Wait()
	if err != nil {
		return nil, nil, err
	}
	if head, err = l.WaitCheckpoint(ctx, int64(s.Seq())-1); err != nil {
		return nil, nil, err
	}
	behind.signed(head.Size)
	if len(behind.lags) != len(took) {
		return nil, nil, entity.Internal("bench.attested", fmt.Errorf("%d commits, and %d of them attested", len(took), len(behind.lags)))
	}
	return took, behind.lags, nil
}

// lagging tells how far checkpoints are behind answers. Both come in the log's
// order, or as good as.
type lagging struct {
	mu      sync.Mutex
	head    int64       // the last checkpoint
	early   int         // commits that were signed before their answer was seen
	waiting []time.Time // when those were answered that are not signed yet
	lags    []time.Duration
}

func (l *lagging) answered(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.early > 0 {
		l.early--
		l.lags = append(l.lags, 0)
		return
	}
	l.waiting = append(l.waiting, at)
}

func (l *lagging) signed(size int64) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int(size - l.head)
	l.head = size
	for ; n > 0 && len(l.waiting) > 0; n-- {
		l.lags = append(l.lags, now.Sub(l.waiting[0]))
		l.waiting = l.waiting[1:]
	}
	l.early += n
}
