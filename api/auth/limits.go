package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"stemma/api/auth/limit"
	"stemma/api/wire"
	"stemma/entity"
)

// How often a log-in may fail. For an account: ten wrong passwords at once, then
// 2,880 a day, of which none is likely to be one of 8 characters. For a client:
// more, as an office has one address.
var (
	accountLimit = limit.Options{Burst: 10, Every: 30 * time.Second}
	addressLimit = limit.Options{Burst: 50, Every: 5 * time.Second}
	signupLimit  = limit.Options{Burst: 20, Every: time.Minute} // accounts that a client may make
)

// attempts bound what strangers may try.
type attempts struct {
	byAccount, byAddress, signups *limit.Limiter
}

// errTold marks an error of which the audit knows already.
var errTold = errors.New("told to the audit")

// tooMany is the error of one attempt too many.
type tooMany struct{ wait time.Duration }

func (t tooMany) Error() string             { return "another attempt is allowed in " + t.wait.String() }
func (t tooMany) RetryAfter() time.Duration { return t.wait }
func (tooMany) Is(target error) bool        { return target == errTold }

func limited(what string, wait time.Duration) error {
	seconds := int64((wait + time.Second - 1) / time.Second)
	return &entity.Error{Kind: entity.KindRateLimited, Op: "auth.limit", Err: tooMany{wait},
		Message: fmt.Sprintf("too many %s; try again in %d seconds", what, seconds)}
}

// attempt takes a try at an account by a client. giveBack is for one that was
// right.
func (t *attempts) attempt(email string, c wire.Client, now time.Time) (giveBack func(), err error) {
	const what = "failed log-ins"
	address, wait, ok := t.byAddress.Take(clientKey(c), now)
	if !ok {
		return nil, limited(what, wait)
	}
	account, wait, ok := t.byAccount.Take(email, now)
	if !ok {
		address()
		return nil, limited(what, wait)
	}
	return func() {
		account()
		address()
	}, nil
}

// client takes a try by a client at what no account is named for.
func (t *attempts) client(c wire.Client, now time.Time) (giveBack func(), err error) {
	giveBack, wait, ok := t.byAddress.Take(clientKey(c), now)
	if !ok {
		return nil, limited("failed log-ins", wait)
	}
	return giveBack, nil
}

// signup takes one of the accounts that a client may make.
func (t *attempts) signup(c wire.Client, now time.Time) error {
	if _, wait, ok := t.signups.Take(clientKey(c), now); !ok {
		return limited("new accounts from your address", wait)
	}
	return nil
}

// MaySignUp takes one of the accounts that the client of a request may make, or ask
// for. KindRateLimited.
func (a *Authenticator) MaySignUp(ctx context.Context) error {
	return a.attempts.signup(wire.ClientOf(ctx), a.now())
}

// clientKey is what a client is limited by: an IPv4 address, or the /64 that
// a provider gives to one customer.
func clientKey(c wire.Client) string {
	if c.Addr.Is6() {
		if p, err := c.Addr.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	if c.Addr == (netip.Addr{}) {
		return "unknown"
	}
	return c.Addr.String()
}
