package auth

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"time"

	"stemma/api/auth/audit"
	"stemma/api/auth/external"
	"stemma/api/auth/limit"
	"stemma/api/auth/password"
	"stemma/entity"
)

// DefaultIssuer names a server that is told no public URL.
const DefaultIssuer = "http://127.0.0.1:8080"

// Options are what an Authenticator works with. The zero value of each but
// Stores works.
type Options struct {
	Stores    []entity.Store
	Issuer    string           // this server's public URL, without a slash at the end; "": DefaultIssuer
	External  external.Options // whose tokens are believed beside our own; its clock is this one's
	SignIn    SignInOptions    // by whom people sign in in a browser, beside by their passwords
	NoSignups bool             // refuse new accounts with a password
	// Closed tells that nobody new is let in without an invitation, by whichever
	// way; nil: never. It is asked in the transaction that makes the account.
	Closed   func(entity.Reader) (bool, error)
	ReadOnly bool            // write nothing, not even when keys were used
	Audit    *audit.Recorder // whose Close is the caller's; nil: no account is kept
	Logger   *slog.Logger    // nil: silent
	Now      func() time.Time
	Entropy  io.Reader     // of keys, tokens, salts; nil: crypto/rand
	Interval time.Duration // between writing down when keys were used; 0: a minute
}

// Authenticator proves who calls, for the stores it is over. Its methods may be
// called concurrently.
type Authenticator struct {
	stores    []entity.Store
	issuer    string
	external  *external.Verifier
	signIn    *signIn // nil: there is none
	noSignups bool
	closed    func(entity.Reader) (bool, error)
	readOnly  bool
	audit     *audit.Recorder
	logger    *slog.Logger
	now       func() time.Time
	entropy   io.Reader

	ids       *entity.IDSource
	passwords *password.Hasher
	attempts  attempts
	uses      *uses
	signing   signingCache

	stop context.CancelFunc
	over sync.WaitGroup
}

// New starts an Authenticator, which Close ends. KindInvalid when the options
// cannot be.
func New(o Options) (*Authenticator, error) {
	if o.Issuer == "" {
		o.Issuer = DefaultIssuer
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Interval == 0 {
		o.Interval = time.Minute
	}
	if o.Closed == nil {
		o.Closed = func(entity.Reader) (bool, error) { return false, nil }
	}
	o.External.Now = o.Now
	others, err := external.New(o.External)
	if err != nil {
		return nil, err
	}
	a := &Authenticator{
		stores: o.Stores, issuer: o.Issuer, external: others, noSignups: o.NoSignups, closed: o.Closed, readOnly: o.ReadOnly,
		audit: o.Audit, logger: o.Logger, now: o.Now, entropy: o.Entropy,
		ids: entity.NewIDSource(o.Now, o.Entropy), passwords: password.New(password.Options{Entropy: o.Entropy}),
		attempts: attempts{byAccount: limit.New(accountLimit), byAddress: limit.New(addressLimit), signups: limit.New(signupLimit)},
		uses:     newUses(), signing: signingCache{parsed: map[entity.Network]signingKeys{}},
	}
	if err := a.openSignIn(o.SignIn); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	a.over.Go(func() { a.run(ctx, o.Interval) })
	return a, nil
}

func (a *Authenticator) run(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := a.Flush(ctx); err != nil && ctx.Err() == nil {
			a.logger.Error("uses of keys are not written down; they will be tried again", "err", err)
		}
	}
}

// Close writes down what is left and ends the Authenticator. It comes before
// the stores close.
func (a *Authenticator) Close() error {
	a.stop()
	a.over.Wait()
	return a.Flush(context.Background())
}

// Issuer is the server's public URL, which its tokens name.
func (a *Authenticator) Issuer() string { return a.issuer }

func (a *Authenticator) store(n entity.Network) (entity.Store, error) {
	for _, s := range a.stores {
		if s.Network() == n {
			return s, nil
		}
	}
	return nil, entity.NotFound("auth.store", "this server has no network %s", n)
}
