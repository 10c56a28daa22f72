package native

import (
	"context"

	"stemma/api/wire"
	"stemma/entity"
)

const tagFolders = "Folders"

func (s *Service) folderOps() []wire.Operation {
	op := func(method, path, id, summary, description, permission string, status int, body any) wire.Operation {
		auth := wire.AuthRequired
		if method == "GET" {
			auth = wire.AuthOptional
		}
		return wire.Operation{
			Method: method, Path: path, ID: id, Tag: tagFolders, Summary: summary, Description: description, Permission: permission,
			Auth: auth, Success: []wire.Success{{Status: status, Body: body}}, Errors: []int{400, 401, 403, 404, 409},
		}
	}
	return []wire.Operation{
		wire.Op(op("POST", "/folders", "createFolder", "Create a folder",
			"With `parent` the new folder is that folder's child: both change in one transaction.", "folder:create", 201, EntityResponse{}), s.createFolder),
		wire.Op(op("GET", "/folders/{id}", "getFolder", "Get a folder",
			"The folder's entity; its children are the relationships `contains`, its parents `in`.", "folder:view", 200, EntityResponse{}),
			func(ctx context.Context, in *getEntityIn) (*wire.Reply, error) {
				return s.replyEntity(ctx, in, entity.TypeFolder)
			}),
		wire.Op(op("PUT", "/folders/{id}", "updateFolder", "Update a folder",
			"As PUT /entities/{id}, with label, description, rich_description and metadata as fields of the request.", "folder:update", 200, EntityResponse{}), s.updateFolder),
		wire.Op(op("POST", "/folders/{id}/children", "addChild", "Add a child to a folder",
			"The folder contains the child, the child is in the folder, in one transaction. Where both are so already nothing is written. A cycle is refused.", "folder:update", 200, AddChildResponse{}), s.addChild),
		wire.Op(op("DELETE", "/folders/{id}/children/{childId}", "removeChild", "Remove a child from a folder",
			"Both sides in one transaction; 404 when it is not a child.", "folder:update", 200, AddChildResponse{}), s.removeChild),
		wire.Op(op("POST", "/folders/{id}/children/bulk", "addChildren", "Add up to 50 children to a folder",
			"One version of the folder and one of each child, in one transaction. Children that are there already are listed in `skipped`.", "folder:update", 200, BulkAddResponse{}), s.addChildren),
		wire.Op(op("POST", "/folders/{id}/parents", "addParent", "Put a folder into another",
			"The mirror of adding a child, from the child's side. A parent is a folder or a collection.", "folder:update", 200, AddParentResponse{}), s.addParent),
		wire.Op(op("DELETE", "/folders/{id}/parents/{parentId}", "removeParent", "Take a folder out of another",
			"Both sides in one transaction; 404 when it is not a parent.", "folder:update", 200, AddParentResponse{}), s.removeParent),
	}
}

type folderFields struct {
	Label           *string           `json:"label" min:"1" max:"500"`
	Description     *string           `json:"description"`
	RichDescription *string           `json:"rich_description"`
	Metadata        entity.Properties `json:"metadata"`
}

func (f folderFields) properties() entity.Properties {
	p := given(map[string]*string{"label": f.Label, "description": f.Description, "rich_description": f.RichDescription})
	if f.Metadata != nil {
		p["metadata"] = f.Metadata
	}
	return p
}

type createFolderIn struct {
	createBody
	folderFields
	Collection entity.ID `json:"collection" alias:"collection_pi,collection_id"`
	Parent     entity.ID `json:"parent" alias:"parent_pi,parent_id"`
}

