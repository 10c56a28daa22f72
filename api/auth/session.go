package auth

import (
	"encoding/base64"
	"io"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
)

// RefreshLifetime is how long a refresh token holds when it is not used.
const RefreshLifetime = 30 * 24 * time.Hour

// mostSessions is how many refresh tokens a user may have at a time: one for
// each device. Another log-in ends the oldest.
const mostSessions = 50

const (
	sessionSpace = "session/"
	refreshSpace = "refresh/"
	refreshBytes = 32
)

// sessions are what a user's tokens are measured by.
type sessions struct {
	_ struct{} `cbor:",toarray"`
	// Epoch is how often the user logged out everywhere: an access token of ours
	// from an earlier one is void. Times would not do, as a token made in the
	// second of the log-out, after it, holds.
	Epoch     int64
	ValidFrom int64 // ms since 1970: tokens of others from before are void
	Refresh   []refreshToken
}

// refreshToken is one that was given out and not used yet.
type refreshToken struct {
	_       struct{} `cbor:",toarray"`
	Digest  digest
	Expires int64 // ms since 1970
}

func sessionsOf(r entity.Reader, user entity.ID) (s sessions, err error) {
	b, err := r.Secret(sessionSpace + string(user))
	if err != nil || b == nil {
		return s, err
	}
	if err := cbor.Unmarshal(b, &s); err != nil {
		return s, entity.Internal("auth.sessionsOf", err)
	}
	return s, nil
}

func (s *sessions) put(tx entity.Tx, user entity.ID) error {
	b, err := cbor.Marshal(s)
	if err != nil {
		return entity.Internal("auth.putSessions", err)
	}
	tx.SetSecret(sessionSpace+string(user), b)
	return nil
}

// drop takes a refresh token away; false when it is not there.
func (s *sessions) drop(tx entity.Tx, d digest) bool {
	i := slices.IndexFunc(s.Refresh, func(t refreshToken) bool { return t.Digest == d })
	if i < 0 {
		return false
	}
	tx.DeleteSecret(secretName(refreshSpace, d))
	s.Refresh = slices.Delete(s.Refresh, i, i+1)
	return true
}

// add gives a refresh token out, and takes away those that have expired, or are
// too many.
func (s *sessions) add(tx entity.Tx, user entity.ID, d digest, now time.Time) {
	for len(s.Refresh) > 0 && (len(s.Refresh) >= mostSessions || s.Refresh[0].Expires <= now.UnixMilli()) {
		s.drop(tx, s.Refresh[0].Digest)
	}
	s.Refresh = append(s.Refresh, refreshToken{Digest: d, Expires: now.Add(RefreshLifetime).UnixMilli()})
	tx.SetSecret(secretName(refreshSpace, d), []byte(user))
}

// end takes all refresh tokens away, and makes every access token void.
func (s *sessions) end(tx entity.Tx, now time.Time) {
	for _, t := range s.Refresh {
		tx.DeleteSecret(secretName(refreshSpace, t.Digest))
	}
	s.Refresh = nil
	s.Epoch++
	s.ValidFrom = now.UnixMilli()
}

// mintRefresh draws a refresh token.
func mintRefresh(entropy io.Reader) (string, error) {
	var b [refreshBytes]byte
	if _, err := io.ReadFull(entropy, b[:]); err != nil {
		return "", entity.Internal("auth.mintRefresh", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
