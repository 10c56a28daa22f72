package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"stemma/entity"
	"stemma/entity/access"
)

// digest is the SHA-256 of a secret.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// secretName is where the secret space keeps what belongs to a hash.
func secretName(space string, d digest) string {
	var room [96]byte
	return string(hex.AppendEncode(append(room[:0], space...), d[:]))
}

const (
	keySpace    = "key/"
	keyUseSpace = entity.Passing + "keyuse/"
	keysSpace   = "keys/"
)

// grant is what the store keeps under a key's hash. Data directories have grants
// of the first two members alone, from before keys had more to them: those are
// of users. Any change is one of decodeGrant too.
type grant struct {
	_       struct{}  `cbor:",toarray"`
	User    entity.ID // the principal; its first name
	Owner   bool      // may do everything
	Kind    access.Kind
	ID      string // names the key in lists; "" of those that an operator chose
	Prefix  string // of the key, for people
	Label   string
	Scopes  []access.Action
	Created int64 // ms since 1970; 0: not known
	Expires int64 // ms since 1970; 0: never
}

func (g *grant) expired(now time.Time) bool { return g.Expires != 0 && now.UnixMilli() >= g.Expires }

// principal is who the key proves, as the state of r has it; ok is false when
// the principal is gone. A read-only server has a reader's key whose user is no
// entity.
func (g *grant) principal(r entity.Reader) (p access.Principal, ok bool, err error) {
	p = access.Principal{ID: g.User, Kind: g.Kind, System: g.Owner || g.Kind == access.Service}
	if len(g.Scopes) > 0 {
		p.Scopes = g.Scopes
	}
	h, err := r.Head(g.User)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return p, g.Kind == access.User, nil
	case err != nil:
		return p, false, err
	case h.Deleted:
		return p, false, nil
	}
	if g.Kind == access.Agent {
		p.Owner, err = ownerOf(r, h)
	}
	return p, true, err
}

// ownerOf is the peer of an agent's relationship owner, "" for none.
func ownerOf(r entity.Reader, h entity.Head) (entity.ID, error) {
	m, err := r.Manifest(h.CID())
	if err != nil {
		return "", err
	}
	for i := range m.Relationships {
		if m.Relationships[i].Predicate == entity.PredicateOwner {
			return m.Relationships[i].Peer, nil
		}
	}
	return "", nil
}
