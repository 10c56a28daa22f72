package wire

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

const (
	idPrefix = "req_"
	idLength = len(idPrefix) + ulid.EncodedSize
	longest  = 128 // characters of an id that a caller sends
)

// idSource makes the ids of requests. Nothing depends on their being hard to
// guess, so that by default they come from math/rand, without a lock.
type idSource struct {
	now     func() time.Time
	mu      sync.Mutex
	entropy io.Reader
}

// forRequest takes the caller's id where it is well formed.
func (s *idSource) forRequest(h http.Header) string {
	if v := h["X-Request-Id"]; len(v) > 0 && wellFormed(v[0]) {
		return v[0]
	}
	return s.next()
}

func (s *idSource) next() string {
	var id ulid.ULID
	// A clock past the year 10889 leaves the time at zero.
	_ = id.SetTime(ulid.Timestamp(s.now()))
	if !s.read(id[6:]) {
		binary.BigEndian.PutUint64(id[6:], rand.Uint64())
		binary.BigEndian.PutUint16(id[14:], uint16(rand.Uint32()))
	}
	var text [idLength]byte
	copy(text[:], idPrefix)
	_ = id.MarshalTextTo(text[len(idPrefix):]) // fails only on a wrong length
	return string(text[:])
}

// read takes randomness from the source given; false when there is none.
func (s *idSource) read(p []byte) bool {
	if s.entropy == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := io.ReadFull(s.entropy, p)
	return err == nil
}

// wellFormed keeps what goes into logs and headers short and plain.
func wellFormed(s string) bool {
	if len(s) < 8 || len(s) > longest {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
