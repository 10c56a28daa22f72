package authtest

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"sync"
)

// ClientSecret is what clients of the provider show.
const ClientSecret = "a secret of the client"

// flow are the questions that the provider has answered with a code.
type flow struct {
	mu      sync.Mutex
	asked   map[string]url.Values // by code
	changes Claims
	without bool
	info    Claims
}

// Says has the tokens of the code flow say something else, and the provider tell
// info of people who are asked about.
func (p *Provider) Says(changes, info Claims) {
	p.flow.mu.Lock()
	defer p.flow.mu.Unlock()
	p.flow.changes, p.flow.info = changes, info
}

func (f *flow) about() Claims {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.info == nil {
		return Claims{"sub": cmp.Or(f.changes["sub"], any("alice"))}
	}
	return f.info
}

// Withholds has answers for codes come without a token.
func (p *Provider) Withholds(yes bool) {
	p.flow.mu.Lock()
	defer p.flow.mu.Unlock()
	p.flow.without = yes
}

// Consent is what a browser does at the provider when somebody signs in there: it
// is sent on from where a client sent it, with a code.
func (p *Provider) Consent(at string) (back *url.URL) {
	p.t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/authorize" || q.Get("response_type") != "code" || q.Get("client_id") != Audience || q.Get("code_challenge_method") != "S256" {
		p.t.Fatalf("no question of the code flow: %s", at)
	}
	code := rand.Text()
	p.flow.mu.Lock()
	defer p.flow.mu.Unlock()
	if p.flow.asked == nil {
		p.flow.asked = map[string]url.Values{}
	}
	p.flow.asked[code] = q
	if back, err = url.Parse(q.Get("redirect_uri")); err != nil {
		p.t.Fatal(err)
	}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}}.Encode()
	return back
}

// token answers a code, once, RFC 6749 section 5 and RFC 7636 section 4.6.
func (p *Provider) token(r *http.Request) (status int, answer any) {
	p.flow.mu.Lock()
	defer p.flow.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	if secret, err := url.QueryUnescape(secret); err != nil || id != Audience || secret != ClientSecret {
		return http.StatusUnauthorized, Claims{"error": "invalid_client"}
	}
	code := r.PostFormValue("code")
	q := p.flow.asked[code]
	delete(p.flow.asked, code)
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if q == nil || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || q.Get("redirect_uri") != r.PostFormValue("redirect_uri") {
		return http.StatusBadRequest, Claims{"error": "invalid_grant"}
	}
	changes := Claims{"nonce": q.Get("nonce")}
	maps.Copy(changes, p.flow.changes)
	answer = Claims{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 60, "id_token": p.Token(changes)}
	if p.flow.without {
		delete(answer.(Claims), "id_token")
	}
	return http.StatusOK, answer
}
