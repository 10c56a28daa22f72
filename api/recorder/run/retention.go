package run

import (
	"encoding/binary"
	"time"

	"stemma/entity"
)

// PropRetention is the property of a collection of runs that says for how many days
// content is kept after a run has ended. Where there is none it is kept for ever.
const PropRetention = "retention_days"

// propDeleted is what a run's manifest says once its content is deleted, propKept
// that it cannot be.
const (
	propDeleted = "content_deleted"
	propKept    = "content_kept"
)

// Bounds of a retention, in days.
const (
	LeastDays = 1
	MostDays  = 36_500
)

// DaysOf is the retention of a collection; 0 for none.
func DaysOf(m *entity.Manifest) int64 {
	days, _ := m.Properties[PropRetention].(int64)
	if days < LeastDays || days > MostDays {
		return 0
	}
	return days
}

// DueAfter is [DaysOf] as it is at work: 0 also where a hold stops it.
func DueAfter(m *entity.Manifest) int64 {
	if HoldOf(m) != nil {
		return 0
	}
	return DaysOf(m)
}

// Retained yields the collections that have a retention.
func Retained(r entity.Reader) (all []entity.ID, err error) {
	for row, err := range r.Rows(projectionName).Scan([]byte{spaceKept}, nil) {
		if err != nil {
			return nil, err
		}
		all = append(all, entity.ID(row.Key[1:]))
	}
	return all, nil
}

// Due gives runs of a collection that ended before a time, in ms since 1970, and
// have content, the oldest first. after is the last of the page before; "" begins.
func Due(r entity.Reader, collection entity.ID, before int64, after DueCursor, limit int) (ids []entity.ID, next DueCursor, err error) {
	prefix := append([]byte{spaceDue}, collection...)
	for row, err := range r.Rows(projectionName).Scan(prefix, []byte(after)) {
		if err != nil {
			return nil, "", err
		}
		key := string(row.Key)
		if key == string(after) {
			continue
		}
		ended := int64(binary.BigEndian.Uint64(row.Key[len(prefix):]))
		if ended >= before || len(ids) == limit {
			break
		}
		ids, next = append(ids, entity.ID(row.Key[len(prefix)+8:])), DueCursor(key)
	}
	return ids, next, nil
}

// DueCursor is a place in what is due.
type DueCursor string

func dueKey(s *Summary) []byte {
	if s.Status == Running || s.Completed <= 0 || s.Deleted != 0 || s.Kept || s.Held != nil {
		return nil
	}
	key := append([]byte{spaceDue}, s.Collection...)
	return append(binary.BigEndian.AppendUint64(key, uint64(s.Completed)), s.ID...)
}

// Policy is a retention at work.
type Policy struct {
	Days int64
	Now  time.Time // of the transaction
}

// Before is when a run must have ended for its content to go, in ms since 1970.
func (p Policy) Before() int64 { return p.Now.AddDate(0, 0, -int(p.Days)).UnixMilli() }

func (p Policy) session(tx entity.Tx, id entity.ID) error {
	if id == "" {
		return nil
	}
	h, err := tx.Head(id)
	if err != nil || h.CreatedAt >= p.Before() {
		return err
	}
	m, err := tx.Manifest(h.CID())
	if err == nil && m.Properties[propHeldRuns] == nil {
		_, _, err = eraseTail(tx, id, p.Days)
	}
	return err
}

// eraseAtOnce is how many blocks of content one transaction erases.
const eraseAtOnce = 2000

// DeleteContent deletes content of a run that has ended, or was deleted, at most as much as one
// transaction should, from the end on. did tells whether there was something to do,
// more whether there still is. A second time does nothing. The run's next version
// says so, when all of it is deleted.
//
// What was told of the run's session goes with it, where the session is as old.
func DeleteContent(tx entity.Tx, id entity.ID, p Policy) (did, more bool, err error) {
	h, err := tx.Head(id)
	if err != nil {
		return false, false, err
	}
	m, err := tx.Manifest(h.CID())
	for err == nil && m.Deleted() {
		m, err = tx.Manifest(m.PrevCID())
	}
	if err != nil {
		return false, false, err
	}
	s := SummaryOf(m)
	if s == nil || s.Deleted != 0 || s.Kept || s.Held != nil {
		return false, false, nil
	}
	ended := s.Completed
	if s.Status == Running && h.Deleted { // nobody ends it any more
		ended, err = LastAt(tx, id)
	}
	if err != nil || ended == 0 || ended >= p.Before() {
		return false, false, err
	}
	did, more, err = eraseTail(tx, id, p.Days)
	if err != nil || more || h.Deleted { // a deleted run stays as it is
		return did, more, err
	}
	if err := p.session(tx, s.Session); err != nil {
		return did, false, err
	}
	inline, err := hasInline(tx, id)
	if err != nil {
		return did, false, err
	}
	_, err = tx.Put(id, entity.Any, func(m *entity.Manifest) error {
		if m.Note = "content deleted"; inline {
			m.Properties[propKept], m.Note = true, "content is part of the chain and stays"
			return nil
		}
		m.Properties[propDeleted] = map[string]any{"at": entity.FormatTime(p.Now), whyDays: p.Days}
		return nil
	})
	return true, false, err
}

// eraseTail erases the last blocks of an entity's content that are not erased.
func eraseTail(tx entity.Tx, id entity.ID, days int64) (did, more bool, err error) {
	head, err := tx.ChainHead(id, entity.ChainContent)
	if err != nil {
		return false, false, err
	}
	erased, err := entity.Erased(tx, id)
	if err != nil {
		return false, false, err
	}
	to := head.N
	for e := entity.ErasureHolding(erased, to); e != nil; e = entity.ErasureHolding(erased, to) {
		to = e.From - 1
	}
	if to < 1 {
		return false, false, nil
	}
	from := max(1, to-eraseAtOnce+1)
	_, err = tx.Erase(id, entity.Erasure{From: from, To: to, Why: entity.Properties{whyDays: days}})
	return true, from > 1, err
}

// hasInline tells whether entries have content in their own blocks, as they were
// recorded before content had blocks of its own: it is what the hashes of the chain
// are of, and cannot go without them.
func hasInline(tx entity.Tx, id entity.ID) (bool, error) {
	for e, err := range Bare(tx, id) {
		if err != nil || e.inline() {
			return err == nil, err
		}
	}
	return false, nil
}

func (e *Entry) inline() bool {
	return e.Input != nil || e.Output != nil || e.Reasoning != nil || e.Error != "" || e.Metadata != nil || e.Usage != nil || e.ToolCalls != nil || e.Request != nil ||
		e.Response != nil || e.Arguments != nil || e.Result != nil || e.TargetSystem != nil || e.SystemPrompt != nil || e.Instructions != nil || e.Documents != nil
}
