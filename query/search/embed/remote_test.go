package embed

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stemma/entity"
)

// service is a real HTTP server that speaks /v1/embeddings. The vector of a text
// has three dimensions: its length, its first byte, 1.
type service struct {
	*httptest.Server
	mu       sync.Mutex
	requests []wireRequest
	keys     []string
	// answer, if set, is asked before the service answers by itself; it tells
	// whether it has. n counts the requests from 0.
	answer func(n int, ask wireRequest, w http.ResponseWriter, r *http.Request) bool
}

func newService(t *testing.T) *service {
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	var ask wireRequest
	if r.Method != http.MethodPost || r.URL.Path != "/v1/embeddings" || json.NewDecoder(r.Body).Decode(&ask) != nil {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, ask)
	s.keys = append(s.keys, r.Header.Get("Authorization"))
	answer := s.answer
	s.mu.Unlock()
	if answer == nil || !answer(n, ask, w, r) {
		s.reply(w, ask, nil)
	}
}

func truth(text string) []float32 { return []float32{float32(len(text)), float32(text[0]), 1} }

// reply answers as OpenAI does; spoil may change the answer.
func (s *service) reply(w http.ResponseWriter, ask wireRequest, spoil func(data []map[string]any) []map[string]any) {
	var data []map[string]any
	for i, text := range ask.Input {
		d := map[string]any{"object": "embedding", "index": i, "embedding": truth(text)}
		if ask.Encoding == "base64" {
			var b []byte
			for _, f := range truth(text) {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
			}
			d["embedding"] = base64.StdEncoding.EncodeToString(b)
		}
		data = append(data, d)
	}
	if spoil != nil {
		data = spoil(data)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "model": ask.Model, "data": data, "usage": map[string]any{"total_tokens": 1}})
}

// remote is an embedder of the service that waits for nothing, and the waits
// it was asked for.
func remote(t *testing.T, s *service, change func(*RemoteOptions)) (*Remote, func() []time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var waits []time.Duration
	o := RemoteOptions{
		BaseURL: s.URL + "/v1/", Model: "m", Key: "secret", Name: "test",
		Now:    func() time.Time { return time.Unix(1e9, 0) },
		Jitter: func(d time.Duration) time.Duration { return d },
		Sleep: func(ctx context.Context, d time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, d)
			return ctx.Err()
		},
	}
	if change != nil {
		change(&o)
	}
	r, err := NewRemote(o)
	if err != nil {
		t.Fatal(err)
	}
	return r, func() []time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(waits)
	}
}

func check(t *testing.T, texts []string, vectors [][]float32, prefix string) {
	t.Helper()
	if len(vectors) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(vectors), len(texts))
	}
	for i, text := range texts {
		if strings.TrimSpace(text) == "" {
			if cosine(vectors[i], vectors[i]) != 0 || len(vectors[i]) != 3 {
				t.Errorf("a blank text has %v", vectors[i])
			}
			continue
		}
		want := truth(prefix + text)
		if c := cosine(vectors[i], want) / math.Sqrt(cosine(want, want)); math.Abs(c-1) > 1e-5 || math.Abs(cosine(vectors[i], vectors[i])-1) > 1e-5 {
			t.Errorf("text %d has %v, want the direction of %v", i, vectors[i], want)
		}
	}
}

func numbered(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = string(rune('a'+i%26)) + strings.Repeat("x", i%50)
	}
	return texts
}

