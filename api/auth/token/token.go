package token

import (
	"cmp"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"stemma/entity"
)

// MaxSize is the most bytes a token may have, ours or another's.
const MaxSize = 8 << 10

// Lifetime is how long an access token holds that is made for no time of its own.
const Lifetime = 15 * time.Minute

// typeAccess is the claim typ of an access token.
const typeAccess = "access"

// headerType is the header typ, RFC 9068 section 2.1: no client takes the token
// for an identity token.
const headerType = "at+jwt"

// Claims are what an access token says. The audience is its issuer: it opens
// nobody else's doors.
type Claims struct {
	Issuer   string         `json:"iss"`
	Subject  entity.ID      `json:"sub"` // the user
	Audience jwt.Audience   `json:"aud"`
	IssuedAt int64          `json:"iat"` // seconds since 1970
	Expires  int64          `json:"exp"` // likewise
	ID       string         `json:"jti"`
	Network  entity.Network `json:"network"`
	Type     string         `json:"typ"`
	// Epoch is how often the user had logged out everywhere when the token was
	// made: unlike iat it tells two tokens of one second apart.
	Epoch int64 `json:"epoch"`
	// Tenant is the tenant that the user works in, "" where none was chosen. It
	// gives no right: what the user may do there is read where it is asked.
	Tenant entity.ID `json:"tenantId,omitempty"`
	// Scope is ScopeAdmin in a token that does all that the store's owner may.
	Scope string `json:"scope,omitempty"`
}

// ScopeAdmin is the scope of a token of who runs the server.
const ScopeAdmin = "admin"

// Grant is what a token is made for.
type Grant struct {
	Issuer  string
	Network entity.Network
	User    entity.ID
	Epoch   int64
	ID      string // names the token: the claim jti
	Tenant  entity.ID
	Scope   string
	Holds   time.Duration // 0: Lifetime
}

// Sign makes a token that holds from now on.
func (k Key) Sign(g Grant, now time.Time) (string, error) {
	const op = "token.Sign"
	o := (&jose.SignerOptions{}).WithType(headerType).WithHeader(jose.HeaderKey("kid"), k.ID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: k.private}, o)
	if err != nil {
		return "", entity.Internal(op, err)
	}
	raw, err := jwt.Signed(signer).Claims(Claims{
		Issuer: g.Issuer, Subject: g.User, Audience: jwt.Audience{g.Issuer}, IssuedAt: now.Unix(), Expires: now.Add(cmp.Or(g.Holds, Lifetime)).Unix(),
		ID: g.ID, Network: g.Network, Type: typeAccess, Epoch: g.Epoch, Tenant: g.Tenant, Scope: g.Scope,
	}).Serialize()
	if err != nil {
		return "", entity.Internal(op, err)
	}
	return raw, nil
}

// Verify gives the claims of a token that one of the keys signed for the issuer
// and network and that holds now. KindUnauthenticated for any other, with the
// reason for the log.
func (ks Keys) Verify(raw, issuer string, network entity.Network, now time.Time) (c Claims, err error) {
	if len(raw) > MaxSize {
		return c, Refused("over %d bytes", MaxSize)
	}
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return c, Refused("%w", err)
	}
	i := slices.IndexFunc(ks, func(k Key) bool { return k.ID == parsed.Headers[0].KeyID })
	if i < 0 {
		return c, Refused("no key is called %.100q", parsed.Headers[0].KeyID)
	}
	if err := parsed.Claims(ks[i].private.Public().(ed25519.PublicKey), &c); err != nil {
		return Claims{}, Refused("%w", err)
	}
	switch {
	case c.Issuer != issuer:
		err = Refused("its issuer is %.100q", c.Issuer)
	case !c.Audience.Contains(issuer):
		err = Refused("its audience is %.100q", c.Audience)
	case c.Network != network:
		err = Refused("it is of the network %.20q", c.Network)
	case c.Type != typeAccess:
		err = Refused("its type is %.20q", c.Type)
	case now.Unix() >= c.Expires:
		err = Refused("it ended at %d", c.Expires)
	case c.IssuedAt > now.Add(time.Minute).Unix():
		err = Refused("it is of the future")
	}
	return c, err
}

// Peek reads the algorithm and issuer of a token without believing them, to
// choose who verifies it.
func Peek(raw string) (algorithm, issuer string, err error) {
	if len(raw) > MaxSize {
		return "", "", Refused("over %d bytes", MaxSize)
	}
	parsed, err := jwt.ParseSigned(raw, signatures)
	if err != nil {
		return "", "", Refused("%w", err)
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if err := parsed.UnsafeClaimsWithoutVerification(&c); err != nil {
		return "", "", Refused("%w", err)
	}
	return parsed.Headers[0].Algorithm, c.Issuer, nil
}

// signatures are the algorithms of tokens that anybody here verifies; "none" is
// not among them.
var signatures = []jose.SignatureAlgorithm{
	jose.EdDSA, jose.HS256, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512,
}

// Refused is the error of a token that proves nothing. Its reason is for the
// log: the caller learns only that the token was refused.
func Refused(format string, args ...any) error {
	return &entity.Error{Kind: entity.KindUnauthenticated, Op: "token.Verify", Err: fmt.Errorf(format, args...)}
}

func ed25519Size(n int) error { return fmt.Errorf("an Ed25519 seed of %d bytes", n) }
