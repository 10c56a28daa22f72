package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"stemma/entity"
)

// Options are the settings of a [Client]. The zero value calls the public
// internet.
type Options struct {
	AllowPrivate bool          // also private, loopback and link-local addresses
	Timeout      time.Duration // of a whole call, with its redirects; 0: 10 s
	MaxBody      int64         // bytes of an answer; 0: 1 MiB
	Redirects    int           // followed at most; 0: 3
	Failures     uint32        // in a row, after which a host is left alone; 0: 5
	Cooldown     time.Duration // for so long; 0: 30 s

	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)         // nil: the system's resolver
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil: by a [net.Dialer]
}

// Client calls URLs that users name. It is safe for concurrent use.
type Client struct {
	o        Options
	http     *http.Client
	breakers breakers
}

// New makes a client.
func New(o Options) *Client {
	or(&o.Timeout, 10*time.Second)
	or(&o.MaxBody, 1<<20)
	or(&o.Redirects, 3)
	or(&o.Failures, 5)
	or(&o.Cooldown, 30*time.Second)
	if o.Lookup == nil {
		o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	}
	c := &Client{o: o}
	c.breakers.failures, c.breakers.cooldown = o.Failures, o.Cooldown
	c.http = &http.Client{
		CheckRedirect: c.redirect,
		Transport: &http.Transport{
			DialContext:            c.dial,
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  o.Timeout,
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        30 * time.Second,
			MaxIdleConnsPerHost:    2,
			ForceAttemptHTTP2:      true,
		},
	}
	return c
}

func or[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is one call.
type Request struct {
	Method  string
	URL     string
	Header  http.Header
	Body    []byte
	Timeout time.Duration // 0: the client's
}

// Response is a whole answer, whatever its status.
type Response struct {
	Status int
	Body   []byte
}

// CheckURL makes sure that a URL could be called: http or https, a host, and no
// user. Whether its address may be shows when it is. KindInvalid.
func CheckURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, entity.Invalid("outbound.CheckURL", "must be a URL like https://agent.example")
	case u.User != nil:
		return nil, entity.Invalid("outbound.CheckURL", "must have no user and password in it")
	}
	return u, nil
}

// Do calls. The errors: KindInvalid for what may not be called, KindUpstream for
// a host that does not answer, or not within the bounds, KindCanceled when ctx
// is done.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	u, err := CheckURL(r.URL)
	if err != nil {
		return nil, err
	}
	or(&r.Timeout, c.o.Timeout)
	return c.breakers.do(u, func() (*Response, error) {
		within, stop := context.WithTimeout(ctx, r.Timeout)
		defer stop()
		out, err := c.call(within, u, r)
		if err != nil && ctx.Err() != nil {
			return nil, &entity.Error{Kind: entity.KindCanceled, Op: "outbound.Do", Message: "the caller went away", Err: err}
		}
		return out, err
	})
}

func (c *Client) call(ctx context.Context, u *url.URL, r Request) (*Response, error) {
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), body)
	if err != nil {
		return nil, entity.Invalid("outbound.Do", "%s cannot be called", u.Hostname())
	}
	for key, values := range r.Header {
		req.Header[http.CanonicalHeaderKey(key)] = values
	}
	req.Header.Set("User-Agent", "Arke/1.0")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, explain(u.Hostname(), err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, c.o.MaxBody+1))
	switch {
	case err != nil:
		return nil, explain(u.Hostname(), err)
	case int64(len(data)) > c.o.MaxBody:
		return nil, entity.Errorf(entity.KindUpstream, "outbound.Do", "%s answers with more than %d bytes", u.Hostname(), c.o.MaxBody)
	}
	return &Response{Status: res.StatusCode, Body: data}, nil
}

// redirect decides about the next URL. What has a body goes nowhere else: it was
// signed for, or meant for, whoever was named.
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	const op = "outbound.redirect"
	first, last := via[0], via[len(via)-1]
	host := first.URL.Hostname()
	switch {
	case first.Body != nil:
		return entity.Errorf(entity.KindUpstream, op, "%s redirects a request that has a body; name the final URL", host)
	case len(via) > c.o.Redirects:
		return entity.Errorf(entity.KindUpstream, op, "%s redirects more than %d times", host, c.o.Redirects)
	case last.URL.Scheme == "https" && req.URL.Scheme != "https":
		return entity.Errorf(entity.KindUpstream, op, "%s redirects from https to %s", host, req.URL.Scheme)
	}
	if _, err := CheckURL(req.URL.String()); err != nil {
		return entity.Errorf(entity.KindUpstream, op, "%s redirects to what is no URL like https://agent.example", host)
	}
	if req.URL.Host != first.URL.Host {
		req.Header = http.Header{"User-Agent": req.Header["User-Agent"], "Accept": first.Header["Accept"]}
	}
	return nil
}

// ErrRefused is the cause of an error about an address that may not be called.
var ErrRefused = errors.New("the address may not be called")

// dial looks a name up, checks all that it stands for and connects to that.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := c.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if !allowed(a, c.o.AllowPrivate) {
			return nil, ErrRefused
		}
	}
	for _, a := range addrs {
		var conn net.Conn
		if conn, err = c.o.Dial(ctx, network, net.JoinHostPort(a.Unmap().String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (c *Client) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	addrs, err := c.o.Lookup(ctx, strings.TrimSuffix(host, "."))
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	return addrs, err
}

// explain is an error of net/http in our words.
func explain(host string, err error) error {
	const op = "outbound.Do"
	var ours *entity.Error
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	upstream := func(text string) error {
		return &entity.Error{Kind: entity.KindUpstream, Op: op, Message: host + " " + text, Err: err}
	}
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, ErrRefused):
		return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: host + " may not be called: its address is not a public one (a server for development allows that with --allow-private-agents)", Err: err}
	case errors.As(err, &dns) && dns.IsNotFound:
		return upstream("is not found: there is no such host")
	case errors.As(err, &timeout) && timeout.Timeout():
		return upstream("does not answer in time")
	case strings.Contains(err.Error(), "tls:"), strings.Contains(err.Error(), "x509:"):
		return upstream("has no certificate that can be trusted")
	}
	return upstream("does not answer")
}
