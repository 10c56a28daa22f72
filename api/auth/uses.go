package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"stemma/api/auth/audit"
	"stemma/entity"
	"stemma/entity/access"
)

// uses are the uses of keys that are not written down yet. Noting one is a lock
// and a look-up, as it is on the path of every request.
type uses struct {
	mu    sync.Mutex
	byKey map[usedKey]*keyUse
}

type usedKey struct {
	network entity.Network
	digest  digest
}

// keyUse is what happened with a key since the last flush.
type keyUse struct {
	audit.Entry
	shown string // the part of the key that lists show
}

func newUses() *uses { return &uses{byKey: map[usedKey]*keyUse{}} }

// note counts a use. describe tells of it, once for each flush.
func (u *uses) note(n entity.Network, d digest, now time.Time, describe func() keyUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := usedKey{n, d}
	use := u.byKey[at]
	if use == nil {
		made := describe()
		use = &made
		use.First = now
		u.byKey[at] = use
	}
	use.Last = now
	use.Count++
}

// lastOf is the last use of a key that is not written down, zero for none.
func (u *uses) lastOf(n entity.Network, d digest) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if use := u.byKey[usedKey{n, d}]; use != nil {
		return use.Last
	}
	return time.Time{}
}

// take gives the uses and forgets them.
func (u *uses) take() map[usedKey]*keyUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.byKey
	u.byKey = map[usedKey]*keyUse{}
	return taken
}

// putBack has uses wait for the next flush.
func (u *uses) putBack(taken map[usedKey]*keyUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for at, use := range taken {
		if later := u.byKey[at]; later != nil {
			use.Last, use.Count = later.Last, use.Count+later.Count
		}
		u.byKey[at] = use
	}
}

// usesBatch bounds the keys of one transaction.
const usesBatch = 1000

// Flush writes down when keys were last used, tells the audit, and has it
// written too.
func (a *Authenticator) Flush(ctx context.Context) (err error) {
	left := a.uses.take()
	for _, s := range a.stores {
		batch := map[usedKey]*keyUse{}
		flush := func() {
			if failed := writeUses(ctx, s, batch); failed != nil {
				err = errors.Join(err, failed)
				a.uses.putBack(batch)
			} else {
				for _, use := range batch {
					a.audit.Record(use.Entry)
				}
			}
			batch = map[usedKey]*keyUse{}
		}
		for at, use := range left {
			if at.network != s.Network() {
				continue
			}
			if batch[at] = use; len(batch) == usesBatch {
				flush()
			}
		}
		if len(batch) > 0 {
			flush()
		}
	}
	return errors.Join(err, a.audit.Flush(ctx))
}

// writeUses writes down the last use of each key that is still there. A key
// from before keys were listed is listed from now on.
func writeUses(ctx context.Context, s entity.Store, batch map[usedKey]*keyUse) error {
	_, err := s.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		for at, use := range batch {
			g, err := grantOf(tx, at.digest)
			if err != nil {
				return err
			}
			if g == nil {
				continue // revoked since
			}
			b, err := cbor.Marshal(use.Last.UnixMilli())
			if err != nil {
				return entity.Internal("auth.writeUses", err)
			}
			tx.SetSecret(secretName(keyUseSpace, at.digest), b)
			if g.Prefix != "" {
				continue
			}
			g.Prefix = use.shown
			if err := putGrant(tx, at.digest, g); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// noteUse counts the use of a key in a request.
func (a *Authenticator) noteUse(ctx context.Context, n entity.Network, key string, d digest, p access.Principal, now time.Time) {
	if a.readOnly {
		return
	}
	a.uses.note(n, d, now, func() keyUse {
		shown := strings.Clone(Shown(key)) // not the secret behind it
		e := a.entry(ctx, audit.KeyUsed, p, shown)
		e.Count = 0
		return keyUse{Entry: e, shown: shown}
	})
}
