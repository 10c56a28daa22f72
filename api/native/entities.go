package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

const tagEntities = "Entities"

func (s *Service) entityOps() []wire.Operation {
	ops := []wire.Operation{
		wire.Op(wire.Operation{
			Method: "POST", Path: "/entities", ID: "createEntity", Tag: tagEntities, Summary: "Create an entity",
			Description: "Creates version 1 of an entity of any type. With `collection` it belongs to that collection from the start.",
			Permission:  "entity:create", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 201, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
		}, s.createEntity),
		wire.Op(wire.Operation{
			Method: "POST", Path: "/entities/batch", ID: "createEntities", Tag: tagEntities, Summary: "Create up to 100 entities",
			Description: "Answers per item, in the order of the request: 201 when all were created, 207 when some were not. Items are written ten to a transaction.",
			Permission:  "entity:create", Auth: wire.AuthRequired, MaxBody: 16 << 20,
			Success: []wire.Success{{Status: 201, Body: BatchCreateResponse{}}, {Status: 207, Body: BatchCreateResponse{}}}, Errors: []int{400, 401, 403},
		}, s.createBatch),
		wire.Op(wire.Operation{
			Method: "POST", Path: "/entities/batch-get", ID: "getEntities", Tag: tagEntities, Summary: "Get up to 100 entities",
			Description: "Entities in the order of the request, all of one state; ids that are unknown are listed in `not_found`.",
			Permission:  "entity:view", Auth: wire.AuthOptional, Reads: true,
			Success: []wire.Success{{Status: 200, Body: BatchGetResponse{}}}, Errors: []int{400, 403},
		}, s.getBatch),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/entities/{id}", ID: "getEntity", Tag: tagEntities, Summary: "Get an entity",
			Description: "The current version; of a deleted entity its tombstone. `expand=relationships:preview` or `relationships:full` adds each peer as it is now. The ETag is the CID; If-None-Match answers 304.",
			Permission:  "entity:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}, {Status: 304, Description: "the caller has this version"}}, Errors: []int{400, 403, 404},
		}, s.getEntity),
		wire.Op(wire.Operation{
			Method: "PUT", Path: "/entities/{id}", ID: "updateEntity", Tag: tagEntities, Summary: "Update an entity",
			Description: "Merges properties and changes relationships under compare-and-swap. Removals come before additions, so one request can replace a subtree. An edit that changes nothing still writes a version. On a collection this needs collection:update.",
			Permission:  "entity:update", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
		}, s.updateEntity),
		wire.Op(wire.Operation{
			Method: "DELETE", Path: "/entities/{id}", ID: "deleteEntity", Tag: tagEntities, Summary: "Delete an entity",
			Description: "Writes a tombstone version. The history stays, and the entity can be restored. On a collection this needs collection:delete.",
			Permission:  "entity:delete", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: EntityDeletedResponse{}}}, Errors: []int{400, 401, 403, 404, 409},
		}, s.deleteEntity),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/entities/{id}/preview", ID: "previewEntity", Tag: tagEntities, Summary: "Get an entity in short",
			Description: "Label, type, collection, times, and the first 200 characters of description and text.",
			Permission:  "entity:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: EntityPreview{}}}, Errors: []int{400, 403, 404},
		}, s.previewEntity),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/entities/{id}/tip", ID: "getTip", Tag: tagEntities, Summary: "Get an entity's tip",
			Description: "Only the current CID, for compare-and-swap: one look-up. The ETag is the CID; If-None-Match answers 304.",
			Permission:  "entity:tip", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: TipResponse{}}, {Status: 304, Description: "the tip is still the caller's"}}, Errors: []int{400, 404},
		}, s.getTip),
		wire.Op(wire.Operation{
			Method: "POST", Path: "/entities/{id}/restore", ID: "restoreEntity", Tag: tagEntities, Summary: "Restore an entity",
			Description: "Of a deleted entity: writes the last live version anew. With `ver` also a live entity goes back to that version's content. On a collection this needs collection:restore.",
			Permission:  "entity:restore", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409},
		}, s.restoreEntity),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/entities/{id}/collection", ID: "getEntityCollection", Tag: tagEntities, Summary: "Get an entity's collection",
			Description: "The collection that the entity belongs to, null for none; a collection's is itself.",
			Permission:  "entity:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: EntityCollectionResponse{}}}, Errors: []int{400, 403, 404},
		}, s.getEntityCollection),
	}
	return append(ops, s.cascadeOp(), s.treeOp(), s.diffOp())
}

