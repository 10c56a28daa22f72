package native

import (
	"cmp"
	"context"
	"slices"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
	"stemma/entity/scope"
)

const tagUsers = "Auth & Users"

func (s *Service) userOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "GET", Path: "/users/{id}", ID: "getUser", Tag: tagUsers, Summary: "Get a user",
			Description: "The user's entity. Users of a tenant are seen by its members only; e-mail addresses are in no entity.",
			Permission:  "user:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}, {Status: 304}}, Errors: []int{400, 403, 404},
		}, func(ctx context.Context, in *getEntityIn) (*wire.Reply, error) {
			return s.replyEntity(ctx, in, entity.TypeUser)
		}),
		wire.Op(wire.Operation{
			Method: "PUT", Path: "/users/{id}", ID: "updateUser", Tag: tagUsers, Summary: "Update a user's profile",
			Description: "As PUT /entities/{id}, with label as a field of the request. One's own, or of the tenant one may update.",
			Permission:  "user:update", Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, Body: EntityResponse{}}}, Errors: []int{400, 401, 403, 404, 409, 413},
		}, s.updateUser),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/users/{id}/collections", ID: "listUserCollections", Tag: tagUsers, Summary: "List the collections a user has a role in",
			Description: "Those that the caller may view, with the role, by id. Roles that have ended, and those of groups and of everybody, are left out.",
			Permission:  "user:view", Auth: wire.AuthOptional,
			Success: []wire.Success{{Status: 200, Body: UserCollectionsResponse{}}}, Errors: []int{400, 401, 403, 404},
		}, s.userCollections),
	}
}

type updateUserIn struct {
	ID entity.ID `path:"id"`
	editBody
	Label *string `json:"label" min:"1" max:"500"`
}

func (s *Service) updateUser(ctx context.Context, in *updateUserIn) (*wire.Reply, error) {
	return s.replyEdit(ctx, "user:update", in.ID, in.editBody, given(map[string]*string{"label": in.Label}), entity.TypeUser)
}

type userCollectionsIn struct {
	ID        entity.ID `path:"id"`
	Predicate string    `query:"predicate" alias:"role" doc:"only this role"`
	Limit     int       `query:"limit" default:"100" min:"1" max:"1000"`
	Offset    int       `query:"offset" default:"0" min:"0"`
}

// UserCollectionItem is a collection with a role that the user has in it.
type UserCollectionItem struct {
	PI        entity.ID `json:"pi"`
	ID        entity.ID `json:"id"`
	Label     string    `json:"label"`
	Predicate string    `json:"predicate"`
	CreatedAt string    `json:"created_at"`
}

// UserCollectionsResponse is a page of a user's collections.
type UserCollectionsResponse struct {
	UserID      entity.ID            `json:"user_id"`
	Collections []UserCollectionItem `json:"collections"`
	Pagination  wire.Pagination      `json:"pagination"`
}

func (s *Service) userCollections(ctx context.Context, in *userCollectionsIn) (*wire.Reply, error) {
	out := UserCollectionsResponse{UserID: in.ID, Collections: []UserCollectionItem{}, Pagination: wire.Pagination{Offset: in.Offset, Limit: in.Limit}}
	err := s.view(ctx, func(r *guard.Reader) error {
		h, err := r.Allowed("user:view", in.ID)
		if err != nil {
			return err
		}
		if err := ofType(h, entity.TypeUser, entity.TypeAgent); err != nil {
			return err
		}
		n := 0
		for id, err := range scope.Of(r, in.ID) {
			if err != nil {
				return err
			}
			items, err := in.items(r, id)
			if err != nil {
				return err
			}
			for _, item := range items {
				if n++; n <= in.Offset {
					continue
				}
				if len(out.Collections) == in.Limit {
					out.Pagination.HasMore = true
					return nil
				}
				out.Collections = append(out.Collections, item)
			}
		}
		return nil
	})
	out.Pagination.Count = len(out.Collections)
	return wire.OK(out), err
}

// items are the user's roles in one scope, none where that is no collection, is
// deleted, or is not for the caller to see.
func (in *userCollectionsIn) items(r *guard.Reader, id entity.ID) (items []UserCollectionItem, err error) {
	h, err := r.Head(id)
	if err != nil || h.Deleted || h.Type != entity.TypeCollection {
		return nil, unlessKind(err, entity.KindNotFound)
	}
	p, err := r.Policy(id)
	if err != nil || p == nil {
		return nil, err
	}
	now := r.At().UnixMilli()
	roles := slices.Clone(p.Bound[in.ID])
	slices.SortFunc(roles, func(a, b access.Binding) int { return cmp.Compare(a.Role, b.Role) })
	for _, b := range roles {
		if in.Predicate != "" && b.Role != in.Predicate || b.Expires != 0 && b.Expires <= now {
			continue
		}
		items = append(items, UserCollectionItem{PI: id, ID: id, Label: h.Label, Predicate: b.Role, CreatedAt: entity.FormatMillis(h.CreatedAt)})
	}
	return items, nil
}
