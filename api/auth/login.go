package auth

import (
	"context"
	"errors"
	"time"

	"stemma/api/auth/audit"
	"stemma/api/auth/password"
	"stemma/api/auth/token"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// Session is what a log-in gives.
type Session struct {
	Access         string // an access token
	ExpiresIn      time.Duration
	Refresh        string // a refresh token, for the cookie
	RefreshExpires time.Time
	User           *entity.Version
	New            bool // the account was made
}

// errLogin is the one answer to a log-in that fails.
func errLogin() error {
	return &entity.Error{Kind: entity.KindUnauthenticated, Op: "auth.LogIn", Message: "Unauthorized: the email or the password is wrong", Err: errTold}
}

// LogIn opens a session. KindUnauthenticated when the account or the password
// is wrong, KindRateLimited, with RetryAfter, after too many of these.
func (a *Authenticator) LogIn(ctx context.Context, email, word string) (*Session, error) {
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return nil, err
	}
	if email, err = normalizeEmail(email); err != nil {
		return nil, err
	}
	return a.logIn(ctx, s, email, word)
}

func (a *Authenticator) logIn(ctx context.Context, s entity.Store, email, word string) (session *Session, err error) {
	err = a.verified(ctx, s, email, word, func(user entity.ID, still func(entity.Reader) error) error {
		session, err = a.open(ctx, s, user, func(tx entity.Tx) error { return still(tx) })
		return err
	})
	return session, err
}

// verified runs fn for the user whose address and password they are, within the
// limits of log-ins, and has the audit know. fn gets what tells, in its
// transaction, whether the password is still the one that was verified. The
// errors are those of [Authenticator.LogIn] and fn's.
func (a *Authenticator) verified(ctx context.Context, s entity.Store, email, word string, fn func(user entity.ID, still func(entity.Reader) error) error) error {
	giveBack, err := a.attempts.attempt(email, wire.ClientOf(ctx), a.now())
	if err != nil {
		a.tell(ctx, audit.LoginFailed, access.Principal{}, "password", "limited")
		return err
	}
	user, acc, err := readAccount(ctx, s, email)
	if err != nil {
		return err
	}
	ok, err := a.passwords.Verify(ctx, acc.Hash, word)
	if err != nil {
		giveBack()
		return err
	}
	if ok {
		err = fn(user, func(r entity.Reader) error {
			now, err := accountOf(r, user)
			if err == nil && now != acc { // changed while its hash was computed
				err = errLogin()
			}
			return err
		})
	} else {
		err = errLogin()
	}
	switch {
	case err == nil:
		giveBack()
		a.tell(ctx, audit.Login, access.Principal{ID: user, Kind: access.User}, "password", "")
	case errors.Is(err, errTold):
		a.tell(ctx, audit.LoginFailed, access.Principal{ID: user, Kind: kindOfKnown(user)}, "password", "")
	}
	return err
}

func kindOfKnown(user entity.ID) access.Kind {
	if user == "" {
		return access.Anonymous
	}
	return access.User
}

func readAccount(ctx context.Context, s entity.Store, email string) (user entity.ID, acc account, err error) {
	err = s.View(ctx, func(r entity.Reader) error {
		if user, err = userOf(r, email); err != nil {
			return err
		}
		acc, err = accountOf(r, user)
		return err
	})
	return user, acc, err
}

// open begins a session of a user, after check, in one transaction.
func (a *Authenticator) open(ctx context.Context, s entity.Store, user entity.ID, check func(entity.Tx) error) (*Session, error) {
	return a.session(ctx, s, user, func(tx entity.Tx) (*entity.Version, error) {
		if err := check(tx); err != nil {
			return nil, err
		}
		return liveUser(tx, user)
	})
}

// session draws tokens for the user whose tip fn gives, and keeps them in fn's
// transaction, of which by is the actor.
func (a *Authenticator) session(ctx context.Context, s entity.Store, by entity.ID, fn func(tx entity.Tx) (*entity.Version, error)) (*Session, error) {
	keys, err := a.needSigningKeys(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &Session{ExpiresIn: token.Lifetime}
	if out.Refresh, err = mintRefresh(a.entropy); err != nil {
		return nil, err
	}
	refresh, now := digestOf(out.Refresh), a.now()
	out.RefreshExpires = now.Add(RefreshLifetime)
	var user entity.ID
	var epoch int64
	_, err = s.Update(ctx, entity.Actor{UserID: by, Method: entity.MethodManual}, func(tx entity.Tx) error {
		if out.User, err = fn(tx); err != nil {
			return err
		}
		user = out.User.Manifest.ID
		at, err := sessionsOf(tx, user)
		if err != nil {
			return err
		}
		at.add(tx, user, refresh, now)
		epoch = at.Epoch
		return at.put(tx, user)
	})
	if err != nil {
		return nil, err
	}
	out.Access, err = a.accessToken(keys, s.Network(), user, epoch)
	return out, err
}

// liveUser is the tip of a user that is not deleted; the answer to a wrong
// log-in for any other.
func liveUser(r entity.Reader, user entity.ID) (*entity.Version, error) {
	h, err := r.Head(user)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return nil, err
	}
	if err != nil || h.Deleted {
		return nil, errLogin()
	}
	return tipOf(r, h)
}

