package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/time/rate"
)

// keySet are the keys of an issuer, an oidc.KeySet. The library's own fetches
// the keys anew at every key that it does not know and every signature that is
// wrong, which strangers may send as many of as they like, and does so in a
// goroutine that nobody waits for.
type keySet struct {
	url        string
	algorithms []jose.SignatureAlgorithm
	client     *http.Client
	now        func() time.Time

	fetching sync.Mutex // held while fetching: who needs new keys waits for them
	limit    *rate.Limiter
	down     error // why the last fetch failed

	mu   sync.Mutex
	keys []jose.JSONWebKey // replaced as a whole
}

// maxDocument bounds what an issuer answers.
const maxDocument = 1 << 20

func newKeySet(url string, algorithms []string, client *http.Client, now func() time.Time) *keySet {
	s := &keySet{url: url, client: client, now: now, limit: rate.NewLimiter(rate.Every(30*time.Second), 2)}
	for _, a := range algorithms {
		s.algorithms = append(s.algorithms, jose.SignatureAlgorithm(a))
	}
	return s
}

// downKey is where a keySet tells that the issuer did not answer, in an *error:
// the library hands on the text of an error alone.
type downKey struct{}

var errSignature = errors.New("its signature is by none of the issuer's keys")

// VerifySignature gives the payload that one of the keys signed.
func (s *keySet) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(raw, s.algorithms)
	if err != nil {
		return nil, err
	}
	if payload, ok := verify(jws, s.known()); ok {
		return payload, nil
	}
	keys, down := s.fresh()
	if payload, ok := verify(jws, keys); ok {
		return payload, nil
	}
	if down != nil {
		if told, ok := ctx.Value(downKey{}).(*error); ok {
			*told = down
		}
		return nil, down
	}
	return nil, errSignature
}

func (s *keySet) known() []jose.JSONWebKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys
}

// fresh are the keys after a fetch, where one is allowed.
func (s *keySet) fresh() (keys []jose.JSONWebKey, down error) {
	s.fetching.Lock()
	defer s.fetching.Unlock()
	if s.limit.AllowN(s.now(), 1) {
		s.down = s.fetch()
	}
	return s.known(), s.down
}

func verify(jws *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, bool) {
	kid := jws.Signatures[0].Header.KeyID
	for i := range keys {
		if kid != "" && keys[i].KeyID != kid {
			continue
		}
		if payload, err := jws.Verify(&keys[i]); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// fetch reads the keys. One that is of no use to us is passed over, RFC 7517
// section 5. The fetch is for all who come, so that the client's timeout bounds
// it and no request's context.
func (s *keySet) fetch() error {
	resp, err := s.client.Get(s.url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", s.url, resp.Status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxDocument)).Decode(&set); err != nil {
		return fmt.Errorf("%s: %w", s.url, err)
	}
	var keys []jose.JSONWebKey
	for _, text := range set.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(text, &k) == nil && k.IsPublic() && k.Use != "enc" {
			keys = append(keys, k)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
	return nil
}
