package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"stemma/entity"
)

// Bounds on one batch. Badger refuses a transaction beyond about 9.6 MB or
// 100,000 entries at its default table size.
const (
	maxBatch      = 1024    // closures
	maxBatchBytes = 6 << 20 // keys and values; one closure may fill it alone
	maxBatchKeys  = 60_000
)

// proposal is an Update on its way through the committer.
type proposal struct {
	ctx   context.Context
	actor entity.Actor
	fn    func(entity.Tx) error
	tx    *tx // the optimistic run
	seq   entity.Seq
	err   error
	panic any
	done  chan struct{}
}

var proposals = sync.Pool{New: func() any { return &proposal{done: make(chan struct{}, 1)} }}

// Update runs fn and commits what it wrote; see [entity.Store].
func (s *Store) Update(ctx context.Context, by entity.Actor, fn func(entity.Tx) error) (entity.Seq, error) {
	const op = "store.Update"
	if err := ctxError(op, ctx); err != nil {
		return 0, err
	}
	t, err := s.settle(ctx, by, fn)
	if t != nil {
		defer s.claims.release(t.mine)
	}
	switch {
	case err != nil:
		return 0, err // fn failed on what is true now, or ctx ended
	case t.inline: // the committer runs fn
	case len(t.writes) == 0:
		return t.at.seq, nil
	}
	p := proposals.Get().(*proposal)
	*p = proposal{ctx: ctx, actor: by, fn: fn, tx: t, done: p.done}
	select {
	case <-s.closed:
		return 0, errClosed(op)
	case s.queue <- p:
	}
	select {
	case <-p.done:
	case <-s.done: // the committer has left; it may have answered on its way out
		select {
		case <-p.done:
		default:
			return 0, errClosed(op)
		}
	}
	seq, err, fault := p.seq, p.err, p.panic
	p.ctx, p.fn, p.tx, p.panic = nil, nil, nil, nil
	proposals.Put(p)
	if fault != nil {
		panic(fault)
	}
	return seq, err
}

// maxWaits is how often a run waits for others before it leaves its closure to
// the committer.
const maxWaits = 4

// settle runs fn on the latest committed state until no other run is in its
// way. What comes back is either a run to be committed, or inline.
func (s *Store) settle(ctx context.Context, by entity.Actor, fn func(entity.Tx) error) (*tx, error) {
	for wait := 0; ; wait++ {
		t, err := s.try(by, fn)
		if t == nil || t.busy == nil && !t.inline {
			return t, err
		}
		s.claims.release(t.mine) // before waiting, or two runs could wait for each other
		t.mine = nil
		if t.inline || wait == maxWaits {
			t.inline = true
			return t, nil
		}
		select {
		case <-t.busy:
		case <-ctx.Done():
			return nil, ctxError("store.Update", ctx)
		}
	}
}

// try runs fn on the latest committed state. There is no run when the store is
// closed.
func (s *Store) try(by entity.Actor, fn func(entity.Tx) error) (t *tx, err error) {
	v, err := s.open("store.Update")
	if err != nil {
		return nil, err
	}
	t = newTx(v, by)
	defer t.release()
	defer func() {
		if fault := recover(); fault != nil {
			s.claims.release(t.mine)
			panic(fault)
		}
	}()
	return t, fn(t)
}

func (s *Store) commitLoop() {
	defer close(s.done)
	var carry *proposal
	for {
		first := carry
		carry = nil
		if first == nil {
			select {
			case first = <-s.queue:
			case <-s.closed:
				s.refuseQueued()
				return
			}
		}
		carry = s.commitBatch(first)
	}
}

// refuseQueued answers what is still queued when the store closes.
func (s *Store) refuseQueued() {
	for {
		select {
		case p := <-s.queue:
			p.finish(0, errClosed("store.Update"))
		default:
			return
		}
	}
}

func (p *proposal) finish(seq entity.Seq, err error) {
	p.seq, p.err = seq, err
	p.done <- struct{}{}
}

