package backlog

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// Options bound a backlog. Every number has to be given.
type Options[T any] struct {
	Write func([]T)     // does the work of some items, and does not panic
	Size  func(T) int64 // bytes of an item
	// Lane names what an item is written in order with, "" for nothing; nil: none is.
	Lane     func(T) string
	Most     int           // items that have a place: begun, and not yet written
	Queued   int           // items to be written, before those that begin wait for them
	AtOnce   int           // items of one call of Write,
	Bytes    int64         // and their bytes, but for one that has more
	Patience time.Duration // how long the first waits that there is no room for
	Refused  func()        // is told of each that has no place
}

// Backlog is the account of items from their beginning until they are written.
type Backlog[T any] struct {
	o Options[T]
	// That there may be: half of the cores, as the others are for who asks, but one
	// beside one that waits for the disk.
	writers int

	mu     sync.Mutex
	idle   sync.Cond // there are no places taken and no writers
	placed int
	queue  []T
	busy   map[string]bool // lanes of which some are being written
	active int             // writers
	closed bool
	room   chan struct{} // closed when the queue is shorter; nil: nobody waits
	stuck  bool          // somebody waited in vain
}

// New makes a backlog, which Close ends.
func New[T any](o Options[T]) *Backlog[T] {
	b := &Backlog[T]{o: o, busy: map[string]bool{}, writers: max(2, runtime.GOMAXPROCS(0)/2)}
	b.idle.L = &b.mu
	return b
}

// Begin takes a place for an item that is to be added later; false when there is
// none.
func (b *Backlog[T]) Begin(ctx context.Context) bool {
	ok := b.begin(ctx)
	if !ok {
		b.o.Refused()
	}
	return ok
}

func (b *Backlog[T]) begin(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.queue) >= b.o.Queued && !b.stuck && !b.closed {
		if b.room == nil {
			b.room = make(chan struct{})
		}
		if !b.await(ctx, b.room) {
			break
		}
	}
	if b.closed || b.placed >= b.o.Most || len(b.queue) >= b.o.Queued {
		return false
	}
	b.placed++
	return true
}

// await waits without the lock; false when it was in vain.
func (b *Backlog[T]) await(ctx context.Context, room <-chan struct{}) bool {
	b.mu.Unlock()
	defer b.mu.Lock()
	late := time.NewTimer(b.o.Patience)
	defer late.Stop()
	select {
	case <-room:
		return true
	case <-ctx.Done():
		return false
	case <-late.C:
	}
	b.mu.Lock()
	b.stuck = len(b.queue) >= b.o.Queued
	b.mu.Unlock()
	return false
}

// Add has an item that has a place written. It does not wait.
func (b *Backlog[T]) Add(item T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = append(b.queue, item)
	if b.active == 0 || b.active < b.writers && len(b.queue) >= b.o.AtOnce {
		b.active++
		go b.drain() // which Flush waits for
	}
}

// drain is a writer.
func (b *Backlog[T]) drain() {
	for batch := b.take(nil); batch != nil; batch = b.take(batch) {
		b.o.Write(batch)
	}
}

// take gives back the places of items that are written, and takes the next ones;
// there are none when it gives nil, and the writer ends. Of a lane that another
// writer is at it takes nothing: that one looks again when it is done.
func (b *Backlog[T]) take(written []T) (batch []T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.placed -= len(written)
	for _, item := range written {
		delete(b.busy, b.lane(item))
	}
	batch = b.next()
	for _, item := range batch {
		if lane := b.lane(item); lane != "" {
			b.busy[lane] = true
		}
	}
	left := len(b.queue)
	if left < b.o.Queued {
		b.stuck = false
		if b.room != nil {
			close(b.room)
			b.room = nil
		}
	}
	if len(batch) == 0 {
		b.active--
	}
	if b.placed == 0 && b.active == 0 {
		b.idle.Broadcast()
	}
	return batch
}

// next takes out of the queue what is written next.
func (b *Backlog[T]) next() (batch []T) {
	var bytes int64
	left := b.queue[:0]
	for i, item := range b.queue {
		if len(batch) == b.o.AtOnce {
			left = append(left, b.queue[i:]...)
			break
		}
		if b.busy[b.lane(item)] {
			left = append(left, item)
			continue
		}
		if bytes += b.o.Size(item); len(batch) > 0 && bytes > b.o.Bytes {
			left = append(left, b.queue[i:]...)
			break
		}
		batch = append(batch, item)
	}
	clear(b.queue[len(left):])
	b.queue = left
	return batch
}

func (b *Backlog[T]) lane(item T) string {
	if b.o.Lane == nil {
		return ""
	}
	return b.o.Lane(item)
}

// Flush waits until no place is taken: nothing is under way or to be written.
func (b *Backlog[T]) Flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.placed > 0 || b.active > 0 {
		b.idle.Wait()
	}
}

// Close gives no more places, and waits until what has one is written.
func (b *Backlog[T]) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.Flush()
}
