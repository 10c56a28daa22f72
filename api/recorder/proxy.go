package recorder

import (
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/entity"
)

const tagProxy = "Recorder: proxy"

// Headers of a request that are ours, and never leave the server.
const (
	headerAgent   = "X-Agent-Name"
	headerRun     = "X-Arkna-Run-Id"
	headerSession = "X-Arkna-Session-Id"
	headerNetwork = "X-Arke-Network"
)

// defaultAgent is whose call it is where the header form names nobody.
const defaultAgent = "llm-proxy"

// together is how long the head and the body of an answer whose length is told may
// wait for each other: most come at once, and go on as one piece.
const together = time.Millisecond

// keyPattern is a key of this server in a path, by which chi tells the two forms
// apart.
const keyPattern = `{key:(?:ark_live|uk|ak)_[^/]*}`

func (s *Service) proxyOps() []wire.Operation {
	ops := []wire.Operation{
		wire.Op(wire.Operation{
			Method: "POST", Path: "/proxy/test", ID: "proxyTest", Tag: tagProxy, Summary: "Try a provider's key", Reads: true, MaxBody: 64 << 10,
			Description: "Asks the provider something small with the key and tells whether it was taken. Nothing is recorded, and the key is not kept.",
			Success:     []wire.Success{{Status: 200, Body: ProxyTestResponse{}}}, Errors: []int{400, 429},
		}, s.proxyTest),
	}
	byKey := wire.Operation{
		KeyInPath: true,
		Path:      "/proxy/" + keyPattern + "/{agent}/{provider}/*", ID: "proxyByKey", Tag: tagProxy, Summary: "Call a model provider, recorded",
		Description: "What follows the provider's name is its path. The request goes on as it came, with its own credentials and without the key; the answer comes back as it is, streams as they flow. The call is recorded as a run of the agent, or as a step of the run that `" + headerRun + "` names; `" + headerSession + "` names its session. All methods.",
		Success:     []wire.Success{{Status: 200, Description: "what the provider answers"}}, Errors: []int{401, 404, 502},
	}
	byHeader := wire.Operation{
		Path: "/proxy/{provider}/*", ID: "proxyByHeader", Tag: tagProxy, Summary: "Call a model provider, recorded where X-Api-Key says so",
		Description: "With a key of this server in `X-Api-Key` the call is recorded, as of the agent that `" + headerAgent + "` names, else of `" + defaultAgent + "`; without one it is forwarded and nothing kept. An X-Api-Key of another form is the provider's, and goes on to it. All methods.",
		Success:     []wire.Success{{Status: 200, Description: "what the provider answers"}}, Errors: []int{401, 404, 502},
	}
	for _, method := range []string{"POST", "GET", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		for _, form := range []wire.Operation{byKey, byHeader} {
			form.Method = method
			if method != "POST" {
				form.Hidden, form.ID = true, form.ID+method
			}
			ops = append(ops, wire.Handle(form, http.HandlerFunc(s.proxy)))
		}
	}
	return ops
}

// proxied is one call through the proxy.
type proxied struct {
	provider Provider
	tail     string // the path behind the provider, escaped
	agent    string
	key      string // of this server; "" records nothing
	strip    bool   // X-Api-Key is ours
	bearer   bool   // so is Authorization
}

// parse reads the path and headers of a call.
func (s *Service) parse(r *http.Request) (p proxied, err error) {
	parts := strings.SplitN(r.URL.EscapedPath(), "/", 6) // "", proxy, …
	name := func(i int) string {
		text, err := url.PathUnescape(parts[i])
		if err != nil {
			return parts[i]
		}
		return text
	}
	if key := wire.PathValue(r.Context(), "key"); key != "" {
		if len(parts) < 6 {
			return p, entity.NotFound("recorder.proxy", "the path behind the provider is missing")
		}
		p.key, p.agent, p.tail = name(2), name(3), "/"+parts[5]
		p.provider, err = s.provider(name(4))
		// A second key of ours in a header is not the provider's business either.
		p.strip = auth.IsKey(r.Header.Get("X-Api-Key"))
	} else {
		parts = strings.SplitN(r.URL.EscapedPath(), "/", 4)
		p.tail, p.agent = "/"+parts[3], r.Header.Get(headerAgent)
		if p.agent == "" {
			p.agent = defaultAgent
		}
		if key := r.Header.Get("X-Api-Key"); auth.IsKey(key) || strings.HasPrefix(key, string(auth.RecorderForm)) {
			p.key, p.strip = key, true
		}
		p.provider, err = s.provider(name(2))
	}
	if _, credential, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && auth.IsKey(strings.TrimSpace(credential)) {
		p.bearer = true
	}
	if n := utf8.RuneCountInString(p.agent); err == nil && (n == 0 || n > 200 || !utf8.ValidString(p.agent)) {
		err = invalidField("must be 1 to 200 characters of text", "agent")
	}
	return p, err
}

