package external

import (
	"context"
	"net/http"
	"slices"
	"time"

	"stemma/api/auth/token"
	"stemma/entity"
)

// Form is how an identity was proved.
type Form string

// The forms.
const (
	OIDC   Form = "oidc"   // by a key of the issuer
	Shared Form = "shared" // by the shared secret
)

// Identity is who a token is about.
type Identity struct {
	Form            Form
	Issuer, Subject string // Subject may be "" of a service alone
	Name            string // as a person is called; "" when the token does not say
	Email           string // of an OIDC issuer that says it has verified it; "" otherwise
	Service         bool   // a program of the operator's
	IssuedAt        time.Time
}

// Options are whose tokens are believed. The zero value believes nobody.
type Options struct {
	Secret   []byte   // shared, for HS256, best of [MinSecret] bytes or more; nil: none
	Audience string   // that a token under Secret has, when it has one
	Issuers  []string // OIDC issuers, as they spell themselves
	ClientID string   // the audience of their tokens
	Client   *http.Client
	Now      func() time.Time
}

// MinSecret is the fewest bytes that a shared secret should have: the size of the
// hash, RFC 7518 section 3.2. A shorter one is believed, as whoever runs both
// ends may have nothing else, and can be guessed the sooner the shorter it is.
const MinSecret = 32

// maxName bounds an issuer or subject.
const maxName = 255

// Verifier verifies tokens. Its methods may be called concurrently.
type Verifier struct {
	secret   []byte
	audience string
	issuers  map[string]*issuer
	now      func() time.Time
}

// New makes a Verifier. KindInvalid when the options cannot be.
func New(o Options) (*Verifier, error) {
	const op = "external.New"
	switch {
	case o.Secret != nil && len(o.Secret) == 0:
		return nil, entity.Invalid(op, "a shared secret for HS256 is not empty; best it has %d bytes or more", MinSecret)
	case len(o.Issuers) > 0 && o.ClientID == "":
		return nil, entity.Invalid(op, "tokens of OIDC issuers need an audience: without one, a token made for any other client of the issuer would do")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 5 * time.Second}
	}
	if n := len(o.Secret); n > 0 && n < MinSecret {
		// HMAC pads keys with zeros (RFC 2104), so that this is the same key; the
		// library takes none that is shorter.
		o.Secret = append(slices.Clone(o.Secret), make([]byte, MinSecret-n)...)
	}
	v := &Verifier{secret: o.Secret, audience: o.Audience, issuers: make(map[string]*issuer), now: o.Now}
	for _, url := range o.Issuers {
		v.issuers[url] = newIssuer(url, o)
	}
	return v, nil
}

// Verify gives the identity that a token proves now. The errors are those of
// the package comment.
func (v *Verifier) Verify(ctx context.Context, raw string) (Identity, error) {
	algorithm, name, err := token.Peek(raw)
	if err != nil {
		return Identity{}, err
	}
	var id Identity
	switch at := v.issuers[name]; {
	case at != nil:
		id, err = at.verify(ctx, raw)
	case v.secret == nil:
		return id, token.Refused("nobody here verifies %s tokens of the issuer %.100q", algorithm, name)
	default:
		id, err = v.verifyShared(raw)
	}
	switch {
	case err != nil:
		return Identity{}, err
	case id.Subject == "" && !id.Service:
		return Identity{}, token.Refused("it has no subject")
	case len(id.Subject) > maxName || len(id.Issuer) > maxName:
		return Identity{}, token.Refused("its subject or issuer is over %d bytes", maxName)
	}
	return id, nil
}
