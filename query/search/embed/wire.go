package embed

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"

	"stemma/entity"
)

// mostDimensions is more than any model has; services are not believed beyond.
const mostDimensions = 1 << 14

// The wire format of POST /v1/embeddings, as OpenAI documents it
// (https://platform.openai.com/docs/api-reference/embeddings/create).
type (
	wireRequest struct {
		Model      string   `json:"model"`
		Input      []string `json:"input"`
		Dimensions int      `json:"dimensions,omitempty"`
		Encoding   string   `json:"encoding_format,omitempty"`
	}
	wireAnswer struct {
		Data []struct {
			Index     *int            `json:"index"`
			Embedding json.RawMessage `json:"embedding"` // numbers, or base64 of float32
		} `json:"data"`
	}
)

// once sends one request. The error is a [*passing] or an [*entity.Error].
func (r *Remote) once(ctx context.Context, texts []string) ([][]float32, error) {
	const op = "embed.Remote"
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	ask := wireRequest{Model: r.o.Model, Input: texts}
	if r.o.AskDimensions {
		ask.Dimensions = r.o.Dimensions
	}
	if r.o.AskBase64 {
		ask.Encoding = "base64"
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return nil, entity.Internal(op, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if r.o.Key != "" {
		req.Header.Set("Authorization", "Bearer "+r.o.Key)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, &passing{err: err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, r.refusal(resp)
	}
	return r.read(resp.Body, len(texts))
}

// refusal is the error of an answer that is none.
func (r *Remote) refusal(resp *http.Response) error {
	const op, most = "embed.Remote", 500
	text, _ := io.ReadAll(io.LimitReader(resp.Body, most)) // the status says enough
	cause := fmt.Errorf("status %d: %s", resp.StatusCode, bytes.ToValidUTF8(text, nil))
	fail := func(kind entity.Kind, format string) error {
		return &entity.Error{Kind: kind, Op: op, Message: fmt.Sprintf(format, r.o.Name, resp.StatusCode), Err: cause}
	}
	switch code := resp.StatusCode; {
	case code == http.StatusRequestTimeout, code == http.StatusConflict, code == http.StatusTooEarly,
		code == http.StatusTooManyRequests, code >= 500:
		return &passing{err: cause, after: retryAfter(resp.Header, r.o.Now())}
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		return fail(entity.KindInvalid, "the embedding service %s does not take this text (status %d)")
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fail(entity.KindUnavailable, "the embedding service %s does not take our key (status %d)")
	case code == http.StatusNotFound:
		return fail(entity.KindUnavailable, "the embedding service %s does not know the model, or its base URL is another (status %d)")
	default:
		return fail(entity.KindUnavailable, "the embedding service %s answered with status %d")
	}
}

// read is the vectors of an answer for n texts, in their order.
func (r *Remote) read(body io.Reader, n int) ([][]float32, error) {
	dims := int(r.dims.Load())
	if dims == 0 {
		dims = mostDimensions
	}
	most := int64(n*dims*32 + 1<<20) // a number has at most 25 characters
	text, err := io.ReadAll(io.LimitReader(body, most+1))
	if err != nil {
		return nil, &passing{err: err} // broken off
	}
	if int64(len(text)) > most {
		return nil, r.unusable(fmt.Errorf("more than %d bytes for %d texts", most, n))
	}
	var answer wireAnswer
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, r.unusable(err)
	}
	if len(answer.Data) != n {
		return nil, r.unusable(fmt.Errorf("%d vectors for %d texts", len(answer.Data), n))
	}
	vectors := make([][]float32, n)
	for at, d := range answer.Data {
		if d.Index != nil {
			at = *d.Index
		}
		if at < 0 || at >= n || vectors[at] != nil {
			return nil, r.unusable(fmt.Errorf("no vector, or two, for a text: index %d of %d", at, n))
		}
		v, err := floats(d.Embedding)
		if err == nil {
			err = r.fits(v)
		}
		if err != nil {
			return nil, r.unusable(err)
		}
		vectors[at] = v
	}
	return vectors, nil
}

func (r *Remote) unusable(err error) error {
	return &entity.Error{Kind: entity.KindInternal, Op: "embed.Remote",
		Message: fmt.Sprintf("the embedding service %s gave an answer that cannot be used", r.o.Name), Err: err}
}

// fits checks the dimensions of v, learns them when they are not known, and
// makes v of length 1, unless it is all zeros.
func (r *Remote) fits(v []float32) error {
	if len(v) == 0 || len(v) > mostDimensions {
		return fmt.Errorf("a vector of %d dimensions", len(v))
	}
	r.dims.CompareAndSwap(0, int64(len(v)))
	if want := int(r.dims.Load()); len(v) != want {
		return fmt.Errorf("a vector of %d dimensions in a space of %d", len(v), want)
	}
	var square float64
	for _, f := range v {
		square += float64(f) * float64(f)
	}
	if math.IsNaN(square) || math.IsInf(square, 0) {
		return errors.New("a vector that is not finite")
	}
	if square > 0 {
		length := math.Sqrt(square)
		for i, f := range v {
			v[i] = float32(float64(f) / length)
		}
	}
	return nil
}

// floats reads an embedding in either form.
func floats(raw json.RawMessage) ([]float32, error) {
	var v []float32
	if len(raw) == 0 || raw[0] != '"' {
		return v, json.Unmarshal(raw, &v)
	}
	var b []byte // encoding/json reads base64 into it
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, err
	}
	if len(b)%4 != 0 {
		return nil, base64.CorruptInputError(len(b))
	}
	v = make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}
