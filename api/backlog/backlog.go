package backlog

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Options bound a backlog. Every number but Gather has to be given.
type Options[T any] struct {
	Write func([]T)     // does the work of some items, and does not panic
	Size  func(T) int64 // bytes of an item
	// Lane names what an item is written in order with, "" for nothing; nil: none is.
	Lane     func(T) string
	Most     int           // items that have a place: begun, and not yet written
	Queued   int           // items to be written, before those that begin wait for them
	AtOnce   int           // items of one call of Write,
	Bytes    int64         // and their bytes, but for one that has more
	Gather   time.Duration // between two calls of Write, while fewer items than AtOnce wait, and none of a lane
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
	lanes  map[string]*lane // those of items that have a place
	busy   map[string]bool  // lanes of which some are being written
	active int              // writers
	hurry  chan struct{}    // closed when a writer is to gather no longer; nil: none gathers
	rushed int              // who waits for all to be written
	closed bool
	room   chan struct{} // closed when the queue is shorter; nil: nobody waits
	stuck  bool          // somebody waited in vain
}

// lane is the account of one.
type lane struct {
	placed int
	clear  chan struct{} // closed when none is
}

// New makes a backlog, which Close ends.
func New[T any](o Options[T]) *Backlog[T] {
	b := &Backlog[T]{o: o, lanes: map[string]*lane{}, busy: map[string]bool{}, writers: max(2, runtime.GOMAXPROCS(0)/2)}
	b.idle.L = &b.mu
	return b
}

// Begin takes a place for an item of a lane, "" for none, that is to be added later;
// false when there is none.
func (b *Backlog[T]) Begin(ctx context.Context, lane string) bool {
	ok := b.begin(ctx, lane)
	if !ok {
		b.o.Refused()
	}
	return ok
}

func (b *Backlog[T]) begin(ctx context.Context, name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.queue) >= b.o.Queued && !b.stuck && !b.closed {
		if b.room == nil {
			b.room = make(chan struct{})
		}
		if !b.wait(ctx, b.room) {
			break
		}
	}
	if b.closed || b.placed >= b.o.Most || len(b.queue) >= b.o.Queued {
		return false
	}
	b.placed++
	if name != "" {
		l := b.lanes[name]
		if l == nil {
			l = &lane{clear: make(chan struct{})}
			b.lanes[name] = l
		}
		l.placed++
	}
	return true
}

// Await returns when what has a place in a lane is written, or ctx ends.
func (b *Backlog[T]) Await(ctx context.Context, name string) {
	b.mu.Lock()
	l := b.lanes[name]
	b.mu.Unlock()
	if l == nil {
		return
	}
	select {
	case <-l.clear:
	case <-ctx.Done():
	}
}

// wait waits without the lock; false when it was in vain.
func (b *Backlog[T]) wait(ctx context.Context, room <-chan struct{}) bool {
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
	switch {
	case b.hurry != nil:
		if len(b.queue) >= b.o.AtOnce || b.lane(item) != "" {
			b.hurryUp()
		}
	case b.active == 0, b.active < b.writers && len(b.queue) >= b.o.AtOnce:
		b.active++
		go b.drain() // which Flush waits for
	}
}

// drain is a writer.
func (b *Backlog[T]) drain() {
	for batch := b.take(); batch != nil; batch = b.take() {
		b.o.Write(batch)
		b.written(batch)
		b.gather()
	}
}

// written gives back the places of items that are written.
func (b *Backlog[T]) written(batch []T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.placed -= len(batch)
	for _, item := range batch {
		name := b.lane(item)
		delete(b.busy, name)
		if l := b.lanes[name]; l != nil {
			if l.placed--; l.placed == 0 {
				close(l.clear)
				delete(b.lanes, name)
			}
		}
	}
}

// gather lets items come together, as what is written together costs less: until
// there are enough, or one of a lane, whose next may be waiting for it.
func (b *Backlog[T]) gather() {
	b.mu.Lock()
	if b.o.Gather == 0 || b.hurry != nil || b.rushed > 0 || b.closed || len(b.queue) >= b.o.AtOnce ||
		slices.ContainsFunc(b.queue, func(item T) bool { return b.lane(item) != "" }) {
		b.mu.Unlock()
		return
	}
	hurry := make(chan struct{})
	b.hurry = hurry
	b.mu.Unlock()
	enough := time.NewTimer(b.o.Gather)
	defer enough.Stop()
	select {
	case <-hurry:
	case <-enough.C:
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.hurry == hurry {
			b.hurry = nil
		}
	}
}

// hurryUp has the writer that gathers take what there is. It is called under the
// lock.
func (b *Backlog[T]) hurryUp() {
	if b.hurry != nil {
		close(b.hurry)
		b.hurry = nil
	}
}

// take takes items that are written next; there are none when it gives nil, and the
// writer ends. Of a lane that another writer is at it takes nothing: that one looks
// again when it is done.
func (b *Backlog[T]) take() (batch []T) {
	b.mu.Lock()
	defer b.mu.Unlock()
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
	b.rushed++
	b.hurryUp()
	for b.placed > 0 || b.active > 0 {
		b.idle.Wait()
	}
	b.rushed--
}

// Close gives no more places, and waits until what has one is written.
func (b *Backlog[T]) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.Flush()
}
