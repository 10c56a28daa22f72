package native

import (
	"context"
	"time"

	"stemma/api/auth"
	"stemma/api/auth/audit"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
)

// keyHolder is a kind of principal whose keys are managed: a row of routes.
type keyHolder struct {
	path       string // of the keys
	name       string // in the IDs of operations
	whose      string // in texts
	permission string
	typ        string // of the entity {id}; "" for the caller's own
	days       int    // that a key holds when nothing is said
}

var keyHolders = []keyHolder{
	{path: "/users/me/keys", name: "My", whose: "the caller", permission: "user:credentials", days: 90},
	{path: "/agents/{id}/keys", name: "Agent", whose: "an agent", permission: "agent:manage", typ: entity.TypeAgent, days: 365},
	{path: "/services/{id}/keys", name: "Service", whose: "a service", permission: "service:manage", typ: entity.TypeService, days: 90},
}

func (s *Service) keyOps() []wire.Operation {
	ops := []wire.Operation{
		authOp(s, wire.Operation{
			Method: "GET", Path: "/users/me", ID: "getMe", Summary: "Get the caller", Permission: "user:view", Auth: wire.AuthRequired,
			Description: "The entity of the caller: a user, an agent or a service.",
			Success:     []wire.Success{{Status: 200, Body: EntityResponse{}}, {Status: 304, Description: "the caller has this version"}}, Errors: []int{401},
		}, s.getMe),
		authOp(s, wire.Operation{
			Method: "POST", Path: "/services", ID: "createService", Summary: "Create a service", Permission: "service:create", Auth: wire.AuthRequired,
			Description: "A program of the operator's. With a key of it, it may do everything, or with `X-On-Behalf-Of` act for a user.",
			Success:     []wire.Success{{Status: 201, Body: EntityResponse{}}}, Errors: []int{400, 401, 403},
		}, s.createService),
	}
	for _, k := range keyHolders {
		ops = append(ops, s.keyHolderOps(k)...)
	}
	return ops
}

func (s *Service) keyHolderOps(k keyHolder) []wire.Operation {
	create := wire.Operation{
		Method: "POST", Path: k.path, ID: "create" + k.name + "Key", Summary: "Create an API key of " + k.whose, Permission: k.permission, Auth: wire.AuthRequired,
		Description: "The key is shown this once. `scopes` bound what it may do, as patterns like `*:view`; left out, it may do what the credential may that asks for it, and never more.",
		Success:     []wire.Success{{Status: 201, Body: CreatedKeyResponse{}}}, Errors: []int{400, 401, 403},
	}
	list := wire.Operation{
		Method: "GET", Path: k.path, ID: "list" + k.name + "Keys", Summary: "List the API keys of " + k.whose, Permission: k.permission, Auth: wire.AuthRequired,
		Description: "The keys that hold, oldest first, by their first characters.",
		Success:     []wire.Success{{Status: 200, Body: KeysResponse{}}}, Errors: []int{401, 403},
	}
	revoke := wire.Operation{
		Method: "DELETE", Path: k.path + "/{prefix}", ID: "revoke" + k.name + "Key", Summary: "Revoke an API key of " + k.whose, Permission: k.permission, Auth: wire.AuthRequired,
		Description: "The key whose first characters these are: those that the list shows, or at least 4 where no other key begins with them (409). It is void at once.",
		Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 401, 403, 404, 409},
	}
	if k.typ == "" {
		return []wire.Operation{
			authOp(s, create, func(ctx context.Context, _ *auth.Authenticator, in *createKeyBody) (*wire.Reply, error) {
				return s.createKey(ctx, k, "", in)
			}),
			authOp(s, list, func(ctx context.Context, _ *auth.Authenticator, _ *struct{}) (*wire.Reply, error) {
				return s.listKeys(ctx, k, "")
			}),
			authOp(s, revoke, func(ctx context.Context, _ *auth.Authenticator, in *keyPrefixIn) (*wire.Reply, error) {
				return s.revokeKey(ctx, k, "", in.Prefix)
			}),
		}
	}
	for _, op := range []*wire.Operation{&create, &list} {
		op.Errors = append(op.Errors, 404)
	}
	list.Errors = append(list.Errors, 400)
	return []wire.Operation{
		authOp(s, create, func(ctx context.Context, _ *auth.Authenticator, in *createKeyIn) (*wire.Reply, error) {
			return s.createKey(ctx, k, in.ID, &in.createKeyBody)
		}),
		authOp(s, list, func(ctx context.Context, _ *auth.Authenticator, in *keyHolderIn) (*wire.Reply, error) {
			return s.listKeys(ctx, k, in.ID)
		}),
		authOp(s, revoke, func(ctx context.Context, _ *auth.Authenticator, in *revokeKeyIn) (*wire.Reply, error) {
			return s.revokeKey(ctx, k, in.ID, in.Prefix)
		}),
	}
}

type createKeyBody struct {
	Label  string          `json:"label" max:"100"`
	In     int64           `json:"expires_in" min:"0" max:"31536000" doc:"seconds; 0 or left out: 90 days, of an agent 365"`
	Days   int64           `json:"expires_in_days" min:"1" max:"365" doc:"the same in days"`
	Scopes []access.Action `json:"scopes" max:"100" pattern:"^(\\*|[a-z][a-z0-9_-]*):(\\*|[a-z_]+)$"`
}

type keyHolderIn struct {
	ID entity.ID `path:"id"`
}

type createKeyIn struct {
	keyHolderIn
	createKeyBody
}

type keyPrefixIn struct {
	Prefix string `path:"prefix" min:"4" max:"18"`
}

type revokeKeyIn struct {
	keyHolderIn
	keyPrefixIn
}

