package tenant

import (
	"github.com/fxamacker/cbor/v2"

	"stemma/api/llm/provider"
	"stemma/entity"
)

// serverSecret is where the secret space has [Server].
const serverSecret = "gateway/settings"

// Server is what the operator says for all tenants.
type Server struct {
	NoSignups          bool
	EmbedderProvider   string
	EmbedderModel      string
	EmbedderURL        string    // "": the kind's
	EmbedderID         entity.ID // of one of the operator's providers, in place of a kind
	EmbedderDimensions int       // 0: those that are known of the model
	UpdatedAt          int64     // ms since 1970; 0: never
	UpdatedBy          entity.ID
}

// ServerSettings reads them; the zero value where none were written.
func ServerSettings(r entity.Reader) (s Server, err error) {
	b, err := r.Secret(serverSecret)
	if err != nil || b == nil {
		return s, err
	}
	if err := cbor.Unmarshal(b, &s); err != nil {
		return s, entity.Internal("tenant.ServerSettings", err)
	}
	return s, nil
}

// EmbedderCredential is what the key of the embedder is kept under; see
// [provider.Credential].
const EmbedderCredential entity.ID = "embedder"

// Embedder is the embedder of tenants that name none, as the operator configured
// it; nil for none, or one of the operator's providers.
func (s Server) Embedder() *provider.Config {
	if s.EmbedderProvider == "" {
		return nil
	}
	return &provider.Config{Kind: provider.Kind(s.EmbedderProvider), BaseURL: s.EmbedderURL, Model: s.EmbedderModel}
}

// Closed tells that the operator lets nobody new make an account.
func Closed(r entity.Reader) (bool, error) {
	s, err := ServerSettings(r)
	return s.NoSignups, err
}

// Put writes them.
func (s Server) Put(tx entity.Tx) error {
	b, err := cbor.Marshal(s)
	if err != nil {
		return entity.Internal("tenant.ServerSettings", err)
	}
	tx.SetSecret(serverSecret, b)
	return nil
}
