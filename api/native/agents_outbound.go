package native

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"

	"golang.org/x/sync/singleflight"

	"stemma/api/outbound"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

// AgentOptions are what calling agents takes.
type AgentOptions struct {
	Client   *outbound.Client
	BaseURL  string    // of this server, for agents to call
	ReadOnly bool      // writes nothing: what agents answer is passed on and not kept
	Entropy  io.Reader // nil: [rand.Reader]
}

// calling is what calls agents.
type calling struct {
	AgentOptions
	polls  singleflight.Group
	recent recentStatuses
}

// WithAgents joins what calls agents to the view. Without it the operations that
// call agents are documented and answer 501.
func (s *Service) WithAgents(o AgentOptions) *Service {
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	s.agents = &calling{AgentOptions: o}
	return s
}

// agentOp is a row whose handler calls agents.
func agentOp[In any](s *Service, op wire.Operation, h func(ctx context.Context, in *In) (*wire.Reply, error)) wire.Operation {
	op.Tag = tagAgents
	return wire.Op(op, func(ctx context.Context, in *In) (*wire.Reply, error) {
		if s.agents == nil {
			return nil, entity.Errorf(entity.KindNotImplemented, "native.agents", "this server calls no agents")
		}
		return h(ctx, in)
	})
}

// signingSecret is where the key is that signs calls of agents, of both networks:
// an agent asks for it without saying which. In the main network.
const signingSecret = "agent-signing"

// signingKey is the key that signs calls, made at the first need.
func (s *Service) signingKey(ctx context.Context) (key ed25519.PrivateKey, err error) {
	const op = "native.signingKey"
	store := s.networks[entity.Main].Store
	read := func(r entity.Reader) error {
		seed, err := r.Secret(signingSecret)
		if err == nil && len(seed) == ed25519.SeedSize {
			key = ed25519.NewKeyFromSeed(seed)
		}
		return err
	}
	if err := store.View(ctx, read); err != nil || key != nil {
		return key, err
	}
	if s.agents.ReadOnly {
		return nil, entity.NotFound(op, "this server is read-only and calls no agents: it has no signing key")
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(s.agents.Entropy, seed); err != nil {
		return nil, entity.Internal(op, err)
	}
	_, err = store.Update(ctx, entity.Actor{}, func(tx entity.Tx) error {
		key = nil
		if err := read(tx); err != nil || key != nil {
			return err // somebody was faster
		}
		tx.SetSecret(signingSecret, seed)
		key = ed25519.NewKeyFromSeed(seed)
		return nil
	})
	return key, err
}

// SigningKeyResponse is the key that verifies our calls.
type SigningKeyResponse struct {
	PublicKey string `json:"public_key" doc:"base64 of the 32 bytes"`
	Algorithm string `json:"algorithm" doc:"Ed25519"`
	KeyID     string `json:"key_id"`
}

func (s *Service) signingKeyOp() wire.Operation {
	return agentOp(s, wire.Operation{
		Method: "GET", Path: "/.well-known/signing-key", ID: "signingKey", Summary: "The key that verifies calls of agents",
		Description: "Calls have the header `X-Arke-Signature: t=<unix seconds>,v1=<base64>`: an Ed25519 signature over the seconds, a dot and the body as it was sent. Refuse one that is older than 300 seconds or more than 60 ahead. Keep the key for an hour at most.",
		Success:     []wire.Success{{Status: 200, Body: SigningKeyResponse{}}}, Errors: []int{404},
	}, func(ctx context.Context, _ *struct{}) (*wire.Reply, error) {
		key, err := s.signingKey(ctx)
		if err != nil {
			return nil, err
		}
		public := key.Public().(ed25519.PublicKey)
		sum := sha256.Sum256(public)
		return wire.OK(SigningKeyResponse{PublicKey: base64.StdEncoding.EncodeToString(public), Algorithm: "Ed25519", KeyID: hex.EncodeToString(sum[:8])}), nil
	})
}

// endpointOf is where an agent is called, "" for nowhere.
func endpointOf(m *entity.Manifest) string {
	text, _ := m.Properties[guard.AgentEndpoint].(string)
	return strings.TrimRight(text, "/")
}

// objectOf reads an answer that has to be a JSON object.
func objectOf(body []byte) (map[string]any, bool) {
	v, err := entity.ParseJSON(body, 0)
	obj, ok := v.(map[string]any)
	return obj, err == nil && ok
}
