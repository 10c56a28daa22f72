package auth_test

import (
	"context"
	"testing"

	"stemma/api/auth"
	"stemma/api/auth/authtest"
	"stemma/entity"
)

// While nobody new is let in, nobody new is, by whichever way, and who has an
// account comes in all the same. What was closed while a password was hashed is
// closed: it is asked in the transaction.
func TestClosed(t *testing.T) {
	closed, asked := false, 0
	var shut func() bool
	secret := []byte(authtest.Secret)
	w := newRig(t, func(o *auth.Options) {
		o.External.Secret = secret
		o.External.Audience = "authenticated"
		o.Closed = func(entity.Reader) (bool, error) {
			asked++
			return closed || shut != nil && shut(), nil
		}
	})
	signUp := func(email string) error {
		_, err := w.in(func(ctx context.Context) error { _, err := w.SignUp(ctx, email, "correct horse", ""); return err })
		return err
	}
	account := func(email string, invited bool) error {
		_, err := w.in(func(ctx context.Context) error {
			_, err := w.NewAccount(ctx, email, "correct horse", invited, func(entity.Tx, *entity.Version) error { return nil })
			return err
		})
		return err
	}
	register := func(subject string) error {
		_, err := w.in(func(ctx context.Context) error { _, _, err := w.Register(ctx); return err }, "Authorization", "Bearer "+authtest.Supabase(t, w.clock.Now(), authtest.Claims{"sub": subject}))
		return err
	}
	for _, err := range []error{signUp("ann@example.com"), account("bob@example.com", false), register("cid")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	closed = true
	for what, err := range map[string]error{"sign-up": signUp("dan@example.com"), "account": account("dan@example.com", false), "register": register("dan")} {
		if kind(err) != entity.KindForbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, err := range map[string]error{"invited": account("eve@example.com", true), "registered": register("cid")} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	service := authtest.Supabase(t, w.clock.Now(), authtest.Claims{"role": "service", "sub": "program"})
	if _, err := w.in(func(ctx context.Context) error { _, _, err := w.Register(ctx); return err }, "Authorization", "Bearer "+service); err != nil {
		t.Errorf("a service: %v", err)
	}
	closed = false
	for what, try := range map[string]func() error{"sign-up": func() error { return signUp("fay@example.com") }, "account": func() error { return account("fay@example.com", false) }} {
		asked = 0
		shut = func() bool { return asked > 1 }
		if err := try(); kind(err) != entity.KindForbidden || asked != 2 {
			t.Errorf("%s, closed meanwhile: %v, asked %d times", what, err, asked)
		}
	}
}
