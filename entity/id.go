package entity

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// ID names an entity for its whole life: 26 characters of Crockford base32.
// On the main network it is a ULID; on the test network the first two
// characters of a ULID are replaced by "II", a letter outside the alphabet, so
// that the two spaces cannot meet. Identifiers that begin with F or C are
// content-derived ones of an earlier system: accepted, never minted.
type ID string

// Wildcard is the peer of a relationship that means "everybody". It is not an
// entity and never a node of the graph.
const Wildcard ID = "*"

const (
	idLength   = 26
	testPrefix = "II"
	alphabet   = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// Network is one of two stores that share nothing.
type Network string

// The networks.
const (
	Main Network = "main"
	Test Network = "test"
)

// ParseID checks the form of s: 26 characters, all of Crockford's upper-case
// alphabet but for a leading "II". The error is of [KindInvalid].
func ParseID(s string) (ID, error) {
	if len(s) != idLength {
		return "", Invalid("entity.ParseID", "id %q has %d characters; an id has 26, like 01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", clip(s), len(s))
	}
	rest := strings.TrimPrefix(s, testPrefix)
	for i := range len(rest) {
		if strings.IndexByte(alphabet, rest[i]) < 0 {
			return "", Invalid("entity.ParseID", "id %q has the character %q; an id is written in Crockford base32 (0-9 and A-Z without I, L, O, U)", clip(s), rest[i])
		}
	}
	return ID(s), nil
}

// Network tells which network the identifier belongs to.
func (id ID) Network() Network {
	if strings.HasPrefix(string(id), testPrefix) {
		return Test
	}
	return Main
}

// IDSource mints identifiers. It is safe for concurrent use; identifiers of
// one source minted within one millisecond ascend.
type IDSource struct {
	mu      sync.Mutex
	now     func() time.Time
	entropy *ulid.MonotonicEntropy
}

// NewIDSource makes a source that takes the time from now and randomness from
// entropy (crypto/rand.Reader in a server, a seeded reader in a test).
func NewIDSource(now func() time.Time, entropy io.Reader) *IDSource {
	return &IDSource{now: now, entropy: ulid.Monotonic(entropy, 0)}
}

// New mints an identifier of the network. It panics only when the source of
// randomness fails, from which no server can go on.
func (s *IDSource) New(n Network) ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := ulid.MustNew(ulid.Timestamp(s.now()), s.entropy).String()
	if n == Test {
		u = testPrefix + u[len(testPrefix):]
	}
	return ID(u)
}

// clip shortens text that a stranger sent before it is repeated in a message.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
