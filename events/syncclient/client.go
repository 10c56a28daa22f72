package syncclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"stemma/entity"
)

// Options change how a client talks to its server. The zero value reads what
// everybody may read of the main network.
type Options struct {
	Key     string         // "": anonymous; else sent as Authorization: ApiKey …
	Network entity.Network // "": main
	// HTTP makes the requests; nil: a client of its own, with at most InFlight
	// connections. It must not have a Timeout: live feeds last.
	HTTP     *http.Client
	InFlight int           // requests at once, when HTTP is nil; 0: 16
	Stall    time.Duration // silence after which a request is given up and tried again; 0: 60 s
	Retry    Retry
}

// Client talks to one network of one server.
type Client struct {
	base    *url.URL
	http    *http.Client
	key     string
	network entity.Network
	stall   time.Duration
	retry   Retry
}

// New makes a client of the server at an address like https://stemma.example.
// KindInvalid when the address is none.
func New(server string, o Options) (*Client, error) {
	const op = "syncclient.New"
	base, err := url.Parse(server)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the server's address must be like https://stemma.example or http://127.0.0.1:8080", Err: err}
	}
	if o.Network == "" {
		o.Network = entity.Main
	}
	if o.Network != entity.Main && o.Network != entity.Test {
		return nil, entity.Invalid(op, "network must be main or test")
	}
	base.RawQuery, base.Fragment = "", ""
	c := &Client{base: base, http: o.HTTP, key: o.Key, network: o.Network, stall: o.Stall, retry: o.Retry.withDefaults()}
	if c.stall <= 0 {
		c.stall = time.Minute
	}
	if c.http == nil {
		c.http = newHTTP(o.InFlight)
	}
	return c, nil
}

// newHTTP keeps as many connections open as there may be requests: the default
// keeps two for a server and dials anew for the rest.
func newHTTP(inFlight int) *http.Client {
	if inFlight <= 0 {
		inFlight = 16
	}
	return &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		MaxConnsPerHost:     inFlight,
		MaxIdleConnsPerHost: inFlight,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		ReadBufferSize:      64 << 10,
	}}
}

// Server is the address of the server, without credentials.
func (c *Client) Server() string { return c.base.Redacted() }

// Network is the network that is read.
func (c *Client) Network() entity.Network { return c.network }

// Close gives up idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// request is one question to the server.
type request struct {
	op     string
	method string
	path   string // below the server's address
	query  url.Values
	accept string
	body   string        // JSON; "" for none
	wait   time.Duration // that the server may take before it answers, beyond Stall
}

type callerKey struct{}

var errStall = errors.New("it went silent")

// send gives an answer of status 200, whose body must be closed. The error is a
// *passing when the question may be asked again.
func (c *Client) send(ctx context.Context, q request) (*http.Response, error) {
	u := c.base.JoinPath(strings.Split(q.path, "/")...)
	u.RawQuery = q.query.Encode()
	inner, cancel := context.WithCancelCause(context.WithValue(ctx, callerKey{}, ctx))
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(inner, q.method, u.String(), body)
	if err != nil {
		cancel(nil)
		return nil, entity.Internal(q.op, err)
	}
	req.Header.Set("Accept", q.accept)
	req.Header.Set("User-Agent", "stemma-syncclient")
	if c.network == entity.Test {
		req.Header.Set("X-Arke-Network", string(c.network))
	}
	if c.key != "" {
		req.Header.Set("Authorization", "ApiKey "+c.key)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	watch := time.AfterFunc(c.stall+q.wait, func() { cancel(errStall) })
	resp, err := c.http.Do(req)
	if err != nil {
		watch.Stop()
		err = unreachable(inner, q.op, err)
		cancel(nil)
		return nil, err
	}
	watch.Reset(c.stall)
	resp.Body = &watched{ReadCloser: resp.Body, op: q.op, ctx: inner, cancel: cancel, timer: watch, stall: c.stall}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, refusal(q.op, resp, time.Now())
	}
	return resp, nil
}

// watched is a body that fails when it stalls. Its errors, but for io.EOF, are
// those of [unreachable].
type watched struct {
	io.ReadCloser
	op     string
	ctx    context.Context // of the request: it lives exactly as long as the body
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.timer.Reset(w.stall)
	}
	if err != nil && err != io.EOF {
		err = unreachable(w.ctx, w.op, err)
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	err := w.ReadCloser.Close()
	w.cancel(nil)
	return err
}
