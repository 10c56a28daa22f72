package outbound

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stemma/entity"
)

// world resolves names as a test says, and whoever dials a public address comes to
// the server of the test. dialled are the addresses that were.
type world struct {
	names   map[string][]string // answers in turn, the last for good
	asked   atomic.Int64
	server  *httptest.Server
	dialled []string
}

func (w *world) client(o Options) *Client {
	o.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
		answers := w.names[host]
		if answers == nil {
			return nil, &net.DNSError{Name: host, IsNotFound: true}
		}
		n := int(w.asked.Add(1))
		var out []netip.Addr
		for text := range strings.SplitSeq(answers[min(n, len(answers))-1], " ") {
			out = append(out, netip.MustParseAddr(text))
		}
		return out, nil
	}
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		w.dialled = append(w.dialled, address)
		return new(net.Dialer).DialContext(ctx, network, w.server.Listener.Addr().String())
	}
	return New(o)
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, c *Client, url string, header ...string) (*Response, error) {
	t.Helper()
	t.Cleanup(c.Close)
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return c.Do(t.Context(), Request{Method: "GET", URL: url, Header: h})
}

// wants a kind and a text in the message, and no address in it.
func wants(t *testing.T, name string, err error, kind entity.Kind, text string) {
	t.Helper()
	var e *entity.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Message, text) {
		t.Errorf("%s: %v; want %v with %q", name, err, kind, text)
		return
	}
	for _, address := range []string{"127.0.0.1", "10.0.0.1", "93.184"} {
		if strings.Contains(e.Message, address) && !strings.Contains(name, address) {
			t.Errorf("%s: the message tells an address: %s", name, e.Message)
		}
	}
}

func TestRefusedURLs(t *testing.T) {
	w := &world{names: map[string][]string{"inside.example": {"10.0.0.1"}, "both.example": {"93.184.215.14 127.0.0.1"}, "cloud.example": {"169.254.169.254"}, "2130706433": {"127.0.0.1"}, "localhost": {"127.0.0.1"}},
		server: serve(t, func(http.ResponseWriter, *http.Request) { t.Error("somebody came") })}
	for _, url := range []string{"ftp://a.example", "file:///etc/passwd", "//a.example", "http:a", "http://", "", "http://u:p@a.example", "gopher://a"} {
		_, err := get(t, w.client(Options{}), url)
		wants(t, url, err, entity.KindInvalid, "must")
	}
	for _, url := range []string{"http://inside.example", "http://both.example", "http://cloud.example", "http://2130706433/", "http://localhost:8080", "http://[::1]/", "http://[::ffff:10.0.0.1]/", "http://0/", "http://localhost./"} {
		_, err := get(t, w.client(Options{}), url)
		if url == "http://0/" {
			wants(t, url, err, entity.KindUpstream, "no such host")
			continue
		}
		wants(t, url, err, entity.KindInvalid, "not a public one")
	}
	_, err := get(t, w.client(Options{AllowPrivate: true}), "http://cloud.example")
	wants(t, "metadata, with private ones allowed", err, entity.KindInvalid, "not a public one")
	_, err = get(t, w.client(Options{}), "http://nowhere.example")
	wants(t, "no name", err, entity.KindUpstream, "no such host")
	if w.dialled != nil {
		t.Errorf("dialled %v", w.dialled)
	}
}

// A name that is public when it is checked and private a moment later is connected
// to where it was checked; a redirect to it is a new look.
func TestRebinding(t *testing.T) {
	w := &world{names: map[string][]string{"turns.example": {"93.184.215.14", "127.0.0.1"}}}
	w.server = serve(t, func(rw http.ResponseWriter, r *http.Request) { rw.Header().Set("Connection", "close") })
	c := w.client(Options{})
	if _, err := get(t, c, "http://turns.example"); err != nil || len(w.dialled) != 1 || w.dialled[0] != "93.184.215.14:80" {
		t.Errorf("%v, dialled %v", err, w.dialled)
	}
	_, err := get(t, c, "http://turns.example")
	wants(t, "the second time", err, entity.KindInvalid, "not a public one")
	if w.asked.Load() != 2 || len(w.dialled) != 1 {
		t.Errorf("looked up %d times, dialled %v", w.asked.Load(), w.dialled)
	}
}

// A proxy of the environment would dial for us.
func TestNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	w := &world{names: map[string][]string{"a.example": {"93.184.215.14"}}, server: serve(t, func(http.ResponseWriter, *http.Request) {})}
	if _, err := get(t, w.client(Options{}), "http://a.example"); err != nil {
		t.Error(err)
	}
}