func (s *Service) createFolder(ctx context.Context, in *createFolderIn) (*wire.Reply, error) {
	var v *entity.Version
	err := s.update(ctx, func(tx txn) error {
		body := in.createBody
		if in.Parent != "" {
			parent, err := tx.parent(in.Parent)
			if err != nil {
				return err
			}
			body.Relationships = append(body.Relationships[:len(body.Relationships):len(body.Relationships)],
				relationshipBody{Predicate: entity.PredicateIn, Peer: in.Parent, PeerType: parent.Type, PeerLabel: tx.mention(entity.Head{Collection: in.Collection}, parent).Label})
		}
		var err error
		if v, err = tx.create("folder:create", body, "", entity.TypeFolder, in.Collection, in.properties()); err != nil || in.Parent == "" {
			return err
		}
		child, err := tx.Head(v.Manifest.ID)
		if err != nil {
			return err
		}
		parent, err := tx.parent(in.Parent)
		if err != nil {
			return err
		}
		_, err = tx.put("folder:update", in.Parent, "", relate(entity.PredicateContains, tx.mention(parent, child), nil, ""))
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.Created(respondVersion(v)).WithETag(wire.ETag(v.CID)), nil
}

type updateFolderIn struct {
	ID entity.ID `path:"id"`
	editBody
	folderFields
}

func (s *Service) updateFolder(ctx context.Context, in *updateFolderIn) (*wire.Reply, error) {
	return s.replyEdit(ctx, "folder:update", in.ID, in.editBody, in.properties(), entity.TypeFolder)
}

// parent is the head of a live folder or collection.
func (t txn) parent(id entity.ID) (entity.Head, error) {
	return t.live("folder:update", id, entity.TypeFolder, entity.TypeCollection)
}

// side is one end of a folder's link: an entity and the tip expected of it,
// "" where the request may leave that out.
type side struct {
	id  entity.ID
	tip wire.Tip
}

// AddChildResponse tells the new state of both sides.
type AddChildResponse struct {
	Folder *EntityResponse `json:"folder"`
	Child  EntityRef       `json:"child"`
}

// EntityRef names a version of an entity.
type EntityRef struct {
	ID  entity.ID `json:"id"`
	CID string    `json:"cid"`
}

func ref(v *entity.Version) EntityRef { return EntityRef{ID: v.Manifest.ID, CID: v.CID.String()} }

// AddParentResponse tells the new state of both sides.
type AddParentResponse struct {
	Folder *EntityResponse `json:"folder"`
	Parent *EntityResponse `json:"parent"`
}

type addChildIn struct {
	ID        entity.ID `path:"id"`
	ExpectTip wire.Tip  `json:"expect_tip" req:"true"`
	Note      string    `json:"note" max:"10000"`
	ChildID   entity.ID `json:"child_id" alias:"child_pi" req:"true"`
	ChildTip  wire.Tip  `json:"expect_child_tip" doc:"checked where given"`
}

func (s *Service) addChild(ctx context.Context, in *addChildIn) (*wire.Reply, error) {
	parent, child, err := s.link(ctx, side{in.ID, in.ExpectTip}, side{in.ChildID, in.ChildTip}, in.Note)
	if err != nil {
		return nil, err
	}
	return wire.OK(AddChildResponse{Folder: respondVersion(parent), Child: ref(child)}), nil
}

type addParentIn struct {
	ID        entity.ID `path:"id"`
	ExpectTip wire.Tip  `json:"expect_tip" req:"true"`
	Note      string    `json:"note" max:"10000"`
	ParentID  entity.ID `json:"parent_id" alias:"parent_pi" req:"true"`
	ParentTip wire.Tip  `json:"expect_parent_tip" doc:"checked where given"`
}

func (s *Service) addParent(ctx context.Context, in *addParentIn) (*wire.Reply, error) {
	parent, child, err := s.link(ctx, side{in.ParentID, in.ParentTip}, side{in.ID, in.ExpectTip}, in.Note, entity.TypeFolder)
	if err != nil {
		return nil, err
	}
	return wire.OK(AddParentResponse{Folder: respondVersion(child), Parent: respondVersion(parent)}), nil
}

type removeChildIn struct {
	ID        entity.ID `path:"id"`
	ChildID   entity.ID `path:"childId"`
	ExpectTip wire.Tip  `json:"expect_tip" req:"true"`
	Note      string    `json:"note" max:"10000"`
	ChildTip  wire.Tip  `json:"expect_child_tip" req:"true"`
}

func (s *Service) removeChild(ctx context.Context, in *removeChildIn) (*wire.Reply, error) {
	parent, child, err := s.unlink(ctx, side{in.ID, in.ExpectTip}, side{in.ChildID, in.ChildTip}, in.Note)
	if err != nil {
		return nil, err
	}
	return wire.OK(AddChildResponse{Folder: respondVersion(parent), Child: ref(child)}), nil
}

type removeParentIn struct {
	ID        entity.ID `path:"id"`
	ParentID  entity.ID `path:"parentId"`
	ExpectTip wire.Tip  `json:"expect_tip" req:"true"`
	Note      string    `json:"note" max:"10000"`
	ParentTip wire.Tip  `json:"expect_parent_tip" req:"true"`
}

func (s *Service) removeParent(ctx context.Context, in *removeParentIn) (*wire.Reply, error) {
	parent, child, err := s.unlink(ctx, side{in.ParentID, in.ParentTip}, side{in.ID, in.ExpectTip}, in.Note)
	if err != nil {
		return nil, err
	}
	return wire.OK(AddParentResponse{Folder: respondVersion(child), Parent: respondVersion(parent)}), nil
}

// link makes parent contain child and child be in parent. A side that says so
// already is left as it is.
func (s *Service) link(ctx context.Context, parent, child side, note string, childType ...string) (pv, cv *entity.Version, err error) {
	err = s.update(ctx, func(tx txn) error {
		p, err := tx.parent(parent.id)
		if err != nil {
			return err
		}
		c, err := tx.live("folder:update", child.id, childType...)
		if err != nil {
			return err
		}
		if err := tx.acyclic(p, c); err != nil {
			return err
		}
		if pv, err = tx.addOnce(p, parent.tip, entity.PredicateContains, c, note); err != nil {
			return err
		}
		cv, err = tx.addOnce(c, child.tip, entity.PredicateIn, p, note)
		return err
	})
	return pv, cv, err
}

// addOnce relates on to peer unless it is related already.
func (t txn) addOnce(on entity.Head, tip wire.Tip, p entity.Predicate, peer entity.Head, note string) (*entity.Version, error) {
	m, err := t.Manifest(on.CID())
	if err != nil {
		return nil, err
	}
	if m.Related(p, peer.ID) >= 0 {
		return &entity.Version{CID: on.CID(), Manifest: m}, nil
	}
	return t.put("folder:update", on.ID, tip, relate(p, t.mention(on, peer), nil, note))
}

// acyclic refuses to put child into parent where parent is child or lies in
// it, however deep. It follows the relationships "in" upwards from parent.
func (t txn) acyclic(parent, child entity.Head) error {
	seen := map[entity.ID]bool{}
	for above := []entity.ID{parent.ID}; len(above) > 0; {
		id := above[0]
		above = above[1:]
		if id == child.ID {
			return entity.Invalid("native.acyclic", "%s cannot be put into %s: it would contain itself", child.ID, parent.ID)
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		h, err := t.Head(id)
		if entity.KindOf(err) == entity.KindNotFound && err != nil {
			continue
		}
		if err != nil {
			return err
		}
		m, err := t.Manifest(h.CID())
		if err != nil {
			return err
		}
		for _, r := range m.Relationships {
			if r.Predicate == entity.PredicateIn {
				above = append(above, r.Peer)
			}
		}
	}
	return nil
}

func (s *Service) unlink(ctx context.Context, parent, child side, note string) (pv, cv *entity.Version, err error) {
	err = s.update(ctx, func(tx txn) (err error) {
		if _, err = tx.parent(parent.id); err != nil {
			return err
		}
		if pv, err = tx.put("folder:update", parent.id, parent.tip, unrelate(entity.PredicateContains, child.id, note)); err != nil {
			return err
		}
		if cv, err = tx.buried(child.id); cv != nil || err != nil {
			return err // a deleted child is in nothing any more
		}
		cv, err = tx.put("folder:update", child.id, child.tip, func(m *entity.Manifest) error {
			m.Note = note
			m.Unrelate(entity.RelationshipRef{Predicate: entity.PredicateIn, Peer: parent.id})
			return nil
		})
		return err
	})
	return pv, cv, err
}

// buried is the tip of a deleted entity, nil of a live one.
func (t txn) buried(id entity.ID) (*entity.Version, error) {
	h, err := t.head("folder:update", id)
	if err != nil || !h.Deleted {
		return nil, err
	}
	m, err := t.Manifest(h.CID())
	return &entity.Version{CID: h.CID(), Manifest: m}, err
}

type bulkChild struct {
	ID   entity.ID `json:"id" alias:"pi" req:"true"`
	Type string    `json:"type"`
}

type addChildrenIn struct {
	ID        entity.ID   `path:"id"`
	ExpectTip wire.Tip    `json:"expect_tip" req:"true"`
	Note      string      `json:"note" max:"10000"`
	Children  []bulkChild `json:"children" req:"true" min:"1" max:"50"`
}

// BulkAddResponse tells which children are new.
type BulkAddResponse struct {
	Folder  *EntityResponse `json:"folder"`
	Added   []EntityRef     `json:"added"`
	Skipped []entity.ID     `json:"skipped"`
}

func (s *Service) addChildren(ctx context.Context, in *addChildrenIn) (*wire.Reply, error) {
	var out BulkAddResponse
	err := s.update(ctx, func(tx txn) error {
		out = BulkAddResponse{Added: []EntityRef{}, Skipped: []entity.ID{}}
		folder, err := tx.parent(in.ID)
		if err != nil {
			return err
		}
		m, err := tx.Manifest(folder.CID())
		if err != nil {
			return err
		}
		var added []entity.Head
		var edits []entity.RelationshipEdit
		taken := map[entity.ID]bool{}
		for _, c := range in.Children {
			child, err := tx.live("folder:update", c.ID)
			if err != nil {
				return err
			}
			if taken[c.ID] || m.Related(entity.PredicateContains, c.ID) >= 0 {
				out.Skipped = append(out.Skipped, c.ID)
				continue
			}
			taken[c.ID] = true
			if err := tx.acyclic(folder, child); err != nil {
				return err
			}
			added = append(added, child)
			edits = append(edits, entity.RelationshipEdit{Relationship: entity.Relationship{Predicate: entity.PredicateContains, Peer: child.ID, PeerType: child.Type, PeerLabel: tx.mention(folder, child).Label}})
		}
		out.Folder = respond(folder.CID(), m)
		if len(added) == 0 {
			return nil
		}
		v, err := tx.put("folder:update", in.ID, in.ExpectTip, func(m *entity.Manifest) error {
			m.Note = in.Note
			return m.Relate(edits...)
		})
		if err != nil {
			return err
		}
		out.Folder = respondVersion(v)
		for _, child := range added {
			v, err := tx.addOnce(child, "", entity.PredicateIn, folder, in.Note)
			if err != nil {
				return err
			}
			out.Added = append(out.Added, ref(v))
		}
		return nil
	})
	return wire.OK(out), err
}
