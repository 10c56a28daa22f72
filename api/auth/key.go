package auth

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
	"stemma/entity/access"
)

// Form is how a key begins.
type Form string

// The forms. A key of [RecorderForm] is one of its principal like any other;
// what is particular to it is where it may be written: see api/recorder. One of
// [GatewayForm] is an agent's, for clients of language models.
const (
	UserForm     Form = "uk_"
	AgentForm    Form = "ak_"
	ServiceForm  Form = "sk_"
	RecorderForm Form = "ark_live_"
	GatewayForm  Form = "loom_sk_"
)

// UserKeyPrefix begins the key of a user.
const UserKeyPrefix = string(UserForm)

// forms is the table: whose keys begin so. [access.Anonymous] is anybody's; the
// first row of a kind is what its keys have where no form is asked for.
var forms = []struct {
	form Form
	kind access.Kind
}{{UserForm, access.User}, {AgentForm, access.Agent}, {ServiceForm, access.Service}, {RecorderForm, access.Anonymous}, {GatewayForm, access.Agent}}

const (
	keyBytes = 32
	leastKey = 20 // characters of a key behind its form
	shownKey = 9  // of those, how many lists show

	gatewayBytes = 24 // of a key of GatewayForm, written in base64url
	gatewayShown = 12 // characters of it that lists show, its form among them
)

// formOf is the form of a key, "" of what is none.
func formOf(s string) Form {
	for _, f := range forms {
		if strings.HasPrefix(s, string(f.form)) {
			return f.form
		}
	}
	return ""
}

// formFor is the form that a principal's keys have, "" where it has none.
func formFor(k access.Kind) Form {
	for _, f := range forms {
		if f.kind == k {
			return f.form
		}
	}
	return ""
}

// IsKey tells whether a credential has the form of a key of this server.
func IsKey(s string) bool {
	form := formOf(s)
	return form != "" && len(s) >= len(form)+leastKey
}

// Shown is the part of a key that lists show. key has the form of one.
func Shown(key string) string {
	form := formOf(key)
	if form == GatewayForm {
		return key[:gatewayShown]
	}
	return key[:len(form)+shownKey]
}

// mintKey draws a key: its form and 64 hexadecimal digits, or 32 characters where
// its clients know it so.
func mintKey(form Form, entropy io.Reader) (string, error) {
	var b [keyBytes]byte
	if _, err := io.ReadFull(entropy, b[:]); err != nil {
		return "", entity.Internal("auth.mintKey", err)
	}
	if form == GatewayForm {
		return string(form) + base64.RawURLEncoding.EncodeToString(b[:gatewayBytes]), nil
	}
	return string(form) + hex.EncodeToString(b[:]), nil
}

// CheckKey tells whether a key chosen by an operator can serve as a user's.
func CheckKey(key string) error { return checkKey(key, access.User) }

func checkKey(key string, k access.Kind) error {
	form := formFor(k)
	if got := formOf(key); form == "" || got != form && got != RecorderForm || !IsKey(key) {
		return entity.Invalid("auth.CheckKey", "a %s key begins with %s and has at least %d characters, like %s followed by 64 hexadecimal digits", k, form, len(form)+leastKey, form)
	}
	return nil
}

// SetKey gives a key of the operator's choice to the principal, for ever, in
// the transaction at hand.
func SetKey(tx entity.Tx, key string, p access.Principal) error {
	if err := checkKey(key, p.Kind); err != nil {
		return err
	}
	g := grant{User: p.ID, Owner: p.System, Kind: p.Kind, Prefix: Shown(key), Scopes: p.Scopes}
	return putGrant(tx, digestOf(key), &g)
}

// putGrant keeps a grant and lists it with its principal's.
func putGrant(tx entity.Tx, d digest, g *grant) error {
	b, err := cbor.Marshal(g)
	if err != nil {
		return entity.Internal("auth.putGrant", err)
	}
	tx.SetSecret(secretName(keySpace, d), b)
	all, err := keysOf(tx, g.User)
	if err != nil {
		return err
	}
	for _, have := range all {
		if have == d {
			return nil
		}
	}
	return putKeys(tx, g.User, append(all, d))
}

// keysOf are the hashes of a principal's keys, oldest first.
func keysOf(r entity.Reader, id entity.ID) (all []digest, err error) {
	b, err := r.Secret(keysSpace + string(id))
	if err != nil || b == nil {
		return nil, err
	}
	if err := cbor.Unmarshal(b, &all); err != nil {
		return nil, entity.Internal("auth.keysOf", err)
	}
	return all, nil
}

func putKeys(tx entity.Tx, id entity.ID, all []digest) error {
	if len(all) == 0 {
		tx.DeleteSecret(keysSpace + string(id))
		return nil
	}
	b, err := cbor.Marshal(all)
	if err != nil {
		return entity.Internal("auth.putKeys", err)
	}
	tx.SetSecret(keysSpace+string(id), b)
	return nil
}

// grantOf is what is kept under a hash; nil for nothing.
func grantOf(r entity.Reader, d digest) (*grant, error) {
	b, err := r.Secret(secretName(keySpace, d))
	if err != nil || b == nil {
		return nil, err
	}
	g, err := decodeGrant(b)
	return &g, err
}

// Resolve finds who holds key at the time given. KindUnauthenticated when
// nobody does, or no longer.
func Resolve(r entity.Reader, key string, now time.Time) (access.Principal, error) {
	p, _, err := resolve(r, digestOf(key), now)
	return p, err
}

func resolve(r entity.Reader, d digest, now time.Time) (access.Principal, *grant, error) {
	const op = "auth.Resolve"
	g, err := grantOf(r, d)
	if err != nil {
		return access.Principal{}, nil, err
	}
	if g == nil {
		return access.Principal{}, nil, refused(op, "no such key")
	}
	if g.expired(now) {
		return access.Principal{}, g, refused(op, "the key has expired")
	}
	p, ok, err := g.principal(r)
	if err == nil && !ok {
		err = refused(op, "the key's principal is deleted")
	}
	if err != nil {
		return access.Principal{}, g, err
	}
	return p, g, nil
}

// reason is why a credential was refused, for the log alone.
type reason string

func (r reason) Error() string { return string(r) }

// refused is the error of a credential that proves nothing. The caller is not
// told why.
func refused(op string, why reason) error {
	return &entity.Error{Kind: entity.KindUnauthenticated, Op: op, Err: why}
}
