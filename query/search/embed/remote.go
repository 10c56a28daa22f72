package embed

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"stemma/entity"
)

// RemoteOptions are the settings of [NewRemote]. BaseURL and Model are needed.
type RemoteOptions struct {
	Name       string // Provider of the space; "": the host of BaseURL
	BaseURL    string // like "https://api.openai.com/v1" or "http://127.0.0.1:11434/v1"; "/embeddings" is added
	Key        string // sent as a bearer token; "": none
	Model      string
	Dimensions int // of the vectors; 0: what the service answers first, see [Remote.Probe]
	// AskDimensions sends Dimensions with each request, for models that can
	// shorten their vectors; services that cannot refuse the field.
	AskDimensions  bool
	AskBase64      bool   // asks for vectors in a third of the bytes; both forms are understood anyway
	QueryPrefix    string // set before each query, like "query: " for E5
	DocumentPrefix string // set before each document, like "passage: "

	BatchTexts int           // texts of one request; 0: 64
	BatchBytes int           // bytes of text of one request; 0: 256 KiB
	TextBytes  int           // a longer text is cut; 0: 24 KiB, about 6000 tokens of English
	Parallel   int           // requests at a time; 0: 4
	PerSecond  float64       // requests a second; 0: no limit
	Timeout    time.Duration // of one request; 0: 30 s
	Tries      int           // of one request in all; 0: 5
	Backoff    time.Duration // before the second try, doubled for each more; 0: 500 ms
	MaxBackoff time.Duration // the longest, unless Retry-After asks for more, up to 5 minutes; 0: 30 s

	Transport http.RoundTripper                          // nil: [http.DefaultTransport]
	Now       func() time.Time                           // nil: [time.Now]
	Sleep     func(context.Context, time.Duration) error // nil: by a timer, until ctx is done
	Jitter    func(time.Duration) time.Duration          // nil: half to all of it, at random
}

// Remote embeds by a service. It is safe for any number of goroutines, which
// share its limits.
type Remote struct {
	o       RemoteOptions
	url     string
	client  *http.Client
	limiter *rate.Limiter // nil: no limit
	slots   chan struct{} // one for each request at a time
	dims    atomic.Int64  // 0: not known yet
}

var _ source = (*Remote)(nil)

// NewRemote checks the settings and asks nothing. The error is of
// [entity.KindInvalid].
func NewRemote(o RemoteOptions) (*Remote, error) {
	const op = "embed.NewRemote"
	u, err := url.Parse(o.BaseURL)
	switch {
	case o.Model == "":
		return nil, entity.Invalid(op, "an embedder needs a model, like text-embedding-3-small")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, entity.Invalid(op, "the base URL of an embedder is like https://api.openai.com/v1, not %q", o.BaseURL)
	case o.Dimensions < 0 || o.Dimensions > mostDimensions:
		return nil, entity.Invalid(op, "%d dimensions; 1 to %d are possible, or 0 to take what the service gives", o.Dimensions, mostDimensions)
	case o.AskDimensions && o.Dimensions == 0:
		return nil, entity.Invalid(op, "dimensions can only be asked for when they are set")
	}
	or(&o.Name, u.Host)
	or(&o.BatchTexts, 64)
	or(&o.BatchBytes, 256<<10)
	or(&o.TextBytes, 24<<10)
	or(&o.Parallel, 4)
	or(&o.Timeout, 30*time.Second)
	or(&o.Tries, 5)
	or(&o.Backoff, 500*time.Millisecond)
	or(&o.MaxBackoff, 30*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Jitter == nil {
		o.Jitter = jitter
	}
	r := &Remote{
		o: o, url: strings.TrimSuffix(strings.TrimSuffix(o.BaseURL, "/"), "/embeddings") + "/embeddings",
		slots: make(chan struct{}, o.Parallel),
		client: &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the key is for nobody else
		}},
	}
	if o.PerSecond > 0 {
		r.limiter = rate.NewLimiter(rate.Limit(o.PerSecond), 1)
	}
	r.dims.Store(int64(o.Dimensions))
	return r, nil
}

func or[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Probe embeds one word, and tells the space: with the dimensions, where they
// were not set.
func (r *Remote) Probe(ctx context.Context) (Space, error) {
	_, err := r.Embed(ctx, Query, []string{"stemma"})
	return r.Space(), err
}

// Space has 0 dimensions as long as they were neither set nor learnt.
func (r *Remote) Space() Space { return Space{r.o.Name, r.o.Model, int(r.dims.Load())} }

// Embed asks the service, for all texts but blank ones. The errors:
// [entity.KindUnavailable] when it does not answer, is overloaded, limits us for
// longer than the tries last, or does not take our key or model;
// [entity.KindInvalid] when it takes others but not one of these texts, whose
// position is the path of the error's only issue; [entity.KindInternal] when it
// answers with what cannot be used, such as other dimensions than those of the
// space; [entity.KindCanceled] and [entity.KindTimeout] when ctx is done.
func (r *Remote) Embed(ctx context.Context, purpose Purpose, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	group, ctx2 := errgroup.WithContext(ctx)
	group.SetLimit(r.o.Parallel)
	for _, b := range r.batches(purpose, texts) {
		group.Go(func() error { return r.batch(ctx2, b, vectors) })
	}
	if err := group.Wait(); err != nil {
		if ctx.Err() != nil {
			return nil, done("embed.Remote", ctx.Err())
		}
		return nil, err
	}
	for i, v := range vectors {
		if v == nil {
			vectors[i] = make([]float32, r.dims.Load()) // blank
		}
	}
	return vectors, nil
}

// batch is some texts of one request, with their positions.
type batch struct {
	texts []string
	at    []int
}

// batches divides what is to be asked for.
func (r *Remote) batches(purpose Purpose, texts []string) []batch {
	prefix := r.o.DocumentPrefix
	if purpose == Query {
		prefix = r.o.QueryPrefix
	}
	var all []batch
	var b batch
	size := 0
	for i, text := range texts {
		if strings.TrimSpace(text) == "" {
			continue
		}
		text = prefix + cut(text, r.o.TextBytes)
		if len(b.texts) > 0 && (len(b.texts) == r.o.BatchTexts || size+len(text) > r.o.BatchBytes) {
			all, b, size = append(all, b), batch{}, 0
		}
		b.texts, b.at, size = append(b.texts, text), append(b.at, i), size+len(text)
	}
	if len(b.texts) > 0 {
		all = append(all, b)
	}
	return all
}

// cut is the first n bytes of s, or fewer, so that no character is halved.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// batch fills in the vectors of a batch. One that is refused is asked for in
// halves: services differ in how much they take, and one text may be the
// reason.
func (r *Remote) batch(ctx context.Context, b batch, vectors [][]float32) error {
	found, err := r.ask(ctx, b.texts)
	if entity.KindOf(err) == entity.KindInvalid && err != nil {
		half := len(b.texts) / 2
		if half == 0 {
			e := *err.(*entity.Error) // ask gives no others
			e.Issues = []entity.Issue{{Path: []any{b.at[0]}, Message: e.Message}}
			return &e
		}
		if err := r.batch(ctx, batch{b.texts[:half], b.at[:half]}, vectors); err != nil {
			return err
		}
		return r.batch(ctx, batch{b.texts[half:], b.at[half:]}, vectors)
	}
	if err != nil {
		return err
	}
	for i, v := range found {
		vectors[b.at[i]] = v
	}
	return nil
}
