package bench

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"stemma/entity"
)

// spent is what a command took.
type spent struct {
	took time.Duration // from its start to its end
	cpu  time.Duration // of all its threads, which others on the machine hardly change
	peak int64         // the most physical memory it had, in bytes
}

// rate is how much of n a second that was.
func (s spent) rate(n int64) []float64 { return []float64{float64(n) / s.took.Seconds()} }

// memoryEvery is how often a command's memory is looked at. The kernel keeps
// the most itself, so only what it grows by in its last moment is missed.
const memoryEvery = 20 * time.Millisecond

// tool runs a command of this binary to its end.
func (r *runner) tool(ctx context.Context, args ...string) (s spent, err error) {
	called := args
	if r.Profile != "" {
		called = slices.Concat([]string{"--cpu-profile", r.profilePath(args[0])}, args)
	}
	cmd := r.Tool(ctx, called...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return s, fmt.Errorf("bench tool: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			s.took = time.Since(began)
			s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			if err != nil {
				return s, fmt.Errorf("bench tool: %v: %w: %.2000s", args, err, said.Bytes())
			}
			return s, nil
		case <-tick.C:
			if m, err := memoryOf(cmd.Process.Pid); err == nil { // it may have ended just now
				s.peak = max(s.peak, m.peak)
			}
		}
	}
}

// holds makes sure that a store has so many changes beside those of its first
// user.
func (r *runner) holds(data string, changes int) (err error) {
	s, _, err := r.openStore(mainStore(data))
	if err != nil {
		return err
	}
	if got := int(s.Seq()); got < changes || got > changes+firstChanges {
		err = entity.Errorf(entity.KindInternal, "bench.holds", "the store in %s has %d changes, not %d", filepath.Base(data), got, changes)
	}
	if closing := s.Close(); err == nil {
		err = closing
	}
	return err
}

// firstChanges is how many changes a new store's first user may take.
const firstChanges = 5
