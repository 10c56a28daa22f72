package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"stemma/entity"
)

// Endpoint is a server that has tools.
type Endpoint struct {
	Name  string
	URL   string
	Token string // sent as "Authorization: Bearer"; "": none
}

// Options are the settings of a client. The zero value works.
type Options struct {
	Transport http.RoundTripper // nil: http.DefaultTransport
	Timeout   time.Duration     // of listing, and of a call; 0: 30 s
	Keep      time.Duration     // how long what a server has is remembered; 0: a minute
	MaxResult int               // bytes of a result that the model is given; 0: 256 KiB
	Now       func() time.Time
}

// Client finds and calls tools. It is safe for concurrent use.
type Client struct {
	o    Options
	mu   sync.Mutex
	seen map[Endpoint]listing
}

type listing struct {
	at    time.Time
	tools []*mcp.Tool
}

// mostListings bounds what is remembered.
const mostListings = 10_000

// New makes a client.
func New(o Options) *Client {
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Keep == 0 {
		o.Keep = time.Minute
	}
	if o.MaxResult == 0 {
		o.MaxResult = 256 << 10
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{o: o, seen: map[Endpoint]listing{}}
}

// Tool is a tool as a model is told of it.
type Tool struct {
	Name     string // for the model: unique, and of letters that every provider takes
	Function map[string]any
	endpoint int
	remote   string // its name at the server
}

// Set is the tools of one turn.
type Set struct {
	c         *Client
	endpoints []Endpoint
	Tools     []Tool
	Failed    []error // servers that could not be asked

	mu       sync.Mutex
	sessions map[int]*mcp.ClientSession
}

// Open finds out what servers have, all at once. taken are names that belong to
// other tools; one that is an endpoint's own is that endpoint's tool, described
// by who took it.
func (c *Client) Open(ctx context.Context, endpoints []Endpoint, taken []string) *Set {
	s := &Set{c: c, endpoints: endpoints, sessions: map[int]*mcp.ClientSession{}}
	lists := make([][]*mcp.Tool, len(endpoints))
	failed := make([]error, len(endpoints))
	var all sync.WaitGroup
	for i := range endpoints {
		all.Go(func() { lists[i], failed[i] = s.list(ctx, i) })
	}
	all.Wait()
	used := map[string]bool{}
	for _, name := range taken {
		used[name] = true
	}
	for i, e := range endpoints {
		if failed[i] != nil {
			s.Failed = append(s.Failed, fmt.Errorf("tools of %s: %w", e.Name, failed[i]))
		}
		if used[e.Name] { // declared among the skills under the endpoint's name
			remote := e.Name
			if len(lists[i]) == 1 {
				remote = lists[i][0].Name
			}
			s.Tools = append(s.Tools, Tool{Name: e.Name, endpoint: i, remote: remote})
			continue
		}
		for _, t := range lists[i] {
			name := clean(t.Name)
			if used[name] {
				name = clean(e.Name + "_" + t.Name)
			}
			if used[name] {
				continue
			}
			used[name] = true
			s.Tools = append(s.Tools, Tool{Name: name, endpoint: i, remote: t.Name, Function: function(name, t)})
		}
	}
	return s
}

// clean is a name that every provider takes: 64 of letters, digits, _ and -.
func clean(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-') {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), 64)]
}

func function(name string, t *mcp.Tool) map[string]any {
	f := map[string]any{"name": name}
	if t.Description != "" {
		f["description"] = t.Description
	}
	if t.InputSchema != nil {
		f["parameters"] = t.InputSchema
	}
	return map[string]any{"type": "function", "function": f}
}

// Has tells whether a tool is one of the set's.
func (s *Set) Has(name string) bool { return s.find(name) != nil }

func (s *Set) find(name string) *Tool {
	if i := slices.IndexFunc(s.Tools, func(t Tool) bool { return t.Name == name }); i >= 0 {
		return &s.Tools[i]
	}
	return nil
}

// list is what a server has, remembered for a while.
func (s *Set) list(ctx context.Context, i int) ([]*mcp.Tool, error) {
	e := s.endpoints[i]
	now := s.c.o.Now()
	s.c.mu.Lock()
	have, ok := s.c.seen[e]
	s.c.mu.Unlock()
	if ok && now.Sub(have.at) < s.c.o.Keep {
		return have.tools, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.o.Timeout)
	defer cancel()
	session, err := s.session(ctx, i)
	if err != nil {
		return nil, err
	}
	var tools []*mcp.Tool
	for t, err := range session.Tools(ctx, nil) {
		if err != nil {
			return nil, err
		}
		if tools = append(tools, t); len(tools) == 200 {
			break
		}
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if len(s.c.seen) >= mostListings {
		clear(s.c.seen)
	}
	s.c.seen[e] = listing{now, tools}
	return tools, nil
}

// session connects to a server, once a turn.
func (s *Set) session(ctx context.Context, i int) (*mcp.ClientSession, error) {
	s.mu.Lock()
	have := s.sessions[i]
	s.mu.Unlock()
	if have != nil {
		return have, nil
	}
	e := s.endpoints[i]
	client := mcp.NewClient(&mcp.Implementation{Name: "stemma", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: e.URL, HTTPClient: &http.Client{Transport: authorized{s.c.o.Transport, e.Token}, CheckRedirect: sameHost}, MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: 8 << 20,
	}, nil)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	have = s.sessions[i]
	if have == nil {
		s.sessions[i] = session
	}
	s.mu.Unlock()
	if have != nil { // calls at once: one session is enough
		return have, session.Close()
	}
	return session, nil
}

// sameHost refuses to be sent to another host: the token is not its.
func sameHost(r *http.Request, via []*http.Request) error {
	if at := via[0].URL; len(via) > 3 || r.URL.Host != at.Host || r.URL.Scheme != at.Scheme {
		return errors.New("the server of tools redirects too often, or to another host; name that one as the endpoint")
	}
	return nil
}

// authorized sends a token with every request.
type authorized struct {
	next  http.RoundTripper
	token string
}

func (a authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	return a.next.RoundTrip(r)
}

// Result is what became of a call.
type Result struct {
	Text   string // for the model
	Failed bool
}

// Call calls a tool. What goes wrong is the result: the model reads it and can
// do something else.
func (s *Set) Call(ctx context.Context, name, arguments string) Result {
	t := s.find(name)
	if t == nil {
		return Result{"there is no tool " + name, true}
	}
	var args map[string]any
	if strings.TrimSpace(arguments) != "" {
		if err := json.Unmarshal([]byte(arguments), &args); err != nil {
			return Result{"the arguments are not a JSON object: " + err.Error(), true}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.o.Timeout)
	defer cancel()
	session, err := s.session(ctx, t.endpoint)
	if err != nil {
		return Result{"the tool's server cannot be reached: " + err.Error(), true}
	}
	out, err := session.CallTool(ctx, &mcp.CallToolParams{Name: t.remote, Arguments: args})
	if errors.Is(err, context.DeadlineExceeded) {
		return Result{"the tool did not answer within " + s.c.o.Timeout.String(), true}
	}
	if err != nil {
		return Result{"the tool failed: " + err.Error(), true}
	}
	text := textOf(out)
	if len(text) > s.c.o.MaxResult {
		text = strings.ToValidUTF8(text[:s.c.o.MaxResult], "") + "\n[cut: the result is longer]"
	}
	return Result{text, out.IsError}
}

// textOf is the text of a result: of its content, else the structured form.
func textOf(out *mcp.CallToolResult) string {
	var texts []string
	for _, c := range out.Content {
		if t, ok := c.(*mcp.TextContent); ok {
			texts = append(texts, t.Text)
			continue
		}
		raw, err := c.MarshalJSON()
		if err == nil {
			texts = append(texts, string(raw))
		}
	}
	if len(texts) == 0 && out.StructuredContent != nil {
		raw, err := json.Marshal(out.StructuredContent)
		if err == nil {
			return string(raw)
		}
	}
	return strings.Join(texts, "\n")
}

// Close ends the sessions.
func (s *Set) Close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, session := range s.sessions {
		err = errors.Join(err, session.Close())
		delete(s.sessions, i)
	}
	if err != nil {
		return entity.Internal("tools.Close", err)
	}
	return nil
}