func TestRemote(t *testing.T) {
	for _, base64 := range []bool{false, true} {
		s := newService(t)
		r, _ := remote(t, s, func(o *RemoteOptions) {
			o.BatchTexts, o.BatchBytes, o.QueryPrefix, o.AskBase64 = 10, 300, "query: ", base64
			o.Dimensions, o.AskDimensions = 3, true
		})
		texts := append(numbered(95), " \n", "")
		vectors, err := r.Embed(context.Background(), Document, texts)
		if err != nil {
			t.Fatal(err)
		}
		check(t, texts, vectors, "")
		if vectors, err = r.Embed(context.Background(), Query, texts); err != nil {
			t.Fatal(err)
		}
		check(t, texts, vectors, "query: ")
		for i, ask := range s.requests {
			if size := len(strings.Join(ask.Input, "")); len(ask.Input) > 10 || size > 300 {
				t.Errorf("a request of %d texts and %d bytes", len(ask.Input), size)
			}
			if ask.Dimensions != 3 || ask.Model != "m" || s.keys[i] != "Bearer secret" {
				t.Errorf("asked %+v with %q", ask, s.keys[i])
			}
		}
	}
}

func TestRemoteLearnsDimensions(t *testing.T) {
	s := newService(t)
	r, _ := remote(t, s, func(o *RemoteOptions) { o.Name, o.TextBytes = "", 5 })
	if d := r.Space().Dimensions; d != 0 {
		t.Error(d)
	}
	space, err := r.Probe(context.Background())
	if err != nil || space != (Space{strings.TrimPrefix(s.URL, "http://"), "m", 3}) {
		t.Errorf("%v, %v", space, err)
	}
	if _, err := r.Embed(context.Background(), Document, []string{"longé and longer"}); err != nil || s.requests[1].Input[0] != "long" {
		t.Errorf("%v, asked for %q", err, s.requests[1].Input)
	}
}

// What may be over soon is tried again, at the pace that it asks for.
func TestRemoteTriesAgain(t *testing.T) {
	status := func(code int, header string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			if header != "" {
				w.Header().Set("Retry-After", header)
			}
			http.Error(w, "later", code)
		}
	}
	hangUp := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	half := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		fmt.Fprint(w, `{"data":[`)
		panic(http.ErrAbortHandler)
	}
	slow := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	date := time.Unix(1e9+7, 0).UTC().Format(http.TimeFormat)
	for name, c := range map[string]struct {
		fail func(http.ResponseWriter, *http.Request)
		wait []time.Duration
	}{
		"500":              {status(500, ""), []time.Duration{time.Second, 2 * time.Second}},
		"503 with seconds": {status(503, "9"), []time.Duration{9 * time.Second, 9 * time.Second}},
		"429 with a date":  {status(429, date), []time.Duration{7 * time.Second, 7 * time.Second}},
		"429 at once":      {status(429, "0"), []time.Duration{time.Second, 2 * time.Second}},
		"429 nonsense":     {status(429, "soon"), []time.Duration{time.Second, 2 * time.Second}},
		"hung up":          {hangUp, []time.Duration{time.Second, 2 * time.Second}},
		"half an answer":   {half, []time.Duration{time.Second, 2 * time.Second}},
		"too slow":         {slow, []time.Duration{time.Second, 2 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.answer = func(n int, _ wireRequest, w http.ResponseWriter, r *http.Request) bool {
				if n < 2 {
					c.fail(w, r)
				}
				return n < 2
			}
			r, waits := remote(t, s, func(o *RemoteOptions) {
				o.Backoff, o.Tries = time.Second, 3
				if name == "too slow" {
					o.Timeout = 20 * time.Millisecond
				}
			})
			if name == "too slow" {
				s.answer = func(n int, _ wireRequest, w http.ResponseWriter, r *http.Request) bool {
					c.fail(w, r)
					return true
				}
				if _, err := r.Embed(context.Background(), Document, []string{"text"}); entity.KindOf(err) != entity.KindUnavailable {
					t.Error(err)
				}
			} else {
				vectors, err := r.Embed(context.Background(), Document, []string{"text"})
				if err != nil {
					t.Fatal(err)
				}
				check(t, []string{"text"}, vectors, "")
			}
			if got := waits(); !slices.Equal(got, c.wait) {
				t.Errorf("waited %v, want %v", got, c.wait)
			}
		})
	}
}

