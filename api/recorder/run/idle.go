package run

import (
	"bytes"
	"encoding/binary"
	"time"

	"stemma/entity"
)

// LeftOpen is the error type of a run that [EndIdle] ended.
const LeftOpen = "left_open"

func openKey(s *Summary) []byte {
	if s.Status != Running {
		return nil
	}
	key := append([]byte{spaceOpen}, s.Collection...)
	return append(binary.BigEndian.AppendUint64(key, uint64(max(0, s.Started))), s.ID...)
}

// Unended is a run that has not ended.
type Unended struct {
	ID, Collection entity.ID
	Started        int64 // ms since 1970
}

// UnendedCursor is a place in a list of runs that have not ended. nil begins.
type UnendedCursor []byte

// ListUnended gives runs that have not ended, deleted runs among them: by
// collection, and in each the oldest first. next is where to go on, nil at the end.
func ListUnended(r entity.Reader, after UnendedCursor, limit int) (all []Unended, next UnendedCursor, err error) {
	for row, err := range r.Rows(projectionName).Scan([]byte{spaceOpen}, after) {
		if err != nil {
			return nil, nil, err
		}
		if bytes.Equal(row.Key, after) {
			continue
		}
		if len(all) == limit {
			return all, next, nil
		}
		key := bytes.Clone(row.Key)
		all = append(all, Unended{
			Collection: entity.ID(key[1 : 1+idLength]), Started: int64(binary.BigEndian.Uint64(key[1+idLength:])), ID: entity.ID(key[1+idLength+8:]),
		})
		next = key
	}
	return all, nil, nil
}

// LastAt is when the last of a run came, in ms since 1970; 0 of one of which nothing
// is recorded.
func LastAt(r entity.Reader, id entity.ID) (int64, error) {
	head, err := r.ChainHead(id, Chain)
	if err != nil || head.N == 0 {
		return 0, err
	}
	e, err := bare(r, head.CID)
	if err != nil {
		return 0, err
	}
	return e.TS, nil
}

// EndIdle ends a run that nobody ended and of which nothing came since a time, in ms
// since 1970: it timed out when the last of it came, with [LeftOpen] for its error
// type. ended is false where there was nothing to do.
func EndIdle(tx entity.Tx, id entity.ID, before int64, judge Judge, salt Salt, now time.Time) (ended bool, err error) {
	h, err := tx.Head(id)
	if err != nil || h.Deleted {
		return false, err
	}
	m, err := tx.Manifest(h.CID())
	if err != nil {
		return false, err
	}
	if s := SummaryOf(m); s == nil || s.Status != Running {
		return false, nil
	}
	last, err := LastAt(tx, id)
	if err != nil || last == 0 || last >= before {
		return false, err
	}
	w, err := Continue(tx, h, salt, now)
	if err != nil {
		return false, err
	}
	_, _, err = w.End(Finish{Status: TimedOut, At: time.UnixMilli(last).UTC(), Body: entity.Properties{
		"error_type": LeftOpen, "partial": "nobody ended the run; the server did, as nothing more came",
	}}, judge)
	return err == nil, err
}
