package recorder

import (
	"context"
	"sync"
	"time"

	"stemma/entity"
)

// longestWait bounds how long an export, or the end of a run, waits for others.
const longestWait = 5 * time.Second

// barrier has the exports of each caller that are being read and recorded. A
// program with much to tell exports in several requests at once (OpenTelemetry's
// batch processors do, when they are flushed), and the one with the root span may
// be the first to be read: before it ends a run it waits for those beside it.
type barrier struct {
	mu    sync.Mutex
	under map[entity.ID]map[*passage]struct{}
}

// passage is one export on its way; done is closed when its spans are recorded,
// but for those that end runs.
type passage struct {
	of   entity.ID
	done chan struct{}
	once sync.Once
}

func (b *barrier) enter(of entity.ID) *passage {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.under == nil {
		b.under = map[entity.ID]map[*passage]struct{}{}
	}
	if b.under[of] == nil {
		b.under[of] = map[*passage]struct{}{}
	}
	p := &passage{of: of, done: make(chan struct{})}
	b.under[of][p] = struct{}{}
	return p
}

// leave tells those who wait, the first time that it is called.
func (b *barrier) leave(p *passage) {
	p.once.Do(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if delete(b.under[p.of], p); len(b.under[p.of]) == 0 {
			delete(b.under, p.of)
		}
		close(p.done)
	})
}

// wait leaves, and returns when those have left that were under way then. Who
// waits has left, so that no two wait for each other.
func (b *barrier) wait(ctx context.Context, p *passage) {
	b.leave(p)
	b.mu.Lock()
	var others []*passage
	for other := range b.under[p.of] {
		others = append(others, other)
	}
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	for _, other := range others {
		select {
		case <-other.done:
		case <-ctx.Done():
			return
		}
	}
}
