package tenant

import (
	"github.com/fxamacker/cbor/v2"

	"stemma/entity"
)

// serverSecret is where the secret space has [Server].
const serverSecret = "gateway/settings"

// Server is what the operator says for all tenants.
type Server struct {
	NoSignups        bool
	EmbedderProvider string
	EmbedderModel    string
	EmbedderID       entity.ID // of one of the operator's providers
	UpdatedAt        int64     // ms since 1970; 0: never
	UpdatedBy        entity.ID
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

// Put writes them.
func (s Server) Put(tx entity.Tx) error {
	b, err := cbor.Marshal(s)
	if err != nil {
		return entity.Internal("tenant.ServerSettings", err)
	}
	tx.SetSecret(serverSecret, b)
	return nil
}
