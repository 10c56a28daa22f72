package native

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"stemma/api/outbound"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
)

// How an endpoint shows that it is the agent's.
const (
	verificationPath = "/.well-known/arke-verification"
	verifyWithin     = time.Hour
)

func (s *Service) verifyOp() wire.Operation {
	return agentOp(s, wire.Operation{
		Method: "POST", Path: "/agents/{id}/verify", ID: "verifyAgent", Summary: "Verify an agent's endpoint",
		Description: "Without `confirm`: a token, which the endpoint has to serve within the hour at `" + verificationPath + "` as `{\"verification_token\", \"agent_id\"}`. With `confirm: true` the server looks there and sets `endpoint_verified_at`, or says what it found instead.",
		Permission:  "agent:manage", Auth: wire.AuthRequired,
		Success: []wire.Success{{Status: 200, Body: VerifyAgentResponse{}}}, Errors: []int{400, 401, 403, 404},
	}, s.verifyAgent)
}

type verifyAgentIn struct {
	ID      entity.ID `path:"id"`
	Confirm bool      `json:"confirm"`
}

// VerifyAgentResponse is a token, or what came of it.
type VerifyAgentResponse struct {
	Token        string    `json:"verification_token,omitempty"`
	AgentID      entity.ID `json:"agent_id,omitempty"`
	Endpoint     string    `json:"endpoint,omitempty"`
	Instructions string    `json:"instructions,omitempty"`
	ExpiresAt    string    `json:"expires_at,omitempty"`
	Verified     *bool     `json:"verified,omitempty"`
	VerifiedAt   string    `json:"verified_at,omitempty"`
	Error        string    `json:"error,omitempty" doc:"no_token, token_expired, fetch_failed, invalid_response, token_mismatch or agent_id_mismatch"`
	Message      string    `json:"message,omitempty"`
}

// verification is a token in the secret space.
type verification struct {
	Token    string `json:"token"`
	Endpoint string `json:"endpoint"`
	Expires  int64  `json:"expires"` // ms since 1970
}

func verificationSecret(id entity.ID) string { return "agent-verify/" + string(id) }

func readVerification(r entity.Reader, id entity.ID) (v verification, err error) {
	raw, err := r.Secret(verificationSecret(id))
	if err == nil && raw != nil {
		if json.Unmarshal(raw, &v) != nil {
			v = verification{} // as good as none
		}
	}
	return v, err
}