func TestRedirects(t *testing.T) {
	var to string
	var seen http.Header
	w := &world{names: map[string][]string{"a.example": {"93.184.215.14"}, "b.example": {"93.184.215.15"}}}
	w.server = serve(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			seen = r.Header
			return
		}
		http.Redirect(rw, r, to, http.StatusTemporaryRedirect)
	})
	for _, c := range []struct {
		to   string
		kind entity.Kind
		text string
	}{
		{"http://127.0.0.1/end", entity.KindInvalid, "not a public one"},
		{"http://169.254.169.254/latest/meta-data", entity.KindInvalid, "not a public one"},
		{"http://a.example/again", entity.KindUpstream, "more than 3 times"},
		{"ftp://b.example/", entity.KindUpstream, "no URL"},
		{"http://u:p@b.example/", entity.KindUpstream, "no URL"},
	} {
		to = c.to
		_, err := get(t, w.client(Options{}), "http://a.example/start")
		wants(t, c.to, err, c.kind, c.text)
	}
	for to2, kept := range map[string]bool{"http://a.example/end": true, "http://b.example/end": false} {
		to = to2
		if _, err := get(t, w.client(Options{}), "http://a.example/start", "Authorization", "ApiKey x", SignatureHeader, "s", "Cookie", "c"); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Authorization", SignatureHeader, "Cookie"} {
			if (seen.Get(name) != "") != kept {
				t.Errorf("to %s: %s is %q", to, name, seen.Get(name))
			}
		}
	}
	to = "http://a.example/end"
	_, err := w.client(Options{}).Do(t.Context(), Request{Method: "POST", URL: "http://a.example/start", Body: []byte("{}")})
	wants(t, "a body", err, entity.KindUpstream, "redirects a request that has a body")
}

// An answer that is too long, never ends or never begins ends in an error.
func TestBounds(t *testing.T) {
	w := &world{names: map[string][]string{"a.example": {"93.184.215.14"}}}
	w.server = serve(t, func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/exact":
			io.WriteString(rw, strings.Repeat("x", 1000))
		case "/long":
			io.WriteString(rw, strings.Repeat("x", 1001))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := io.WriteString(rw, strings.Repeat("x", 1<<16)); err != nil {
					return
				}
			}
		case "/slow":
			io.WriteString(rw, "x")
			rw.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/never":
			<-r.Context().Done()
		}
	})
	c := w.client(Options{MaxBody: 1000, Timeout: 100 * time.Millisecond, Failures: 100})
	if out, err := get(t, c, "http://a.example/exact"); err != nil || len(out.Body) != 1000 {
		t.Error(err)
	}
	for path, text := range map[string]string{"/long": "more than 1000 bytes", "/endless": "more than 1000 bytes", "/slow": "in time", "/never": "in time"} {
		_, err := get(t, c, "http://a.example"+path)
		wants(t, path, err, entity.KindUpstream, text)
	}
	_, err := get(t, c, "https://a.example/")
	wants(t, "no TLS there", err, entity.KindUpstream, "does not answer")
	gone, stop := context.WithCancel(t.Context())
	stop()
	_, err = c.Do(gone, Request{Method: "GET", URL: "http://a.example/never"})
	wants(t, "a caller that has gone", err, entity.KindCanceled, "went away")
}

// A host that fails five times in a row is left alone, then tried once; others are
// not concerned, nor does what may not be called count.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		c := New(Options{
			Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
				if host == "inside.example" {
					return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
				}
				return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
			},
			Dial: func(context.Context, string, string) (net.Conn, error) { dials++; return nil, errors.New("refused") },
		})
		call := func(host string) error {
			_, err := c.Do(t.Context(), Request{Method: "GET", URL: "http://" + host})
			return err
		}
		for range 10 {
			wants(t, "a private one", call("inside.example"), entity.KindInvalid, "not a public one")
		}
		for range 5 {
			wants(t, "closed", call("a.example"), entity.KindUpstream, "does not answer")
		}
		for range 3 {
			wants(t, "open", call("a.example"), entity.KindUpstream, "left alone")
		}
		if dials != 5 {
			t.Errorf("dialled %d times", dials)
		}
		wants(t, "another host", call("b.example"), entity.KindUpstream, "does not answer")
		time.Sleep(30*time.Second + time.Millisecond) // on the bubble's clock
		wants(t, "half open", call("a.example"), entity.KindUpstream, "does not answer")
		wants(t, "open again", call("a.example"), entity.KindUpstream, "left alone")
		if dials != 7 {
			t.Errorf("dialled %d times", dials)
		}
	})
}
