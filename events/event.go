package events

import (
	"encoding/base32"
	"strconv"
	"time"
	"unicode/utf8"

	"stemma/entity"
)

// Event is one change of one entity or chain, as the feed tells it.
type Event struct {
	ID         entity.Seq
	Entity     entity.ID
	Block      entity.Digest // of the version made; of a chain, of the block
	TS         int64         // time of commit, ms since 1970; for people, never for order
	Kind       entity.ChangeKind
	Type       string // of the entity, after the change
	Ver        int64  // the version made; of a chain, the position of the block
	Chain      string // "" for a version
	Collection entity.ID
	Actor      entity.Actor
}

// CID is the version made; of a chain, the block.
func (e *Event) CID() entity.CID { return entity.CIDOf(e.Block) }

// eventAt is the event of the i-th change of a record.
func eventAt(rec *entity.Record, i int) Event {
	c := &rec.Changes[i]
	return Event{
		ID: rec.Seq + entity.Seq(i), Entity: c.ID, Block: c.New, TS: rec.At, Kind: c.Kind, Type: c.Type, Ver: c.Ver,
		Chain: c.Chain, Collection: c.Collection, Actor: rec.Actor,
	}
}

// cidText is how a CIDv1 is written in base32, without its prefix "b".
var cidText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// AppendJSON appends the event as the API writes it. pi and entity_id,
// collection_pi and collection_id are two spellings of one field; chain is there only for a chain's block,
// collection and on_behalf_of only where there is one.
//
//	{"id":7,"pi":"01…","entity_id":"01…","cid":"bafyrei…","ts":"2026-01-01T00:00:00.000Z","kind":"update",
//	 "type":"person","ver":2,"collection_pi":"01…","collection_id":"01…","actor":{"user_id":"01…","method":"manual"}}
//
// There is no reflection in it: catching up on a million events must not wait
// for their encoding (BenchmarkAppendJSON).
func (e *Event) AppendJSON(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendUint(b, uint64(e.ID), 10)
	b = append(b, `,"pi":`...)
	b = appendText(b, string(e.Entity))
	b = append(b, `,"entity_id":`...)
	b = appendText(b, string(e.Entity))
	b = append(b, `,"cid":"b`...)
	b = e.appendCID(b)
	b = append(b, `","ts":"`...)
	b = appendTime(b, e.TS)
	b = append(b, `","kind":"`...)
	b = append(b, e.Kind.String()...)
	b = append(b, `","type":`...)
	b = appendText(b, e.Type)
	b = append(b, `,"ver":`...)
	b = strconv.AppendInt(b, e.Ver, 10)
	if e.Chain != "" {
		b = append(b, `,"chain":`...)
		b = appendText(b, e.Chain)
	}
	if e.Collection != "" {
		b = append(b, `,"collection_pi":`...)
		b = appendText(b, string(e.Collection))
		b = append(b, `,"collection_id":`...)
		b = appendText(b, string(e.Collection))
	}
	b = append(b, `,"actor":{"user_id":`...)
	b = appendText(b, string(e.Actor.UserID))
	b = append(b, `,"method":`...)
	b = appendText(b, e.Actor.Method)
	if e.Actor.OnBehalfOf != "" {
		b = append(b, `,"on_behalf_of":`...)
		b = appendText(b, string(e.Actor.OnBehalfOf))
	}
	return append(b, '}', '}')
}

// appendCID writes CIDv1, dag-cbor, sha2-256 of 32 bytes, and the digest.
func (e *Event) appendCID(b []byte) []byte {
	raw := [4 + len(e.Block)]byte{0x01, 0x71, 0x12, 0x20}
	copy(raw[4:], e.Block[:])
	return cidText.AppendEncode(b, raw[:])
}

// appendTime writes ms since 1970 in [entity.TimeLayout].
func appendTime(b []byte, ms int64) []byte {
	return time.UnixMilli(ms).UTC().AppendFormat(b, entity.TimeLayout)
}

// appendText writes a JSON string (RFC 8259, section 7).
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' {
				b = append(b, s[from:i]...)
				b = appendEscape(b, c)
				from = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 { // no store lets it in; no answer may let it out
			b = append(b, s[from:i]...)
			b = append(b, "\ufffd"...)
			from = i + 1
		}
		i += size
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
