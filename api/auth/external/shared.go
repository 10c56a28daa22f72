package external

import (
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"stemma/api/auth/token"
)

// claims are what is read of another's token. Supabase keeps what a person
// chose for itself under user_metadata.
type claims struct {
	jwt.Claims
	Name         string `json:"name"`
	Email        string `json:"email"`
	Verified     any    `json:"email_verified"` // of some a text
	Role         any    `json:"role"`
	UserMetadata struct {
		Name string `json:"name"`
	} `json:"user_metadata"`
}

func (c claims) name() string {
	if c.UserMetadata.Name != "" {
		return c.UserMetadata.Name
	}
	return c.Name
}

// email is the address that the issuer says is theirs; "" for one that anybody
// may have typed.
func (c claims) email() string {
	if c.Verified != true && c.Verified != "true" || len(c.Email) > maxName {
		return ""
	}
	return c.Email
}

// skew is how far ahead another's clock may be.
const skew = time.Minute

// verifyShared verifies a token under the shared secret, in the form of
// Supabase: HS256, exp required, aud as configured where there is one.
func (v *Verifier) verifyShared(raw string) (Identity, error) {
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return Identity{}, token.Refused("%w", err)
	}
	var c claims
	if err := parsed.Claims(v.secret, &c); err != nil {
		return Identity{}, token.Refused("%w", err)
	}
	now := v.now()
	switch {
	case c.Expiry == nil:
		return Identity{}, token.Refused("it has no end; exp is required")
	case !now.Before(c.Expiry.Time()):
		return Identity{}, token.Refused("it ended at %s", c.Expiry.Time())
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(skew)):
		return Identity{}, token.Refused("it is of the future")
	case c.IssuedAt != nil && c.IssuedAt.Time().After(now.Add(skew)):
		return Identity{}, token.Refused("it is of the future")
	case len(c.Audience) > 0 && !c.Audience.Contains(v.audience):
		return Identity{}, token.Refused("its audience is %.100q, not %q", c.Audience, v.audience)
	}
	id := Identity{Form: Shared, Issuer: c.Issuer, Subject: c.Subject, Name: c.name(), Service: c.Role == "service"}
	if c.IssuedAt != nil {
		id.IssuedAt = c.IssuedAt.Time()
	}
	return id, nil
}
