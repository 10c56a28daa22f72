package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/versions"
)

const tagVersions = "Versions"

func (s *Service) versionOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "GET", Path: "/versions/{id}", ID: "listVersions", Tag: tagVersions, Summary: "List an entity's versions",
			Description: "Newest first. `from` is the CID the page begins with; `next_cursor` is that of the next page.",
			Permission:  "entity:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: VersionListResponse{}}}, Errors: []int{400, 403, 404},
		}, s.listVersions),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/versions/manifest/{cid}", ID: "getManifest", Tag: tagVersions, Summary: "Get a version by its CID",
			Description: "`format=dag-cbor` gives the very bytes whose SHA-256 the CID is, `format=dag-json` the same document in DAG-JSON, so that anyone can hash it.",
			Permission:  "entity:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: ManifestResponse{}}, {Status: 200, ContentType: contentDagCBOR}, {Status: 200, ContentType: contentDagJSON}},
			Errors:  []int{400, 403, 404},
		}, s.getManifest),
	}
}

func (s *Service) diffOp() wire.Operation {
	return wire.Op(wire.Operation{
		Method: "GET", Path: "/entities/{id}/diff", ID: "diffEntity", Tag: tagEntities, Summary: "Compare two versions",
		Description: "By default the tip with the version before it; `to` alone compares that with the one before, `from` alone with the tip. `format=patch` answers a JSON patch (RFC 6902) of the members type, properties and relationships.",
		Permission:  "entity:view", Auth: wire.AuthOptional,
		Success: []wire.Success{{Status: 200, Body: DiffResponse{}}}, Errors: []int{400, 403, 404},
	}, s.diff)
}

type listVersionsIn struct {
	ID    entity.ID `path:"id"`
	Limit int       `query:"limit" default:"10" min:"1" max:"1000"`
	From  string    `query:"from" doc:"CID of the first version of the page"`
}

// VersionInfo is a version in a list.
type VersionInfo struct {
	Ver      int64        `json:"ver"`
	CID      string       `json:"cid"`
	TS       string       `json:"ts"`
	EditedBy entity.Actor `json:"edited_by"`
	Note     string       `json:"note,omitempty"`
}

// VersionListResponse is a page of a history.
type VersionListResponse struct {
	EntityID   entity.ID     `json:"entity_id"`
	EntityPI   entity.ID     `json:"entity_pi"`
	Versions   []VersionInfo `json:"versions"`
	HasMore    bool          `json:"has_more"`
	NextCursor *string       `json:"next_cursor"`
}

func (s *Service) listVersions(ctx context.Context, in *listVersionsIn) (*wire.Reply, error) {
	out := VersionListResponse{EntityID: in.ID, EntityPI: in.ID, Versions: []VersionInfo{}}
	from, err := optionalCID("from", in.From)
	if err != nil {
		return nil, err
	}
	err = s.view(ctx, func(r *guard.Reader) error {
		if err := mayView(r, in.ID); err != nil {
			return err
		}
		page, err := versions.History(r, in.ID, from, in.Limit)
		if err != nil {
			return err
		}
		for _, v := range page.Versions {
			out.Versions = append(out.Versions, VersionInfo{Ver: v.Ver, CID: v.CID.String(), TS: v.TS, EditedBy: v.EditedBy, Note: v.Note})
		}
		if out.HasMore = page.HasMore; page.HasMore {
			next := page.Next.String()
			out.NextCursor = &next
		}
		return nil
	})
	return wire.OK(out), err
}

// mayView decides whether the caller may see an entity.
func mayView(r *guard.Reader, id entity.ID) error {
	_, err := r.Allowed("entity:view", id)
	return err
}

func optionalCID(field, text string) (entity.CID, error) {
	if text == "" {
		return entity.CID{}, nil
	}
	c, err := entity.ParseCID(text)
	if err != nil {
		return c, invalidField("must be the CID of a version, like bafyrei…", field)
	}
	return c, nil
}

const (
	contentDagCBOR = "application/vnd.ipld.dag-cbor"
	contentDagJSON = "application/vnd.ipld.dag-json"
)

type getManifestIn struct {
	CID    entity.CID `path:"cid"`
	Format string     `query:"format" default:"json" enum:"json,dag-cbor,dag-json"`
}

// ManifestResponse is a version with its name.
type ManifestResponse struct {
	CID      string       `json:"cid"`
	Manifest ManifestBody `json:"manifest"`
}

// ManifestBody is a manifest with its time as clients of the specification
// read it; ts_ms has it as it is hashed.
type ManifestBody struct {
	Schema        string                `json:"schema"`
	ID            entity.ID             `json:"id"`
	Type          string                `json:"type"`
	CreatedAt     string                `json:"created_at"`
	Ver           int64                 `json:"ver"`
	TS            string                `json:"ts"`
	TSMillis      int64                 `json:"ts_ms"`
	Prev          *entity.Link          `json:"prev"`
	Properties    entity.Properties     `json:"properties"`
	Relationships []entity.Relationship `json:"relationships"`
	EditedBy      entity.Actor          `json:"edited_by"`
	Note          string                `json:"note,omitempty"`
}

