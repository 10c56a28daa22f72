package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/entity/listing"
)

const tagCollections = "Collections"

func (s *Service) collectionOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "POST", Path: "/collections", ID: "createCollection", Tag: tagCollections, Summary: "Create a collection",
			Description: "The caller becomes its owner, and the role public is bound to everybody unless it is private or belongs to a tenant.",
			Permission:  "collection:create", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 201, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 409, 413},
		}, s.createCollection),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/collections/{id}", ID: "getCollection", Tag: tagCollections, Summary: "Get a collection",
			Description: "The collection's entity; 404 for an entity of another type.",
			Permission:  "collection:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}, {Status: 304}}, Errors: []int{400, 403, 404},
		}, func(ctx context.Context, in *getEntityIn) (*wire.Reply, error) {
			return s.replyEntity(ctx, in, entity.TypeCollection)
		}),
		wire.Op(wire.Operation{
			Method: "PUT", Path: "/collections/{id}", ID: "updateCollection", Tag: tagCollections, Summary: "Update a collection",
			Description: "As PUT /entities/{id}, with label, description and display_image_url as fields of the request.",
			Permission:  "collection:update", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
		}, s.updateCollection),
		wire.Op(wire.Operation{
			Method: "PUT", Path: "/collections/{id}/root", ID: "setCollectionRoot", Tag: tagCollections, Summary: "Set a collection's root entity",
			Description: "The entity must belong to the collection already. Replaces the relationship `root`.",
			Permission:  "collection:update", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409},
		}, s.setRoot),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/collections/{id}/entities", ID: "listCollectionEntities", Tag: tagCollections, Summary: "List a collection's entities",
			Description: "Newest first. The list is of the moment: an answered write is in it. With expand at most 100 entities a page.",
			Permission:  "collection:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: CollectionEntitiesResponse{}}}, Errors: []int{400, 403, 404},
		}, s.listEntities),
	}
}

type collectionFields struct {
	Label           *string `json:"label" min:"1" max:"200"`
	Description     *string `json:"description" max:"2000"`
	DisplayImageURL *string `json:"display_image_url" max:"2000"`
	Visibility      *string `json:"visibility" enum:"private,public"`
}

func (f collectionFields) properties() entity.Properties {
	return given(map[string]*string{"label": f.Label, "description": f.Description, "display_image_url": f.DisplayImageURL, "visibility": f.Visibility})
}

type createCollectionIn struct {
	createBody
	ID              entity.ID           `json:"id"`
	Label           string              `json:"label" req:"true" min:"1" max:"200"`
	Description     *string             `json:"description" max:"2000"`
	DisplayImageURL *string             `json:"display_image_url" max:"2000"`
	Roles           map[string][]string `json:"roles" doc:"actions by role, in place of the defaults"`
	Tenant          entity.ID           `json:"tenant" alias:"tenant_id" doc:"that it belongs to: its roles reach into the collection, which is then private unless it says otherwise"`
	Visibility      *string             `json:"visibility" enum:"private,public" doc:"private: only who has a role may view it and what is in it"`
}

