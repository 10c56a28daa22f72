package portal

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"stemma/api/llm/retrieval"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
)

type uploadIn struct {
	Body wire.Upload `body:"raw"`
}

func (s *Service) createKnowledge(ctx context.Context, in *uploadIn) (*wire.Reply, error) {
	f := &form{settings: entity.Properties{}}
	defer f.discard()
	err := s.view(ctx, func(h here) (err error) {
		if err := h.owns(); err != nil {
			return err // before anything of the body is read
		}
		f.base, err = s.bases(ctx, h)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := f.read(ctx, in.Body); err != nil {
		return nil, err
	}
	name := strings.TrimSpace(f.name)
	switch {
	case name == "":
		return nil, issue("name", "the field name is missing: what agents call the knowledge base")
	case utf8.RuneCountInString(name) > 200:
		return nil, issue("name", "the name may have 200 characters at most")
	}
	var out KnowledgeBaseMade
	err = f.base.Add(ctx, s.networks[wire.NetworkOf(ctx)].Store, f.docs, func() error {
		return s.update(ctx, func(t txn) error {
			if err := t.owns(); err != nil {
				return err
			}
			taken, err := retrieval.Find(t.raw, t.tenant.ID, name)
			if err != nil {
				return err
			}
			if taken != "" {
				return entity.Errorf(entity.KindExists, "portal.createKnowledge", "there is a knowledge base %q already; choose another name, or add files to it with POST %s/knowledge-bases/%s/files", name, base, taken)
			}
			v, err := t.tx.Create(entity.Draft{
				Type: entity.TypeCollection, Properties: entity.Properties{"label": name, "kind": tenant.KindKnowledgeBase, "settings": map[string]any(f.settings)},
				Relationships: []entity.Relationship{{Predicate: entity.PredicateTenant, Peer: t.tenant.ID, PeerType: entity.TypeTenant}},
			})
			if err != nil {
				return err
			}
			slug := tenant.Slug(t.tenant)
			out = KnowledgeBaseMade{ID: v.Manifest.ID, Name: name, Org: slug, Ref: retrieval.Ref(slug, name)}
			for _, d := range f.docs {
				if err := d.Create(t.tx, out.ID); err != nil {
					return err
				}
				out.ChunkCount += int64(d.Chunks())
			}
			return nil
		})
	})
	return wire.OK(out), err
}

// FilesAdded is a knowledge base with what has come to it.
type FilesAdded struct {
	ID         entity.ID   `json:"id"`
	ChunkCount int64       `json:"chunkCount" doc:"of all files"`
	Files      []AddedFile `json:"files"`
}

// AddedFile is a file of an upload.
type AddedFile struct {
	FileID     entity.ID `json:"fileId"`
	SourcePath string    `json:"sourcePath"`
	ChunkCount int       `json:"chunkCount"`
	State      string    `json:"state" enum:"added,replaced,unchanged" doc:"unchanged: the file has this content already"`
}

type addFilesIn struct {
	idIn
	uploadIn
}

func (s *Service) addFiles(ctx context.Context, in *addFilesIn) (*wire.Reply, error) {
	f := &form{}
	defer f.discard()
	err := s.view(ctx, func(h here) error {
		k, err := h.owned(in.ID)
		if err != nil {
			return err
		}
		f.split = k.settings.Split
		f.base, err = s.bases(ctx, h)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := f.read(ctx, in.Body); err != nil {
		return nil, err
	}
	var out FilesAdded
	err = f.base.Add(ctx, s.networks[wire.NetworkOf(ctx)].Store, f.docs, func() error {
		return s.update(ctx, func(t txn) error {
			k, err := t.owned(in.ID)
			if err != nil {
				return err
			}
			out = FilesAdded{ID: in.ID, ChunkCount: k.chunks()}
			for _, d := range f.docs {
				added, more, err := t.add(k, d)
				if err != nil {
					return err
				}
				out.Files = append(out.Files, added)
				out.ChunkCount += more
			}
			return nil
		})
	})
	return wire.OK(out), err
}

// add puts a document into a knowledge base: as a new file, or as the next version
// of the one of its name. more is how many chunks there are more than before.
func (t *txn) add(k *knowledge, d *retrieval.Document) (out AddedFile, more int64, err error) {
	out = AddedFile{SourcePath: d.Name, ChunkCount: d.Chunks(), State: "added"}
	more = int64(d.Chunks())
	at := slices.IndexFunc(k.files, func(v *entity.Version) bool { return v.Manifest.Label() == d.Name })
	if at < 0 {
		err = d.Create(t.tx, k.ID)
		out.FileID = d.File()
		return out, more, err
	}
	old := k.files[at].Manifest
	set := retrieval.SetOf(old)
	out.FileID = old.ID
	if set.Content == d.Content.CID.String() {
		out.State, out.ChunkCount = "unchanged", int(set.Count)
		return out, 0, nil
	}
	if _, err := t.Allowed("file:update", old.ID); err != nil {
		return out, 0, err
	}
	out.State = "replaced"
	return out, more - set.Count, d.Replace(t.tx, old.ID)
}