// CreatedKeyResponse is a new key: the only answer that ever has it.
type CreatedKeyResponse struct {
	Key string `json:"key" doc:"shown this once"`
	KeyResponse
}

// KeyResponse is what may be known of a key.
type KeyResponse struct {
	ID        string          `json:"id"`
	Prefix    string          `json:"key_prefix" alias:"prefix" doc:"its first characters"`
	Label     *string         `json:"label" doc:"null for none"`
	Scopes    []access.Action `json:"scopes" doc:"patterns of actions; empty: not bounded"`
	CreatedAt *string         `json:"created_at" doc:"null for a key that the operator chose"`
	ExpiresAt *string         `json:"expires_at" doc:"null for never"`
}

// ListedKeyResponse is a key in a list.
type ListedKeyResponse struct {
	KeyResponse
	LastUsedAt *string `json:"last_used_at" doc:"null when it was not; to about a minute"`
}

// KeysResponse is a principal's keys.
type KeysResponse struct {
	Keys []ListedKeyResponse `json:"keys"`
}

func keyResponse(i auth.KeyInfo) KeyResponse {
	r := KeyResponse{ID: i.ID, Prefix: i.Prefix, Scopes: i.Scopes, CreatedAt: timeOrNull(i.Created), ExpiresAt: timeOrNull(i.Expires)}
	if i.Label != "" {
		r.Label = &i.Label
	}
	return r
}

func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := entity.FormatTime(t)
	return &text
}

// holder is the entity whose keys are managed, when the caller may do that.
func (k keyHolder) holder(r *guard.Reader, id entity.ID) (entity.Head, error) {
	if k.typ == "" {
		id = r.Principal().ID
	}
	h, err := r.Allowed(actionOf(k.permission), id)
	switch {
	case err != nil && k.typ == "" && entity.KindOf(err) == entity.KindNotFound:
		return h, entity.Errorf(entity.KindForbidden, "native.holder", "Forbidden: this credential is nobody's here")
	case err != nil || k.typ == "":
		return h, err
	}
	return h, ofType(h, k.typ)
}

func (s *Service) createKey(ctx context.Context, k keyHolder, id entity.ID, in *createKeyBody) (*wire.Reply, error) {
	lifetime := time.Duration(in.In) * time.Second
	switch {
	case in.In != 0 && in.Days != 0:
		return nil, invalidField("give expires_in or expires_in_days, not both", "expires_in")
	case in.Days != 0:
		lifetime = time.Duration(in.Days) * 24 * time.Hour
	case in.In == 0:
		lifetime = time.Duration(k.days) * 24 * time.Hour
	}
	var body CreatedKeyResponse
	var of entity.Head
	err := s.update(ctx, func(tx txn) (err error) {
		if of, err = k.holder(tx.Reader, id); err != nil {
			return err
		}
		if of.Deleted {
			return entity.Invalid("native.createKey", "%s is deleted; restore it first", of.ID)
		}
		key, info, err := s.auth.MintKey(tx, of, tx.Principal(), auth.KeySpec{Label: in.Label, Scopes: in.Scopes, Expires: s.now().Add(lifetime)})
		body = CreatedKeyResponse{Key: key, KeyResponse: keyResponse(info)}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.auth.Tell(ctx, audit.KeyCreated, of.ID, body.Prefix)
	return secret(wire.Created(body)), nil
}

func (s *Service) listKeys(ctx context.Context, k keyHolder, id entity.ID) (*wire.Reply, error) {
	out := KeysResponse{Keys: []ListedKeyResponse{}}
	err := s.view(ctx, func(r *guard.Reader) error {
		of, err := k.holder(r, id)
		if err != nil {
			return err
		}
		keys, err := s.auth.Keys(r, of.ID)
		for _, info := range keys {
			out.Keys = append(out.Keys, ListedKeyResponse{KeyResponse: keyResponse(info), LastUsedAt: timeOrNull(info.LastUsed)})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return secret(wire.OK(out)), nil
}

func (s *Service) revokeKey(ctx context.Context, k keyHolder, id entity.ID, prefix string) (*wire.Reply, error) {
	var of entity.Head
	var shown string
	err := s.update(ctx, func(tx txn) (err error) {
		if of, err = k.holder(tx.Reader, id); err != nil {
			return err
		}
		shown, err = s.auth.RevokeKey(tx, of.ID, prefix)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.auth.Tell(ctx, audit.KeyRevoked, of.ID, shown)
	return wire.NoContent(), nil
}

type getMeIn struct {
	IfNoneMatch string `header:"If-None-Match"`
}

func (s *Service) getMe(ctx context.Context, a *auth.Authenticator, in *getMeIn) (*wire.Reply, error) {
	v, err := a.Me(ctx)
	if err != nil {
		return nil, err
	}
	etag := wire.ETag(v.CID)
	if wire.NotModified(in.IfNoneMatch, etag) {
		return wire.Unchanged(etag), nil
	}
	return replyVersion(v), nil
}

type createServiceIn struct {
	Label string `json:"label" req:"true" min:"1" max:"200"`
	Note  string `json:"note" max:"10000"`
}

func (s *Service) createService(ctx context.Context, _ *auth.Authenticator, in *createServiceIn) (*wire.Reply, error) {
	var v *entity.Version
	err := s.update(ctx, func(tx txn) (err error) {
		v, err = tx.Create(entity.Draft{Type: entity.TypeService, Properties: entity.Properties{"label": in.Label}, Note: in.Note})
		return err
	})
	if err != nil {
		return nil, err
	}
	return wire.Created(respondVersion(v)).WithETag(wire.ETag(v.CID)), nil
}
