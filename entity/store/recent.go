package store

import (
	"slices"
	"sync/atomic"

	"stemma/entity"
)

// Bounds of what is kept of the log in memory.
const (
	mostRecent        = 64
	mostRecentChanges = 16 << 10
)

// recent is the end of the log, as the committer has it: followers, which are woken
// by each commit, would each decode it again. It is never changed; the next commit
// makes another.
type recent struct {
	records []*entity.Record // one after the other, to the last
	changes int
}

// recents are what [Store] shows of it.
type recents struct{ atomic.Pointer[recent] }

// add takes in what was committed.
func (r *recents) add(accepted []*tx) {
	next := &recent{}
	if old := r.Load(); old != nil {
		*next = *old
	}
	next.records = slices.Clip(next.records)
	for _, t := range accepted {
		if r := t.record; len(r.Changes) > 0 {
			next.records = append(next.records, &r)
			next.changes += len(r.Changes)
		}
	}
	for len(next.records) > mostRecent || next.changes > mostRecentChanges && len(next.records) > 0 {
		next.changes -= len(next.records[0].Changes)
		next.records = next.records[1:]
	}
	r.Store(next)
}

// after are the records that hold changes after one and up to another; ok is false
// where not all of them are here.
func (r *recents) after(after, upTo entity.Seq) (records []*entity.Record, ok bool) {
	at := r.Load()
	if after >= upTo {
		return nil, true
	}
	if at == nil || len(at.records) == 0 || at.records[0].Seq > after+1 {
		return nil, false
	}
	records = at.records
	for len(records) > 0 && records[0].Last() <= after {
		records = records[1:]
	}
	for len(records) > 0 && records[len(records)-1].Seq > upTo {
		records = records[:len(records)-1]
	}
	return records, len(records) > 0 && records[len(records)-1].Last() == upTo
}
