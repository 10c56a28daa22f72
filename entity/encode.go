package entity

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// encoder writes manifests, blocks of chains, records and heads as dag-cbor: the bytes that
// [encMode] gives, which a test compares, for a fraction of the time. What it is given
// has the form of [Properties].
type encoder struct {
	out  []byte
	keys []string // of the maps under way, the innermost last
	err  error

	// What is open is looked at on the way: doubt tells that it has something that
	// checkValue may refuse.
	depth int
	doubt bool
}

// The simple values, with their major type.
const codeFalse, codeTrue, codeNull, codeFloat = 0xf4, 0xf5, 0xf6, 0xfb

func (e *encoder) head(major byte, n uint64) {
	major <<= 5
	switch {
	case n < 24:
		e.out = append(e.out, major|byte(n))
	case n <= math.MaxUint8:
		e.out = append(e.out, major|24, byte(n))
	case n <= math.MaxUint16:
		e.out = binary.BigEndian.AppendUint16(append(e.out, major|25), uint16(n))
	case n <= math.MaxUint32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, major|26), uint32(n))
	default:
		e.out = binary.BigEndian.AppendUint64(append(e.out, major|27), n)
	}
}

func (e *encoder) text(s string) {
	e.head(majorText, uint64(len(s)))
	e.out = append(e.out, s...)
}

// field is a pair of a struct's map; the caller keeps their order.
func (e *encoder) field(name, value string) {
	e.text(name)
	e.text(value)
}

func (e *encoder) number(n int64) {
	if n < 0 {
		e.head(majorNegative, uint64(-1-n))
		return
	}
	e.head(majorUint, uint64(n))
}

func (e *encoder) link(l Link) {
	b := l.KeyString() // its bytes
	e.head(majorTag, linkTag)
	e.head(majorBytes, uint64(len(b)+1))
	e.out = append(append(e.out, 0), b...)
}

func (e *encoder) prev(l *Link) {
	e.text("prev")
	if l == nil {
		e.out = append(e.out, codeNull)
		return
	}
	e.link(*l)
}

func (e *encoder) object(p map[string]any) {
	if !e.enter() {
		return
	}
	e.head(majorMap, uint64(len(p)))
	at := len(e.keys)
	for k := range p {
		e.keys = append(e.keys, k)
		e.look(k)
	}
	keys := e.keys[at:]
	slices.SortFunc(keys, func(a, b string) int { // the strictness of dag-cbor: length first
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	for _, k := range keys {
		e.text(k)
		e.value(p[k])
	}
	e.keys = e.keys[:at]
	e.depth--
}

// enter goes into an object or array, unless that is too deep.
func (e *encoder) enter() bool {
	if e.depth == MaxDepth {
		e.doubt, e.err = true, errDepth("entity.Encode")
		return false
	}
	e.depth++
	return true
}

func (e *encoder) look(text string) {
	if !utf8.ValidString(text) || text == "/" { // a key of which could make the object a link
		e.doubt = true
	}
}

func (e *encoder) value(v any) {
	switch v := v.(type) {
	case nil:
		e.out = append(e.out, codeNull)
	case bool:
		if v {
			e.out = append(e.out, codeTrue)
		} else {
			e.out = append(e.out, codeFalse)
		}
	case string:
		e.look(v)
		e.text(v)
	case int64:
		e.number(v)
	case float64:
		e.doubt = e.doubt || v == math.Trunc(v) || math.IsNaN(v)
		e.out = binary.BigEndian.AppendUint64(append(e.out, codeFloat), math.Float64bits(v))
	case []byte:
		e.bytes(v)
	case Link:
		_, ok := DigestOf(v.CID)
		e.doubt = e.doubt || !ok
		e.link(v)
	case []any:
		if !e.enter() {
			return
		}
		e.head(majorArray, uint64(len(v)))
		for _, x := range v {
			e.value(x)
		}
		e.depth--
	case map[string]any:
		e.object(v)
	default:
		e.doubt = true
		e.err = errEncode(fmt.Errorf("a value of type %T", v))
	}
}

func (e *encoder) chainBlock(b *ChainBlock) {
	e.head(majorMap, 6)
	e.text("n")
	e.number(b.N)
	e.field("id", string(b.ID))
	e.text("ts")
	e.number(b.TS)
	e.text("body")
	e.object(b.Body)
	e.prev(b.Prev)
	e.field("chain", b.Chain)
}

func (e *encoder) bytes(b []byte) {
	e.head(majorBytes, uint64(len(b)))
	e.out = append(e.out, b...)
}

func (e *encoder) record(r *Record) {
	e.head(majorArray, 4)
	e.head(majorUint, uint64(r.Seq))
	e.number(r.At)
	e.actor(r.Actor)
	e.head(majorArray, uint64(len(r.Changes)))
	for i := range r.Changes {
		c := &r.Changes[i]
		e.head(majorArray, 8)
		e.text(string(c.ID))
		e.head(majorUint, uint64(c.Kind))
		e.text(c.Type)
		e.text(string(c.Collection))
		e.number(c.Ver)
		e.bytes(c.Old[:])
		e.bytes(c.New[:])
		e.text(c.Chain)
	}
}

func (e *encoder) headRow(h *Head) {
	e.head(majorArray, 8)
	e.bytes(h.Tip[:])
	e.number(h.Ver)
	e.number(h.TS)
	e.number(h.CreatedAt)
	e.text(h.Type)
	e.text(h.Label)
	e.text(string(h.Collection))
	e.value(h.Deleted)
}

func (e *encoder) manifest(m *Manifest) {
	e.head(majorMap, uint64(10+present(m.Note)))
	e.field("id", string(m.ID))
	e.text("ts")
	e.number(m.TS)
	e.text("ver")
	e.number(m.Ver)
	if m.Note != "" {
		e.field("note", m.Note)
	}
	e.prev(m.Prev)
	e.field("type", m.Type)
	e.field("schema", m.Schema)
	e.text("edited_by")
	e.actor(m.EditedBy)
	e.field("created_at", m.CreatedAt)
	e.text("properties")
	e.object(m.Properties)
	e.text("relationships")
	e.head(majorArray, uint64(len(m.Relationships)))
	for i := range m.Relationships {
		e.relationship(&m.Relationships[i])
	}
}

func (e *encoder) actor(a Actor) {
	e.head(majorMap, uint64(2+present(string(a.OnBehalfOf))))
	e.field("method", a.Method)
	e.field("user_id", string(a.UserID))
	if a.OnBehalfOf != "" {
		e.field("on_behalf_of", string(a.OnBehalfOf))
	}
}

func (e *encoder) relationship(r *Relationship) {
	n := 2 + present(r.PeerType) + present(r.PeerLabel)
	if len(r.Properties) > 0 {
		n++
	}
	e.head(majorMap, uint64(n))
	e.field("peer", string(r.Peer))
	if r.PeerType != "" {
		e.field("peer_type", r.PeerType)
	}
	e.field("predicate", string(r.Predicate))
	if r.PeerLabel != "" {
		e.field("peer_label", r.PeerLabel)
	}
	if len(r.Properties) > 0 {
		e.text("properties")
		e.object(r.Properties)
	}
}

// present counts a field that is left out when it is empty.
func present(s string) int {
	if s == "" {
		return 0
	}
	return 1
}
