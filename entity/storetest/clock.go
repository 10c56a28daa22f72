package storetest

import (
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Clock stands still until it is moved. It is safe for concurrent use.
type Clock struct{ ms atomic.Int64 }

// NewClock is a clock at the beginning of 2026, UTC.
func NewClock() *Clock {
	c := new(Clock)
	c.ms.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

// Now is the clock's time, in whole milliseconds.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.ms.Load()) }

// Advance moves the clock, backwards too.
func (c *Clock) Advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// Entropy is a source of the same random bytes for the same seed. It is safe
// for concurrent use.
func Entropy(seed uint64) io.Reader {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return &entropy{from: rand.NewChaCha8(key)}
}

type entropy struct {
	mu   sync.Mutex
	from *rand.ChaCha8
}

func (e *entropy) Read(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.from.Read(p)
}