func (s *Service) verifyAgent(ctx context.Context, in *verifyAgentIn) (*wire.Reply, error) {
	step := s.askToken
	if in.Confirm {
		step = s.confirmToken
	}
	out, err := step(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return secret(wire.OK(out)), nil
}

// ownAgent is a live agent that the caller manages.
func ownAgent(r *guard.Reader, id entity.ID) (*entity.Manifest, error) {
	h, m, err := manifestOf(r, "agent:manage", id, entity.TypeAgent)
	switch {
	case err != nil:
		return nil, err
	case h.Deleted:
		return nil, entity.Invalid("native.verify", "agent %s is deleted; restore it first", id)
	case endpointOf(m) == "":
		return nil, entity.Invalid("native.verify", "agent %s has no endpoint; set it with PUT /agents/%s", id, id)
	}
	return m, nil
}

func (s *Service) askToken(ctx context.Context, id entity.ID) (out VerifyAgentResponse, err error) {
	var drawn [32]byte
	if _, err := io.ReadFull(s.agents.Entropy, drawn[:]); err != nil {
		return out, entity.Internal("native.verify", err)
	}
	expires := s.now().Add(verifyWithin)
	err = s.update(ctx, func(tx txn) error {
		m, err := ownAgent(tx.Reader, id)
		if err != nil {
			return err
		}
		v := verification{Token: "vt_" + hex.EncodeToString(drawn[:]), Endpoint: endpointOf(m), Expires: expires.UnixMilli()}
		raw, err := json.Marshal(v)
		if err != nil {
			return entity.Internal("native.verify", err)
		}
		tx.SetSecret(verificationSecret(id), raw)
		out = VerifyAgentResponse{
			Token: v.Token, AgentID: id, Endpoint: v.Endpoint, ExpiresAt: entity.FormatTime(expires),
			Instructions: "Serve GET " + v.Endpoint + verificationPath + ` with the JSON {"verification_token":"` + v.Token + `","agent_id":"` + string(id) + `"}, then POST /agents/` + string(id) + `/verify with {"confirm":true}.`,
		}
		return nil
	})
	return out, err
}

func notVerified(code, message string) VerifyAgentResponse {
	no := false
	return VerifyAgentResponse{Verified: &no, Error: code, Message: message}
}

// tokenOf is the token that the endpoint of now has to serve, or why there is
// none.
func (s *Service) tokenOf(r *guard.Reader, id entity.ID) (v verification, none *VerifyAgentResponse, err error) {
	m, err := ownAgent(r, id)
	if err != nil {
		return v, nil, err
	}
	if v, err = readVerification(r, id); err != nil {
		return v, nil, err
	}
	var no VerifyAgentResponse
	switch {
	case v.Token == "":
		no = notVerified("no_token", "there is no token; ask for one without confirm")
	case v.Endpoint != endpointOf(m):
		no = notVerified("no_token", "the token was for another endpoint; ask for a new one without confirm")
	case s.now().UnixMilli() >= v.Expires:
		no = notVerified("token_expired", "the token is older than an hour; ask for a new one without confirm")
	default:
		return v, nil, nil
	}
	return v, &no, nil
}

// confirmToken looks at the endpoint, outside of any transaction, and then makes
// sure that nothing has changed meanwhile.
func (s *Service) confirmToken(ctx context.Context, id entity.ID) (out VerifyAgentResponse, err error) {
	var v verification
	var none *VerifyAgentResponse
	err = s.view(ctx, func(r *guard.Reader) error {
		v, none, err = s.tokenOf(r, id)
		return err
	})
	if err != nil {
		return out, err
	}
	if none != nil {
		return *none, nil
	}
	if bad := s.fetchToken(ctx, v, id); bad != nil {
		return *bad, nil
	}
	err = s.update(ctx, func(tx txn) error {
		now, none, err := s.tokenOf(tx.Reader, id)
		if err != nil {
			return err
		}
		if none == nil && now.Token != v.Token {
			bad := notVerified("token_mismatch", "another token was asked for meanwhile")
			none = &bad
		}
		if none != nil {
			out = *none
			return nil
		}
		at := entity.FormatTime(s.now())
		tx.Vouch(id)
		if _, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
			m.Properties[guard.AgentVerified] = at
			return nil
		}); err != nil {
			return err
		}
		tx.DeleteSecret(verificationSecret(id))
		yes := true
		out = VerifyAgentResponse{Verified: &yes, VerifiedAt: at}
		return nil
	})
	return out, err
}

// fetchToken asks the endpoint; nil when it serves the token.
func (s *Service) fetchToken(ctx context.Context, v verification, id entity.ID) *VerifyAgentResponse {
	fail := func(code, message string) *VerifyAgentResponse {
		r := notVerified(code, message)
		return &r
	}
	res, err := s.agents.Client.Do(ctx, outbound.Request{Method: http.MethodGet, URL: v.Endpoint + verificationPath, Header: http.Header{"Accept": {"application/json"}}})
	if err != nil {
		text, _ := describe(err)
		return fail("fetch_failed", text)
	}
	if res.Status != http.StatusOK {
		return fail("fetch_failed", "GET "+v.Endpoint+verificationPath+" answers "+itoa(int64(res.Status))+"; 200 was expected")
	}
	served, ok := objectOf(res.Body)
	token, isText := served["verification_token"].(string)
	of, named := served["agent_id"].(string)
	switch {
	case !ok || !isText || !named:
		return fail("invalid_response", `the endpoint must answer the JSON {"verification_token":"vt_…","agent_id":"`+string(id)+`"}`)
	case token != v.Token:
		return fail("token_mismatch", "the endpoint serves another token than the one that was given out last")
	case of != string(id):
		return fail("agent_id_mismatch", "the endpoint serves another agent_id than "+string(id))
	}
	return nil
}
