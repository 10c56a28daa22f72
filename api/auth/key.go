package auth

import (
	"encoding/hex"
	"io"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
	"stemma/entity/access"
)

// UserKeyPrefix begins the key of a user.
const UserKeyPrefix = "uk_"

// keyPrefixes begin the keys of a kind of principal; all are of one length.
var keyPrefixes = map[access.Kind]string{access.User: UserKeyPrefix, access.Agent: "ak_", access.Service: "sk_"}

const (
	minKey    = len(UserKeyPrefix) + 20
	keyBytes  = 32
	keyPrefix = 12 // characters of a key that lists show
)

// isKey tells whether a credential has the form of a key.
func isKey(s string) bool {
	return strings.HasPrefix(s, UserKeyPrefix) || strings.HasPrefix(s, "ak_") || strings.HasPrefix(s, "sk_")
}

// mintKey draws a key: the prefix of its kind and 64 hexadecimal digits.
func mintKey(k access.Kind, entropy io.Reader) (string, error) {
	var b [keyBytes]byte
	if _, err := io.ReadFull(entropy, b[:]); err != nil {
		return "", entity.Internal("auth.mintKey", err)
	}
	return keyPrefixes[k] + hex.EncodeToString(b[:]), nil
}

// CheckKey tells whether a key chosen by an operator can serve as a user's.
func CheckKey(key string) error { return checkKey(key, access.User) }

func checkKey(key string, k access.Kind) error {
	if prefix := keyPrefixes[k]; prefix == "" || !strings.HasPrefix(key, prefix) || len(key) < minKey {
		return entity.Invalid("auth.CheckKey", "a %s key begins with %s and has at least %d characters, like %s followed by 64 hexadecimal digits", k, prefix, minKey, prefix)
	}
	return nil
}

// SetKey gives a key of the operator's choice to the principal, for ever, in
// the transaction at hand.
func SetKey(tx entity.Tx, key string, p access.Principal) error {
	if err := checkKey(key, p.Kind); err != nil {
		return err
	}
	g := grant{User: p.ID, Owner: p.System, Kind: p.Kind, Prefix: key[:keyPrefix], Scopes: p.Scopes}
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