// What will not be over is told at once, and nothing that cannot be used is
// returned.
func TestRemoteGivesUp(t *testing.T) {
	spoil := func(f func([]map[string]any) []map[string]any) func(*service, wireRequest, http.ResponseWriter) {
		return func(s *service, ask wireRequest, w http.ResponseWriter) { s.reply(w, ask, f) }
	}
	put := func(key string, value any) func(*service, wireRequest, http.ResponseWriter) {
		return spoil(func(d []map[string]any) []map[string]any { d[1][key] = value; return d })
	}
	text := func(code int, text string) func(*service, wireRequest, http.ResponseWriter) {
		return func(_ *service, _ wireRequest, w http.ResponseWriter) { w.WriteHeader(code); fmt.Fprint(w, text) }
	}
	nan := base64.StdEncoding.EncodeToString([]byte{0, 0, 0xc0, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0})
	for name, c := range map[string]struct {
		answer   func(*service, wireRequest, http.ResponseWriter)
		kind     entity.Kind
		requests int
	}{
		"wrong key":         {text(401, `{"error":{"message":"Incorrect API key"}}`), entity.KindUnavailable, 1},
		"forbidden":         {text(403, ""), entity.KindUnavailable, 1},
		"no such model":     {text(404, `{"error":"model not found"}`), entity.KindUnavailable, 1},
		"redirect":          {text(307, ""), entity.KindUnavailable, 1},
		"always 500":        {text(500, strings.Repeat("x", 1<<20)), entity.KindUnavailable, 5},
		"not JSON":          {text(200, "<html>"), entity.KindInternal, 1},
		"an error with 200": {text(200, `{"error":{"message":"overloaded"}}`), entity.KindInternal, 1},
		"endless":           {text(200, `{"data":[`+strings.Repeat(`"xxxxxxxx",`, 1<<18)), entity.KindInternal, 1},
		"too few":           {spoil(func(d []map[string]any) []map[string]any { return d[1:] }), entity.KindInternal, 1},
		"too many":          {spoil(func(d []map[string]any) []map[string]any { return append(d, d[0]) }), entity.KindInternal, 1},
		"one twice":         {put("index", 0), entity.KindInternal, 1},
		"one out of range":  {put("index", 2), entity.KindInternal, 1},
		"other dimensions":  {put("embedding", []float32{1, 2}), entity.KindInternal, 1},
		"no dimensions":     {put("embedding", []float32{}), entity.KindInternal, 1},
		"no vector":         {put("embedding", nil), entity.KindInternal, 1},
		"words":             {put("embedding", []string{"a"}), entity.KindInternal, 1},
		"too large numbers": {put("embedding", []float64{1e300, 1, 1}), entity.KindInternal, 1},
		"half a float":      {put("embedding", "AAAA"), entity.KindInternal, 1},
		"not base64":        {put("embedding", "!"), entity.KindInternal, 1},
		"not a number":      {put("embedding", nan), entity.KindInternal, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.answer = func(_ int, ask wireRequest, w http.ResponseWriter, _ *http.Request) bool {
				c.answer(s, ask, w)
				return true
			}
			r, _ := remote(t, s, func(o *RemoteOptions) { o.Dimensions = 3 })
			vectors, err := r.Embed(context.Background(), Document, []string{"one", "two"})
			if entity.KindOf(err) != c.kind || err == nil || vectors != nil {
				t.Errorf("%v, %v", vectors, err)
			}
			if strings.Contains(fmt.Sprint(err), "secret") || len(fmt.Sprint(err)) > 1000 {
				t.Errorf("said %v", err)
			}
			if len(s.requests) != c.requests {
				t.Errorf("%d requests, want %d", len(s.requests), c.requests)
			}
		})
	}
	s := newService(t)
	r, waits := remote(t, s, nil)
	s.answer = func(_ int, _ wireRequest, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(429)
		return true
	}
	if _, err := r.Embed(context.Background(), Document, []string{"one"}); entity.KindOf(err) != entity.KindUnavailable || len(waits()) > 0 {
		t.Errorf("%v after waiting %v", err, waits())
	}
	s.Close()
	if _, err := r.Embed(context.Background(), Document, []string{"one"}); entity.KindOf(err) != entity.KindUnavailable {
		t.Error(err)
	}
}

