package native

import (
	"context"
	"net/http"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/files/index"
)

const tagFiles = "Files"

// DefaultMaxFile is the bound on a file's content where the network names none:
// the specification's 500 MB.
const DefaultMaxFile = 500 << 20

func (n Network) maxFile() int64 {
	if n.MaxFile > 0 {
		return n.MaxFile
	}
	return DefaultMaxFile
}

func (s *Service) fileOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "POST", Path: "/files", ID: "createFile", Tag: tagFiles, Summary: "Create a file",
			Description: "The entity of a file whose content is yet to come (`uploaded: false`): send that with POST /files/{id}/content. `key` names the content within this file: a version, a time, anything unique. The label is the filename where none is given.",
			Permission:  "file:create", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 201, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
		}, s.createFile),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/files/{id}", ID: "getFile", Tag: tagFiles, Summary: "Get a file's entity",
			Description: "The properties `key`, `filename`, `content_type`, `size` and `uploaded`, and once uploaded `cid`: the CID of the content (raw, sha2-256). The answer's own `cid` is that of this version.",
			Permission:  "file:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}, {Status: 304}}, Errors: []int{400, 403, 404},
		}, func(ctx context.Context, in *getEntityIn) (*wire.Reply, error) {
			return s.replyEntity(ctx, in, entity.TypeFile)
		}),
		wire.Op(wire.Operation{
			Method: "PUT", Path: "/files/{id}", ID: "updateFile", Tag: tagFiles, Summary: "Update a file's entity",
			Description: "As PUT /entities/{id}, with the file's own fields beside. `key` may change only to one under which this file has content: the file then has that content again, with its size and media type. For new content use POST /files/{id}/reupload.",
			Permission:  "file:update", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
		}, s.updateFile),
		wire.Op(wire.Operation{
			Method: "POST", Path: "/files/{id}/content", ID: "uploadFile", Tag: tagFiles, Summary: "Upload a file's content",
			Description: "The body is the content. Its Content-Type must be the entity's `content_type`, its length the entity's `size`. It is hashed as it arrives; then the entity has `uploaded: true` and `cid`. All of it or nothing is kept. Content that is there already is 409: POST /files/{id}/reupload makes room for more.",
			Permission:  "file:upload", Auth: wire.AuthRequired, MaxBody: -1,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413, http.StatusInsufficientStorage},
		}, s.uploadFile),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/files/{id}/content", ID: "downloadFile", Tag: tagFiles, Summary: "Download a file's content",
			Description: "As an attachment under the file's name. Range, If-Range, If-None-Match and HEAD are served; the ETag is the content's CID. 404 until there is content.",
			Permission:  "file:download", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, ContentType: "application/octet-stream"}, {Status: 206, ContentType: "application/octet-stream"}, {Status: 304}},
			Errors:  []int{400, 403, 404, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable},
		}, s.downloadFile),
		wire.Op(wire.Operation{
			Method: "POST", Path: "/files/{id}/reupload", ID: "reuploadFile", Tag: tagFiles, Summary: "Make room for a file's next content",
			Description: "The file waits for content under a new key (`uploaded: false`), which must never have been a key of this file. What it had stays reachable under its old key, by PUT /files/{id}, and through the history.",
			Permission:  "file:reupload", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
		}, s.reuploadFile),
	}
}

type createFileIn struct {
	createBody
	Key         string    `json:"key" req:"true" min:"1" max:"512" doc:"names the content within this file"`
	Filename    string    `json:"filename" req:"true" min:"1" max:"255" doc:"a name, not a path"`
	ContentType string    `json:"content_type" req:"true" min:"3" max:"255" doc:"a media type, like text/plain"`
	Size        int64     `json:"size" req:"true" min:"0" doc:"bytes of the content"`
	Label       *string   `json:"label" min:"1"`
	Description *string   `json:"description"`
	Collection  entity.ID `json:"collection" alias:"collection_pi,collection_id"`
}

