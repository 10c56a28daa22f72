package portal

import (
	"context"
	"strings"
	"time"

	"stemma/api/llm/retrieval"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/files/index"
)

func (s *Service) findOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/knowledge-bases/{id}/chunks", ID: "portalListChunks", Summary: "List the chunks of a knowledge base", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: Chunks{}}}, Errors: []int{400, 404},
		}), s.listChunks),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/knowledge-bases/{id}/sources", ID: "portalListSources", Summary: "List the files of a knowledge base", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: Sources{}}}, Errors: []int{400, 404},
		}), s.listSources),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/knowledge-bases/{id}/search", ID: "portalSearchKnowledgeBase", Summary: "Find what an agent would be given for a question", Permission: anyMember, Reads: true,
			Success: []wire.Success{{Status: 200, Body: Found{}}}, Errors: []int{400, 404, 503},
		}), s.searchKnowledge),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/embedder-info", ID: "portalEmbedderInfo", Summary: "Get what turns texts into vectors", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: EmbedderInfo{}}},
		}), s.embedderInfo),
	}
}

// VectorSpace is where the vectors of a knowledge base live.
type VectorSpace struct {
	Provider   string `json:"provider"`
	Model      string `json:"model"`
	Dimensions int    `json:"dimensions"`
	Hash       string `json:"preprocessingHash" doc:"of how texts are cut"`
}

// KnowledgeBaseDetail is a knowledge base.
type KnowledgeBaseDetail struct {
	KnowledgeBaseHead
	SearchReady bool              `json:"searchReady"`
	VectorSpace *VectorSpace      `json:"vectorSpace" doc:"null without an embedder"`
	Settings    KnowledgeSettings `json:"settings"`
	Chunks      []Chunk           `json:"chunks" doc:"the first 50; GET /knowledge-bases/{id}/chunks has all"`
}

// Chunk is a piece of a file.
type Chunk struct {
	ID         string    `json:"id" doc:"chunk_id of rag_sources"`
	CID        string    `json:"cid"`
	Index      int64     `json:"index" doc:"place in the file"`
	Content    string    `json:"content"`
	TokenCount int64     `json:"tokenCount"`
	SourcePath string    `json:"sourcePath"`
	FileID     entity.ID `json:"fileId"`
	Version    int64     `json:"fileVersion" doc:"version of the file, which has this chunk"`
}

// Chunks are a page of them.
type Chunks struct {
	Chunks []Chunk `json:"chunks"`
	Total  int     `json:"total"`
	Limit  int     `json:"limit"`
	Offset int     `json:"offset"`
}

// firstChunks is how many a knowledge base shows of itself.
const firstChunks = 50

func (h here) chunks(k *knowledge, offset, limit int) (out []Chunk, total int, err error) {
	out = []Chunk{}
	page, total, err := retrieval.Page(h.raw, k.files, offset, limit)
	for _, c := range page {
		out = append(out, Chunk{c.ID, c.CID.String(), c.Index, c.Content, c.Tokens, c.File.Label(), c.File.ID, c.File.Ver})
	}
	return out, total, err
}

// detail is a knowledge base that the caller may view.
func (h here) detail(base *retrieval.Base, id entity.ID) (out KnowledgeBaseDetail, err error) {
	k, err := h.knowledge("collection:view", id)
	if err != nil {
		return out, err
	}
	out.KnowledgeBaseHead, out.Settings = h.head(k), settingsOf(k.settings)
	if space, ok := base.Space(); ok {
		out.SearchReady = true
		for _, v := range k.files {
			out.SearchReady = out.SearchReady && base.UpToDate(v.Manifest, k.settings.Split)
		}
		out.VectorSpace = &VectorSpace{space.Provider, space.Model, space.Dimensions, k.settings.Split.Hash()}
	}
	out.Chunks, _, err = h.chunks(k, 0, firstChunks)
	return out, err
}

func (s *Service) getKnowledge(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out KnowledgeBaseDetail
	err := s.view(ctx, func(h here) (err error) {
		base, err := s.shown(ctx, h)
		if err == nil {
			out, err = h.detail(base, in.ID)
		}
		return err
	})
	return wire.OK(out), err
}

type chunksIn struct {
	idIn
	File   entity.ID `query:"file" doc:"the chunks of this file alone"`
	Limit  int       `query:"limit" default:"50" min:"1" max:"200"`
	Offset int       `query:"offset" default:"0" min:"0"`
}

func (s *Service) listChunks(ctx context.Context, in *chunksIn) (*wire.Reply, error) {
	out := Chunks{Limit: in.Limit, Offset: in.Offset}
	err := s.view(ctx, func(h here) error {
		k, err := h.knowledge("collection:view", in.ID)
		if err == nil && in.File != "" {
			err = k.only(in.File)
		}
		if err == nil {
			out.Chunks, out.Total, err = h.chunks(k, in.Offset, in.Limit)
		}
		return err
	})
	return wire.OK(out), err
}

