package auth_test

import (
	"context"
	"strings"
	"testing"

	"stemma/api/auth"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/store"
)

func open(t *testing.T, network entity.Network) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Network: network})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.Check(context.Background(), nil); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	return s
}

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
		first := resolve(t, s, "ApiKey "+key)
		if !first.System || first.ID.Network() != network || resolve(t, s, "apikey "+chosen).ID != first.ID {
			t.Errorf("the keys belong to %+v", first)
		}
		noSecretInTheOpen(t, s, key)
	}
}

func resolve(t *testing.T, s entity.Store, header string) access.Principal {
	t.Helper()
	p, err := auth.FromHeader(t.Context(), s, header)
	if err != nil {
		t.Fatalf("%q: %v", header, err)
	}
	return p
}

// No part of a key stands in a block.
func noSecretInTheOpen(t *testing.T, s entity.Store, key string) {
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
				if strings.Contains(string(block), key) || strings.Contains(string(block), strings.TrimPrefix(key, auth.UserKeyPrefix)) {
					t.Errorf("block %s holds the key", c.CID())
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFromHeaderRefuses(t *testing.T) {
	s := open(t, entity.Main)
	key, err := auth.Bootstrap(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	if p := resolve(t, s, ""); !p.Anonymous() {
		t.Errorf("no header: %+v", p)
	}
	for _, header := range []string{
		"Bearer " + key, key, "ApiKey", "ApiKey ", "ApiKey " + key[:len(key)-1], "ApiKey " + key + "0", "ApiKey uk_", "Basic YTpi", "ApiKey " + strings.ToUpper(key),
	} {
		if _, err := auth.FromHeader(t.Context(), s, header); entity.KindOf(err) != entity.KindUnauthenticated {
			t.Errorf("%q: %v", header, err)
		}
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