func (s *Service) getManifest(ctx context.Context, in *getManifestIn) (reply *wire.Reply, err error) {
	err = s.view(ctx, func(r *guard.Reader) error {
		m, err := r.Manifest(in.CID)
		if err != nil {
			return err
		}
		switch in.Format {
		case "dag-cbor":
			block, err := r.Block(in.CID)
			reply = wire.Bytes(contentDagCBOR, block)
			return err
		case "dag-json":
			reply = wire.Bytes(contentDagJSON, wire.AppendValue(nil, m.Value()))
			return nil
		}
		reply = wire.OK(ManifestResponse{CID: in.CID.String(), Manifest: ManifestBody{
			Schema: m.Schema, ID: m.ID, Type: m.Type, CreatedAt: m.CreatedAt, Ver: m.Ver, TS: entity.FormatMillis(m.TS), TSMillis: m.TS,
			Prev: m.Prev, Properties: m.Properties, Relationships: m.Relationships, EditedBy: m.EditedBy, Note: m.Note,
		}})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return reply.WithETag(wire.ETag(in.CID)).WithHeader("Cache-Control", "public, max-age=29030400, immutable"), nil
}

type diffIn struct {
	ID     entity.ID `path:"id"`
	From   string    `query:"from" doc:"CID; by default the version before to"`
	To     string    `query:"to" doc:"CID; by default the tip"`
	Format string    `query:"format" default:"semantic" enum:"semantic,patch"`
}

// VersionMeta says which version one side of a diff is.
type VersionMeta struct {
	CID string `json:"cid"`
	Ver int64  `json:"ver"`
	TS  string `json:"ts"`
}

// DiffResponse has changes when the format is semantic, patch when it is patch.
type DiffResponse struct {
	EntityID entity.ID             `json:"entity_id"`
	EntityPI entity.ID             `json:"entity_pi"`
	From     *VersionMeta          `json:"from"`
	To       *VersionMeta          `json:"to"`
	Format   string                `json:"format"`
	Changes  *versions.Changes     `json:"changes,omitempty"`
	Patch    *[]versions.Operation `json:"patch,omitempty"`
}

func (s *Service) diff(ctx context.Context, in *diffIn) (*wire.Reply, error) {
	out := DiffResponse{EntityID: in.ID, EntityPI: in.ID, Format: in.Format}
	from, err := optionalCID("from", in.From)
	if err != nil {
		return nil, err
	}
	to, err := optionalCID("to", in.To)
	if err != nil {
		return nil, err
	}
	err = s.view(ctx, func(r *guard.Reader) error {
		if err := mayView(r, in.ID); err != nil {
			return err
		}
		pair, err := versions.Diff(r, in.ID, from, to)
		if err != nil {
			return err
		}
		var before *entity.Manifest
		if pair.From != nil {
			before = pair.From.Manifest
		}
		out.From, out.To = versionMeta(pair.From), versionMeta(pair.To)
		if in.Format == "patch" {
			patch := versions.Patch(before, pair.To.Manifest)
			out.Patch = &patch
			return nil
		}
		changes := versions.Semantic(before, pair.To.Manifest)
		out.Changes = &changes
		return nil
	})
	return wire.OK(out), err
}

func versionMeta(v *entity.Version) *VersionMeta {
	if v == nil {
		return nil
	}
	return &VersionMeta{CID: v.CID.String(), Ver: v.Manifest.Ver, TS: entity.FormatMillis(v.Manifest.TS)}
}

type restoreIn struct {
	ID        entity.ID `path:"id"`
	ExpectTip wire.Tip  `json:"expect_tip" req:"true"`
	Note      string    `json:"note" max:"10000"`
	Ver       int64     `json:"ver" min:"1" doc:"the version to go back to; by default, of a deleted entity, the last live one"`
}

func (s *Service) restoreEntity(ctx context.Context, in *restoreIn) (*wire.Reply, error) {
	var v, source *entity.Version
	err := s.update(ctx, func(tx txn) error {
		h, err := tx.head("entity:restore", in.ID)
		if err != nil {
			return err
		}
		if source, err = restoreSource(tx, h, in.Ver); err != nil {
			return err
		}
		revert := versions.Revert(source.Manifest)
		v, err = tx.Put(in.ID, in.ExpectTip.Expect(), func(m *entity.Manifest) error {
			err := revert(m)
			m.Note = in.Note
			return err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	e := respondVersion(v)
	e.RestoredFromVer = source.Manifest.Ver
	return wire.OK(e).WithETag(wire.ETag(v.CID)), nil
}

// restoreSource is the version to go back to: the one named, or the last live
// one of a deleted entity.
func restoreSource(tx txn, h entity.Head, ver int64) (*entity.Version, error) {
	if ver > 0 {
		return versions.At(tx, h.ID, ver)
	}
	tip, err := tx.Manifest(h.CID())
	if err != nil {
		return nil, err
	}
	return versions.LastLive(tx, tip)
}
