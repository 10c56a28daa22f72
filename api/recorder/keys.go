package recorder

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"stemma/api/auth"
	"stemma/api/auth/audit"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
)

const tagKeys = "Recorder: API keys"

// recordingScopes are what a key is for where nothing is asked for: to record,
// and to look at what was recorded.
var recordingScopes = []access.Action{"run:view", "run:create", "run:record", "session:view", "session:create", "agent:view", "agent:create"}

func (s *Service) keyOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "GET", Path: "/api/api-keys", ID: "listRecorderKeys", Tag: tagKeys, Summary: "List your recording keys", Permission: "user:credentials", Auth: wire.AuthRequired,
			Description: "Those that hold, oldest first, by their first characters.",
			Success:     []wire.Success{{Status: 200, Body: KeysResponse{}}}, Errors: []int{401, 403},
		}, s.listKeys),
		wire.Op(wire.Operation{
			Method: "POST", Path: "/api/api-keys", ID: "createRecorderKey", Tag: tagKeys, Summary: "Create a recording key", Permission: "user:credentials", Auth: wire.AuthRequired,
			Description: "The key, `ark_live_…`, is shown this once. It may record and look at recordings, or what `scopes` say, and never more than the credential that asks for it. Without `expires_in_days` it does not end.",
			Success:     []wire.Success{{Status: 201, Body: CreatedKeyResponse{}}}, Errors: []int{400, 401, 403},
		}, s.createKey),
		wire.Op(wire.Operation{
			Method: "DELETE", Path: "/api/api-keys/{id}", ID: "revokeRecorderKey", Tag: tagKeys, Summary: "Revoke a recording key", Permission: "user:credentials", Auth: wire.AuthRequired,
			Description: "By its `id`, or its first characters as the list shows them. It is void at once.",
			Success:     []wire.Success{{Status: 204}}, Errors: []int{400, 401, 403, 404},
		}, s.revokeKey),
	}
}

type createKeyIn struct {
	Name   string          `json:"name" alias:"label" max:"100"`
	Days   int64           `json:"expires_in_days" min:"1" max:"3650"`
	Scopes []access.Action `json:"scopes" max:"100" pattern:"^(\\*|[a-z][a-z0-9_-]*):(\\*|[a-z_]+)$"`
}

// KeyResponse is what may be known of a key.
type KeyResponse struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Prefix     string          `json:"key_prefix" doc:"its first characters"`
	Scopes     []access.Action `json:"scopes" doc:"patterns of actions"`
	CreatedAt  *string         `json:"created_at"`
	ExpiresAt  *string         `json:"expires_at" doc:"null for never"`
	LastUsedAt *string         `json:"last_used_at" doc:"null when it was not; to about a minute"`
}

// CreatedKeyResponse is a new key: the only answer that ever has it.
type CreatedKeyResponse struct {
	Key string `json:"key" doc:"shown this once"`
	KeyResponse
}

// KeysResponse is the caller's recording keys.
type KeysResponse struct {
	Keys []KeyResponse `json:"keys"`
}

func keyResponse(i auth.KeyInfo) KeyResponse {
	return KeyResponse{ID: i.ID, Name: i.Label, Prefix: i.Prefix, Scopes: i.Scopes, CreatedAt: timeOrNull(i.Created), ExpiresAt: timeOrNull(i.Expires), LastUsedAt: timeOrNull(i.LastUsed)}
}

func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := entity.FormatTime(t)
	return &text
}

func actionOf(s string) access.Action { return access.Action(s) }

// holder is the caller's entity, when its credentials are its own to manage.
func holder(r *guard.Reader) (entity.Head, error) {
	h, err := r.Allowed("user:credentials", r.Principal().ID)
	if err != nil && entity.KindOf(err) == entity.KindNotFound {
		err = entity.Errorf(entity.KindForbidden, "recorder.holder", "Forbidden: this credential is nobody's here")
	}
	return h, err
}

func (s *Service) createKey(ctx context.Context, in *createKeyIn) (*wire.Reply, error) {
	spec := auth.KeySpec{Form: auth.RecorderForm, Label: in.Name, Scopes: in.Scopes}
	if len(spec.Scopes) == 0 {
		spec.Scopes = recordingScopes
	}
	for i, a := range spec.Scopes {
		if err := access.CheckPattern(a); err != nil {
			return nil, invalidField(err.(*entity.Error).Message, "scopes", i)
		}
	}
	if in.Days > 0 {
		spec.Expires = s.now().Add(time.Duration(in.Days) * 24 * time.Hour)
	}
	var body CreatedKeyResponse
	err := s.update(ctx, func(tx *guard.Tx) error {
		of, err := holder(tx.Reader)
		if err != nil {
			return err
		}
		// The key has no right to make the collection that it records in.
		if _, err := ensureRecordings(tx); err != nil {
			return err
		}
		key, info, err := s.auth.MintKey(tx, of, tx.Principal(), spec)
		body = CreatedKeyResponse{Key: key, KeyResponse: keyResponse(info)}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.auth.Tell(ctx, audit.KeyCreated, auth.From(ctx).ID, body.Prefix)
	return secret(wire.Created(body)), nil
}

// recorderKeys are the caller's keys of this view's form.
func (s *Service) recorderKeys(r *guard.Reader) ([]auth.KeyInfo, error) {
	of, err := holder(r)
	if err != nil {
		return nil, err
	}
	all, err := s.auth.Keys(r, of.ID)
	return slices.DeleteFunc(all, func(i auth.KeyInfo) bool { return !strings.HasPrefix(i.Prefix, string(auth.RecorderForm)) }), err
}

func (s *Service) listKeys(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	out := KeysResponse{Keys: []KeyResponse{}}
	err := s.view(ctx, func(r *guard.Reader) error {
		keys, err := s.recorderKeys(r)
		for _, info := range keys {
			out.Keys = append(out.Keys, keyResponse(info))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return secret(wire.OK(out)), nil
}

type revokeKeyIn struct {
	ID string `path:"id" max:"100"`
}

func (s *Service) revokeKey(ctx context.Context, in *revokeKeyIn) (*wire.Reply, error) {
	var shown string
	err := s.update(ctx, func(tx *guard.Tx) error {
		keys, err := s.recorderKeys(tx.Reader)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(keys, func(k auth.KeyInfo) bool { return k.ID == in.ID || k.Prefix == in.ID })
		if i < 0 {
			return entity.NotFound("recorder.revokeKey", "there is no key %q; GET /api/api-keys lists those there are", in.ID)
		}
		shown, err = s.auth.RevokeKey(tx, auth.From(ctx).ID, keys[i].Prefix)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.auth.Tell(ctx, audit.KeyRevoked, auth.From(ctx).ID, shown)
	return wire.NoContent(), nil
}

// secret marks an answer as one that nobody keeps.
func secret(r *wire.Reply) *wire.Reply {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Cache-Control", "no-store")
	return r
}
