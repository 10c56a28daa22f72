package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
	"stemma/files/extract"
	"stemma/query/search"
	"stemma/query/search/embed"
	"stemma/query/search/vector"
)

// searchFlags say how things are found.
type searchFlags struct {
	Search     bool    `help:"Make entities findable by text and meaning." default:"true" negatable:"" env:"STEMMA_SEARCH"`
	Embeddings string  `name:"embeddings-url" help:"What gives texts the vectors that meaning is searched by: a service that speaks OpenAI's /v1/embeddings (OpenAI, Ollama, vLLM, TEI), by its URL like http://127.0.0.1:11434/v1; lexical, which is built in and goes by words and pieces of words; or none." default:"lexical" env:"STEMMA_EMBEDDINGS_URL" placeholder:"URL"`
	Key        string  `name:"embeddings-key" help:"Key for that service. Better in the environment or the file than in a flag." env:"STEMMA_EMBEDDINGS_KEY" placeholder:"KEY"`
	Model      string  `name:"embeddings-model" help:"Model of that service." env:"STEMMA_EMBEDDINGS_MODEL" placeholder:"NAME"`
	Dimensions int     `name:"embeddings-dimensions" help:"Dimensions of the model's vectors; 0 asks the service at start, which then has to answer." default:"0" env:"STEMMA_EMBEDDINGS_DIMENSIONS"`
	Rate       float64 `name:"embeddings-rate" help:"Requests a second to that service at most; 0 for no limit." default:"0" env:"STEMMA_EMBEDDINGS_RATE"`
	Qdrant     string  `name:"qdrant-url" help:"Keep the vectors in a Qdrant service, for stores that outgrow this machine's memory; which has to answer at start." env:"STEMMA_QDRANT_URL" placeholder:"URL"`
	QdrantKey  string  `name:"qdrant-key" help:"Key for it. Better in the environment or the file than in a flag." env:"STEMMA_QDRANT_KEY" placeholder:"KEY"`
	QdrantName string  `name:"qdrant-collection" help:"What the names of this server's collections there begin with; of no other server." default:"stemma" env:"STEMMA_QDRANT_COLLECTION" placeholder:"NAME"`
	Official   string  `name:"official-agents" help:"Collection of the agents that POST /search/agents calls official; by default those that everybody may view." env:"STEMMA_OFFICIAL_AGENTS" placeholder:"ID"`
}

// The embedders that are no service.
const (
	lexicalEmbeddings = "lexical"
	noEmbeddings      = "none"
)

// remote tells whether a service embeds.
func (f *searchFlags) remote() bool {
	return f.Embeddings != "" && f.Embeddings != lexicalEmbeddings && f.Embeddings != noEmbeddings
}

// check refuses settings that cannot be.
func (f *searchFlags) check() error {
	if f.Official != "" {
		if _, err := entity.ParseID(f.Official); err != nil {
			return errors.New("--official-agents: " + userText(err))
		}
	}
	if err := checkURL(f.Qdrant, "--qdrant-url", true); err != nil {
		return err
	}
	if !f.remote() {
		return nil
	}
	if f.Rate < 0 {
		return errors.New("--embeddings-rate is below 0; 0 is no limit")
	}
	if _, err := embed.NewRemote(f.options()); err != nil {
		return errors.New("--embeddings-url, -model, -dimensions: " + userText(err))
	}
	return nil
}

func (f *searchFlags) options() embed.RemoteOptions {
	return embed.RemoteOptions{BaseURL: f.Embeddings, Key: f.Key, Model: f.Model, Dimensions: f.Dimensions, PerSecond: f.Rate}
}

// probeTries is how often the service is asked for its dimensions, at start.
const probeTries = 2

