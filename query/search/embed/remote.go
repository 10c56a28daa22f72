package embed

import (
	"context"
	"net/http"
	"time"

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

// Remote embeds by a service.
type Remote struct{ o RemoteOptions }

var _ source = (*Remote)(nil)

// NewRemote checks the settings and asks nothing. The error is of
// [entity.KindInvalid].
func NewRemote(o RemoteOptions) (*Remote, error) {
	if o.BaseURL == "" || o.Model == "" {
		return nil, entity.Invalid("embed.NewRemote", "an embedder needs the base URL of its service and a model")
	}
	return &Remote{o: o}, nil
}

// Probe embeds one word, and tells the space: with the dimensions, where they
// were not set.
func (r *Remote) Probe(ctx context.Context) (Space, error) {
	_, err := r.Embed(ctx, Query, []string{"stemma"})
	return r.Space(), err
}

// Space has 0 dimensions as long as they were neither set nor learnt.
func (r *Remote) Space() Space { return Space{r.o.Name, r.o.Model, r.o.Dimensions} }

// Embed asks the service. The errors: [entity.KindUnavailable] when it does not
// answer, is overloaded, or limits us for longer than the tries last;
// [entity.KindInvalid] when it refuses the request and will refuse it again;
// [entity.KindInternal] when it answers with what cannot be used, such as other
// dimensions than those of the space; [entity.KindCanceled] and
// [entity.KindTimeout] when ctx is done.
func (r *Remote) Embed(ctx context.Context, purpose Purpose, texts []string) ([][]float32, error) {
	return nil, entity.Errorf(entity.KindNotImplemented, "embed.Remote", "not there yet")
}
