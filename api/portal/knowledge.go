package portal

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"stemma/api/llm/agent"
	"stemma/api/llm/retrieval"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/listing"
)

func (s *Service) knowledgeOps() []wire.Operation {
	uploads := []int{400, 413, http.StatusUnsupportedMediaType, 503, http.StatusInsufficientStorage}
	const formats = "Text is read out of txt, md, html, json, csv, pdf and docx, of up to 50 MB each, a hundred at a time. When one of the files is not what it says it is, nothing of the upload is kept. "
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/knowledge-bases", ID: "portalListKnowledgeBases", Summary: "List the tenant's knowledge bases", Permission: anyMember,
			Success: []wire.Success{{Status: 200, Body: KnowledgeBases{}}},
		}), s.listKnowledge),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/knowledge-bases", ID: "portalCreateKnowledgeBase", Summary: "Make a knowledge base of files", Permission: ownerOnly, MaxBody: -1,
			Description: "multipart/form-data with the field `name` and the files, as `curl -F name=documents -F files=@notes.md` sends. " + formats + "The fields `chunk_tokens`, `overlap_tokens`, `top_k` and `similarity_threshold` may come before the files. An agent uses it by its name, as `knowledgeBaseRef`.",
			Success:     []wire.Success{{Status: 200, Body: KnowledgeBaseMade{}}}, Errors: append([]int{409}, uploads...),
		}), s.createKnowledge),
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/knowledge-bases/{id}", ID: "portalGetKnowledgeBase", Summary: "Get a knowledge base with its first chunks", Permission: anyMember,
			Description: "`searchReady` is false while chunks are not those of the files, the settings and the embedder, and where there is no embedder.",
			Success:     []wire.Success{{Status: 200, Body: KnowledgeBaseDetail{}}}, Errors: []int{400, 404},
		}), s.getKnowledge),
		wire.Op(row(wire.Operation{
			Method: "PATCH", Path: "/knowledge-bases/{id}", ID: "portalUpdateKnowledgeBase", Summary: "Change how files are cut, and what a search gives", Permission: ownerOnly,
			Description: "What is left out stays. Another cut reaches the files behind the answer; until it has, what was cut before is found.",
			Success:     []wire.Success{{Status: 200, Body: KnowledgeBaseDetail{}}}, Errors: []int{400, 404},
		}), s.updateKnowledge),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/knowledge-bases/{id}", ID: "portalDeleteKnowledgeBase", Summary: "Delete a knowledge base with its files", Permission: ownerOnly,
			Description: "Agents that use it go on without. What answers have quoted can still be read by its CID.",
			Success:     []wire.Success{{Status: 200, Body: Deleted{}}}, Errors: []int{400, 404},
		}), s.deleteKnowledge),
		wire.Op(row(wire.Operation{
			Method: "POST", Path: "/knowledge-bases/{id}/files", ID: "portalAddFiles", Summary: "Add files to a knowledge base", Permission: ownerOnly, MaxBody: -1,
			Description: "multipart/form-data with the files. " + formats + "A file of a name that is there becomes its next version.",
			Success:     []wire.Success{{Status: 200, Body: FilesAdded{}}}, Errors: append([]int{404}, uploads...),
		}), s.addFiles),
		wire.Op(row(wire.Operation{
			Method: "DELETE", Path: "/knowledge-bases/{id}/files/{file}", ID: "portalRemoveFile", Summary: "Delete a file of a knowledge base", Permission: ownerOnly,
			Success: []wire.Success{{Status: 200, Body: Deleted{}}}, Errors: []int{400, 404},
		}), s.removeFile),
	}
}

// KnowledgeBaseHead is what lists and the knowledge base itself have.
type KnowledgeBaseHead struct {
	ID         entity.ID `json:"id"`
	Org        string    `json:"org" doc:"slug of the tenant"`
	Name       string    `json:"name"`
	Ref        string    `json:"ref" doc:"what agents may call it beside its name"`
	Version    string    `json:"version"`
	Tags       []string  `json:"tags"`
	FileCount  int       `json:"fileCount"`
	ChunkCount int64     `json:"chunkCount"`
	CreatedAt  string    `json:"createdAt"`
}

// KnowledgeBase is one as lists have it.
type KnowledgeBase struct {
	KnowledgeBaseHead
	VectorSpace *string `json:"vectorSpace" doc:"provider/model (Nd) of the embedder; null without one"`
}

// KnowledgeBases are those of the tenant, newest first.
type KnowledgeBases struct {
	KnowledgeBases []KnowledgeBase `json:"knowledgeBases"`
}

// KnowledgeBaseMade is one that was made.
type KnowledgeBaseMade struct {
	ID         entity.ID `json:"id"`
	Name       string    `json:"name"`
	Org        string    `json:"org"`
	Ref        string    `json:"ref"`
	ChunkCount int64     `json:"chunkCount"`
}

// Deleted says that something was.
type Deleted struct {
	Deleted bool `json:"deleted"`
}

// knowledge is a knowledge base as somebody of its tenant reads it.
type knowledge struct {
	*entity.Manifest
	settings retrieval.Settings
	files    []*entity.Version
}