// service is the service, asked for its dimensions where they are not set.
func (f *searchFlags) service(ctx context.Context) (*embed.Remote, error) {
	o := f.options()
	if o.Dimensions == 0 {
		asked := o
		asked.Tries = probeTries
		r, err := embed.NewRemote(asked)
		if err != nil {
			return nil, err
		}
		space, err := r.Probe(ctx)
		if err != nil {
			return nil, &entity.Error{Kind: entity.KindUnavailable, Op: "stemma.service", Err: err,
				Message: "the service at " + f.Embeddings + " does not say how many dimensions its vectors have; set --embeddings-dimensions to start without it"}
		}
		o.Dimensions = space.Dimensions
	}
	return embed.NewRemote(o)
}

// official is the collection of official agents in a network, "" for none.
func (f *searchFlags) official(network entity.Network) entity.ID {
	if id := entity.ID(f.Official); id != "" && id.Network() == network {
		return id
	}
	return ""
}

// vectors opens the place for a network's vectors; nil is beside the index.
func (f *searchFlags) vectors(ctx context.Context, network entity.Network) func(embed.Space, entity.Seq) (vector.Store, error) {
	if f.Qdrant == "" {
		return nil
	}
	return func(space embed.Space, latest entity.Seq) (vector.Store, error) {
		// A space that is being made stands beside the one that serves.
		sum := sha256.Sum256([]byte(space.String()))
		return vector.OpenQdrant(ctx, vector.QdrantOptions{
			URL: f.Qdrant, Key: f.QdrantKey, Collection: fmt.Sprintf("%s-%s-%x", f.QdrantName, network, sum[:6]), Space: space.String(), Dimensions: space.Dimensions, Latest: latest,
		})
	}
}

// searching is the indexes of a server, with what they share.
type searching struct {
	indexes  []*search.Index
	embedder search.Embedder   // nil: none
	former   []search.Embedder // that may have been in use before
	cache    *embed.Cache      // of a service's answers; nil: none
}

// openSearch opens an index for each network. What they have not seen yet they
// take in behind the server.
func (s *server) openSearch(ctx context.Context, o serverOptions, registry *prometheus.Registry) error {
	if o.noSearch {
		return nil
	}
	if err := s.search.openEmbedder(ctx, o); err != nil {
		return err
	}
	texts := extract.New(extract.Options{Command: extractCommand})
	for i := range s.networks {
		n := &s.networks[i]
		name := n.Store.Network()
		dir := ""
		if o.data != "" {
			dir = filepath.Join(o.data, string(name), "search")
		}
		x, err := search.Open(search.Options{
			Dir: dir, Store: n.Store, Embedder: s.search.embedder, Former: s.search.former, Contents: contents{n.Blobs, texts},
			Vectors: o.search.vectors(ctx, name), Logger: o.logger, Registry: registry,
		})
		if err != nil {
			return err
		}
		s.search.indexes = append(s.search.indexes, x)
		n.Search, n.OfficialAgents = x, o.search.official(name)
	}
	return nil
}

// openEmbedder makes the embedder. A service's answers are remembered beside the
// indexes, so that one that is made again costs nothing.
func (s *searching) openEmbedder(ctx context.Context, o serverOptions) (err error) {
	lexical := embed.NewLexical(embed.LexicalOptions{})
	switch {
	case o.search.Embeddings == noEmbeddings:
		return nil
	case !o.search.remote():
		s.embedder = lexical
		return nil
	}
	service, err := o.search.service(ctx)
	if err != nil {
		return err
	}
	cached := embed.CacheOptions{}
	if o.data != "" {
		cached.Dir = filepath.Join(o.data, "embeddings")
	}
	if s.cache, err = embed.OpenCache(cached); err != nil {
		return err
	}
	s.embedder, s.former = embed.NewCached(service, s.cache), []search.Embedder{lexical}
	return nil
}

// Close stops the indexes, while the stores are open.
func (s *searching) Close() (err error) {
	for _, x := range s.indexes {
		err = errors.Join(err, x.Close())
	}
	if s.cache != nil {
		err = errors.Join(err, s.cache.Close())
	}
	return err
}
