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

// How long tokens hold whose clients have nothing to refresh them with: those of
// people who work in a tenant, and those of who runs the server. A log-out ends
// them like any other.
const (
	TenantTokenLifetime = 24 * time.Hour
	AdminTokenLifetime  = 8 * time.Hour
)

// VerifyPassword runs fn for the user whose address and password they are, on the
// state in which they still are. The errors are those of [Authenticator.LogIn]
// and fn's.
func (a *Authenticator) VerifyPassword(ctx context.Context, email, word string, fn func(r entity.Reader, user entity.ID) error) error {
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return err
	}
	if email, err = normalizeEmail(email); err != nil {
		return err
	}
	return a.verified(ctx, s, email, word, func(user entity.ID, still func(entity.Reader) error) error {
		return s.View(ctx, func(r entity.Reader) error {
			if err := still(r); err != nil {
				return err
			}
			if _, err := liveUser(r, user); err != nil {
				return err
			}
			return fn(r, user)
		})
	})
}

// NewAccount makes a user with an email and a password, and all that fn writes in
// the same transaction, of which the user is the actor. invited lets it in where
// the server takes no new accounts. KindExists when the address has an account;
// the other errors are those of [Authenticator.SignUp] and fn's.
func (a *Authenticator) NewAccount(ctx context.Context, email, word string, invited bool, fn func(entity.Tx, *entity.Version) error) (user entity.ID, err error) {
	const op = "auth.NewAccount"
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return "", err
	}
	admits := a.admits
	if invited {
		admits = func(entity.Reader) error { return nil }
	}
	if err := s.View(ctx, admits); err != nil {
		return "", err
	}
	if email, err = normalizeEmail(email); err != nil {
		return "", err
	}
	if err := password.Check(word); err != nil {
		return "", err
	}
	if err := a.attempts.signup(wire.ClientOf(ctx), a.now()); err != nil {
		return "", err
	}
	taken := entity.Errorf(entity.KindExists, op, "%s has an account here; log in with it", email)
	if other, _, err := readAccount(ctx, s, email); err != nil || other != "" {
		return "", errOr(err, taken)
	}
	hash, err := a.passwords.Hash(ctx, word)
	if err != nil {
		return "", err
	}
	user = a.ids.New(s.Network())
	_, err = s.Update(ctx, entity.Actor{UserID: user, Method: entity.MethodManual}, func(tx entity.Tx) error {
		if err := admits(tx); err != nil {
			return err
		}
		if other, err := userOf(tx, email); err != nil || other != "" {
			return errOr(err, taken)
		}
		if err := putAccount(tx, user, account{Email: email, Hash: hash}); err != nil {
			return err
		}
		v, err := createPrincipal(tx, user, entity.TypeUser, "")
		if err != nil {
			return err
		}
		return fn(tx, v)
	})
	if err != nil {
		return "", err
	}
	a.tell(ctx, audit.Signup, access.Principal{ID: user, Kind: access.User}, "password", "")
	return user, nil
}

func errOr(err error, other *entity.Error) error {
	if err != nil {
		return err
	}
	return other
}

// TenantToken makes a token of a user who works in a tenant. Whether the user
// may is the caller's to find out.
func (a *Authenticator) TenantToken(ctx context.Context, user, tenant entity.ID) (string, error) {
	return a.longToken(ctx, token.Grant{User: user, Tenant: tenant, Holds: TenantTokenLifetime})
}

// longToken makes a token for the user's current sessions.
func (a *Authenticator) longToken(ctx context.Context, g token.Grant) (string, error) {
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return "", err
	}
	keys, err := a.needSigningKeys(ctx, s)
	if err != nil {
		return "", err
	}
	err = s.View(ctx, func(r entity.Reader) error {
		at, err := sessionsOf(r, g.User)
		g.Network, g.Epoch = r.Network(), at.Epoch
		return err
	})
	if err != nil {
		return "", err
	}
	return a.sign(keys, g)
}

// AdminSession is what a log-in of who runs the server gives.
type AdminSession struct {
	Token    string
	User     entity.ID
	Username string
	// MustSet tells that the first user has no password yet, and was let in by a
	// key.
	MustSet bool
}

// adminName stands for the address of the first user's account.
const adminName = "admin"

// AdminLogIn lets in who runs the server: the first user, by the address and
// password of its account, or by one of its keys in the place of the password;
// the username admin stands for whichever address that is.
// There is no password that a server has by itself: before one is set
// ([Authenticator.SetAdminPassword]) the key of the first start is the only one.
// The errors are those of [Authenticator.LogIn].
func (a *Authenticator) AdminLogIn(ctx context.Context, username, word string) (*AdminSession, error) {
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &AdminSession{Username: username}
	if IsKey(word) {
		err = a.adminByKey(ctx, s, word, out)
	} else {
		err = a.adminByPassword(ctx, s, username, word, out)
	}
	if err != nil {
		return nil, err
	}
	out.Token, err = a.longToken(ctx, token.Grant{User: out.User, Scope: token.ScopeAdmin, Holds: AdminTokenLifetime})
	return out, err
}

