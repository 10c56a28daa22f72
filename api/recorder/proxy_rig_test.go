package recorder_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"stemma/api/recorder"
)

// proxyRig is a rig behind a real server, with an upstream in front of it.
type proxyRig struct {
	*rig
	url      string
	upstream *httptest.Server
	mu       sync.Mutex
	got      []*seen
}

// seen is a request as the upstream saw it.
type seen struct {
	method, uri, host string
	header            http.Header
	body              []byte
}

const theirKey = "sk-their-own-key-0123456789"

// newProxyRig has every provider's URL lead to the handler.
func newProxyRig(t testing.TB, answer http.HandlerFunc, change ...func(*recorder.Options)) *proxyRig {
	t.Helper()
	p := &proxyRig{}
	p.upstream = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.got = append(p.got, &seen{r.Method, r.RequestURI, r.Host, r.Header.Clone(), body})
		p.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer(w, r)
	}))
	t.Cleanup(p.upstream.Close)
	p.rig = newRig(t, append([]func(*recorder.Options){func(o *recorder.Options) {
		for _, setting := range []string{"openai", "anthropic", "google", "openrouter", "mine"} {
			provider, err := recorder.ParseProvider(setting + "=" + p.upstream.URL)
			if err != nil {
				t.Fatal(err)
			}
			o.Providers = append(o.Providers, provider)
		}
	}}, change...)...)
	server := httptest.NewServer(p.rig)
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		server.Close()
		if err := p.service.Close(); err != nil {
			t.Error(err)
		}
	})
	p.url = server.URL
	return p
}

func (p *proxyRig) last() *seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got[len(p.got)-1]
}

// plainClient sends what it is told and decodes nothing.
var plainClient = &http.Client{Transport: &http.Transport{DisableCompression: true}}

func (p *proxyRig) send(t testing.TB, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, p.url+path, in)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := plainClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Logf("the answer broke off: %v", err)
	}
	return resp, string(out)
}

// recorded waits until so many runs are recorded, and gives the newest.
func (p *proxyRig) recorded(t testing.TB, n int) object {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		seq := p.main().Seq()
		list := p.must(t, 200, "GET", "/api/monitoring/runs?limit=200&status=completed,failed", "")["runs"].([]any)
		if len(list) >= n {
			if len(list) > n {
				t.Fatalf("%d runs are recorded, want %d", len(list), n)
			}
			return p.must(t, 200, "GET", "/api/monitoring/runs/"+at(list, 0, "run_id").(string), "")
		}
		if err := p.main().Wait(ctx, seq); err != nil {
			t.Fatalf("%d runs are recorded, want %d: %v", len(list), n, err)
		}
	}
}
