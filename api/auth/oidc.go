package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	"stemma/api/auth/audit"
	"stemma/api/auth/external"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// SignInOptions are an OIDC issuer that people sign in with in a browser. The
// zero value is none.
type SignInOptions struct {
	Issuer   string // one of those whose tokens are believed
	ClientID string
	Secret   string // "": a public client
	Name     string // what people call it; "": the issuer's host
	Redirect string // path of this server that it sends people back to
}

// signIn is the issuer of [SignInOptions], and who is on the way to it or back.
type signIn struct {
	flow *external.Flow
	name string
	ways ways
}

// SignInLifetime is how long somebody may take at the issuer, and codeLifetime
// until the application has the session of who came back.
const (
	SignInLifetime = 10 * time.Minute
	codeLifetime   = 2 * time.Minute
)

func (a *Authenticator) openSignIn(o SignInOptions) error {
	if o.ClientID == "" || a.readOnly {
		return nil
	}
	flow, err := a.external.Flow(o.Issuer, o.ClientID, o.Secret, a.issuer+o.Redirect)
	if err != nil {
		return err
	}
	if o.Name == "" {
		if u, err := url.Parse(o.Issuer); err == nil {
			o.Name = u.Hostname()
		}
	}
	a.signIn = &signIn{flow: flow, name: o.Name}
	return nil
}

// SignInName is what the issuer is called that people sign in with, "" where
// there is none.
func (a *Authenticator) SignInName() string {
	if a.signIn == nil {
		return ""
	}
	return a.signIn.name
}

// Carried is what somebody who signs in brings back from where they left.
type Carried struct {
	Next   string // path of the application that they wanted to see
	Invite string // token of an invitation
}

// BeginSignIn is where the caller's browser is sent to, and a secret that binds
// what follows to that browser. KindNotFound where there is no issuer,
// KindRateLimited, KindUnavailable.
func (a *Authenticator) BeginSignIn(ctx context.Context, carried Carried) (to, browser string, err error) {
	if a.signIn == nil {
		return "", "", entity.NotFound("auth.BeginSignIn", "people do not sign in by another provider here; they have an email and a password")
	}
	giveBack, err := a.attempts.client(wire.ClientOf(ctx), a.now())
	if err != nil {
		return "", "", err
	}
	w := &way{carried: carried, network: wire.NetworkOf(ctx), giveBack: giveBack}
	for _, secret := range []*string{&browser, &w.proof.State, &w.proof.Nonce, &w.proof.Verifier} {
		if *secret, err = a.drawSecret(); err != nil {
			return "", "", err
		}
	}
	if to, err = a.signIn.flow.Begin(w.proof); err != nil {
		giveBack()
		a.logger.Warn("nobody can sign in by the OIDC issuer", "issuer", a.signIn.flow.Issuer(), "err", err)
		return "", "", err
	}
	w.browser, w.until = digestOf(browser), a.now().Add(SignInLifetime)
	a.signIn.ways.put(w.proof.State, w, a.now())
	return to, browser, nil
}