// proxy forwards a call, and records it where there is a key.
func (s *Service) proxy(w http.ResponseWriter, r *http.Request) {
	p, err := s.parse(r)
	ctx := r.Context()
	if err == nil && p.key != "" {
		ctx, err = s.auth.WithKey(ctx, p.key)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	var rec *recording
	if p.key != "" && s.queue.Begin(ctx, r.Header.Get(headerRun)) {
		rec = s.newRecording(ctx, r, p)
		defer rec.over()
		r = r.WithContext(ctx)
	}
	if r.Body != nil && r.Body != http.NoBody {
		if rec != nil {
			r.Body = rec.request.tee(r.Body)
		}
		r.Body = &endingBody{ReadCloser: r.Body}
	}
	forward := httputil.ReverseProxy{
		Rewrite:       func(pr *httputil.ProxyRequest) { p.rewrite(pr) },
		Transport:     s.transport,
		FlushInterval: together, // of answers whose length is told: others are streams, and pass at once
		BufferPool:    &s.buffers,
		ErrorLog:      s.proxyLog,
		ModifyResponse: func(resp *http.Response) error {
			clear(w.Header()) // what the answer has is the provider's
			for _, key := range []string{"Date", "Content-Type"} {
				if resp.Header[key] == nil {
					w.Header()[key] = nil // nor does net/http add what the provider did not say
				}
			}
			if rec != nil {
				rec.answered(resp)
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			gone := r.Context().Err() != nil
			if rec != nil {
				rec.failed(gone)
			}
			if gone {
				panic(http.ErrAbortHandler) // nobody is there to be told
			}
			s.logger.Warn("a provider was not reached", "provider", p.provider.Name, "err", err)
			refuseAs(w, http.StatusBadGateway, ErrorResponse{
				Error: "the provider " + p.provider.Name + " could not be reached", Code: "UPSTREAM_UNREACHABLE", Status: http.StatusBadGateway, RequestID: wire.RequestID(r.Context()),
			})
		},
	}
	forward.ServeHTTP(w, r)
}

// endingBody is a body that is over when it said so. net/http closes a request's
// body when the answer begins, and the transport looks at it once more behind its
// end: where the provider was quicker than that look, the transport would take the
// closed body for a failure, and break the answer off.
type endingBody struct {
	io.ReadCloser
	over bool
}

// Read implements [io.Reader].
func (b *endingBody) Read(p []byte) (n int, err error) {
	if b.over {
		return 0, io.EOF
	}
	n, err = b.ReadCloser.Read(p)
	b.over = err == io.EOF
	return n, err
}

// rewrite makes the request that goes on: as it came, but for where it goes and
// what is ours.
func (p *proxied) rewrite(pr *httputil.ProxyRequest) {
	target, err := url.Parse(p.provider.Base + p.tail)
	if err != nil {
		target = &url.URL{} // no path that a server has parsed; the transport refuses it
	}
	target.RawQuery, target.ForceQuery = pr.In.URL.RawQuery, pr.In.URL.ForceQuery
	pr.Out.URL, pr.Out.Host = target, target.Host
	for _, key := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := pr.In.Header[key]; ok {
			pr.Out.Header[key] = v // the caller's own, as it came
		}
	}
	for _, key := range []string{headerRun, headerSession, headerNetwork, headerAgent} {
		pr.Out.Header.Del(key)
	}
	if p.strip {
		pr.Out.Header.Del("X-Api-Key")
	}
	if p.bearer {
		pr.Out.Header.Del("Authorization")
	}
}

// refuse answers an error of ours, and has the audit know of a key that is none.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e, ok := err.(*entity.Error)
	if !ok {
		e = entity.Internal("recorder.proxy", err)
	}
	if e.Kind == entity.KindUnauthenticated {
		s.auth.Denied(r.Context(), r, e)
	}
	status, code := wire.Status(e.Kind)
	body, _ := Error(e, status, code, wire.RequestID(r.Context())).(*ErrorResponse)
	refuseAs(w, status, *body)
}

func refuseAs(w http.ResponseWriter, status int, body ErrorResponse) {
	data, err := wire.Append(nil, body)
	if err != nil {
		data = []byte(`{}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // nobody is left to tell
}

// bufferPool lends the copies' buffers.
type bufferPool struct{ pool sync.Pool }

const copyBuffer = 32 << 10

// Get implements [httputil.BufferPool].
func (b *bufferPool) Get() []byte {
	if at, ok := b.pool.Get().(*[]byte); ok {
		return *at
	}
	return make([]byte, copyBuffer)
}

// Put implements [httputil.BufferPool].
func (b *bufferPool) Put(buf []byte) { b.pool.Put(&buf) }
