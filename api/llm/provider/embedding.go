package provider

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"stemma/entity"
)

// mostVectors bounds an answer of vectors, in bytes.
const mostVectors = 64 << 20

// Embeds tells whether a kind has embeddings.
func (k Kind) Embeds() bool { return dialects[k] != nil && dialects[k].embed != nil }

// EmbedTransport is a transport for a client of OpenAI's POST /embeddings: whatever
// the client asks, at whichever address, the target is asked, in its own format and
// with its own key, through base; and it is answered in OpenAI's. The target's kind
// has to be one that [Kind.Embeds].
func EmbedTransport(t *Target, base http.RoundTripper) http.RoundTripper {
	return &embedTransport{t, dialects[t.Config.Kind], base}
}

type embedTransport struct {
	target *Target
	d      *dialect
	base   http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (e *embedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	const op = "provider.EmbedTransport"
	asked, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	var body Body
	if err := json.Unmarshal(asked, &body); err != nil {
		return nil, entity.Internal(op, err)
	}
	model := body.Text("model")
	call, err := e.d.embed(e.target.Config, body, model)
	if err != nil {
		return nil, err
	}
	out, err := http.NewRequestWithContext(r.Context(), http.MethodPost, e.target.url(call.Path), bytes.NewReader(call.Body))
	if err != nil {
		return nil, entity.Invalid(op, "the provider's address cannot be used: %s", e.target.Config.Base())
	}
	out.Header = http.Header{"Content-Type": {"application/json"}, "User-Agent": {"stemma"}}
	e.d.sign(e.target.Config, out.Header, e.target.Key)
	resp, err := e.base.RoundTrip(out)
	if err != nil || resp.StatusCode != http.StatusOK || e.d.vector == nil {
		return resp, err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, mostVectors))
	if err != nil {
		return nil, err
	}
	if said, err = e.d.vector(said, model); err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(said)), int64(len(said))
	resp.Header.Del("Content-Length")
	return resp, nil
}
