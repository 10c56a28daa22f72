package recorder

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func newQueue(queued int) *recorder {
	a := &recorder{calls: queued, queue: make([]*recording, queued)}
	for i := range a.queue {
		a.queue[i] = &recording{}
	}
	a.idle.L = &a.mu
	a.writers = 1
	return a
}

// A call waits while the queue is long, and has its place when it is shorter.
func TestBeginWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newQueue(mostQueued)
		placed := make(chan bool, 1)
		go func() { placed <- a.begin(t.Context()) }()
		synctest.Wait()
		select {
		case ok := <-placed:
			t.Fatalf("it did not wait: %v", ok)
		default:
		}
		if n := len(a.take(0)); n != mostAtOnce {
			t.Errorf("%d calls are taken at once, want %d", n, mostAtOnce)
		}
		if !<-placed {
			t.Error("there was room, and it has no place")
		}
	})
}

// Where nothing is written any more one wait is the last: calls go on at once
// until there is room again.
func TestBeginDoesNotWaitForWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newQueue(mostQueued)
		began := time.Now()
		if a.begin(t.Context()) || time.Since(began) != patience {
			t.Errorf("the first has a place, or gave up after %s", time.Since(began))
		}
		began = time.Now()
		if a.begin(t.Context()) || time.Since(began) != 0 {
			t.Errorf("the second has a place, or waited for %s", time.Since(began))
		}
		a.take(0)
		if !a.begin(t.Context()) {
			t.Error("there is room again, and the third has no place")
		}
		a.queue, a.stuck = make([]*recording, mostQueued), false
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if began = time.Now(); a.begin(gone) || time.Since(began) != 0 || a.stuck {
			t.Error("who is gone waits, or says that nothing is written")
		}
	})
}

// What is taken is in the order of its coming, and bounded in bytes; large calls
// go one by one.
func TestTakeIsBounded(t *testing.T) {
	a := newQueue(4)
	all := append([]*recording(nil), a.queue...)
	all[0].request.counted, all[1].response.counted, all[3].request.counted = bytesAtOnce/2, bytesAtOnce/2, 2*bytesAtOnce
	done := 0
	for _, want := range [][]*recording{all[:3], all[3:], nil} {
		got := a.take(done)
		if len(got) != len(want) {
			t.Fatalf("%d calls are taken, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("call %d of a batch is another", i)
			}
		}
		done = len(got)
	}
	if a.calls != 0 || a.writers != 0 || len(a.queue) != 0 {
		t.Errorf("left: %d calls, %d writers, %d queued", a.calls, a.writers, len(a.queue))
	}
}
