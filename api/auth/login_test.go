package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stemma/api/auth"
	"stemma/entity"
)

func (w *rig) logIn(email, password string, headers ...string) (s *auth.Session, err error) {
	_, err = w.in(func(ctx context.Context) (err error) {
		s, err = w.LogIn(ctx, email, password)
		return err
	}, headers...)
	return s, err
}

func (w *rig) refresh(token string) (s *auth.Session, err error) {
	_, err = w.in(func(ctx context.Context) (err error) {
		s, err = w.Refresh(ctx, token)
		return err
	})
	return s, err
}

func TestSignUpLogInLogOut(t *testing.T) {
	w := newRig(t, nil)
	first, user := w.session(" Eve@Example.COM ")
	if !first.New || first.User.Manifest.Label() != "User "+string(user[20:]) || first.ExpiresIn != 15*time.Minute {
		t.Errorf("%+v", first)
	}
	second, err := w.logIn("eve@example.com", "correct horse")
	if err != nil || second.New || second.User.Manifest.ID != user || second.Refresh == first.Refresh || second.Access == first.Access {
		t.Fatalf("%+v, %v", second, err)
	}
	for _, s := range []*auth.Session{first, second} {
		if p := w.wants("a session", 200, "/required", "Authorization", "Bearer "+s.Access); p.ID != user || p.System {
			t.Errorf("%+v", p)
		}
	}
	w.wants("the other network", 401, "/required", "Authorization", "Bearer "+first.Access, "X-Arke-Network", "test")
	noSecretInTheOpen(t, w.main, "eve@example.com", "Example.COM", "correct horse", first.Refresh, "argon2id")
	if _, err := w.in(func(ctx context.Context) error { return w.LogOut(ctx, "") }, "Authorization", "Bearer "+first.Access); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*auth.Session{first, second} {
		w.wants("after the log-out", 401, "/required", "Authorization", "Bearer "+s.Access)
		if _, err := w.refresh(s.Refresh); kind(err) != entity.KindUnauthenticated {
			t.Errorf("a refresh after the log-out: %v", err)
		}
	}
	third, err := w.logIn("eve@example.com", "correct horse") // in the same moment
	if err != nil {
		t.Fatal(err)
	}
	w.wants("a new session in the second of the log-out", 200, "/required", "Authorization", "Bearer "+third.Access)
	if _, err := w.in(func(ctx context.Context) error { return w.LogOut(ctx, third.Refresh) }); err != nil {
		t.Errorf("a log-out by refresh token: %v", err)
	}
	w.wants("after it", 401, "/required", "Authorization", "Bearer "+third.Access)
	if _, err := w.in(func(ctx context.Context) error { return w.LogOut(ctx, "") }); kind(err) != entity.KindUnauthenticated {
		t.Errorf("nobody logs out: %v", err)
	}
	told := w.told()
	for _, action := range []string{"auth.signup", "auth.login", "auth.logout"} {
		if !strings.Contains(told, "action="+action+" ") {
			t.Errorf("the audit has no %s: %s", action, told)
		}
	}
	if strings.Contains(strings.ToLower(told), "eve@") {
		t.Errorf("the audit has an address: %s", told)
	}
}

