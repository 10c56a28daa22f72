package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
	"stemma/entity/access"
)

// UserKeyPrefix begins the key of a user.
const UserKeyPrefix = "uk_"

const minKey = len(UserKeyPrefix) + 20

// NewKey mints a user's key: uk_ and 64 hexadecimal digits.
func NewKey() string {
	var b [32]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return UserKeyPrefix + hex.EncodeToString(b[:])
}

// CheckKey tells whether a key chosen by an operator can serve as a user's.
func CheckKey(key string) error {
	if !strings.HasPrefix(key, UserKeyPrefix) || len(key) < minKey {
		return entity.Invalid("auth.CheckKey", "a user key begins with %s and has at least %d characters, like uk_ followed by 64 hexadecimal digits", UserKeyPrefix, minKey)
	}
	return nil
}

// grant is what the store keeps under a key's hash.
type grant struct {
	_     struct{} `cbor:",toarray"`
	User  entity.ID
	Owner bool
}

func secretName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "key/" + hex.EncodeToString(sum[:])
}

// SetKey gives key to the principal, in the transaction at hand.
func SetKey(tx entity.Tx, key string, p access.Principal) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	b, err := cbor.Marshal(grant{User: p.ID, Owner: p.System})
	if err != nil {
		return entity.Internal("auth.SetKey", err)
	}
	tx.SetSecret(secretName(key), b)
	return nil
}

// Resolve finds who holds key. KindUnauthenticated when nobody does.
func Resolve(r entity.Reader, key string) (access.Principal, error) {
	const op = "auth.Resolve"
	b, err := r.Secret(secretName(key))
	if err != nil {
		return access.Principal{}, err
	}
	if b == nil {
		return access.Principal{}, errCredential(op)
	}
	var g grant
	if err := cbor.Unmarshal(b, &g); err != nil {
		return access.Principal{}, entity.Internal(op, err)
	}
	return access.Principal{ID: g.User, Kind: access.User, System: g.Owner}, nil
}

func errCredential(op string) error {
	return entity.Errorf(entity.KindUnauthenticated, op, "Unauthorized: Missing or invalid authentication token")
}

// FromHeader reads an Authorization header: nobody when it is empty, the
// holder of the key in "ApiKey uk_…", KindUnauthenticated for all else (a key
// behind Bearer too, as the specification has it).
func FromHeader(ctx context.Context, s entity.Store, header string) (p access.Principal, err error) {
	if header == "" {
		return p, nil
	}
	scheme, key, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "ApiKey") || key == "" {
		return p, errCredential("auth.FromHeader")
	}
	err = s.View(ctx, func(r entity.Reader) error {
		p, err = Resolve(r, strings.TrimSpace(key))
		return err
	})
	return p, err
}

type principalKey struct{}

// With puts the principal into a request's context.
func With(ctx context.Context, p access.Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From is the principal of a request, anonymous when there is none.
func From(ctx context.Context) access.Principal {
	p, _ := ctx.Value(principalKey{}).(access.Principal)
	return p
}