func (s *Service) createCollection(ctx context.Context, in *createCollectionIn) (*wire.Reply, error) {
	root := collectionFields{Label: &in.Label, Description: in.Description, DisplayImageURL: in.DisplayImageURL, Visibility: in.Visibility}.properties()
	root["_profile_version"] = "v1"
	var v *entity.Version
	err := s.update(ctx, func(tx txn) (err error) {
		v, err = tx.createOwned(entity.TypeCollection, in.createBody, in.ID, in.Roles, in.Tenant, root)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.Created(respondVersion(v)).WithETag(wire.ETag(v.CID)), nil
}

type updateCollectionIn struct {
	ID entity.ID `path:"id"`
	editBody
	collectionFields
}

func (s *Service) updateCollection(ctx context.Context, in *updateCollectionIn) (*wire.Reply, error) {
	return s.replyEdit(ctx, "collection:update", in.ID, in.editBody, in.properties(), entity.TypeCollection)
}

type setRootIn struct {
	ID        entity.ID `path:"id"`
	ExpectTip wire.Tip  `json:"expect_tip" req:"true"`
	EntityID  entity.ID `json:"entity_id" alias:"entity_pi" req:"true"`
}

func (s *Service) setRoot(ctx context.Context, in *setRootIn) (*wire.Reply, error) {
	var v *entity.Version
	err := s.update(ctx, func(tx txn) error {
		if _, err := tx.live("collection:update", in.ID, entity.TypeCollection); err != nil {
			return err
		}
		member, err := tx.live("entity:view", in.EntityID)
		if err != nil {
			return err
		}
		m, err := tx.Manifest(member.CID())
		if err != nil {
			return err
		}
		if m.Related(entity.PredicateCollection, in.ID) < 0 {
			return entity.Invalid("native.setRoot", "entity %s does not belong to collection %s; give it the relationship collection first", in.EntityID, in.ID)
		}
		v, err = tx.put("collection:update", in.ID, in.ExpectTip, func(c *entity.Manifest) error {
			c.Unrelate(entity.RelationshipRef{Predicate: entity.PredicateRoot})
			return c.Relate(entity.RelationshipEdit{Relationship: entity.Relationship{Predicate: entity.PredicateRoot, Peer: in.EntityID, PeerType: member.Type, PeerLabel: member.Label}})
		}, entity.TypeCollection)
		return err
	})
	if err != nil {
		return nil, err
	}
	e := respondVersion(v)
	e.RootEntityID = in.EntityID
	return wire.OK(e).WithETag(wire.ETag(v.CID)), nil
}

type listEntitiesIn struct {
	ID     entity.ID `path:"id"`
	Type   string    `query:"type"`
	Limit  int       `query:"limit" default:"1000" min:"1" max:"10000"`
	Offset int       `query:"offset" default:"0" min:"0"`
	Expand string    `query:"expand" enum:"preview,full,none"`
}

// CollectionEntitySummary is an entity in a list.
type CollectionEntitySummary struct {
	PI        entity.ID       `json:"pi"`
	ID        entity.ID       `json:"id"`
	Type      string          `json:"type"`
	Label     string          `json:"label"`
	CreatedAt string          `json:"created_at"`
	UpdatedAt string          `json:"updated_at"`
	Preview   *EntityPreview  `json:"preview,omitempty"`
	Entity    *EntityResponse `json:"entity,omitempty"`
}

// CollectionEntitiesResponse is a page of a collection's entities.
type CollectionEntitiesResponse struct {
	CollectionID entity.ID                 `json:"collection_id"`
	CollectionPI entity.ID                 `json:"collection_pi"`
	Entities     []CollectionEntitySummary `json:"entities"`
	Pagination   wire.Pagination           `json:"pagination"`
}

const maxExpanded = 100

func (s *Service) listEntities(ctx context.Context, in *listEntitiesIn) (*wire.Reply, error) {
	limit := in.Limit
	if in.Expand == "preview" || in.Expand == "full" {
		limit = min(limit, maxExpanded)
	} else {
		in.Expand = string(expandNone)
	}
	out := CollectionEntitiesResponse{CollectionID: in.ID, CollectionPI: in.ID, Entities: []CollectionEntitySummary{}}
	err := s.view(ctx, func(r *guard.Reader) error {
		h, err := r.Allowed("collection:view", in.ID)
		if err != nil {
			return err
		}
		if err := ofType(h, entity.TypeCollection); err != nil {
			return err
		}
		keep := func(id entity.ID) (bool, error) {
			_, err := r.Head(id)
			return err == nil, unlessKind(err, entity.KindNotFound)
		}
		if r.Visibility() == nil {
			keep = nil
		}
		ids, more, err := listing.Collection(r, in.ID, in.Type, in.Offset, limit, keep)
		if err != nil {
			return err
		}
		out.Pagination = wire.Pagination{Offset: in.Offset, Limit: limit, Count: len(ids), HasMore: more}
		x := newExpander(r, in.Expand)
		for _, id := range ids {
			e, err := r.Head(id)
			if err != nil {
				return err
			}
			row := CollectionEntitySummary{PI: id, ID: id, Type: e.Type, Label: e.Label, CreatedAt: entity.FormatMillis(e.CreatedAt), UpdatedAt: entity.FormatMillis(e.TS)}
			if row.Preview, row.Entity, err = x.expand(id); err != nil {
				return err
			}
			out.Entities = append(out.Entities, row)
		}
		return nil
	})
	return wire.OK(out), err
}
