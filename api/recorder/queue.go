package recorder

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"stemma/api/auth"
	"stemma/api/recorder/dialect"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
)

// Bounds on what the recording of calls holds, and takes at once.
const (
	captureEach = 1 << 20  // bytes of a request, and of a response
	captureAll  = 64 << 20 // bytes of all calls under way and not yet recorded
	mostCalls   = 1024     // under way and not yet recorded
	mostQueued  = 512      // over and not yet recorded, before the next ones wait for them
	mostAtOnce  = 128      // calls in one transaction,
	bytesAtOnce = 1 << 20  // with so many bytes, but for one that has more
	mostWriters = 2        // transactions under way: one waits for the disk while the other reads
)

// patience is how long a call waits before it goes on unrecorded.
const patience = time.Second

// recorder is the account of the calls that are recorded: from when they begin
// to when they are written down.
//
// Calls that are over wait in a queue, from which a writer takes what has come
// together and records it in one transaction. There is a writer while there is
// something to write. Where calls come faster than they are written, new ones wait
// until the queue is shorter; when that does not come about in time, as with a disk
// that hangs, they go on at once and unrecorded until it does.
type recorder struct {
	held atomic.Int64 // bytes

	mu      sync.Mutex
	idle    sync.Cond // calls and writers are 0
	calls   int       // that have a place
	queue   []*recording
	writers int
	closed  bool
	room    chan struct{} // closed when the queue is shorter; nil: nobody waits
	stuck   bool          // somebody waited in vain
}

// begin takes a place among the calls that are recorded; false when there is
// none, and the call goes on without.
func (a *recorder) begin(ctx context.Context) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.queue) >= mostQueued && !a.stuck && !a.closed {
		if a.room == nil {
			a.room = make(chan struct{})
		}
		if !a.await(ctx, a.room) {
			break
		}
	}
	if a.closed || a.calls >= mostCalls || len(a.queue) >= mostQueued {
		return false
	}
	a.calls++
	return true
}

// await waits without the lock; false when it was in vain.
func (a *recorder) await(ctx context.Context, room <-chan struct{}) bool {
	a.mu.Unlock()
	defer a.mu.Lock()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-room:
		return true
	case <-ctx.Done():
		return false
	case <-late.C:
	}
	a.mu.Lock()
	a.stuck = len(a.queue) >= mostQueued
	a.mu.Unlock()
	return false
}

// add puts a call that is over into the queue; true when it takes a new writer.
func (a *recorder) add(rec *recording) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queue = append(a.queue, rec)
	another := a.writers == 0 || a.writers < mostWriters && len(a.queue) >= mostAtOnce
	if another {
		a.writers++
	}
	return another
}

// take gives back the places of calls that are done with, and takes the next
// ones; none are left when it gives nil, and the writer ends.
func (a *recorder) take(done int) (batch []*recording) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls -= done
	var bytes int64
	for len(batch) < min(len(a.queue), mostAtOnce) {
		rec := a.queue[len(batch)]
		bytes += rec.request.counted + rec.response.counted
		if len(batch) > 0 && bytes > bytesAtOnce {
			break
		}
		batch = append(batch, rec)
	}
	a.queue = append(a.queue[:0], a.queue[len(batch):]...)
	clear(a.queue[len(a.queue):cap(a.queue)])
	if len(a.queue) < mostQueued {
		a.stuck = false
		if a.room != nil {
			close(a.room)
			a.room = nil
		}
	}
	if len(batch) == 0 {
		a.writers--
	}
	if a.calls == 0 && a.writers == 0 {
		a.idle.Broadcast()
	}
	return batch
}

// Flush waits until no call is under way or to be recorded.
func (s *Service) Flush() {
	a := &s.recorder
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.calls > 0 || a.writers > 0 {
		a.idle.Wait()
	}
}

// Close records no more calls, and waits until those that are under way have
// ended and are recorded: what serves them is to be stopped before.
func (s *Service) Close() error {
	s.recorder.mu.Lock()
	s.recorder.closed = true
	s.recorder.mu.Unlock()
	s.Flush()
	return nil
}

// lost counts a call that is not recorded.
func (s *Service) lost(why string) {
	s.dropped.WithLabelValues(why).Inc()
	s.logger.Warn("a call was not recorded", "why", why)
}

// drain is a writer.
func (s *Service) drain() {
	done := 0
	for {
		batch := s.recorder.take(done)
		if batch == nil {
			return
		}
		s.write(batch)
		for _, rec := range batch {
			rec.request.release()
			rec.response.release()
		}
		done = len(batch)
	}
}

// heard is a call that has been made sense of.
type heard struct {
	*recording
	call             dialect.Call
	metadata, bodies fields
	records          []record
}

// write records calls, each with those of the same caller that came with it.
func (s *Service) write(batch []*recording) {
	type group struct {
		who     access.Principal
		network entity.Network
		calls   []*heard
	}
	var groups []*group
	for _, rec := range batch {
		c := rec.hear()
		if c == nil {
			continue
		}
		who, network := auth.From(rec.ctx), wire.NetworkOf(rec.ctx)
		at := len(groups)
		for i, g := range groups {
			if g.network == network && reflect.DeepEqual(g.who, who) {
				at = i
				break
			}
		}
		if at == len(groups) {
			groups = append(groups, &group{who: who, network: network})
		}
		groups[at].calls = append(groups[at].calls, c)
	}
	for _, g := range groups {
		if len(g.calls) > 1 && s.record(g.calls) == nil {
			continue
		}
		for _, c := range g.calls { // one that cannot be recorded takes nobody with it
			s.recordAlone(c)
		}
	}
}

// hear makes sense of a call; nil when that failed.
func (rec *recording) hear() (c *heard) {
	defer func() {
		if p := recover(); p != nil { // a defect in reading must not end the server
			rec.s.defect(p)
			c = nil
		}
	}()
	c = &heard{recording: rec}
	c.call, c.metadata, c.bodies = rec.read()
	c.records = rec.records(&c.call, c.metadata, c.bodies)
	return c
}

func (s *Service) defect(p any) {
	s.logger.Error("recording a call panicked", "panic", p)
	s.lost("defect")
}

// recordAlone records one call; what cannot be recorded is counted and told of.
func (s *Service) recordAlone(c *heard) {
	defer func() {
		if p := recover(); p != nil {
			s.defect(p)
		}
	}()
	err := s.record([]*heard{c})
	if err != nil && entity.KindOf(err) == entity.KindTooLarge {
		c.metadata["bodies"] = "left out: together they are larger than a block"
		c.records = c.recording.records(&c.call, c.metadata, fields{})
		err = s.record([]*heard{c})
	}
	if err != nil {
		s.logger.Warn("a call was not recorded", "provider", c.proxied.provider.Name, "err", err)
		s.dropped.WithLabelValues("refused").Inc()
	}
}

// record records calls of one caller in one transaction: all, or none.
func (s *Service) record(calls []*heard) (err error) {
	defer func() {
		if p := recover(); p != nil && len(calls) > 1 { // whose it is shows when each is alone
			err = entity.Errorf(entity.KindInternal, "recorder.record", "panic: %v", p)
		} else if p != nil {
			panic(p)
		}
	}()
	return s.update(calls[0].ctx, func(tx *guard.Tx) error {
		a := s.applier(tx)
		for _, c := range calls {
			a.from, a.refs, a.answers = callerIn{Agent: c.proxied.agent, internal: true}, map[string]int{}, nil
			if err := a.all(c.records); err != nil {
				return err
			}
		}
		return nil
	})
}
