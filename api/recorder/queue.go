package recorder

import (
	"reflect"
	"runtime"
	"time"

	"stemma/api/auth"
	"stemma/api/backlog"
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
	mostCalls   = 2048     // under way and not yet recorded
	mostQueued  = 1024     // over and not yet recorded
	mostAtOnce  = 256      // in one transaction,
	bytesAtOnce = 1 << 20  // with their bodies
)

// gather is how long calls that are over come together before they are recorded.
const gather = 50 * time.Millisecond

// patience is how long a call waits for a place before it goes on unrecorded.
const patience = time.Second

// openQueue makes the queue of the calls that are over and to be recorded.
func (s *Service) openQueue() {
	s.queue = backlog.New(backlog.Options[*recording]{
		Write: s.write, Size: func(rec *recording) int64 { return rec.request.counted + rec.response.counted },
		Lane: func(rec *recording) string { return rec.run }, // its steps are numbered as they come
		Most: mostCalls, Queued: mostQueued, AtOnce: mostAtOnce, Bytes: bytesAtOnce, Gather: gather, Patience: patience,
		Refused: func() { s.lost("no place") },
	})
}

// Flush waits until no call is under way or to be recorded.
func (s *Service) Flush() { s.queue.Flush() }

// Close records no more calls, and waits until those that are under way have
// ended and are recorded: what serves them is to be stopped before. No more content
// is deleted when it returns.
func (s *Service) Close() error {
	s.retention.close()
	s.queue.Close()
	return nil
}

// lost counts a call that is not recorded.
func (s *Service) lost(why string) {
	s.dropped.WithLabelValues(why).Inc()
	s.logger.Warn("a call was not recorded", "why", why)
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
	defer func() {
		for _, rec := range batch {
			rec.request.release()
			rec.response.release()
		}
	}()
	type group struct {
		who     access.Principal
		network entity.Network
		calls   []*heard
	}
	var groups []*group
	for _, rec := range batch {
		runtime.Gosched() // calls that are under way come first
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
		s.recordAll(g.calls)
	}
}

// recordAll records calls of one caller together. Where that fails it halves them,
// until the one that cannot be recorded is alone: it takes nobody with it.
func (s *Service) recordAll(calls []*heard) {
	if len(calls) == 1 {
		s.recordAlone(calls[0])
		return
	}
	if s.record(calls) != nil {
		s.recordAll(calls[:len(calls)/2])
		s.recordAll(calls[len(calls)/2:])
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
			runtime.Gosched() // likewise
			a.from, a.refs, a.answers = callerIn{Agent: c.proxied.agent, internal: true}, map[string]int{}, nil
			if err := a.all(c.records); err != nil {
				return err
			}
		}
		return nil
	})
}
