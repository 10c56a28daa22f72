package admin

import (
	"cmp"
	"context"

	"stemma/api/llm/provider"
	"stemma/api/llm/tenant"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

func (s *Service) settingsOps() []wire.Operation {
	return []wire.Operation{
		wire.Op(row(wire.Operation{
			Method: "GET", Path: "/settings", ID: "adminGetSettings", Summary: "Get what holds for all tenants", Permission: administer,
			Success: []wire.Success{{Status: 200, Body: Settings{}}},
		}), s.getSettings),
		wire.Op(row(wire.Operation{
			Method: "PUT", Path: "/settings", ID: "adminSetSettings", Summary: "Change what holds for all tenants", Permission: administer,
			Description: "What is left out stays, an empty text takes away. `signupsEnabled` is about accounts that anybody makes, at the portal, at `/auth/signup` and with tokens of other issuers at `/auth/register`; invitations still let people in. A server that was started with `--signups=false` stays closed. The default embedder is one of the providers, or a kind with a model and a key: it embeds the knowledge bases of tenants that name none of their own, before what `STEMMA_EMBEDDINGS_URL` says. With another one they are embedded again, behind the server.",
			Success:     []wire.Success{{Status: 200, Body: Settings{}}}, Errors: []int{400, 503},
		}), s.setSettings),
	}
}

// Settings are what the operator says for all tenants.
type Settings struct {
	Signups          bool       `json:"signupsEnabled"`
	EmbedderProvider *string    `json:"defaultEmbedderProvider"`
	EmbedderModel    *string    `json:"defaultEmbedderModel"`
	EmbedderURL      *string    `json:"defaultEmbedderBaseUrl"`
	Dimensions       *int       `json:"defaultEmbedderDimensions" doc:"of its vectors; null without one"`
	EmbedderKey      *string    `json:"defaultEmbedderApiKey" doc:"dots where a key is kept, else null"`
	EmbedderID       *entity.ID `json:"defaultEmbedderProviderId"`
	UpdatedAt        *string    `json:"updatedAt"`
	UpdatedBy        *entity.ID `json:"updatedByAdminId"`
}

func (s *Service) settings(r entity.Reader) (out Settings, err error) {
	got, err := tenant.ServerSettings(r)
	if err != nil {
		return out, err
	}
	out = Settings{
		EmbedderProvider: orNull(got.EmbedderProvider), EmbedderModel: orNull(got.EmbedderModel), EmbedderURL: orNull(got.EmbedderURL), EmbedderID: orNull(got.EmbedderID), UpdatedBy: orNull(got.UpdatedBy),
	}
	if got.EmbedderModel != "" {
		dimensions := cmp.Or(got.EmbedderDimensions, tenant.DimensionsOf(got.EmbedderModel))
		out.Dimensions = &dimensions
	}
	if got.UpdatedAt != 0 {
		out.UpdatedAt = orNull(entity.FormatMillis(got.UpdatedAt))
	}
	if out.Signups, err = s.Auth.SignupsOpen(r); err != nil {
		return out, err
	}
	out.EmbedderKey, err = masked(r, tenant.EmbedderCredential)
	return out, err
}

func (s *Service) getSettings(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
	var out Settings
	err := s.view(ctx, func(r *guard.Reader) (err error) {
		out, err = s.settings(r)
		return err
	})
	return secret(wire.OK(out)), err
}

type setSettingsIn struct {
	Signups  *bool   `json:"signupsEnabled" alias:"signups_enabled"`
	Provider *string `json:"defaultEmbedderProvider"`
	Model    *string `json:"defaultEmbedderModel" max:"200"`
	URL      *string `json:"defaultEmbedderBaseUrl" max:"2000"`
	Dims     *int    `json:"defaultEmbedderDimensions" min:"1" max:"16384" doc:"of its vectors, where the model is one that is not known"`
	Key      *string `json:"defaultEmbedderApiKey" max:"4096" doc:"kept sealed and never shown; dots leave it as it is"`
	ID       *string `json:"defaultEmbedderProviderId"`
}

func (s *Service) setSettings(ctx context.Context, in *setSettingsIn) (*wire.Reply, error) {
	if *in == (setSettingsIn{}) {
		return nil, entity.Invalid("admin.setSettings", "nothing is to change: give signupsEnabled, or what the default embedder is")
	}
	var out Settings
	err := s.update(ctx, func(tx *guard.Tx) error {
		got, err := tenant.ServerSettings(tx)
		if err != nil {
			return err
		}
		before := got.Embedder()
		if in.Signups != nil {
			got.NoSignups = !*in.Signups
		}
		if err := in.embedder(tx, &got); err != nil {
			return err
		}
		if err := s.embedderKey(tx, in, before, got.Embedder()); err != nil {
			return err
		}
		got.UpdatedAt, got.UpdatedBy = tx.At().UnixMilli(), tx.Principal().ID
		if err := got.Put(tx); err != nil {
			return err
		}
		if out, err = s.settings(tx); err == nil && in.Signups != nil && *in.Signups != out.Signups {
			err = issue("signupsEnabled", "this server was started with --signups=false and takes no new accounts; start it without")
		}
		return err
	})
	if err == nil && s.Embedder != nil && in.changesEmbedder() {
		s.Embedder(wire.NetworkOf(ctx))
	}
	return secret(wire.OK(out)), err
}

func (in *setSettingsIn) changesEmbedder() bool {
	return in.Provider != nil || in.Model != nil || in.URL != nil || in.Dims != nil || in.Key != nil || in.ID != nil
}

// embedder puts what the request says of it into the settings: a provider of the
// operator's takes the place of a kind, and the other way round.
func (in *setSettingsIn) embedder(r entity.Reader, got *tenant.Server) error {
	given := func(s *string) bool { return s != nil && *s != "" }
	if given(in.ID) && given(in.Provider) {
		return issue("defaultEmbedderProviderId", "give defaultEmbedderProviderId or defaultEmbedderProvider, not both")
	}
	if given(in.Model) && *in.Model != got.EmbedderModel {
		got.EmbedderDimensions = 0 // of the former
	}
	if in.Dims != nil {
		got.EmbedderDimensions = *in.Dims
	}
	for text, into := range map[*string]*string{in.Provider: &got.EmbedderProvider, in.Model: &got.EmbedderModel, in.URL: &got.EmbedderURL} {
		if text != nil {
			*into = *text
		}
	}
	switch {
	case given(in.ID):
		if _, err := providerOf(r, entity.ID(*in.ID)); entity.KindOf(err) == entity.KindNotFound {
			return issue("defaultEmbedderProviderId", "there is no provider %.40s; GET %s/providers lists those that there are", *in.ID, base)
		} else if err != nil {
			return err
		}
		got.EmbedderID, got.EmbedderProvider, got.EmbedderURL = entity.ID(*in.ID), "", ""
	case in.ID != nil || given(in.Provider):
		got.EmbedderID = ""
	}
	c := got.Embedder()
	switch {
	case c == nil && got.EmbedderID == "":
		got.EmbedderModel, got.EmbedderURL, got.EmbedderDimensions = "", "", 0
		return nil
	case got.EmbedderModel == "":
		return issue("defaultEmbedderModel", "say which model embeds, like text-embedding-3-small")
	case got.EmbedderDimensions == 0 && tenant.DimensionsOf(got.EmbedderModel) == 0:
		return issue("defaultEmbedderDimensions", "say how many dimensions the vectors of %.100s have", got.EmbedderModel)
	case c == nil:
		return nil
	case c.Kind == provider.Anthropic:
		return issue("defaultEmbedderProvider", "anthropic has no embeddings; choose openai, azure, ollama or gemini")
	}
	return c.Check()
}

// embedderKey keeps the key that the request brings, or drops one that was for
// somewhere else.
func (s *Service) embedderKey(tx *guard.Tx, in *setSettingsIn, before, now *provider.Config) error {
	key := in.Key
	if isMask(key) {
		key = nil
	}
	switch {
	case key != nil && *key != "" && now == nil:
		return issue("defaultEmbedderApiKey", "a key goes with defaultEmbedderProvider; a provider of the operator's has its own")
	case key != nil:
		return provider.SetCredential(tx, s.Box, tenant.EmbedderCredential, now, *key)
	case now == nil || before == nil || before.Kind != now.Kind || before.Base() != now.Base():
		return provider.SetCredential(tx, s.Box, tenant.EmbedderCredential, nil, "")
	}
	return nil
}
