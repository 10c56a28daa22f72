package retrieval

import (
	"context"
	"strings"
	"sync"

	"stemma/api/llm/agent"
	"stemma/api/llm/tenant"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/files"
	"stemma/files/extract"
	"stemma/query/search/embed"
)

// Embedder gives texts the vectors that they are found by.
type Embedder interface {
	Space() embed.Space
	Embed(ctx context.Context, purpose embed.Purpose, texts []string) ([][]float32, error)
}

// Options are what a [Base] works with.
type Options struct {
	Blobs    *files.Blobs
	Texts    *extract.Extractor
	Embedder Embedder // nil: nothing can be found, which is KindUnavailable
	// Own is the embedder that a tenant has of its own; nil, and a nil Own, is
	// Embedder.
	Own        func(r entity.Reader, tenant entity.ID) (Embedder, error)
	CacheBytes int64 // of vectors in memory; 0: 256 MiB
	MaxFile    int64 // bytes of a file; 0: 50 MiB
}

// Base works with the knowledge bases of one network. It is safe for concurrent
// use. nil has no embedder, and is good for questions alone.
type Base struct {
	o Options
	*shared
}

// shared is what a Base and those of [Base.Of] have in common.
type shared struct {
	writing sync.Mutex    // chunks of a file stand one behind the other: one writes
	renew   chan struct{} // has one when all is to be looked at again

	mu    sync.Mutex
	cache map[entity.ID]*loaded
	bytes int64
	clock int64
}

// DefaultMaxFile is the most bytes of a file where nothing else is said.
const DefaultMaxFile = 50 << 20

// New makes a Base.
func New(o Options) *Base {
	if o.CacheBytes <= 0 {
		o.CacheBytes = 256 << 20
	}
	if o.MaxFile <= 0 {
		o.MaxFile = DefaultMaxFile
	}
	return &Base{o, &shared{cache: map[entity.ID]*loaded{}, renew: make(chan struct{}, 1)}}
}

// Again has [Base.Follow] look at all knowledge bases once more, as what embeds them
// may be another.
func (b *Base) Again() {
	select {
	case b.renew <- struct{}{}:
	default:
	}
}

// Of is the Base with the embedder of a tenant. It may be used for that tenant's
// knowledge bases alone. Errors are those of [Options.Own].
func (b *Base) Of(r entity.Reader, tenant entity.ID) (*Base, error) {
	if b == nil || b.o.Own == nil {
		return b, nil
	}
	o := b.o
	o.Own = nil
	e, err := b.o.Own(r, tenant)
	if err != nil {
		return nil, err
	}
	if e != nil {
		o.Embedder = e
	}
	return &Base{o, b.shared}, nil
}

// MaxFile is the most bytes of a file.
func (b *Base) MaxFile() int64 { return b.o.MaxFile }

// Space is the embedder's; ok is false where there is none.
func (b *Base) Space() (space embed.Space, ok bool) {
	if b == nil || b.o.Embedder == nil {
		return space, false
	}
	return b.o.Embedder.Space(), true
}

// Settings are what a knowledge base says: how its files are cut, and what a
// search gives.
type Settings struct {
	Split     Split
	TopK      int     // passages of an answer
	Threshold float64 // of similarity, below which nothing is given; 0: none
}

// DefaultTopK is how many passages a question gets.
const DefaultTopK = 5

// MostTopK bounds how many it may get.
const MostTopK = 50

// SettingsOf reads the settings of a knowledge base. What is not of the right
// form is as if it were not there.
func SettingsOf(m *entity.Manifest) Settings {
	tree, _ := m.Properties["settings"].(map[string]any)
	s := Settings{Split: DefaultSplit, TopK: DefaultTopK}
	number := func(name string, least, most int64, into *int) {
		if n, ok := tree[name].(int64); ok && n >= least && n <= most {
			*into = int(n)
		}
	}
	number("chunk_tokens", LeastSize, MostSize, &s.Split.Size)
	number("overlap_tokens", 0, int64(s.Split.Size/2), &s.Split.Overlap)
	s.Split.Overlap = min(s.Split.Overlap, s.Split.Size/2)
	number("top_k", 1, MostTopK, &s.TopK)
	switch t := tree["similarity_threshold"].(type) {
	case float64:
		s.Threshold = t
	case int64:
		s.Threshold = float64(t)
	}
	return s
}

// Find is the knowledge base of a tenant by its name, its id, or its [Ref]; "" for
// none. Of two of one name it is the older one.
func Find(r entity.Reader, of entity.ID, name string) (entity.ID, error) {
	slug := ""
	if strings.Contains(name, "/") {
		m, err := tenant.Live(r, of)
		if err != nil || m == nil {
			return "", err
		}
		slug = tenant.Slug(m)
	}
	for e, err := range tenant.KnowledgeBases(r, of) {
		if err != nil {
			return "", err
		}
		if e.Text == name || string(e.ID) == name || slug != "" && Ref(slug, e.Text) == name {
			return e.ID, nil
		}
	}
	return "", nil
}

// Tag is what the state of a knowledge base that is searched is called.
const Tag = "latest"

// Ref is how a knowledge base is called with its tenant: org/name:latest.
func Ref(slug, name string) string { return slug + "/" + name + ":" + Tag }

// Named is [Find] for one that has to be there. KindNotFound says how it is made.
func Named(r entity.Reader, of entity.ID, name string) (entity.ID, error) {
	id, err := Find(r, of, name)
	if err == nil && id == "" {
		err = entity.NotFound("retrieval.Named", "there is no knowledge base %q in this tenant; make it with POST /v1/portal/knowledge-bases", name)
	}
	return id, err
}

// Live is a knowledge base that is not deleted. KindNotFound.
func Live(r agent.Source, kb entity.ID) (*entity.Version, error) {
	h, err := r.Head(kb)
	if err != nil && entity.KindOf(err) != entity.KindNotFound {
		return nil, err
	}
	if err == nil && h.Type == entity.TypeCollection && !h.Deleted {
		m, err := r.Manifest(h.CID())
		if err != nil {
			return nil, err
		}
		if m.Properties["kind"] == tenant.KindKnowledgeBase {
			return &entity.Version{CID: h.CID(), Manifest: m}, nil
		}
	}
	return nil, entity.NotFound("retrieval.Live", "there is no knowledge base %s", kb)
}

// mostFiles bounds the files of a knowledge base.
const mostFiles = 100_000

// Files are those of a knowledge base, newest first.
func Files(r entity.Reader, kb entity.ID) ([]*entity.Version, error) {
	ids, _, err := listing.Collection(r, kb, entity.TypeFile, 0, mostFiles, nil)
	if err != nil {
		return nil, err
	}
	out := make([]*entity.Version, 0, len(ids))
	for _, id := range ids {
		v, err := entity.Tip(r, id)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