// batch is one Badger transaction in the making.
type batch struct {
	s        *Store
	base     *view // the state before the batch
	at       int64 // time of commit, ms
	members  []*proposal
	accepted []*tx             // of members that write something, in order
	writes   map[string][]byte // of all of them; nil is a deletion
	seq      entity.Seq        // of the last change accepted
	bytes    int
}

// commitBatch commits first and what else is queued, and answers them. It
// gives back a proposal that did not fit any more.
func (s *Store) commitBatch(first *proposal) (carry *proposal) {
	start := time.Now()
	base := s.view()
	defer base.release()
	b := &batch{s: s, base: base, seq: base.at.seq, at: s.clock().UnixMilli(), writes: make(map[string][]byte)}
	for p := first; p != nil; {
		if !b.admit(p) {
			carry = p
			break
		}
		if len(b.members) >= maxBatch {
			break
		}
		select {
		case p = <-s.queue:
		default:
			p = nil
		}
	}
	err := b.commit()
	if err == nil && len(b.accepted) > 0 {
		s.metrics.commit(len(b.accepted), b.bytes, time.Since(start))
		s.wake()
		for _, t := range b.accepted {
			t.giveBack()
		}
	}
	for _, p := range b.members {
		if p.err == nil && err != nil {
			p.seq, p.err = 0, err
		}
		p.done <- struct{}{}
	}
	return carry
}

// admit takes a proposal into the batch: as it was run if all it read still
// holds, else run again. A proposal that fails is a member too, and answered
// with the others, since what it saw may not be on disk yet. false means that
// it does not fit and must come first in the next batch.
func (b *batch) admit(p *proposal) bool {
	t := p.tx
	if err := ctxError("store.Update", p.ctx); err != nil {
		p.err = err
		b.members = append(b.members, p)
		return true
	}
	if t.inline || !b.holds(t) {
		t = b.rerun(p)
	}
	if p.err == nil && p.panic == nil && len(t.writes) > 0 {
		p.err = t.total(b.row(t))
	}
	if p.err == nil && p.panic == nil && len(t.writes) > 0 {
		if len(b.accepted) > 0 && (b.bytes+t.size > maxBatchBytes || len(b.writes)+len(t.writes) > maxBatchKeys) {
			p.tx.inline = true // run it again there, where it stands alone
			return false
		}
		if err := b.accept(t); err != nil {
			p.err = err
		}
	}
	p.seq = b.seq
	b.members = append(b.members, p)
	return true
}

// holds tells whether all that an optimistic run read is still so.
func (b *batch) holds(t *tx) bool {
	for key, version := range t.reads {
		if _, changed := b.writes[key]; changed {
			return false
		}
		if t.at.ts == b.base.at.ts {
			continue
		}
		item, err := b.base.txn.Get([]byte(key))
		switch {
		case errors.Is(err, badger.ErrKeyNotFound):
			if version != 0 {
				return false
			}
		case err != nil || item.Version() != version:
			return false
		}
	}
	return true
}

// row gives what is under a key once t is committed, but for what it adds.
func (b *batch) row(t *tx) func(key []byte) ([]byte, error) {
	return func(key []byte) ([]byte, error) {
		for _, writes := range []map[string][]byte{t.writes, b.writes} {
			if val, ok := writes[string(key)]; ok {
				return val, nil
			}
		}
		val, _, err := b.base.committed(key)
		return val, err
	}
}

// rerun runs a closure in line, on the state that the batch has reached.
func (b *batch) rerun(p *proposal) (t *tx) {
	b.s.metrics.rerun()
	t = newTx(&view{s: b.s, txn: b.base.txn, at: &state{ts: b.base.at.ts, seq: b.seq}}, p.actor)
	t.under = b.writes
	defer func() {
		if p.panic = recover(); p.panic != nil {
			p.err = entity.Internal("store.Update", fmt.Errorf("panic in closure: %v", p.panic))
		}
	}()
	p.err = p.fn(t)
	return t
}

