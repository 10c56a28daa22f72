package auth

import (
	"context"
	"errors"

	"stemma/api/auth/audit"
	"stemma/api/auth/external"
	"stemma/api/auth/password"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// SignUp makes a user with an email and a password, and opens a session. With
// an address that has an account it is a log-in: see the package comment.
// KindForbidden when this server takes no new accounts, KindInvalid for what is
// no address or password, and the errors of LogIn.
func (a *Authenticator) SignUp(ctx context.Context, email, word, label string) (*Session, error) {
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return nil, err
	}
	if err := s.View(ctx, a.admits); err != nil {
		return nil, err
	}
	if email, err = normalizeEmail(email); err != nil {
		return nil, err
	}
	if err := password.Check(word); err != nil {
		return nil, err
	}
	user, _, err := readAccount(ctx, s, email)
	switch {
	case err != nil:
		return nil, err
	case user != "":
		return a.logIn(ctx, s, email, word)
	}
	if err := a.attempts.signup(wire.ClientOf(ctx), a.now()); err != nil {
		return nil, err
	}
	hash, err := a.passwords.Hash(ctx, word)
	if err != nil {
		return nil, err
	}
	user = a.ids.New(s.Network())
	session, err := a.session(ctx, s, user, func(tx entity.Tx) (*entity.Version, error) {
		if err := a.admits(tx); err != nil {
			return nil, err
		}
		if other, err := userOf(tx, email); err != nil || other != "" {
			return nil, orTaken(err)
		}
		if err := putAccount(tx, user, account{Email: email, Hash: hash}); err != nil {
			return nil, err
		}
		return createPrincipal(tx, user, entity.TypeUser, label)
	})
	if errors.Is(err, errTaken) {
		return a.logIn(ctx, s, email, word) // somebody was faster
	}
	if err != nil {
		return nil, err
	}
	session.New = true
	a.tell(ctx, audit.Signup, access.Principal{ID: user, Kind: access.User}, "password", "")
	return session, nil
}

// SignupsOpen tells whether anybody may make an account with a password: neither
// the options nor [Options.Closed] say otherwise.
func (a *Authenticator) SignupsOpen(r entity.Reader) (bool, error) {
	if a.noSignups {
		return false, nil
	}
	closed, err := a.closed(r)
	return !closed && err == nil, err
}

// admits is KindForbidden where nobody new may have an account with a password.
func (a *Authenticator) admits(r entity.Reader) error {
	open, err := a.SignupsOpen(r)
	if err == nil && !open {
		err = errNoSignups()
	}
	return err
}

func errNoSignups() *entity.Error {
	return entity.Errorf(entity.KindForbidden, "auth.SignUp", "Forbidden: this server takes no new accounts; ask who runs it for one")
}

// errTaken tells SignUp that the address has an account by now.
var errTaken error = &entity.Error{Kind: entity.KindExists, Op: "auth.SignUp"}

func orTaken(err error) error {
	if err == nil {
		err = errTaken
	}
	return err
}

// createPrincipal writes version 1 of a user or service. Without a label it is
// called by the end of its id.
func createPrincipal(tx entity.Tx, id entity.ID, typ, label string) (*entity.Version, error) {
	if label == "" {
		kind := map[string]string{entity.TypeUser: "User ", entity.TypeService: "Service "}[typ]
		label = kind + string(id[len(id)-6:])
	}
	return tx.Create(entity.Draft{ID: id, Type: typ, Properties: entity.Properties{"label": label}})
}

const identitySpace = "identity/"

// identityName is where the entity of an external identity is kept. A service
// and a user of one subject are two.
func identityName(id external.Identity) string {
	role := "user"
	if id.Service {
		role = "service"
	}
	return secretName(identitySpace, digestOf(string(id.Form)+"\n"+role+"\n"+id.Issuer+"\n"+id.Subject))
}

// registered is the entity of an external identity, "" for none.
func registered(r entity.Reader, id external.Identity) (entity.ID, error) {
	b, err := r.Secret(identityName(id))
	return entity.ID(b), err
}

// Register gives the entity of the caller; when a token of another issuer
// proves somebody new it makes one, and made is true. A service's is of type
// service. KindInvalid when the token has no subject, KindForbidden for a new
// user where nobody new is let in.
func (a *Authenticator) Register(ctx context.Context) (v *entity.Version, made bool, err error) {
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return nil, false, err
	}
	c := callerOf(ctx)
	if c == nil || c.identity.Form == "" || c.principal.By != "" {
		v, err = a.Me(ctx)
		return v, false, err
	}
	if c.identity.Subject == "" {
		return nil, false, entity.Invalid("auth.Register", "the token has no sub; only who has a name can be registered")
	}
	typ, most := entity.TypeUser, mostUserLabel
	if c.identity.Service {
		typ, most = entity.TypeService, mostServiceLabel
	}
	id := a.ids.New(s.Network())
	_, err = s.Update(ctx, entity.Actor{UserID: id, Method: entity.MethodManual}, func(tx entity.Tx) error {
		made = false
		have, err := registered(tx, c.identity)
		if err != nil {
			return err
		}
		if have != "" {
			v, err = liveUser(tx, have)
			return err
		}
		if closed, err := a.closed(tx); err != nil || closed && !c.identity.Service {
			return errOr(err, errNoSignups())
		}
		made = true
		tx.SetSecret(identityName(c.identity), []byte(id))
		v, err = createPrincipal(tx, id, typ, clip(c.identity.Name, most))
		return err
	})
	if err == nil && made {
		kind, _ := kindOf(typ)
		a.tell(ctx, audit.Register, access.Principal{ID: id, Kind: kind}, string(c.identity.Form), "")
	}
	return v, made, err
}

// Characters of a label, as entity's profiles have them.
const (
	mostUserLabel    = 500
	mostServiceLabel = 200
)

func clip(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i]
		}
	}
	return s
}

// Me is the caller's entity. KindUnauthenticated when the caller has none.
func (a *Authenticator) Me(ctx context.Context) (v *entity.Version, err error) {
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return nil, err
	}
	err = s.View(ctx, func(r entity.Reader) error {
		h, err := r.Head(From(ctx).ID)
		if err != nil && entity.KindOf(err) == entity.KindNotFound {
			return refused("auth.Me", "the caller has no entity")
		}
		if err != nil {
			return err
		}
		v, err = tipOf(r, h)
		return err
	})
	return v, err
}
