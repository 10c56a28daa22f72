package turn

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"time"

	"stemma/api/llm/budget"
	"stemma/api/llm/provider"
	"stemma/api/llm/runs"
	"stemma/api/llm/seal"
	"stemma/api/llm/tools"
	"stemma/entity"
)

// Price is what a million tokens cost, in dollars.
type Price struct {
	Input, Output float64
	Cached        *float64 // of the input, what a cache had; nil: as Input
}

// Query is what is looked for in a knowledge base.
type Query struct {
	Network       entity.Network
	Tenant        entity.ID
	Agent         entity.ID
	KnowledgeBase string // its name
	Text          string
}

// Passage is a piece of a knowledge base.
type Passage struct {
	ChunkID       string
	CID           entity.CID
	Content       string
	Similarity    float64
	KnowledgeBase string
	Rank          int // from 1
	SourcePath    string
}

// EmbeddingError is a failure to turn a question into a vector.
type EmbeddingError struct{ Err error }

func (e *EmbeddingError) Error() string { return e.Err.Error() }

// Unwrap gives what the embedder said.
func (e *EmbeddingError) Unwrap() error { return e.Err }

// Options are what an engine works with. Stores, Client and Runs must be there.
type Options struct {
	Stores  []entity.Store
	Client  *provider.Client
	Runs    *runs.Recorder
	Box     *seal.Box        // opens providers' keys; nil: those that need one do not answer
	Default *provider.Target // of agents that have no provider; nil: the built-in model
	Tools   *tools.Client    // nil: no tools are called here
	Limits  *budget.Book     // nil: nothing is bounded
	// Price is what a provider's model costs; ok is false where that is not known.
	Price func(kind provider.Kind, model string) (p Price, ok bool)
	// Retrieve finds passages, best first. An [EmbeddingError] is the embedder's,
	// any other of the search. nil: there are none.
	Retrieve func(context.Context, Query) ([]Passage, error)
	// Status is how an error is answered, for the run. nil: 500.
	Status  func(error) int
	Logger  *slog.Logger // nil: silent
	Now     func() time.Time
	Entropy io.Reader // nil: crypto/rand
	Rounds  int       // of tools; 0: 8
}

// Engine takes turns. It is safe for concurrent use.
type Engine struct {
	o      Options
	stores map[entity.Network]entity.Store
	ids    *entity.IDSource
	plans  plans
	count  counter

	stop   context.CancelFunc
	behind context.Context
	over   sync.WaitGroup // what goes on behind turns
}

// New makes an engine, which Close ends.
func New(o Options) *Engine {
	if o.Status == nil {
		o.Status = func(error) int { return 500 }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	if o.Rounds == 0 {
		o.Rounds = 8
	}
	if o.Limits == nil {
		o.Limits = budget.New(budget.Options{Now: o.Now})
	}
	e := &Engine{o: o, stores: map[entity.Network]entity.Store{}, ids: entity.NewIDSource(o.Now, o.Entropy)}
	for _, s := range o.Stores {
		e.stores[s.Network()] = s
	}
	e.behind, e.stop = context.WithCancel(context.Background())
	return e
}

// Settle waits until what goes on behind the turns that are over is done.
func (e *Engine) Settle() { e.over.Wait() }

// Close gives up what goes on behind turns. It comes after the last turn, and
// before Runs closes.
func (e *Engine) Close() error {
	e.stop()
	e.over.Wait()
	return nil
}