// A batch that is too large for the service is halved until it is not; a text
// that is refused alone is named.
func TestRemoteHalves(t *testing.T) {
	s := newService(t)
	s.answer = func(_ int, ask wireRequest, w http.ResponseWriter, _ *http.Request) bool {
		if len(ask.Input) > 7 || slices.Contains(ask.Input, "poison") {
			w.WriteHeader(422)
			return true
		}
		return false
	}
	r, _ := remote(t, s, nil)
	texts := numbered(100)
	vectors, err := r.Embed(context.Background(), Document, texts)
	if err != nil {
		t.Fatal(err)
	}
	check(t, texts, vectors, "")
	texts[3], texts[42] = "", "poison"
	_, err = r.Embed(context.Background(), Document, texts)
	e, ok := err.(*entity.Error)
	if !ok || e.Kind != entity.KindInvalid || len(e.Issues) != 1 || e.Issues[0].Path[0] != 42 {
		t.Errorf("%+v", err)
	}
	cache, err := OpenCache(CacheOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := NewCached(r, cache)
	if _, err := c.Embed(context.Background(), Document, texts[:40]); err != nil {
		t.Fatal(err)
	}
	if e, ok := ignore(c.Embed(context.Background(), Document, texts)).(*entity.Error); !ok || e.Issues[0].Path[0] != 42 {
		t.Errorf("%+v", e)
	}
}

func ignore(_ [][]float32, err error) error { return err }

// However many ask, no more requests than allowed are under way, and they come
// at the pace that is set.
func TestRemoteLimits(t *testing.T) {
	s := newService(t)
	var under, most atomic.Int32
	meet := make(chan struct{})
	s.answer = func(n int, _ wireRequest, _ http.ResponseWriter, _ *http.Request) bool {
		now := under.Add(1)
		for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
		}
		switch n { // the first two meet
		case 0:
			meet <- struct{}{}
		case 1:
			<-meet
		}
		under.Add(-1)
		return false
	}
	r, waits := remote(t, s, func(o *RemoteOptions) { o.BatchTexts, o.Parallel, o.PerSecond = 1, 2, 4 })
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := r.Embed(context.Background(), Document, numbered(5)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 2 {
		t.Errorf("%d requests at a time, want 2", most.Load())
	}
	got := waits()
	slices.Sort(got)
	for i, w := range got { // the clock stands still: each waits 250 ms longer than the one before
		if want := time.Duration(i+1) * 250 * time.Millisecond; w != want {
			t.Fatalf("wait %d of %v is not %v", i, got, want)
		}
	}
	if len(got) != 19 {
		t.Errorf("%d of 20 requests waited", len(got))
	}
}

func TestRemoteCanceled(t *testing.T) {
	s := newService(t)
	ctx, cancel := context.WithCancel(context.Background())
	s.answer = func(_ int, _ wireRequest, _ http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	}
	r, _ := remote(t, s, nil)
	if _, err := r.Embed(ctx, Document, []string{"one"}); entity.KindOf(err) != entity.KindCanceled {
		t.Error(err)
	}
}

func TestBadRemoteOptions(t *testing.T) {
	for _, o := range []RemoteOptions{
		{}, {BaseURL: "http://h/v1"}, {Model: "m"}, {Model: "m", BaseURL: "h:80"}, {Model: "m", BaseURL: "ftp://h"}, {Model: "m", BaseURL: "http://"},
		{Model: "m", BaseURL: "http://h", Dimensions: -1}, {Model: "m", BaseURL: "http://h", Dimensions: 1 << 20}, {Model: "m", BaseURL: "http://h", AskDimensions: true},
	} {
		if _, err := NewRemote(o); entity.KindOf(err) != entity.KindInvalid || err == nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
