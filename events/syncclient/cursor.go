package syncclient

import (
	"strconv"
	"strings"

	"stemma/entity"
)

// Cursor is a place in a log: everything up to the change Seq has been seen.
// The zero value is before the first. Last and CID name the last event that was
// seen at or before it, by which the log is recognised.
//
// Its text, which [ParseCursor] reads, is like 120, or 120:118:bafyrei….
type Cursor struct {
	Seq  entity.Seq
	Last entity.Seq // 0: none was seen
	CID  entity.CID // of Last
}

// At is the cursor behind an event.
func At(seq entity.Seq, c entity.CID) Cursor { return Cursor{Seq: seq, Last: seq, CID: c} }

// String is the cursor's text.
func (c Cursor) String() string {
	seq := strconv.FormatUint(uint64(c.Seq), 10)
	if c.Last == 0 {
		return seq
	}
	return seq + ":" + strconv.FormatUint(uint64(c.Last), 10) + ":" + c.CID.String()
}

// ParseCursor reads a cursor's text; "" is the zero value. A bare number, as
// the API itself gives it, is a cursor too. KindInvalid.
func ParseCursor(text string) (Cursor, error) {
	const op = "syncclient.ParseCursor"
	if text == "" {
		return Cursor{}, nil
	}
	seq, rest, named := strings.Cut(text, ":")
	n, err := strconv.ParseUint(seq, 10, 63)
	if err != nil {
		return Cursor{}, entity.Invalid(op, "a cursor is a number, like 120, or a number with an event, like 120:118:bafyrei…")
	}
	c := Cursor{Seq: entity.Seq(n)}
	if !named {
		return c, nil
	}
	last, cid, _ := strings.Cut(rest, ":")
	if n, err = strconv.ParseUint(last, 10, 63); err != nil || n == 0 || entity.Seq(n) > c.Seq {
		return Cursor{}, entity.Invalid(op, "the event of a cursor is a number from 1 to the cursor's own")
	}
	if c.CID, err = entity.ParseCID(cid); err != nil {
		return Cursor{}, err
	}
	c.Last = entity.Seq(n)
	return c, nil
}

// MarshalText is [Cursor.String].
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is [ParseCursor].
func (c *Cursor) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCursor(string(text))
	return err
}