func (a *Authenticator) adminByKey(ctx context.Context, s entity.Store, key string, out *AdminSession) error {
	giveBack, err := a.attempts.client(wire.ClientOf(ctx), a.now())
	if err != nil {
		a.tell(ctx, audit.LoginFailed, access.Principal{}, "key", "limited")
		return err
	}
	err = s.View(ctx, func(r entity.Reader) error {
		p, g, err := resolve(r, digestOf(key), a.now())
		if err != nil && entity.KindOf(err) != entity.KindUnauthenticated {
			return err
		}
		if err != nil {
			return errLogin()
		}
		first, err := FirstUser(r)
		if err != nil || p.ID != first || !g.Owner || p.Scopes != nil {
			return errLogin()
		}
		acc, err := accountOf(r, first)
		out.User, out.MustSet = first, acc.Email == ""
		if acc.Email != "" {
			out.Username = acc.Email
		}
		return err
	})
	who := access.Principal{ID: out.User, Kind: kindOfKnown(out.User)}
	if !errors.Is(err, errTold) {
		giveBack()
	}
	if err == nil {
		a.tell(ctx, audit.Login, who, "key", "admin")
	} else if errors.Is(err, errTold) {
		a.tell(ctx, audit.LoginFailed, who, "key", "admin")
	}
	return err
}

func (a *Authenticator) adminByPassword(ctx context.Context, s entity.Store, username, word string, out *AdminSession) error {
	email, err := normalizeEmail(username)
	switch {
	case username == adminName:
		err = s.View(ctx, func(r entity.Reader) error {
			first, err := FirstUser(r)
			if err == nil {
				email, err = Email(r, first)
			}
			return err
		})
		if err != nil && entity.KindOf(err) != entity.KindNotFound {
			return err
		}
	case err != nil:
		email = "" // of nobody, which is found out like a wrong password
	}
	return a.verified(ctx, s, email, word, func(user entity.ID, still func(entity.Reader) error) error {
		return s.View(ctx, func(r entity.Reader) error {
			if first, err := FirstUser(r); err != nil || first != user {
				return errLogin()
			}
			out.User, out.Username = user, email
			return still(r)
		})
	})
}

// SetAdminPassword gives the first user, who is the caller, a password: a new one
// for the old, or the first one with the address that goes with it. All sessions
// end, and a new one begins. The errors are those of
// [Authenticator.ChangePassword].
func (a *Authenticator) SetAdminPassword(ctx context.Context, email, old, word string) (*AdminSession, error) {
	if err := a.setAdminPassword(ctx, email, old, word); err != nil {
		return nil, err
	}
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &AdminSession{User: From(ctx).ID}
	err = s.View(ctx, func(r entity.Reader) (err error) {
		out.Username, err = Email(r, out.User)
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Token, err = a.longToken(ctx, token.Grant{User: out.User, Scope: token.ScopeAdmin, Holds: AdminTokenLifetime})
	return out, err
}

func (a *Authenticator) setAdminPassword(ctx context.Context, email, old, word string) error {
	const op = "auth.SetAdminPassword"
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return err
	}
	who := From(ctx)
	var has bool
	err = s.View(ctx, func(r entity.Reader) error {
		first, err := FirstUser(r)
		if err == nil && first != who.ID {
			err = entity.Errorf(entity.KindForbidden, op, "Forbidden: the password is the first user's to change")
		}
		if err != nil {
			return err
		}
		acc, err := accountOf(r, who.ID)
		has = acc.Email != ""
		return err
	})
	if err != nil || has {
		if err == nil {
			err = a.ChangePassword(ctx, old, word)
		}
		return err
	}
	if email, err = normalizeEmail(email); err != nil {
		return entity.Invalid(op, "the first user has no account yet: give username, an email address to log in with from now on")
	}
	if err := password.Check(word); err != nil {
		return err
	}
	acc := account{Email: email}
	if acc.Hash, err = a.passwords.Hash(ctx, word); err != nil {
		return err
	}
	_, err = s.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		if other, err := userOf(tx, email); err != nil || other != "" {
			return errOr(err, entity.Errorf(entity.KindExists, op, "%s has an account here; give another address", email))
		}
		if have, err := accountOf(tx, who.ID); err != nil || have.Email != "" {
			return errOr(err, entity.Errorf(entity.KindExists, op, "a password was set meanwhile; log in with it"))
		}
		if err := putAccount(tx, who.ID, acc); err != nil {
			return err
		}
		return endSessions(tx, who.ID, a.now())
	})
	if err == nil {
		a.tell(ctx, audit.Password, who, "password", "")
	}
	return err
}

// Email is the address of a user's account, or else the one that the issuer
// vouches for by whom the user signs in; "" where there is none. It is for those
// who share a tenant with the user, and for the user.
func Email(r entity.Reader, user entity.ID) (string, error) {
	acc, err := accountOf(r, user)
	if err != nil || acc.Email != "" || user == "" {
		return acc.Email, err
	}
	contact, err := r.Secret(contactSpace + string(user))
	return string(contact), err
}