func tipOf(r entity.Reader, h entity.Head) (*entity.Version, error) {
	m, err := r.Manifest(h.CID())
	if err != nil {
		return nil, err
	}
	return &entity.Version{CID: h.CID(), Manifest: m}, nil
}

// Refresh opens a session anew for a refresh token, which is used up by that.
// KindUnauthenticated for one that was used, has expired, or never was.
func (a *Authenticator) Refresh(ctx context.Context, refreshToken string) (*Session, error) {
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return nil, err
	}
	used := digestOf(refreshToken)
	var user entity.ID
	session, err := a.session(ctx, s, "", func(tx entity.Tx) (v *entity.Version, err error) {
		if user, err = useRefresh(tx, used, a.now()); err != nil {
			return nil, err
		}
		if v, err = liveUser(tx, user); errors.Is(err, errTold) {
			err = errRefresh()
		}
		return v, err
	})
	if err == nil {
		a.tell(ctx, audit.Refresh, access.Principal{ID: user, Kind: access.User}, "refresh", "")
	}
	return session, err
}

func errRefresh() error {
	return &entity.Error{Kind: entity.KindUnauthenticated, Op: "auth.Refresh", Message: "Unauthorized: the refresh token was used, has expired or was revoked; log in again"}
}

// useRefresh takes a refresh token away and gives whose it was.
func useRefresh(tx entity.Tx, d digest, now time.Time) (entity.ID, error) {
	b, err := tx.Secret(secretName(refreshSpace, d))
	if err != nil {
		return "", err
	}
	user := entity.ID(b)
	at, err := sessionsOf(tx, user)
	if err != nil {
		return "", err
	}
	for _, t := range at.Refresh {
		if t.Digest == d && t.Expires > now.UnixMilli() {
			at.drop(tx, d)
			return user, at.put(tx, user)
		}
	}
	return "", errRefresh()
}

// LogOut ends all sessions of the user whom the caller is, or whose refresh
// token it has: its refresh tokens and all access tokens from before are void.
// KindUnauthenticated when there is neither.
func (a *Authenticator) LogOut(ctx context.Context, refreshToken string) error {
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return err
	}
	var user entity.ID
	_, err = s.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		if user = From(ctx).ID; user == "" {
			b, err := tx.Secret(secretName(refreshSpace, digestOf(refreshToken)))
			if err != nil {
				return err
			}
			if user = entity.ID(b); b == nil {
				return errRefresh()
			}
		}
		return endSessions(tx, user, a.now())
	})
	if err == nil {
		a.tell(ctx, audit.Logout, access.Principal{ID: user, Kind: access.User}, "", "")
	}
	return err
}

func endSessions(tx entity.Tx, user entity.ID, now time.Time) error {
	at, err := sessionsOf(tx, user)
	if err != nil {
		return err
	}
	at.end(tx, now)
	return at.put(tx, user)
}

// ChangePassword gives the caller's account another password and ends all its
// sessions. KindUnauthenticated when old is wrong, KindInvalid when the account
// has no password or another may not be chosen.
func (a *Authenticator) ChangePassword(ctx context.Context, old, word string) error {
	const op = "auth.ChangePassword"
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return err
	}
	if err := password.Check(word); err != nil {
		return err
	}
	who := From(ctx)
	var acc account
	if err := s.View(ctx, func(r entity.Reader) error { acc, err = accountOf(r, who.ID); return err }); err != nil {
		return err
	}
	if acc.Email == "" {
		return entity.Invalid(op, "this account has no password; who it belongs to logs in elsewhere, or with keys")
	}
	giveBack, err := a.attempts.attempt(acc.Email, wire.ClientOf(ctx), a.now())
	if err != nil {
		return err
	}
	ok, err := a.passwords.Verify(ctx, acc.Hash, old)
	if err == nil && !ok {
		a.tell(ctx, audit.LoginFailed, who, "password", "")
		return &entity.Error{Kind: entity.KindUnauthenticated, Op: op, Message: "Unauthorized: the old password is wrong", Err: errTold}
	}
	giveBack()
	if err != nil {
		return err
	}
	changed := account{Email: acc.Email}
	if changed.Hash, err = a.passwords.Hash(ctx, word); err != nil {
		return err
	}
	_, err = s.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		now, err := accountOf(tx, who.ID)
		if err != nil {
			return err
		}
		if now != acc {
			return entity.Invalid(op, "the password was changed meanwhile; log in with the new one")
		}
		if err := putAccount(tx, who.ID, changed); err != nil {
			return err
		}
		return endSessions(tx, who.ID, a.now())
	})
	if err == nil {
		a.tell(ctx, audit.Password, who, "password", "")
	}
	return err
}
