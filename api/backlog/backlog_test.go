package backlog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// rig is a backlog of numbers, whose sizes they are, and what was written of it.
type rig struct {
	*Backlog[int]
	gate    chan struct{} // closed: nothing is held up
	started chan struct{} // for each batch
	mu      sync.Mutex
	batches [][]int
	refused int
}

func newRig(queued, atOnce int) *rig {
	r := &rig{gate: make(chan struct{}), started: make(chan struct{}, 100)}
	r.Backlog = New(Options[int]{
		Write: func(batch []int) {
			r.started <- struct{}{}
			<-r.gate
			r.mu.Lock()
			defer r.mu.Unlock()
			r.batches = append(r.batches, slices.Clone(batch))
		},
		Size: func(n int) int64 { return int64(n) },
		Most: 10, Queued: queued, AtOnce: atOnce, Bytes: 100, Patience: time.Second,
		Refused: func() { r.refused++ },
	})
	r.writers = 1
	return r
}

// fill adds items with a place each; the first is with the writer then.
func (r *rig) fill(t *testing.T, items ...int) {
	t.Helper()
	for i, n := range items {
		if !r.Begin(t.Context(), "") {
			t.Fatalf("no place for %d", n)
		}
		r.Add(n)
		if i == 0 {
			<-r.started
		}
	}
}

// All is written, in order and together, within the bounds on how much; what is
// larger than the bound goes alone.
func TestBatches(t *testing.T) {
	r := newRig(10, 4)
	r.fill(t, 1, 2, 3, 4, 5, 60, 50, 200, 6)
	close(r.gate)
	r.Close()
	if got, want := fmt.Sprint(r.batches), "[[1] [2 3 4 5] [60] [50] [200] [6]]"; got != want {
		t.Errorf("written are %s, want %s", got, want)
	}
	if r.Begin(t.Context(), "") || r.refused != 1 {
		t.Errorf("there is a place after the end, or %d were told", r.refused)
	}
}

// What begins waits while there is much to write, and has its place when there is
// less.
func TestBeginWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(3, 2)
		r.fill(t, 1, 2, 3, 4)
		placed := make(chan bool, 1)
		go func() { placed <- r.Begin(t.Context(), "") }()
		synctest.Wait()
		select {
		case ok := <-placed:
			t.Fatalf("it did not wait: %v", ok)
		default:
		}
		close(r.gate)
		if !<-placed || r.refused != 0 {
			t.Error("there was room, and it has no place")
		}
		r.Add(5)
		r.Close()
	})
}

// Where nothing is written any more one wait is the last: what begins is refused at
// once until there is room again.
func TestBeginDoesNotWaitForWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(3, 2)
		r.fill(t, 1, 2, 3, 4)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for _, c := range []struct {
			who   string
			ctx   context.Context
			after time.Duration
		}{{"who is gone", gone, 0}, {"the first", t.Context(), time.Second}, {"the second", t.Context(), 0}} {
			began := time.Now()
			if r.Begin(c.ctx, "") || time.Since(began) != c.after {
				t.Errorf("%s has a place, or waited %s and not %s", c.who, time.Since(began), c.after)
			}
		}
		close(r.gate)
		synctest.Wait()
		if !r.Begin(t.Context(), "") || r.refused != 3 {
			t.Errorf("there is room and no place, or %d were refused", r.refused)
		}
		r.Add(5)
		r.Close()
	})
}

// Places are bounded, whatever is queued.
func TestPlaces(t *testing.T) {
	r := newRig(100, 2)
	for i := range 11 {
		if got, want := r.Begin(t.Context(), ""), i < 10; got != want {
			t.Errorf("place %d: %v", i, got)
		}
	}
	close(r.gate)
	for range 10 {
		r.Add(1)
	}
	r.Flush()
	if r.placed != 0 || r.active != 0 || len(r.queue) != 0 {
		t.Errorf("left are %d places, %d writers, %d queued", r.placed, r.active, len(r.queue))
	}
}

