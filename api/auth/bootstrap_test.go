package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"stemma/api/auth"
	"stemma/entity"
	"stemma/entity/access"
)

// The first start makes one user and one key; later starts make nothing, but
// add a key that the operator asks for.
func TestBootstrap(t *testing.T) {
	for _, network := range []entity.Network{entity.Main, entity.Test} {
		s := open(t, network)
		key, err := auth.Bootstrap(t.Context(), s, "")
		if err != nil || auth.CheckKey(key) != nil {
			t.Fatalf("first start: %q, %v", key, err)
		}
		if again, err := auth.Bootstrap(t.Context(), s, ""); again != "" || err != nil {
			t.Errorf("second start made %q, %v", again, err)
		}
		if again, err := auth.Bootstrap(t.Context(), s, key); again != "" || err != nil {
			t.Errorf("start with the key there is: %q, %v", again, err)
		}
		chosen := "uk_chosen_by_an_operator"
		if made, err := auth.Bootstrap(t.Context(), s, chosen); made != chosen || err != nil {
			t.Errorf("start with another key: %q, %v", made, err)
		}
		if s.Seq() != 1 {
			t.Errorf("%d changes; the first user is one", s.Seq())
		}
		first := resolve(t, s, key)
		if !first.System || first.ID.Network() != network || resolve(t, s, chosen).ID != first.ID {
			t.Errorf("the keys belong to %+v", first)
		}
		noSecretInTheOpen(t, s, key, strings.TrimPrefix(key, auth.UserKeyPrefix))
	}
}

func resolve(t *testing.T, s entity.Store, key string) (p access.Principal) {
	t.Helper()
	err := s.View(t.Context(), func(r entity.Reader) (err error) {
		p, err = auth.Resolve(r, key, time.Now())
		return err
	})
	if err != nil {
		t.Fatalf("%q: %v", key, err)
	}
	return p
}

// No secret stands in a block.
func noSecretInTheOpen(t *testing.T, s entity.Store, secrets ...string) {
	t.Helper()
	err := s.View(t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				block, err := r.Block(c.CID())
				if err != nil {
					return err
				}
				for _, secret := range secrets {
					if strings.Contains(string(block), secret) {
						t.Errorf("block %s holds %q", c.CID(), secret)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCheckKey(t *testing.T) {
	for key, good := range map[string]bool{
		"uk_0123456789abcdef01234": true, "uk_short": false, "ak_0123456789abcdef01234": false, "": false, auth.NewKey(): true,
	} {
		if err := auth.CheckKey(key); (err == nil) != good {
			t.Errorf("%q: %v", key, err)
		}
	}
	if a, b := auth.NewKey(), auth.NewKey(); a == b {
		t.Error("two keys are one")
	}
}

// The first form of a grant, [user, may do everything], opens the door as it
// did, and is listed once it was used, so that it can be revoked.
func TestFirstFormOfGrants(t *testing.T) {
	w := newRig(t, nil)
	old := "uk_from_an_older_data_directory"
	value, err := cbor.Marshal([]any{string(annID), true})
	if err != nil {
		t.Fatal(err)
	}
	w.update(func(tx entity.Tx) error {
		tx.SetSecret("key/"+sha256Hex(old), value)
		return nil
	})
	keys := func() (n int, last auth.KeyInfo) {
		w.view(func(r entity.Reader) error {
			all := must(w.Keys(r, annID))(t)
			n, last = len(all), all[len(all)-1]
			return nil
		})
		return n, last
	}
	if n, _ := keys(); n != 1 {
		t.Fatalf("%d keys before it was used", n)
	}
	if p := w.wants("an old key", 200, "/required", "Authorization", "ApiKey "+old); p.ID != annID || !p.System || p.Kind != access.User {
		t.Errorf("%+v", p)
	}
	w.told()
	if n, last := keys(); n != 2 || last.Prefix != "uk_from_an_o" || last.LastUsed.IsZero() || !last.Created.IsZero() || !last.Expires.IsZero() {
		t.Errorf("%d keys, the last %+v", n, last)
	}
	w.wants("an old key, again", 200, "/required", "Authorization", "ApiKey "+old)
	w.update(func(tx entity.Tx) error { _, err := w.RevokeKey(tx, annID, "uk_from"); return err })
	w.wants("an old key, revoked", 401, "/required", "Authorization", "ApiKey "+old)
}
