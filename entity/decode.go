package entity

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// DecodeRecord reads a row of the log. What [EncodeRow] wrote it reads without
// reflection, as everybody who follows the log reads every row; anything else it
// leaves to [DecodeBlock]. The error is of [KindInvalid].
func DecodeRecord(row []byte) (*Record, error) {
	if r := readRecord(row); r != nil {
		return r, nil
	}
	r := new(Record)
	return r, DecodeBlock(row, r)
}

// readRecord reads what encoder.record writes; nil for anything else.
func readRecord(row []byte) *Record {
	in := reader{in: row}
	if in.head(majorArray) != 4 {
		return nil
	}
	r := &Record{Seq: Seq(in.head(majorUint)), At: in.number(), Actor: in.actor()}
	n := in.head(majorArray)
	if in.failed || n == 0 || n > uint64(len(in.in)/smallestChange) {
		return nil
	}
	r.Changes = make([]Change, n)
	var last Change // most of whose texts the next has too
	for i := range r.Changes {
		c := &r.Changes[i]
		if in.head(majorArray) != 8 {
			return nil
		}
		c.ID = ID(in.text(string(last.ID)))
		kind := in.head(majorUint)
		in.failed = in.failed || kind > math.MaxUint8
		c.Kind, c.Type, c.Collection, c.Ver = ChangeKind(kind), in.text(last.Type), ID(in.text(string(last.Collection))), in.number()
		in.digest(&c.Old)
		in.digest(&c.New)
		c.Chain = in.text(last.Chain)
		if in.failed {
			return nil
		}
		last = *c
	}
	if len(in.in) > 0 {
		return nil
	}
	return r
}

// smallestChange is how many bytes a change takes at least: two digests and the
// heads of all.
const smallestChange = 2*34 + 7

// reader reads dag-cbor of a known form. After a failure what it gives means
// nothing.
type reader struct {
	in     []byte
	failed bool
}

// head reads the head of a value of the major type, and gives its number.
func (r *reader) head(major byte) (n uint64) {
	if r.failed || len(r.in) == 0 || r.in[0]>>5 != major {
		r.failed = true
		return 0
	}
	short := r.in[0] & 31
	r.in = r.in[1:]
	switch {
	case short < 24:
		return uint64(short)
	case short == 24 && len(r.in) >= 1:
		n, r.in = uint64(r.in[0]), r.in[1:]
	case short == 25 && len(r.in) >= 2:
		n, r.in = uint64(binary.BigEndian.Uint16(r.in)), r.in[2:]
	case short == 26 && len(r.in) >= 4:
		n, r.in = uint64(binary.BigEndian.Uint32(r.in)), r.in[4:]
	case short == 27 && len(r.in) >= 8:
		n, r.in = binary.BigEndian.Uint64(r.in), r.in[8:]
	default:
		r.failed = true
	}
	return n
}

// take gives the next bytes, which are the input's own.
func (r *reader) take(n uint64) (b []byte) {
	if r.failed || n > uint64(len(r.in)) {
		r.failed = true
		return nil
	}
	b, r.in = r.in[:n], r.in[n:]
	return b
}

// text is the next text; likely, where it is that one.
func (r *reader) text(likely string) string {
	b := r.take(r.head(majorText))
	if string(b) == likely {
		return likely
	}
	r.failed = r.failed || !utf8.Valid(b)
	return string(b)
}

func (r *reader) number() int64 {
	major := byte(majorUint)
	if len(r.in) > 0 && r.in[0]>>5 == majorNegative {
		major = majorNegative
	}
	n := r.head(major)
	if n > math.MaxInt64 {
		r.failed = true
		return 0
	}
	if major == majorNegative {
		return -1 - int64(n)
	}
	return int64(n)
}

func (r *reader) digest(d *Digest) {
	b := r.take(r.head(majorBytes))
	r.failed = r.failed || len(b) != len(d)
	copy(d[:], b)
}

func (r *reader) field(name string) string {
	r.failed = r.failed || r.text(name) != name
	return r.text("")
}

func (r *reader) actor() (a Actor) {
	n := r.head(majorMap)
	r.failed = r.failed || n != 2 && n != 3
	a.Method, a.UserID = r.field("method"), ID(r.field("user_id"))
	if n == 3 {
		a.OnBehalfOf = ID(r.field("on_behalf_of"))
	}
	return a
}
