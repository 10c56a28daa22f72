package auth

import (
	"errors"

	"stemma/entity"
	"stemma/entity/access"
)

// decodeGrant reads what the store keeps under a key's hash: by hand, as it is
// on the path of every request. Measured beside the library's decoder on the
// grant of a scoped key: 0.4 µs for 1.2.
func decodeGrant(b []byte) (g grant, err error) {
	r := reader{s: string(b)}
	n := r.head(majorArray)
	g.User = entity.ID(r.text())
	g.Owner = r.bool()
	switch n {
	case fieldsOfFirst:
		g.Kind = access.User
	case fieldsOfGrant:
		g.Kind = access.Kind(r.head(majorUint))
		g.ID, g.Prefix, g.Label = r.text(), r.text(), r.text()
		g.Scopes = r.scopes()
		g.Created, g.Expires = int64(r.head(majorUint)), int64(r.head(majorUint))
	default:
		r.bad = true
	}
	if r.bad || r.s != "" {
		return grant{}, entity.Internal("auth.decodeGrant", errGrant)
	}
	return g, nil
}

var errGrant = errors.New("not a grant")

// How many members a grant has: before keys had more to them than their
// principal, and now.
const (
	fieldsOfFirst = 2
	fieldsOfGrant = 9
)

// The types of CBOR items that grants are made of, RFC 8949 section 3.1.
const (
	majorUint   = 0
	majorText   = 3
	majorArray  = 4
	majorSimple = 7
)

// reader takes items off the front of s. Once it met what it did not expect it
// is bad and gives zeroes.
type reader struct {
	s   string
	bad bool
}

// head is the argument of an item of the type.
func (r *reader) head(major byte) uint64 {
	if r.bad || r.s == "" || r.s[0]>>5 != major {
		r.bad = true
		return 0
	}
	n := uint64(r.s[0] & 31)
	r.s = r.s[1:]
	if n < 24 {
		return n
	}
	size := 1 << (n - 24)
	if n > 27 || len(r.s) < size {
		r.bad = true
		return 0
	}
	n = 0
	for _, c := range []byte(r.s[:size]) {
		n = n<<8 | uint64(c)
	}
	r.s = r.s[size:]
	return n
}

func (r *reader) text() string {
	n := r.head(majorText)
	if n > uint64(len(r.s)) {
		r.bad = true
		return ""
	}
	text := r.s[:n]
	r.s = r.s[n:]
	return text
}

func (r *reader) bool() bool {
	v := r.head(majorSimple)
	r.bad = r.bad || v != 20 && v != 21
	return v == 21
}

// scopes reads an array of texts; null is none.
func (r *reader) scopes() (all []access.Action) {
	const null = majorSimple<<5 | 22
	if r.s != "" && r.s[0] == null {
		r.s = r.s[1:]
		return nil
	}
	n := r.head(majorArray)
	if n > uint64(len(r.s)) {
		r.bad = true
		return nil
	}
	all = make([]access.Action, n)
	for i := range all {
		all[i] = access.Action(r.text())
	}
	return all
}