// accept numbers a run's changes and adds its writes to the batch's.
func (b *batch) accept(t *tx) error {
	if t.size > maxBatchBytes || len(t.writes) > maxBatchKeys {
		return entity.Errorf(entity.KindTooLarge, "store.Update", "one transaction would write %d bytes under %d keys; at most %d and %d fit: split it", t.size, len(t.writes), maxBatchBytes, maxBatchKeys)
	}
	if n := len(t.record.Changes); n > 0 {
		t.record.Seq, t.record.At, t.record.Actor = b.seq+1, b.at, t.actor
		row, err := entity.EncodeRow(&t.record)
		if err != nil {
			return err
		}
		t.set(logKey(t.record.Last()), row)
		b.seq += entity.Seq(n)
	}
	if len(b.writes) == 0 {
		b.writes = t.writes // which t has no use for any more
	} else {
		maps.Copy(b.writes, t.writes)
	}
	b.bytes += t.size
	b.accepted = append(b.accepted, t)
	return nil
}

// commit makes the batch durable and then visible.
func (b *batch) commit() error {
	if len(b.accepted) == 0 {
		return nil
	}
	s := b.s
	next := &state{ts: b.base.at.ts + 1, seq: b.seq}
	if err := b.pack(); err != nil {
		return err
	}
	if !s.current {
		b.writes[string(metaKey("format"))] = []byte(format)
	}
	if err := s.write(next.ts, b.writes); err != nil {
		return err
	}
	s.current = true
	s.publish(b.accepted, next.ts)
	s.recents.add(b.accepted)
	s.shown.Store(uint64(next.seq))
	s.state.Store(next)
	if next.ts%64 == 0 {
		s.db.SetDiscardTs(s.oldestRead())
	}
	return nil
}

// entriesKept is of how many rows the memory waits for the next transaction.
const entriesKept = 8 << 10

// write is one Badger transaction at timestamp ts, on disk when it returns.
func (s *Store) write(ts uint64, writes map[string][]byte) error {
	txn := s.db.NewTransactionAt(ts-1, true)
	defer txn.Discard()
	size := 0
	for key := range writes {
		size += len(key)
	}
	// Badger has copied them when the transaction is on disk.
	entries, keys := slices.Grow(s.entries[:0], len(writes)), slices.Grow(s.keys[:0], size)
	if len(writes) <= entriesKept {
		s.entries, s.keys = entries, keys
	}
	defer func() { clear(entries) }()
	for key, val := range writes {
		at := len(keys)
		keys = append(keys, key...)
		var err error
		if val == nil {
			err = txn.Delete(keys[at:len(keys):len(keys)])
		} else {
			entries = append(entries, badger.Entry{Key: keys[at:len(keys):len(keys)], Value: val})
			err = txn.SetEntry(&entries[len(entries)-1])
		}
		if err != nil {
			return commitError(err)
		}
	}
	return commitError(txn.CommitAt(ts, nil))
}

// keepUpTo is how many versions a transaction may write for them to be kept decoded.
// More are an import, or a record of what happened: the next edit will hardly read
// them, and they would drive out what is read.
const keepUpTo = 64

// publish hands committed steps to the projections and takes what was written
// into the caches.
func (s *Store) publish(accepted []*tx, ts uint64) {
	var steps []entity.Transition
	for _, t := range accepted {
		steps = append(steps, t.steps...)
		if len(t.sealed) <= keepUpTo {
			for d, m := range t.sealed {
				s.manifests.put(d, m.manifest, m.bytes)
			}
		}
		for _, h := range t.heads {
			s.heads.keepWritten(h.ID, newestRow[entity.Head]{h, ts})
		}
		for _, name := range t.secrets {
			s.secrets.rewritten(name, newestRow[[]byte]{bytes.Clone(t.writes[string(secretKey(name))]), ts})
		}
	}
	if len(steps) == 0 {
		return
	}
	for _, p := range s.projections {
		p.Committed(steps)
	}
}
