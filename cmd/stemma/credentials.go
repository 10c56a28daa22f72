package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/api/auth"
	"stemma/api/auth/audit"
	"stemma/api/auth/external"
	"stemma/api/llm/tenant"
	"stemma/api/portal"
	"stemma/entity"
	"stemma/entity/scope"
)

// credentialFlags say who is believed.
type credentialFlags struct {
	PublicURL    string   `name:"public-url" help:"URL that clients reach the server by, the issuer of its tokens; by default http:// and the address it listens on." env:"STEMMA_PUBLIC_URL" placeholder:"URL"`
	JWTSecret    string   `name:"jwt-hs256-secret" help:"Believe tokens signed under this secret, as Supabase does; best 32 bytes or more. Better in the environment or the file than in a flag." env:"STEMMA_JWT_HS256_SECRET" placeholder:"SECRET"`
	JWTAudience  string   `name:"jwt-audience" help:"Audience of those tokens, where they name one." default:"authenticated" env:"STEMMA_JWT_AUDIENCE"`
	OIDCIssuer   []string `name:"oidc-issuer" help:"Believe the tokens of this OIDC issuer; may be given several times." env:"STEMMA_OIDC_ISSUER" placeholder:"URL"`
	OIDCAudience string   `name:"oidc-audience" help:"Audience of those tokens: the name that the issuer knows this server by." env:"STEMMA_OIDC_AUDIENCE" placeholder:"ID"`
	OIDCClient   string   `name:"oidc-client-id" help:"Let people sign in to the web application by the (first) OIDC issuer, as this client of it, which has PUBLIC-URL/v1/portal/auth/oidc/callback among its redirect URIs. It is the audience too where none is given." env:"STEMMA_OIDC_CLIENT_ID" placeholder:"ID"`
	OIDCSecret   string   `name:"oidc-client-secret" help:"Secret of that client; a public client has none. Better in the environment or the file than in a flag." env:"STEMMA_OIDC_CLIENT_SECRET" placeholder:"SECRET"`
	OIDCName     string   `name:"oidc-name" help:"What people call that issuer; by default its host." env:"STEMMA_OIDC_NAME" placeholder:"NAME"`
	Signups      bool     `help:"Let anybody make an account with an email and a password." default:"true" negatable:"" env:"STEMMA_SIGNUPS"`
	TrustProxy   bool     `name:"trust-proxy" help:"A proxy in front sets X-Forwarded-For and X-Forwarded-Proto, and clients cannot get past it." env:"STEMMA_TRUST_PROXY"`
}

// external is whose tokens are believed.
func (f *credentialFlags) external() external.Options {
	o := external.Options{Audience: f.JWTAudience, Issuers: f.OIDCIssuer, ClientID: cmp.Or(f.OIDCAudience, f.OIDCClient)}
	if f.JWTSecret != "" {
		o.Secret = []byte(f.JWTSecret)
	}
	return o
}

// signIn is by whom people sign in in a browser.
func (f *credentialFlags) signIn() auth.SignInOptions {
	if f.OIDCClient == "" {
		return auth.SignInOptions{}
	}
	return auth.SignInOptions{Issuer: f.OIDCIssuer[0], ClientID: f.OIDCClient, Secret: f.OIDCSecret, Name: f.OIDCName, Redirect: portal.SignInRedirect}
}

// check refuses settings that cannot be.
func (f *credentialFlags) check() error {
	if err := checkURL(f.PublicURL, "--public-url", true); err != nil {
		return err
	}
	for _, issuer := range f.OIDCIssuer {
		if err := checkURL(issuer, "--oidc-issuer", false); err != nil {
			return err
		}
	}
	switch {
	case f.OIDCClient == "" && (f.OIDCSecret != "" || f.OIDCName != ""):
		return errors.New("--oidc-client-secret and --oidc-name need --oidc-client-id: the client that they are of")
	case f.OIDCClient != "" && len(f.OIDCIssuer) == 0:
		return errors.New("--oidc-client-id needs --oidc-issuer: whose client it is")
	case len(f.OIDCIssuer) > 0 && f.OIDCAudience == "" && f.OIDCClient == "":
		return errors.New("--oidc-issuer needs --oidc-audience: without it a token made for any other client of the issuer would do")
	}
	return nil
}

// checkURL wants https, but for this machine; where plain is given http will do
// for any. An empty URL is none.
func checkURL(text, flag string, plain bool) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s is %q; a URL like https://stemma.example", flag, text)
	case u.Scheme == "http" && !plain && !isLoopback(u.Hostname()):
		return fmt.Errorf("%s is %q; its keys are only worth something over https", flag, text)
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// publicURL is the URL that tokens name as their issuer.
func (f *credentialFlags) publicURL(listens net.Addr) string {
	if f.PublicURL != "" {
		return strings.TrimSuffix(f.PublicURL, "/")
	}
	at, err := netip.ParseAddrPort(listens.String())
	if err != nil || at.Addr().IsUnspecified() {
		_, port, _ := net.SplitHostPort(listens.String())
		return "http://localhost:" + port
	}
	return "http://" + at.String()
}

// openAuth joins what proves callers to the stores.
func (s *server) openAuth(o serverOptions, readOnly bool, registry *prometheus.Registry) (err error) {
	stores := make([]entity.Store, len(s.stores))
	for i, st := range s.stores {
		stores[i] = st
	}
	if n := len(o.external.Secret); n > 0 && n < external.MinSecret {
		o.logger.Warn("the shared secret of tokens is short and can be guessed", "bytes", n, "better", external.MinSecret)
	}
	kept := audit.Options{Stores: stores, Logger: o.logger, Registry: registry}
	if !readOnly { // whose log is another's
		kept.Tenants = scope.Tenants
	}
	s.audit = audit.New(kept)
	s.auth, err = auth.New(auth.Options{
		Stores: stores, Issuer: o.publicURL, External: o.external, SignIn: o.signIn, NoSignups: o.noSignups, Closed: tenant.Closed, ReadOnly: readOnly, Audit: s.audit, Logger: o.logger,
	})
	return err
}

// closeAuth writes down what is left, while the stores are open.
func (s *server) closeAuth() (err error) {
	if s.auth != nil {
		err = s.auth.Close()
	}
	return errors.Join(err, s.audit.Close())
}
