package wire

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
)

// Client is where a request came from, as far as the connection, or a proxy
// that is trusted, tells.
type Client struct {
	Addr      netip.Addr // of an IPv4 address always the short form; the zero value when it cannot be read
	UserAgent string
	Secure    bool // over TLS, to us or to the trusted proxy
}

// origin is what a Client is read from, when somebody asks.
type origin struct {
	remote     string
	header     http.Header
	tls, trust bool
}

// ClientOf is the client of a request; the zero value outside of one.
//
// With [Options.TrustProxy] the address is the last element of X-Forwarded-For,
// the one that the proxy itself added: those before it are the client's word.
func ClientOf(ctx context.Context) Client {
	m := metaOf(ctx)
	if m == nil {
		return Client{}
	}
	from := m.from
	c := Client{UserAgent: from.header.Get("User-Agent"), Secure: from.tls}
	if at, err := netip.ParseAddrPort(from.remote); err == nil {
		c.Addr = at.Addr().Unmap()
	}
	if !from.trust {
		return c
	}
	if values := from.header["X-Forwarded-For"]; len(values) > 0 {
		list := values[len(values)-1]
		last := strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
		if addr, err := netip.ParseAddr(last); err == nil {
			c.Addr = addr.Unmap()
		}
	}
	if values := from.header["X-Forwarded-Proto"]; len(values) > 0 {
		proto := values[len(values)-1]
		c.Secure = strings.EqualFold(strings.TrimSpace(proto[strings.LastIndexByte(proto, ',')+1:]), "https")
	}
	return c
}

// PathValue is a parameter of the request's path, "" when there is none or the
// request is over.
func PathValue(ctx context.Context, name string) string {
	if m := metaOf(ctx); m != nil && m.routing != nil {
		return m.routing.URLParam(name)
	}
	return ""
}