// A wrong password, an address of nobody, and a sign-up with an address that is
// taken: one answer, word for word.
func TestNobodyLearnsWhoHasAnAccount(t *testing.T) {
	w := newRig(t, nil)
	w.session("eve@example.com")
	_, wrong := w.logIn("eve@example.com", "wrong horse")
	_, unknown := w.logIn("mallory@example.com", "wrong horse")
	var s *auth.Session
	_, taken := w.in(func(ctx context.Context) (err error) {
		s, err = w.SignUp(ctx, "EVE@example.com", "wrong horse", "Mallory")
		return err
	})
	for name, err := range map[string]error{"wrong": wrong, "unknown": unknown, "taken": taken} {
		if kind(err) != entity.KindUnauthenticated || err.Error() != wrong.Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.in(func(ctx context.Context) (err error) {
		s, err = w.SignUp(ctx, "EVE@example.com", "correct horse", "Mallory")
		return err
	}); err != nil || s.New || s.User.Manifest.Label() == "Mallory" {
		t.Errorf("a sign-up with the right password is a log-in: %+v, %v", s, err)
	}
	told := w.told()
	if strings.Count(told, "auth.login_failed") != 2 || strings.Contains(told, "access.denied") {
		t.Errorf("failed log-ins are told once: %s", told)
	}
}

// Failures are limited for an account, whether it exists or not, and for a
// client; what was right costs nothing.
func TestLogInsAreLimited(t *testing.T) {
	w := newRig(t, nil)
	_, _ = w.session("eve@example.com")
	for range 15 {
		if _, err := w.logIn("eve@example.com", "correct horse"); err != nil {
			t.Fatal(err)
		}
	}
	var out [2]string
	for i, email := range []string{"eve@example.com", "mallory@example.com"} {
		for n := range 12 {
			_, err := w.logIn(email, "wrong horse")
			out[i] += fmt.Sprintln(n, err)
		}
		var wait interface{ RetryAfter() time.Duration }
		_, err := w.logIn(email, "correct horse")
		if kind(err) != entity.KindRateLimited || !errors.As(err, &wait) || wait.RetryAfter() <= 0 || wait.RetryAfter() > 30*time.Second {
			t.Errorf("%s, the right password after too many: %v", email, err)
		}
	}
	if out[0] != out[1] || strings.Count(out[0], "wrong") != 10 {
		t.Errorf("the limit tells two accounts apart:\n%s\n%s", out[0], out[1])
	}
	w.clock.Advance(30 * time.Second)
	if _, err := w.logIn("eve@example.com", "correct horse"); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	var err error
	n := 0
	for ; kind(err) != entity.KindRateLimited && n < 100; n++ {
		_, err = w.logIn(fmt.Sprintf("nobody%d@example.com", n), "wrong horse")
	}
	if n > 51 {
		t.Errorf("a client may fail %d times", n)
	}
}

// Of many uses of a refresh token at a time one wins, and the others take
// nothing from it.
func TestRefreshIsUsedOnce(t *testing.T) {
	w := newRig(t, nil)
	s, user := w.session("eve@example.com")
	for range 5 {
		var won atomic.Pointer[auth.Session]
		var wins atomic.Int64
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				next, err := w.refresh(s.Refresh)
				switch {
				case err == nil:
					won.Store(next)
					wins.Add(1)
				case kind(err) != entity.KindUnauthenticated:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 {
			t.Fatalf("%d of 32 uses won", wins.Load())
		}
		s = won.Load()
		if p := w.wants("the new session", 200, "/required", "Authorization", "Bearer "+s.Access); p.ID != user {
			t.Errorf("%+v", p)
		}
	}
}

func TestRefreshEnds(t *testing.T) {
	w := newRig(t, nil)
	s, user := w.session("eve@example.com")
	w.clock.Advance(auth.RefreshLifetime - time.Second)
	next, err := w.refresh(s.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	w.wants("an old access token", 401, "/required", "Authorization", "Bearer "+s.Access)
	if _, err := w.refresh(s.Refresh); kind(err) != entity.KindUnauthenticated {
		t.Errorf("replayed: %v", err)
	}
	w.clock.Advance(auth.RefreshLifetime)
	if _, err := w.refresh(next.Refresh); kind(err) != entity.KindUnauthenticated {
		t.Errorf("expired: %v", err)
	}
	last, err := w.logIn("eve@example.com", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "nonsense", last.Refresh + "A", last.Access} {
		if _, err := w.refresh(token); kind(err) != entity.KindUnauthenticated {
			t.Errorf("%q: %v", token, err)
		}
	}
	if _, err := w.refresh(next.Refresh); err == nil {
		t.Error("an expired token came back")
	}
	w.bury(user)
	if _, err := w.refresh(last.Refresh); kind(err) != entity.KindUnauthenticated {
		t.Errorf("of a deleted user: %v", err)
	}
	w.wants("of a deleted user", 401, "/required", "Authorization", "Bearer "+last.Access)
	if _, err := w.logIn("eve@example.com", "correct horse"); kind(err) != entity.KindUnauthenticated {
		t.Errorf("a deleted user logs in: %v", err)
	}
}

// A user has so many sessions; another one ends the oldest.
func TestMostSessions(t *testing.T) {
	w := newRig(t, nil)
	oldest, _ := w.session("eve@example.com")
	next, err := w.logIn("eve@example.com", "correct horse")
	for i := 0; i < 49 && err == nil; i++ {
		_, err = w.logIn("eve@example.com", "correct horse")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.refresh(oldest.Refresh); kind(err) != entity.KindUnauthenticated {
		t.Errorf("the oldest of 51: %v", err)
	}
	if _, err := w.refresh(next.Refresh); err != nil {
		t.Errorf("the second: %v", err)
	}
}

// Of many sign-ups with one address at a time one makes an account, and those
// with its password log in.
func TestSignUpTogether(t *testing.T) {
	w := newRig(t, nil)
	var made atomic.Int64
	var users sync.Map
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := w.in(func(ctx context.Context) error {
				s, err := w.SignUp(ctx, "eve@example.com", "correct horse", "Eve")
				if err == nil {
					users.Store(s.User.Manifest.ID, true)
					if s.New {
						made.Add(1)
					}
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	users.Range(func(any, any) bool { n++; return true })
	if made.Load() != 1 || n != 1 {
		t.Errorf("%d accounts of %d users", made.Load(), n)
	}
}

func TestSignUpRefuses(t *testing.T) {
	w := newRig(t, nil)
	sign := func(email, password string) error {
		_, err := w.in(func(ctx context.Context) error { _, err := w.SignUp(ctx, email, password, ""); return err })
		return err
	}
	for _, email := range []string{"", "eve", "@example.com", "eve@", "eve@a@b", "e ve@example.com", "eve@exa\nmple.com", "\xff@example.com", strings.Repeat("e", 250) + "@example.com"} {
		if err := sign(email, "correct horse"); kind(err) != entity.KindInvalid {
			t.Errorf("%q: %v", email, err)
		}
	}
	for _, password := range []string{"", "1234567", strings.Repeat("x", 257)} {
		if err := sign("eve@example.com", password); kind(err) != entity.KindInvalid {
			t.Errorf("%q: %v", password, err)
		}
	}
	var err error
	n := 0
	for ; err == nil && n < 30; n++ {
		err = sign(fmt.Sprintf("eve%d@example.com", n), "correct horse")
	}
	if n != 21 || kind(err) != entity.KindRateLimited {
		t.Errorf("the account %d from one client: %v", n, err)
	}
	closed := newRig(t, func(o *auth.Options) { o.NoSignups = true })
	_, err = closed.in(func(ctx context.Context) error {
		_, err := closed.SignUp(ctx, "eve@example.com", "correct horse", "")
		return err
	})
	if kind(err) != entity.KindForbidden {
		t.Errorf("a server without sign-ups: %v", err)
	}
}

func TestChangePassword(t *testing.T) {
	w := newRig(t, nil)
	s, _ := w.session("eve@example.com")
	change := func(old, word string, headers ...string) error {
		_, err := w.in(func(ctx context.Context) error { return w.ChangePassword(ctx, old, word) }, headers...)
		return err
	}
	eve := []string{"Authorization", "Bearer " + s.Access}
	if err := change("wrong horse", "battery staple", eve...); kind(err) != entity.KindUnauthenticated {
		t.Errorf("the old one is wrong: %v", err)
	}
	if err := change("correct horse", "short", eve...); kind(err) != entity.KindInvalid {
		t.Errorf("the new one is short: %v", err)
	}
	if err := change("correct horse", "battery staple", "x-api-key", annKey); kind(err) != entity.KindInvalid {
		t.Errorf("an account without one: %v", err)
	}
	if err := change("correct horse", "battery staple", eve...); err != nil {
		t.Fatal(err)
	}
	w.wants("a session from before", 401, "/required", eve...)
	if _, err := w.refresh(s.Refresh); kind(err) != entity.KindUnauthenticated {
		t.Errorf("a refresh token from before: %v", err)
	}
	if _, err := w.logIn("eve@example.com", "correct horse"); kind(err) != entity.KindUnauthenticated {
		t.Errorf("the old password: %v", err)
	}
	if _, err := w.logIn("eve@example.com", "battery staple"); err != nil {
		t.Error(err)
	}
}

// The keys of a network are made once, however many need them first.
func TestSigningKeysAreMadeOnce(t *testing.T) {
	w := newRig(t, nil)
	var kids sync.Map
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			keys, err := w.PublicKeys(t.Context())
			if err != nil || len(keys) != 2 {
				t.Error(keys, err)
			}
			for _, k := range keys {
				kids.Store(k.Kid, true)
			}
		})
	}
	wg.Wait()
	n := 0
	kids.Range(func(any, any) bool { n++; return true })
	if n != 2 {
		t.Errorf("%d keys for two networks", n)
	}
}