func (s *Service) createFile(ctx context.Context, in *createFileIn) (*wire.Reply, error) {
	root := given(map[string]*string{"label": in.Label, "description": in.Description})
	if in.Label == nil {
		root["label"] = in.Filename
	}
	entity.Merge(root, entity.Properties{
		index.Key: in.Key, index.Filename: in.Filename, index.ContentType: in.ContentType, index.Size: in.Size, index.Uploaded: false,
	})
	if err := s.checkSize(ctx, in.Size); err != nil {
		return nil, err
	}
	var v *entity.Version
	err := s.update(ctx, func(tx txn) (err error) {
		v, err = tx.create("file:create", in.createBody, "", entity.TypeFile, in.Collection, root)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.Created(respondVersion(v)).WithETag(wire.ETag(v.CID)), nil
}

// checkSize refuses content that could never be uploaded.
func (s *Service) checkSize(ctx context.Context, size int64) error {
	if most := s.network(ctx).maxFile(); size > most {
		return invalidField("must be at most "+itoa(most)+" bytes, the limit of this server", index.Size)
	}
	return nil
}

type updateFileIn struct {
	ID entity.ID `path:"id"`
	editBody
	Key         *string `json:"key" min:"1" max:"512" doc:"one under which this file has content"`
	Filename    *string `json:"filename" min:"1" max:"255"`
	ContentType *string `json:"content_type" min:"3" max:"255"`
	Size        *int64  `json:"size" min:"0" doc:"of content that is yet to come; else it is what it is"`
	Label       *string `json:"label" min:"1"`
	Description *string `json:"description"`
}

func (s *Service) updateFile(ctx context.Context, in *updateFileIn) (*wire.Reply, error) {
	root := given(map[string]*string{"label": in.Label, "description": in.Description, index.Filename: in.Filename, index.ContentType: in.ContentType})
	if in.Size != nil {
		if err := s.checkSize(ctx, *in.Size); err != nil {
			return nil, err
		}
		root[index.Size] = *in.Size
	}
	edit := in.edit(root)
	var v *entity.Version
	err := s.update(ctx, func(tx txn) (err error) {
		v, err = tx.put("file:update", in.ID, in.ExpectTip, func(m *entity.Manifest) error {
			if in.Key == nil || *in.Key == m.Properties[index.Key] {
				return edit.Apply(m)
			}
			if err := tx.regress(m, *in.Key); err != nil {
				return err
			}
			return edit.Apply(m)
		}, entity.TypeFile)
		return err
	})
	if err != nil {
		return nil, err
	}
	return replyVersion(v), nil
}

// regress gives a file the content back that it has under another key.
func (t txn) regress(m *entity.Manifest, key string) error {
	c, ok, err := index.Lookup(t, m.ID, key)
	if err != nil {
		return err
	}
	if !ok {
		return invalidField("must be a key under which this file has content; for new content use POST /files/"+string(m.ID)+"/reupload", index.Key)
	}
	entity.Merge(m.Properties, entity.Properties{
		index.Key: key, index.CID: c.CID.String(), index.Size: c.Size, index.ContentType: c.ContentType, index.Uploaded: true,
	})
	return nil
}

type reuploadFileIn struct {
	ID          entity.ID `path:"id"`
	ExpectTip   wire.Tip  `json:"expect_tip" req:"true"`
	Note        string    `json:"note" max:"10000"`
	Key         string    `json:"key" req:"true" min:"1" max:"512" doc:"never a key of this file before"`
	ContentType string    `json:"content_type" req:"true" min:"3" max:"255"`
	Size        int64     `json:"size" req:"true" min:"0"`
	Filename    *string   `json:"filename" min:"1" max:"255"`
	Label       *string   `json:"label" min:"1"`
	Description *string   `json:"description"`
}

func (s *Service) reuploadFile(ctx context.Context, in *reuploadFileIn) (*wire.Reply, error) {
	if err := s.checkSize(ctx, in.Size); err != nil {
		return nil, err
	}
	root := given(map[string]*string{"label": in.Label, "description": in.Description, index.Filename: in.Filename})
	entity.Merge(root, entity.Properties{index.Key: in.Key, index.ContentType: in.ContentType, index.Size: in.Size, index.Uploaded: false})
	var v *entity.Version
	err := s.update(ctx, func(tx txn) (err error) {
		v, err = tx.put("file:reupload", in.ID, in.ExpectTip, func(m *entity.Manifest) error {
			used, err := index.Used(tx, m.ID, in.Key)
			if err != nil {
				return err
			}
			if used {
				return entity.Errorf(entity.KindExists, "native.reupload", "the key %q has been one of this file already; content is never replaced: choose another, or go back to it with PUT /files/%s", in.Key, m.ID)
			}
			delete(m.Properties, index.CID)
			entity.Merge(m.Properties, root)
			m.Note = in.Note
			return nil
		}, entity.TypeFile)
		return err
	})
	if err != nil {
		return nil, err
	}
	return replyVersion(v), nil
}
