package wire

import "stemma/entity"

// Tip is the tip a client expects, as it wrote it. Any text of 1 to [maxTip]
// characters is taken: what is no CID of this server matches no tip, which is
// a conflict and not a bad request. "" means that an optional tip was not given.
type Tip string

// maxTip is far more than any CID has, and keeps answers that repeat it short.
const maxTip = 512

// Expect is the condition of a write: [entity.AtText], or [entity.Any] when no
// tip was given. A conflict then repeats the client's own words.
func (t Tip) Expect() entity.Expect {
	if t == "" {
		return entity.Any
	}
	return entity.AtText(string(t))
}

// CID is the tip to compare with. Text that is not a CID gives the CID of the
// text as raw bytes: no entity's tip is raw, so that it equals none. "" gives
// the undefined CID. For a condition use [Tip.Expect].
func (t Tip) CID() entity.CID {
	if t == "" {
		return entity.CID{}
	}
	if c, err := entity.ParseCID(string(t)); err == nil {
		return c
	}
	return entity.SumRaw([]byte(t))
}
