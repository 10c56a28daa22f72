package recorder

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"stemma/api/auth/limit"
	"stemma/api/recorder/dialect"
	"stemma/api/wire"
	"stemma/entity"
)

// Provider is whom the proxy forwards to: a row of a table.
type Provider struct {
	Name    string
	Base    string // URL that what follows the name in the path is put behind
	Dialect string // of package dialect
	// The request by which POST /proxy/test finds out whether a key is good.
	testPath string
	testKey  func(http.Header, string)
}

func bearer(h http.Header, key string) { h.Set("Authorization", "Bearer "+key) }

// providers is the table. Others, and other URLs for these, come with the
// settings.
var providers = []Provider{
	{Name: "openai", Base: "https://api.openai.com", Dialect: "openai", testPath: "/v1/models", testKey: bearer},
	{Name: "anthropic", Base: "https://api.anthropic.com", Dialect: "anthropic", testPath: "/v1/models", testKey: func(h http.Header, key string) {
		h.Set("X-Api-Key", key)
		h.Set("Anthropic-Version", "2023-06-01")
	}},
	{Name: "google", Base: "https://generativelanguage.googleapis.com", Dialect: "google", testPath: "/v1beta/models", testKey: func(h http.Header, key string) { h.Set("X-Goog-Api-Key", key) }},
	{Name: "openrouter", Base: "https://openrouter.ai", Dialect: "openai", testPath: "/api/v1/key", testKey: bearer},
}

// ParseProvider reads a setting: name=url, or name=dialect+url for one whose form
// is not OpenAI's. KindInvalid.
func ParseProvider(setting string) (Provider, error) {
	const op = "recorder.ParseProvider"
	name, base, ok := strings.Cut(setting, "=")
	if !ok || name == "" || strings.ContainsAny(name, "/?#% ") || name == "test" || strings.HasPrefix(name, "ark_live_") {
		return Provider{}, entity.Invalid(op, "%q is not a provider; write NAME=URL or NAME=DIALECT+URL, like groq=openai+https://api.groq.com/openai", setting)
	}
	p := Provider{Name: name, Dialect: "openai", testPath: "/v1/models", testKey: bearer}
	for _, known := range providers {
		if known.Name == name {
			p = known
		}
	}
	if form, rest, ok := strings.Cut(base, "+"); ok && !strings.Contains(form, ":") {
		p.Dialect, base = form, rest
	}
	if _, ok := dialect.Named(p.Dialect); !ok {
		return Provider{}, entity.Invalid(op, "provider %s: there is no dialect %q; there are %s", name, p.Dialect, strings.Join(dialect.Names(), ", "))
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return Provider{}, entity.Invalid(op, "provider %s: %q is not the URL of a service, like https://api.example.com", name, base)
	}
	p.Base = strings.TrimSuffix(base, "/")
	return p, nil
}

// provider is the row of a name. KindNotFound.
func (s *Service) provider(name string) (Provider, error) {
	for _, table := range [][]Provider{s.options.Providers, providers} {
		if i := slices.IndexFunc(table, func(p Provider) bool { return p.Name == name }); i >= 0 {
			return table[i], nil
		}
	}
	return Provider{}, entity.NotFound("recorder.provider", "there is no provider %q; there are %s", clip(name), strings.Join(s.providerNames(), ", "))
}

func (s *Service) providerNames() (names []string) {
	for _, p := range slices.Concat(providers, s.options.Providers) {
		if !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

func clip(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// testLimit bounds how many keys a client may have tried: the operation asks
// nobody who they are.
var testLimit = limit.Options{Burst: 20, Every: 3 * time.Second}

type proxyTestIn struct {
	Provider string `json:"provider" req:"true" min:"1" max:"100"`
	Key      string `json:"apiKey" req:"true" min:"1" max:"1000"`
}

// ProxyTestResponse tells whether a provider takes a key.
type ProxyTestResponse struct {
	Success  bool   `json:"success"`
	Provider string `json:"provider"`
	Message  string `json:"message"`
}

func (s *Service) proxyTest(ctx context.Context, in *proxyTestIn) (*wire.Reply, error) {
	p, err := s.provider(in.Provider)
	if err != nil {
		return nil, invalidField("must be one of "+strings.Join(s.providerNames(), ", "), "provider")
	}
	if strings.ContainsFunc(in.Key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, invalidField("must be the provider's key: printable characters", "apiKey")
	}
	if _, wait, ok := s.tests.Take(wire.ClientOf(ctx).Addr.String(), s.now()); !ok {
		return nil, &entity.Error{Kind: entity.KindRateLimited, Op: "recorder.proxyTest", Message: "Too many keys were tried; try again in a moment", Err: tooOften(wait)}
	}
	out := ProxyTestResponse{Provider: p.Name}
	status, err := s.tryKey(ctx, p, in.Key)
	switch {
	case err != nil:
		s.logger.Warn("a provider was not reached", "provider", p.Name, "err", err)
		out.Message = "The provider could not be reached"
	case status >= 200 && status < 300:
		out.Success, out.Message = true, "Connection verified"
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusBadRequest:
		out.Message = fmt.Sprintf("The provider refused the key (%d)", status)
	default:
		out.Message = fmt.Sprintf("The provider answered %d", status)
	}
	return wire.OK(out), nil
}

// tryKey sends the provider's test request and gives the status.
func (s *Service) tryKey(ctx context.Context, p Provider, key string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Base+p.testPath, nil)
	if err != nil {
		return 0, entity.Internal("recorder.tryKey", err)
	}
	p.testKey(r.Header, key)
	resp, err := s.transport.RoundTrip(r)
	if err != nil {
		return 0, entity.Errorf(entity.KindUnavailable, "recorder.tryKey", "%s", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection serves again
	return resp.StatusCode, nil
}
