package limit

import (
	"container/list"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Options say how often.
type Options struct {
	Burst int           // attempts at once
	Every time.Duration // how long until one more is allowed
	Keys  int           // that are remembered; 0: 16384, about 4 MB
}

const defaultKeys = 1 << 14

// Limiter bounds attempts by key. Its methods may be called concurrently.
type Limiter struct {
	o     Options
	mu    sync.Mutex
	byKey map[string]*list.Element // of *bucket
	used  *list.List               // most recently used first
}

type bucket struct {
	key    string
	tokens *rate.Limiter
}

// New makes a limiter that all keys have their whole burst of.
func New(o Options) *Limiter {
	if o.Keys == 0 {
		o.Keys = defaultKeys
	}
	return &Limiter{o: o, byKey: make(map[string]*list.Element), used: list.New()}
}

// Take takes an attempt of key. When there is none, ok is false and wait is how
// long until there is one; nothing is taken then. giveBack returns the attempt.
func (l *Limiter) Take(key string, now time.Time) (giveBack func(), wait time.Duration, ok bool) {
	tokens := l.bucket(key)
	r := tokens.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 || !r.OK() {
		r.CancelAt(now)
		if !r.OK() {
			wait = math.MaxInt64
		}
		return nil, wait, false
	}
	return func() { r.CancelAt(now) }, 0, true // as of then: a token that is due cannot be cancelled later
}

func (l *Limiter) bucket(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.byKey[key]; ok {
		l.used.MoveToFront(e)
		return e.Value.(*bucket).tokens
	}
	if l.used.Len() >= l.o.Keys {
		last := l.used.Back()
		delete(l.byKey, last.Value.(*bucket).key)
		l.used.Remove(last)
	}
	b := &bucket{key: key, tokens: rate.NewLimiter(rate.Every(l.o.Every), l.o.Burst)}
	l.byKey[key] = l.used.PushFront(b)
	return b.tokens
}
