package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"stemma/api/llm/provider"
	"stemma/api/llm/retrieval"
	"stemma/api/llm/seal"
	"stemma/api/llm/tenant"
	"stemma/api/llm/turn"
	"stemma/api/portal"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/files/extract"
	"stemma/query/search/embed"
)

// What a file of a knowledge base may hold is bounded higher than what is searched
// of any file: it is there to be found, to its end.
const (
	knowledgeText     = 16 << 20
	knowledgeDeadline = time.Minute
)

// knowledge is the knowledge bases of a server's networks, and what keeps their
// chunks up with their files.
type knowledge struct {
	bases map[entity.Network]*retrieval.Base
	stop  context.CancelFunc
	over  sync.WaitGroup
}

// openKnowledge makes what works with knowledge bases, behind openLLM's box. What a
// tenant names embeds its files, else what embeds for search; where nothing does,
// they say so.
func (s *server) openKnowledge(o serverOptions, readOnly bool) {
	texts := extract.New(extract.Options{Command: extractCommand, MaxText: knowledgeText, Deadline: knowledgeDeadline})
	ctx, stop := context.WithCancel(context.Background())
	own := &embedders{private: o.llm.LLMPrivate}
	s.knowledge.bases, s.knowledge.stop = map[entity.Network]*retrieval.Base{}, stop
	for _, n := range s.networks {
		b := retrieval.New(retrieval.Options{Blobs: n.Blobs, Texts: texts, Embedder: s.search.embedder, Own: func(r entity.Reader, id entity.ID) (retrieval.Embedder, error) {
			return own.of(r, s.llm.box, id)
		}})
		s.knowledge.bases[n.Store.Network()] = b
		if !readOnly {
			s.knowledge.over.Go(func() { b.Follow(ctx, n.Store, o.logger) })
		}
	}
}

// Close ends the following, while stores and embedder are open.
func (k *knowledge) Close() {
	if k.stop != nil {
		k.stop()
	}
	k.over.Wait()
}

// retrieve finds passages for a turn: a [turn.Options.Retrieve].
func (s *server) retrieve(ctx context.Context, q turn.Query) (out []turn.Passage, err error) {
	i := slices.IndexFunc(s.stores, func(st *store.Store) bool { return st.Network() == q.Network })
	base := s.knowledge.bases[q.Network]
	var kb entity.ID
	err = s.stores[i].View(ctx, func(r entity.Reader) (err error) {
		if kb, err = retrieval.Named(r, q.Tenant, q.KnowledgeBase); err != nil {
			return err
		}
		if base, err = base.Of(r, q.Tenant); err != nil {
			return &turn.EmbeddingError{Err: err}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	question, err := base.Ask(ctx, q.Text)
	if err != nil {
		return nil, &turn.EmbeddingError{Err: err}
	}
	err = s.stores[i].View(ctx, func(r entity.Reader) error {
		found, err := base.Nearest(ctx, r, kb, question, 0)
		out = make([]turn.Passage, len(found))
		for i, p := range found {
			out[i] = turn.Passage(p)
		}
		return err
	})
	return out, err
}

// embedders are those of tenants, each made once.
type embedders struct {
	private bool // addresses that tenants name may be private
	mu      sync.Mutex
	made    map[tenant.Embedder]*embed.Remote
}

// mostEmbedders bounds how many are remembered.
const mostEmbedders = 1000

// of is the embedder that a tenant has of its own; nil for the server's.
func (e *embedders) of(r entity.Reader, box *seal.Box, id entity.ID) (retrieval.Embedder, error) {
	own, err := tenant.EmbedderOf(r, box, id)
	if err != nil || own == nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if have := e.made[*own]; have != nil {
		return have, nil
	}
	transport := provider.Transport()
	if own.Foreign {
		transport = provider.ForeignTransport(e.private)
	}
	made, err := embed.NewRemote(embed.RemoteOptions{
		BaseURL: own.BaseURL, Model: own.Model, Dimensions: own.Dimensions, Transport: provider.EmbedTransport(own.Target(), transport), Tries: probeTries,
	})
	if err != nil {
		return nil, err
	}
	if e.made == nil || len(e.made) >= mostEmbedders {
		e.made = map[tenant.Embedder]*embed.Remote{}
	}
	e.made[*own] = made
	return made, nil
}

// portalView is the view of the people of tenants.
func portalView(s *server, o serverOptions) *portal.Service {
	options := portal.Options{Auth: s.auth, Box: s.llm.box, Engine: s.llm.engine, URL: o.publicURL, Now: time.Now}
	for _, n := range s.networks {
		options.Networks = append(options.Networks, portal.Network{Store: n.Store, Scopes: n.Scopes, Knowledge: s.knowledge.bases[n.Store.Network()]})
	}
	return portal.New(options)
}
