package external

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"stemma/api/auth/token"
	"stemma/entity"
)

// issuer is an OIDC issuer, found when it is first needed.
type issuer struct {
	url, clientID string
	client        *http.Client
	now           func() time.Time

	mu      sync.Mutex
	found   *discovered
	failed  error
	retryAt time.Time
}

// discovered is what an issuer says of itself.
type discovered struct {
	*oidc.Provider
	keys       *keySet
	algorithms []string
	basic      bool // clients show their secret in a header
}

// retryAfter is how long an issuer that was not found is left alone.
const retryAfter = 10 * time.Second

func newIssuer(url string, o Options) *issuer {
	return &issuer{url: url, clientID: o.ClientID, client: o.Client, now: o.Now}
}

// verify gives the identity that a token for the audience proves.
func (i *issuer) verify(ctx context.Context, raw string) (Identity, error) {
	d, err := i.discover()
	if err != nil {
		return Identity{}, i.unreachable(err)
	}
	t, err := i.token(ctx, d, i.clientID, raw)
	if err != nil {
		return Identity{}, err
	}
	return i.identity(t)
}

// token verifies a token for a client.
func (i *issuer) token(ctx context.Context, d *discovered, client, raw string) (*oidc.IDToken, error) {
	v := oidc.NewVerifier(i.url, d.keys, &oidc.Config{ClientID: client, SupportedSigningAlgs: d.algorithms, Now: i.now})
	var down error
	t, err := v.Verify(context.WithValue(ctx, downKey{}, &down), raw)
	switch {
	case down != nil:
		return nil, i.unreachable(down)
	case err != nil:
		return nil, token.Refused("%w", err)
	case t.IssuedAt.After(i.now().Add(skew)):
		return nil, token.Refused("it is of the future")
	case !i.now().Before(t.Expiry):
		return nil, token.Refused("it ended at %s", t.Expiry)
	}
	return t, nil
}

func (i *issuer) identity(t *oidc.IDToken) (Identity, error) {
	var c claims
	if err := t.Claims(&c); err != nil {
		return Identity{}, token.Refused("%w", err)
	}
	return Identity{Form: OIDC, Issuer: i.url, Subject: t.Subject, Name: c.name(), Email: c.email(), IssuedAt: t.IssuedAt}, nil
}

func (i *issuer) unreachable(err error) error {
	return &entity.Error{Kind: entity.KindUnavailable, Op: "external.Verify", Err: err, Message: "the issuer of the token cannot be asked for its keys at the moment; try again in some seconds"}
}

// discover reads what the issuer says of itself, once it works once and for all.
func (i *issuer) discover() (*discovered, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.found != nil {
		return i.found, nil
	}
	if i.now().Before(i.retryAt) {
		return nil, i.failed
	}
	// The document is for all who come: it is not fetched in the name of the
	// request that came first, and the client has a timeout.
	p, err := oidc.NewProvider(oidc.ClientContext(context.Background(), i.client), i.url)
	var doc struct {
		Keys       string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		Methods    []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err == nil {
		err = p.Claims(&doc)
	}
	if err == nil && doc.Keys == "" {
		err = errors.New("its discovery document has no jwks_uri")
	}
	if err != nil {
		i.failed, i.retryAt = fmt.Errorf("discovery of %s: %w", i.url, err), i.now().Add(retryAfter)
		return nil, i.failed
	}
	i.found = &discovered{
		Provider: p, keys: newKeySet(doc.Keys, asymmetric(doc.Algorithms), i.client, i.now), algorithms: asymmetric(doc.Algorithms),
		basic: len(doc.Methods) == 0 || slices.Contains(doc.Methods, "client_secret_basic"), // Discovery section 3
	}
	return i.found, nil
}

// asymmetric are the algorithms that an issuer names, without those that share a
// secret or sign nothing.
func asymmetric(named []string) (algorithms []string) {
	known := map[string]bool{
		oidc.RS256: true, oidc.RS384: true, oidc.RS512: true, oidc.PS256: true, oidc.PS384: true, oidc.PS512: true,
		oidc.ES256: true, oidc.ES384: true, oidc.ES512: true, oidc.EdDSA: true,
	}
	for _, a := range named {
		if known[a] {
			algorithms = append(algorithms, a)
		}
	}
	if algorithms == nil {
		return []string{oidc.RS256} // which every issuer must have
	}
	return algorithms
}