// knowledge finds one of the tenant's knowledge bases on which the caller may take
// an action; KindNotFound for anything else.
func (h here) knowledge(a access.Action, id entity.ID) (*knowledge, error) {
	missing := entity.NotFound("portal.knowledge", "there is no knowledge base %s in this tenant", id)
	v, err := retrieval.Live(h.raw, id)
	switch {
	case entity.KindOf(err) == entity.KindNotFound:
		return nil, missing
	case err != nil:
		return nil, err
	case agent.Peer(v.Manifest, entity.PredicateTenant) != h.tenant.ID:
		return nil, missing
	}
	if _, err := h.Allowed(a, id); err != nil {
		return nil, err
	}
	k := &knowledge{Manifest: v.Manifest, settings: retrieval.SettingsOf(v.Manifest)}
	k.files, err = retrieval.Files(h.raw, id)
	return k, err
}

// owned is knowledge for who owns the tenant.
func (h here) owned(id entity.ID) (*knowledge, error) {
	k, err := h.knowledge("collection:view", id)
	if err == nil {
		err = h.owns()
	}
	return k, err
}

// only leaves one of the files; KindNotFound where it is none of them.
func (k *knowledge) only(file entity.ID) error {
	at := slices.IndexFunc(k.files, func(v *entity.Version) bool { return v.Manifest.ID == file })
	if at < 0 {
		return entity.NotFound("portal.knowledge", "there is no file %s in this knowledge base", file)
	}
	k.files = k.files[at : at+1]
	return nil
}

func (k *knowledge) chunks() (n int64) {
	for _, v := range k.files {
		n += retrieval.SetOf(v.Manifest).Count
	}
	return n
}

// bases works with the knowledge bases of the tenant. KindUnavailable when its
// embedder is one that cannot be asked.
func (s *Service) bases(ctx context.Context, h here) (*retrieval.Base, error) {
	return s.networks[wire.NetworkOf(ctx)].Knowledge.Of(h.raw, h.tenant.ID)
}

// shown is bases for who only looks: nil, which has no embedder, where that cannot
// be asked.
func (s *Service) shown(ctx context.Context, h here) (*retrieval.Base, error) {
	base, err := s.bases(ctx, h)
	if entity.KindOf(err) == entity.KindUnavailable {
		return nil, nil
	}
	return base, err
}

func (h here) head(k *knowledge) KnowledgeBaseHead {
	slug := tenant.Slug(h.tenant)
	return KnowledgeBaseHead{
		ID: k.ID, Org: slug, Name: k.Label(), Ref: retrieval.Ref(slug, k.Label()), Version: strconv.FormatInt(k.Ver, 10), Tags: []string{retrieval.Tag},
		FileCount: len(k.files), ChunkCount: k.chunks(), CreatedAt: k.CreatedAt,
	}
}

func (s *Service) listKnowledge(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	out := KnowledgeBases{KnowledgeBases: []KnowledgeBase{}}
	err := s.view(ctx, func(h here) error {
		base, err := s.shown(ctx, h)
		if err != nil {
			return err
		}
		var vectors *string
		if space, ok := base.Space(); ok {
			text := fmt.Sprintf("%s/%s (%dd)", space.Provider, space.Model, space.Dimensions)
			vectors = &text
		}
		out.KnowledgeBases = out.KnowledgeBases[:0]
		for e, err := range tenant.KnowledgeBases(h.raw, h.tenant.ID) {
			if err != nil {
				return err
			}
			head, err := h.raw.Head(e.ID)
			if err != nil {
				return err
			}
			if !h.Sees(head) {
				continue
			}
			k, err := h.knowledge("collection:view", e.ID)
			if err != nil {
				return err
			}
			out.KnowledgeBases = append(out.KnowledgeBases, KnowledgeBase{h.head(k), vectors})
		}
		slices.Reverse(out.KnowledgeBases)
		return nil
	})
	return wire.OK(out), err
}

// buried is how many files a transaction deletes at most.
const buried = 500

func (s *Service) deleteKnowledge(ctx context.Context, in *idIn) (*wire.Reply, error) {
	for gone := false; !gone; {
		err := s.update(ctx, func(t txn) error {
			if _, err := t.owned(in.ID); err != nil {
				return err
			}
			ids, _, err := listing.Collection(t.raw, in.ID, entity.TypeFile, 0, buried, nil)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := tenant.Bury(t.tx, id, entity.Any, t.At()); err != nil {
					return err
				}
			}
			if gone = len(ids) < buried; !gone {
				return nil // the knowledge base goes with the last of its files
			}
			return tenant.Bury(t.tx, in.ID, entity.Any, t.At())
		})
		if err != nil {
			return nil, err
		}
	}
	return wire.OK(Deleted{true}), nil
}

type fileIn struct {
	idIn
	File entity.ID `path:"file"`
}

func (s *Service) removeFile(ctx context.Context, in *fileIn) (*wire.Reply, error) {
	return wire.OK(Deleted{true}), s.update(ctx, func(t txn) error {
		k, err := t.owned(in.ID)
		if err != nil {
			return err
		}
		if err := k.only(in.File); err != nil {
			return err
		}
		return tenant.Bury(t.tx, in.File, entity.Any, t.At())
	})
}