// What is of one lane is written in the order of its coming, however many writers
// there are; others go on beside it.
func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gates, written := map[string]chan struct{}{}, []string{}
		for _, name := range []string{"a1", "b1"} {
			gates[name] = make(chan struct{})
		}
		var mu sync.Mutex
		b := New(Options[string]{
			Write: func(batch []string) {
				if gate := gates[batch[0]]; gate != nil {
					<-gate
				}
				mu.Lock()
				defer mu.Unlock()
				written = append(written, batch...)
			},
			Size: func(string) int64 { return 1 }, Most: 100, Queued: 50, AtOnce: 2, Bytes: 100, Patience: time.Second, Refused: func() {},
			Lane: func(item string) string { return item[:1] },
		})
		b.writers = 3
		add := func(items ...string) {
			for _, item := range items {
				if !b.Begin(t.Context(), "") {
					t.Fatal("no place for ", item)
				}
				b.Add(item)
				synctest.Wait()
			}
		}
		add("a1", "a2", "b1", "a3", "b2", "c1", "a4", "c2", "b3")
		mu.Lock()
		if got, want := fmt.Sprint(written), "[c1 c2]"; got != want {
			t.Errorf("written while a1 and b1 are at it are %s, want %s", got, want)
		}
		mu.Unlock()
		close(gates["b1"])
		synctest.Wait()
		close(gates["a1"])
		b.Close()
		if got, want := fmt.Sprint(written), "[c1 c2 b1 b2 b3 a1 a2 a3 a4]"; got != want {
			t.Errorf("written are %s, want %s", got, want)
		}
		if len(b.busy) != 0 {
			t.Errorf("lanes are still busy: %v", b.busy)
		}
	})
}

// What comes soon after something was written waits for more, but not for long; nor
// when there is enough, or when somebody waits for it.
func TestGather(t *testing.T) {
	for name, c := range map[string]struct {
		add  []string
		do   func(*Backlog[string])
		wait time.Duration
	}{
		"a few":               {add: []string{" 2", " 3"}, wait: 20 * time.Millisecond},
		"enough":              {add: []string{" 2", " 3", " 4", " 5"}},
		"one of a lane":       {add: []string{" 2", "a3"}},
		"somebody flushes":    {add: []string{" 2"}, do: func(b *Backlog[string]) { go b.Flush() }},
		"it is closed":        {add: []string{" 2"}, do: func(b *Backlog[string]) { go b.Close() }},
		"nothing, and then 2": {add: nil, do: func(b *Backlog[string]) { time.Sleep(time.Hour); b.Begin(context.Background(), ""); b.Add(" 2") }, wait: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var at []time.Time
				b := New(Options[string]{
					Write: func([]string) {
						mu.Lock()
						defer mu.Unlock()
						at = append(at, time.Now())
					},
					Size: func(string) int64 { return 1 }, Most: 100, Queued: 50, AtOnce: 4, Bytes: 100, Gather: 20 * time.Millisecond, Patience: time.Second, Refused: func() {},
					Lane: func(item string) string { return strings.TrimSpace(item[:1]) },
				})
				add := func(item string) {
					if !b.Begin(t.Context(), "") {
						t.Fatal("no place for ", item)
					}
					b.Add(item)
				}
				add(" 1")
				synctest.Wait()
				for _, item := range c.add {
					add(item)
				}
				if c.do != nil {
					c.do(b)
				}
				synctest.Wait()
				time.Sleep(time.Minute)
				b.Close()
				mu.Lock()
				defer mu.Unlock()
				if len(at) != 2 || at[1].Sub(at[0]) != c.wait {
					t.Errorf("written at %v, want a second time after %s", at, c.wait)
				}
			})
		})
	}
}

// Who waits for a lane waits for what has a place in it, and for nothing else.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		b := New(Options[string]{
			Write: func([]string) { <-gate },
			Size:  func(string) int64 { return 1 }, Most: 100, Queued: 50, AtOnce: 4, Bytes: 100, Patience: time.Second, Refused: func() {},
			Lane: func(item string) string { return item[:1] },
		})
		for _, item := range []string{"a1", "a2", "b1"} {
			if !b.Begin(t.Context(), item[:1]) {
				t.Fatal("no place for ", item)
			}
		}
		b.Add("b1")
		began := time.Now()
		b.Await(t.Context(), "c")
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b.Await(late, "a")
		if took := time.Since(began); took != time.Second {
			t.Errorf("it waited %s for what never comes, and for nothing", took)
		}
		over := make(chan struct{})
		go func() { b.Await(t.Context(), "a"); close(over) }()
		b.Add("a1")
		close(gate)
		synctest.Wait()
		select {
		case <-over:
			t.Error("it did not wait for the second")
		default:
		}
		b.Add("a2")
		<-over
		b.Close()
		if len(b.lanes) != 0 {
			t.Errorf("lanes are left: %v", b.lanes)
		}
	})
}
