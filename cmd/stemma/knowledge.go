package main

import (
	"context"
	"sync"
	"time"

	"stemma/api/llm/retrieval"
	"stemma/api/llm/turn"
	"stemma/api/portal"
	"stemma/entity"
	"stemma/files/extract"
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

// openKnowledge makes what works with knowledge bases. Where things are not to be
// found by meaning nothing is embedded, and they say so.
func (s *server) openKnowledge(o serverOptions, readOnly bool) {
	texts := extract.New(extract.Options{Command: extractCommand, MaxText: knowledgeText, Deadline: knowledgeDeadline})
	ctx, stop := context.WithCancel(context.Background())
	s.knowledge.bases, s.knowledge.stop = map[entity.Network]*retrieval.Base{}, stop
	for _, n := range s.networks {
		b := retrieval.New(retrieval.Options{Blobs: n.Blobs, Texts: texts, Embedder: s.search.embedder})
		s.knowledge.bases[n.Store.Network()] = b
		if s.search.embedder != nil && !readOnly {
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
	base := s.knowledge.bases[q.Network]
	question, err := base.Ask(ctx, q.Text)
	if err != nil {
		return nil, &turn.EmbeddingError{Err: err}
	}
	for _, n := range s.networks {
		if n.Store.Network() != q.Network {
			continue
		}
		err = n.Store.View(ctx, func(r entity.Reader) error {
			kb, err := retrieval.Named(r, q.Tenant, q.KnowledgeBase)
			if err != nil {
				return err
			}
			found, err := base.Nearest(ctx, r, kb, question, 0)
			out = make([]turn.Passage, len(found))
			for i, p := range found {
				out[i] = turn.Passage(p)
			}
			return err
		})
	}
	return out, err
}

// portalView is the view of the people of tenants.
func portalView(s *server, o serverOptions) *portal.Service {
	options := portal.Options{Auth: s.auth, Box: s.llm.box, Engine: s.llm.engine, URL: o.publicURL, Now: time.Now}
	for _, n := range s.networks {
		options.Networks = append(options.Networks, portal.Network{Store: n.Store, Scopes: n.Scopes, Knowledge: s.knowledge.bases[n.Store.Network()]})
	}
	return portal.New(options)
}