type createEntityIn struct {
	createBody
	ID         entity.ID `json:"id" doc:"chosen by the client; minted when left out"`
	Type       string    `json:"type" req:"true" min:"1" max:"100"`
	Collection entity.ID `json:"collection" alias:"collection_pi,collection_id"`
}

func (s *Service) createEntity(ctx context.Context, in *createEntityIn) (*wire.Reply, error) {
	var v *entity.Version
	err := s.update(ctx, func(tx txn) (err error) {
		v, err = tx.create("entity:create", in.createBody, in.ID, in.Type, in.Collection, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.Created(respondVersion(v)).WithETag(wire.ETag(v.CID)), nil
}

// create writes version 1 of an entity, in a collection where one is given.
func (t txn) create(a string, b createBody, id entity.ID, typ string, collection entity.ID, root entity.Properties) (*entity.Version, error) {
	if collection != "" {
		if _, err := t.collection(collection); err != nil {
			return nil, err
		}
	}
	if err := t.May(actionOf(a), entity.Head{Type: typ, Collection: collection}); err != nil {
		return nil, err
	}
	d, err := b.draft(id, typ, collection, root)
	if err != nil {
		return nil, err
	}
	return t.Create(d)
}

// collection is the head of a live collection.
func (t txn) collection(id entity.ID) (entity.Head, error) {
	h, err := t.Known(id)
	switch {
	case err != nil:
		return h, entity.NotFound("native.collection", "Collection not found: %s", id)
	case h.Type != entity.TypeCollection:
		return h, entity.Invalid("native.collection", "%s is of type %s; an entity belongs to a collection", id, h.Type)
	case h.Deleted:
		return h, entity.Invalid("native.collection", "collection %s is deleted; restore it first", id)
	}
	return h, nil
}

type entityIn struct {
	ID          entity.ID `path:"id"`
	IfNoneMatch string    `header:"If-None-Match"`
}

type getEntityIn struct {
	entityIn
	Expand string `query:"expand" doc:"relationships, relationships:preview or relationships:full"`
	Limit  int    `query:"expand_limit" default:"100" min:"1" max:"500"`
}

func (s *Service) getEntity(ctx context.Context, in *getEntityIn) (*wire.Reply, error) {
	return s.replyEntity(ctx, in)
}

// replyEntity answers one entity of the given types, expanded as asked.
func (s *Service) replyEntity(ctx context.Context, in *getEntityIn, typ ...string) (reply *wire.Reply, err error) {
	mode, err := relationshipMode(in.Expand)
	if err != nil {
		return nil, err
	}
	action := "entity:view"
	if len(typ) > 0 {
		action = typ[0] + ":view"
	}
	err = s.view(ctx, func(r *guard.Reader) error {
		h, m, err := manifestOf(r, actionOf(action), in.ID, typ...)
		if err != nil {
			return err
		}
		etag := wire.ETag(h.CID())
		if mode == expandNone && wire.NotModified(in.IfNoneMatch, etag) {
			reply = wire.Unchanged(etag)
			return nil
		}
		e := respond(h.CID(), m)
		reply = wire.OK(e)
		if mode != expandNone {
			return s.expandRelationships(ctx, r, e, mode, in.Limit)
		}
		reply.WithETag(etag)
		return nil
	})
	return reply, err
}

type updateEntityIn struct {
	ID entity.ID `path:"id"`
	editBody
}

func (s *Service) updateEntity(ctx context.Context, in *updateEntityIn) (*wire.Reply, error) {
	return s.replyEdit(ctx, "entity:update", in.ID, in.editBody, nil)
}

// replyEdit makes an edit and answers the version it wrote.
func (s *Service) replyEdit(ctx context.Context, action string, id entity.ID, b editBody, root entity.Properties, typ ...string) (*wire.Reply, error) {
	edit := b.edit(root)
	var v *entity.Version
	err := s.update(ctx, func(tx txn) (err error) {
		v, err = tx.put(actionOf(action), id, b.ExpectTip, edit.Apply, typ...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return replyVersion(v), nil
}

type deleteEntityIn struct {
	ID        entity.ID `path:"id"`
	ExpectTip wire.Tip  `json:"expect_tip" req:"true"`
	Note      string    `json:"note" max:"10000"`
	Reason    string    `json:"reason" max:"500"`
}

// EntityDeletedResponse tells of a tombstone.
type EntityDeletedResponse struct {
	ID        entity.ID `json:"id"`
	CID       string    `json:"cid"`
	DeletedAt string    `json:"deleted_at"`
	Ver       int64     `json:"ver"`
	PrevCID   string    `json:"prev_cid"`
}

func deletedResponse(v *entity.Version) EntityDeletedResponse {
	stone, _ := v.Manifest.Tombstone()
	return EntityDeletedResponse{ID: v.Manifest.ID, CID: v.CID.String(), DeletedAt: stone.DeletedAt, Ver: v.Manifest.Ver, PrevCID: v.Manifest.PrevCID().String()}
}

func (s *Service) deleteEntity(ctx context.Context, in *deleteEntityIn) (*wire.Reply, error) {
	var v *entity.Version
	err := s.update(ctx, func(tx txn) error {
		h, err := tx.head("entity:delete", in.ID)
		if err != nil {
			return err
		}
		if h.Deleted {
			return entity.Invalid("native.delete", "entity %s is already deleted", in.ID)
		}
		v, err = tx.Put(in.ID, in.ExpectTip.Expect(), s.bury(tx, in.Reason, in.Note))
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.OK(deletedResponse(v)).WithETag(wire.ETag(v.CID)), nil
}

// bury is the edit that deletes.
func (s *Service) bury(tx txn, reason, note string) func(*entity.Manifest) error {
	stone := entity.Tombstone{DeletedAt: entity.FormatTime(s.now()), DeletedBy: tx.Actor().UserID, Reason: reason}
	return func(m *entity.Manifest) error {
		stone.OriginalVer = m.Ver
		m.Bury(stone)
		m.Note = note
		return nil
	}
}

func (s *Service) previewEntity(ctx context.Context, in *entityIn) (reply *wire.Reply, err error) {
	err = s.view(ctx, func(r *guard.Reader) error {
		_, m, err := manifestOf(r, "entity:view", in.ID)
		if err == nil {
			reply = wire.OK(preview(m))
		}
		return err
	})
	return reply, err
}

// TipResponse is an entity's tip.
type TipResponse struct {
	ID  entity.ID `json:"id"`
	CID string    `json:"cid"`
}

// AppendJSON writes the tip.
func (t TipResponse) AppendJSON(b []byte) []byte {
	b = append(b, `{"id":"`...)
	b = append(b, t.ID...)
	b = append(b, `","cid":"`...)
	b = append(b, t.CID...)
	return append(b, `"}`...)
}

func (s *Service) getTip(ctx context.Context, in *entityIn) (reply *wire.Reply, err error) {
	err = s.view(ctx, func(r *guard.Reader) error {
		h, err := r.Allowed("entity:tip", in.ID)
		if err != nil {
			return err
		}
		etag := wire.ETag(h.CID())
		if wire.NotModified(in.IfNoneMatch, etag) {
			reply = wire.Unchanged(etag)
			return nil
		}
		reply = wire.OK(TipResponse{ID: in.ID, CID: h.CID().String()}).WithETag(etag)
		return nil
	})
	return reply, err
}

// EntityCollectionResponse is the collection of an entity, null for none.
type EntityCollectionResponse struct {
	CollectionID *entity.ID `json:"collection_id"`
	CollectionPI *entity.ID `json:"collection_pi"`
}

func (s *Service) getEntityCollection(ctx context.Context, in *entityIn) (*wire.Reply, error) {
	var out EntityCollectionResponse
	err := s.view(ctx, func(r *guard.Reader) error {
		h, err := r.Allowed("entity:view", in.ID)
		if err != nil {
			return err
		}
		if h.Collection != "" && !h.Deleted {
			out.CollectionID, out.CollectionPI = &h.Collection, &h.Collection
		}
		return nil
	})
	return wire.OK(out), err
}
