package limit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTake(t *testing.T) {
	l := New(Options{Burst: 3, Every: 10 * time.Second})
	now := time.Unix(1_800_000_000, 0)
	for range 3 {
		if _, _, ok := l.Take("a", now); !ok {
			t.Fatal("a burst is refused")
		}
	}
	for range 3 { // asking takes nothing
		if _, wait, ok := l.Take("a", now.Add(4*time.Second)); ok || wait.Round(time.Millisecond) != 6*time.Second {
			t.Errorf("the fourth: %v, wait %v", ok, wait)
		}
	}
	if _, _, ok := l.Take("b", now); !ok {
		t.Error("another key is refused")
	}
	now = now.Add(10 * time.Second)
	back, _, ok := l.Take("a", now)
	if !ok {
		t.Fatal("refused after the time it said")
	}
	if _, _, ok := l.Take("a", now); ok {
		t.Error("two for one")
	}
	back()
	if _, _, ok := l.Take("a", now.Add(time.Second)); !ok {
		t.Error("what was given back is gone")
	}
}

// Attempts at the same time get as many tokens as there are.
func TestTakeTogether(t *testing.T) {
	l := New(Options{Burst: 5, Every: time.Hour})
	now := time.Unix(1_800_000_000, 0)
	var got atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, _, ok := l.Take("a", now); ok {
				got.Add(1)
			}
		})
	}
	wg.Wait()
	if got.Load() != 5 {
		t.Errorf("%d of 5 tokens were taken", got.Load())
	}
}

// Memory is bounded, and the key in use stays.
func TestBounded(t *testing.T) {
	l := New(Options{Burst: 1, Every: time.Hour, Keys: 10})
	now := time.Unix(1_800_000_000, 0)
	l.Take("busy", now)
	for i := range 100 {
		l.Take(fmt.Sprint(i), now)
		if _, _, ok := l.Take("busy", now); ok {
			t.Fatal("the key in use was forgotten")
		}
	}
	if len(l.byKey) != 10 || l.used.Len() != 10 {
		t.Errorf("%d keys, %d in order", len(l.byKey), l.used.Len())
	}
}

func BenchmarkTake(b *testing.B) {
	l := New(Options{Burst: 5, Every: time.Second})
	now := time.Unix(1_800_000_000, 0)
	b.ReportAllocs()
	for b.Loop() {
		l.Take("a", now)
	}
}