func (a *Authenticator) drawSecret() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(a.entropy, b[:]); err != nil {
		return "", entity.Internal("auth.drawSecret", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// Answer is what an issuer sends somebody back with.
type Answer struct {
	State, Code string
	Error       string // a code of RFC 6749 section 4.1.2.1 in place of the code
	Issuer      string // RFC 9207; "" of those that do not say
}

// errWay is the one answer to what was never begun, has ended, or was begun in
// another browser.
func errWay() error {
	return entity.Invalid("auth.signIn", "this sign-in took too long, is over, or was begun in another browser; begin it again")
}

// EndSignIn makes a code for the application out of what an issuer sends back. It
// proves nothing by itself: only the browser's secret and the code together do,
// once. KindInvalid for what was not begun in this browser, KindForbidden where
// who signs in or the issuer does not want it, KindUnauthenticated where its
// answer proves nobody, KindUnavailable.
func (a *Authenticator) EndSignIn(ctx context.Context, browser string, answer Answer) (code string, carried Carried, err error) {
	if a.signIn == nil {
		return "", carried, errWay()
	}
	w := a.signIn.ways.take(answer.State, browser, begun, "", a.now())
	if w == nil {
		return "", carried, errWay()
	}
	id, err := a.proved(ctx, w, answer)
	if err == nil {
		code, err = a.drawSecret()
	}
	if err != nil {
		a.logger.Info("somebody did not come in by the OIDC issuer", "issuer", a.signIn.flow.Issuer(), "err", err)
		if entity.KindOf(err) == entity.KindUnavailable {
			w.giveBack()
		}
		if entity.KindOf(err) == entity.KindUnauthenticated {
			a.tell(ctx, audit.LoginFailed, access.Principal{}, string(external.OIDC), "")
		}
		return "", w.carried, err
	}
	w.stage, w.identity, w.until = returned, id, a.now().Add(codeLifetime)
	a.signIn.ways.put(code, w, a.now())
	return code, w.carried, nil
}

func (a *Authenticator) proved(ctx context.Context, w *way, answer Answer) (id external.Identity, err error) {
	const op = "auth.EndSignIn"
	unavailable := answer.Error == "server_error" || answer.Error == "temporarily_unavailable"
	switch {
	case answer.Issuer != "" && answer.Issuer != a.signIn.flow.Issuer():
		return id, refused(op, "the answer is of another issuer")
	case unavailable:
		return id, &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: "the provider could not sign you in; try again in some seconds", Err: errors.New(answer.Error)}
	case answer.Error != "":
		return id, &entity.Error{Kind: entity.KindForbidden, Op: op, Message: "Forbidden: the provider did not sign you in", Err: errors.New(strings.ToValidUTF8(clip(answer.Error, 100), ""))}
	case answer.Code == "":
		return id, refused(op, "the answer has no code")
	}
	return a.signIn.flow.End(ctx, w.proof, answer.Code)
}

// TakeSignIn gives who came back, once. KindInvalid.
func (a *Authenticator) TakeSignIn(ctx context.Context, browser, code string) (id external.Identity, carried Carried, err error) {
	if a.signIn == nil {
		return id, carried, errWay()
	}
	w := a.signIn.ways.take(code, browser, returned, wire.NetworkOf(ctx), a.now())
	if w == nil {
		return id, carried, errWay()
	}
	w.giveBack()
	return w.identity, w.carried, nil
}

// Admit gives the user of an identity, whom it makes where it is new; fn runs in
// the same transaction. invited lets in where nobody new is. KindForbidden, also
// for somebody who was deleted, and the errors of fn.
func (a *Authenticator) Admit(ctx context.Context, id external.Identity, invited bool, fn func(tx entity.Tx, user entity.ID, made bool) error) (user entity.ID, err error) {
	const op = "auth.Admit"
	s, err := a.store(wire.NetworkOf(ctx))
	if err != nil {
		return "", err
	}
	err = s.View(ctx, func(r entity.Reader) error {
		user, err = registered(r, id)
		return err
	})
	if err != nil {
		return "", err
	}
	actor, made := user, false
	if actor == "" {
		actor = a.ids.New(s.Network())
	}
	_, err = s.Update(ctx, entity.Actor{UserID: actor, Method: entity.MethodManual}, func(tx entity.Tx) error {
		made = false
		if user, err = registered(tx, id); err != nil {
			return err
		}
		if user == "" {
			if closed, err := a.closed(tx); err != nil || closed && !invited {
				return errOr(err, errNoSignups())
			}
			user, made = actor, true
			tx.SetSecret(identityName(id), []byte(user))
			if _, err := createPrincipal(tx, user, entity.TypeUser, clip(id.Name, mostUserLabel)); err != nil {
				return err
			}
		} else if _, err := liveUser(tx, user); err != nil {
			if errors.Is(err, errTold) {
				err = entity.Errorf(entity.KindForbidden, op, "Forbidden: the account of this sign-in was deleted; ask who runs this server")
			}
			return err
		}
		if err := putContact(tx, user, id.Email); err != nil {
			return err
		}
		return fn(tx, user, made)
	})
	if err != nil {
		return "", err
	}
	action := audit.Login
	if made {
		action = audit.Signup
	}
	a.tell(ctx, action, access.Principal{ID: user, Kind: access.User}, string(id.Form), "")
	return user, nil
}

// contactSpace has addresses of users that an issuer vouches for. They are shown
// like that of an account, and nobody logs in by one.
const contactSpace = "contact/"

func putContact(tx entity.Tx, user entity.ID, email string) error {
	if email == "" {
		return nil
	}
	have, err := tx.Secret(contactSpace + string(user))
	if err == nil && string(have) != email {
		tx.SetSecret(contactSpace+string(user), []byte(email))
	}
	return err
}

// same compares digests in a time that tells nothing of them.
func same(a, b digest) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