// Source is a file of a knowledge base.
type Source struct {
	SourcePath  string    `json:"sourcePath"`
	FileID      entity.ID `json:"fileId"`
	ChunkCount  int64     `json:"chunkCount"`
	TotalTokens int64     `json:"totalTokens"`
	ContentType string    `json:"contentType"`
	Size        int64     `json:"size"`
	CID         string    `json:"cid" doc:"of the content"`
	UpToDate    bool      `json:"upToDate" doc:"its chunks are those of its content"`
	Truncated   bool      `json:"truncated" doc:"it holds more text than its chunks"`
	Refused     string    `json:"refused,omitempty" doc:"why nothing could be read out of its content"`
}

// Sources are the files of a knowledge base, newest first.
type Sources struct {
	Sources []Source `json:"sources"`
}

func (s *Service) listSources(ctx context.Context, in *idIn) (*wire.Reply, error) {
	var out Sources
	err := s.view(ctx, func(h here) error {
		k, err := h.knowledge("collection:view", in.ID)
		if err != nil {
			return err
		}
		base, err := s.shown(ctx, h)
		if err != nil {
			return err
		}
		out.Sources = []Source{}
		for _, v := range k.files {
			set, source := retrieval.SetOf(v.Manifest), Source{SourcePath: v.Manifest.Label(), FileID: v.Manifest.ID}
			source.ChunkCount, source.TotalTokens, source.Truncated, source.Refused = set.Count, set.Tokens, set.Truncated, set.Refused
			if c, ok := index.Of(v.Manifest.Properties); ok {
				source.ContentType, source.Size, source.CID = c.ContentType, c.Size, c.CID.String()
			}
			source.UpToDate = base.UpToDate(v.Manifest, k.settings.Split)
			out.Sources = append(out.Sources, source)
		}
		return nil
	})
	return wire.OK(out), err
}

type searchIn struct {
	idIn
	Query     string   `json:"query" req:"true" min:"1" max:"10000"`
	TopK      int      `json:"topK" alias:"top_k" min:"1" max:"20" doc:"by default what the knowledge base says: 5"`
	Threshold *float64 `json:"similarityThreshold" alias:"similarity_threshold" min:"0" max:"1" doc:"chunks below it are not given; by default what the knowledge base says"`
}

// Found is what was found.
type Found struct {
	Query     string     `json:"query"`
	Chunks    []FoundOne `json:"chunks"`
	Latencies Latencies  `json:"latencies"`
}

// FoundOne is a chunk that was found.
type FoundOne struct {
	Rank            int       `json:"rank"`
	Content         string    `json:"content"`
	SourcePath      string    `json:"sourcePath"`
	SimilarityScore float64   `json:"similarityScore"`
	ChunkID         string    `json:"chunk_id"`
	CID             string    `json:"cid"`
	FileID          entity.ID `json:"fileId"`
}

// Latencies are milliseconds.
type Latencies struct {
	Embedding float64 `json:"embeddingMs"`
	Retrieval float64 `json:"retrievalMs"`
	Total     float64 `json:"totalMs"`
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (s *Service) searchKnowledge(ctx context.Context, in *searchIn) (*wire.Reply, error) {
	var base *retrieval.Base
	err := s.view(ctx, func(h here) error {
		_, err := h.knowledge("collection:view", in.ID)
		if err == nil {
			base, err = s.bases(ctx, h)
		}
		return err
	})
	if err != nil {
		return nil, err // before anything is embedded
	}
	began := s.Now()
	q, err := base.Ask(ctx, in.Query)
	if err != nil {
		return nil, err
	}
	embedded := s.Now()
	out := Found{Query: in.Query, Chunks: []FoundOne{}}
	err = s.view(ctx, func(h here) error {
		if _, err := h.knowledge("collection:view", in.ID); err != nil {
			return err
		}
		q.Threshold = in.Threshold
		found, err := base.Nearest(ctx, h.raw, in.ID, q, in.TopK)
		out.Chunks = out.Chunks[:0]
		for _, p := range found {
			file, _, _ := strings.Cut(p.ChunkID, ":")
			out.Chunks = append(out.Chunks, FoundOne{p.Rank, p.Content, p.SourcePath, p.Similarity, p.ChunkID, p.CID.String(), entity.ID(file)})
		}
		return err
	})
	now := s.Now()
	out.Latencies = Latencies{ms(embedded.Sub(began)), ms(now.Sub(embedded)), ms(now.Sub(began))}
	return wire.OK(out), err
}

// EmbedderInfo is what turns texts into vectors.
type EmbedderInfo struct {
	Available  bool    `json:"available"`
	Provider   *string `json:"provider"`
	Model      *string `json:"model"`
	Dimensions *int    `json:"dimensions"`
}

func (s *Service) embedderInfo(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out EmbedderInfo
	err := s.view(ctx, func(h here) error {
		base, err := s.shown(ctx, h)
		if space, ok := base.Space(); err == nil && ok {
			out = EmbedderInfo{true, &space.Provider, &space.Model, &space.Dimensions}
		}
		return err
	})
	return wire.OK(out), err
}
