package vector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"stemma/entity"
)

// The wire format of Qdrant, as far as it is spoken here
// (https://api.qdrant.tech, version 1.12 and later).
type (
	wirePayload struct {
		ID         entity.ID `json:"id,omitempty"`
		Type       string    `json:"type,omitempty"`
		Collection string    `json:"collection,omitempty"`
		Space      string    `json:"space,omitempty"`  // of the meta point
		Cursor     string    `json:"cursor,omitempty"` // decimal; JSON numbers end at 2^53
	}
	wirePoint struct {
		ID      string      `json:"id"`
		Vector  []float32   `json:"vector,omitempty"`
		Payload wirePayload `json:"payload"`
		Score   float64     `json:"score,omitempty"`
	}
	wireUpsert struct {
		Points []wirePoint `json:"points"`
	}
	wireDelete struct {
		Points []string `json:"points"`
	}
	wireVectors struct {
		Size     int    `json:"size"`
		Distance string `json:"distance"`
	}
	wireCreate struct {
		Vectors wireVectors `json:"vectors"`
	}
	wireIndex struct {
		Field  string `json:"field_name"`
		Schema string `json:"field_schema"`
	}
	wireInfo struct {
		Config struct {
			Params struct {
				Vectors wireVectors `json:"vectors"`
			} `json:"params"`
		} `json:"config"`
	}
	wireMatch struct {
		Any []string `json:"any"`
	}
	wireCondition struct {
		Key    string          `json:"key,omitempty"`
		Match  *wireMatch      `json:"match,omitempty"`
		HasID  []string        `json:"has_id,omitempty"`
		Should []wireCondition `json:"should,omitempty"`
	}
	wireFilter struct {
		Must    []wireCondition `json:"must,omitempty"`
		MustNot []wireCondition `json:"must_not,omitempty"`
	}
	wireQuery struct {
		Query       []float32  `json:"query"`
		Filter      wireFilter `json:"filter"`
		Limit       int        `json:"limit"`
		Offset      int        `json:"offset"`
		WithPayload bool       `json:"with_payload"`
	}
	wireScroll struct {
		Filter      wireFilter `json:"filter"`
		Limit       int        `json:"limit"`
		Offset      *string    `json:"offset,omitempty"` // the id to begin with
		WithPayload bool       `json:"with_payload"`
		WithVector  bool       `json:"with_vector"`
	}
	wirePage struct {
		Points []wirePoint `json:"points"`
		Next   *string     `json:"next_page_offset"`
	}
	wireFacetRequest struct {
		Key   string `json:"key"`
		Limit int    `json:"limit"`
		Exact bool   `json:"exact"`
	}
	wireFacet struct {
		Hits []struct {
			Value string `json:"value"`
		} `json:"hits"`
	}
	wireCountRequest struct {
		Exact bool `json:"exact"`
	}
	wireCount struct {
		Count int `json:"count"`
	}
)

// mostAnswer bounds an answer: a page of 1024 rows of 65536 dimensions would not
// fit, one of any model there is does.
const mostAnswer = 128 << 20

// call is find where what is asked about must be there: that it is not is a
// fault of the service.
func (q *Qdrant) call(ctx context.Context, method, path string, ask, result any) error {
	err := q.find(ctx, method, path, ask, result)
	if err != nil && entity.KindOf(err) == entity.KindNotFound {
		return unavailable(err)
	}
	return err
}

// find sends a request about the collection and reads the "result" of the
// answer.
func (q *Qdrant) find(ctx context.Context, method, path string, ask, result any) error {
	const op = "vector.Qdrant"
	var body io.Reader
	if ask != nil {
		text, err := json.Marshal(ask)
		if err != nil {
			return entity.Internal(op, err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, q.base+path, body)
	if err != nil {
		return entity.Internal(op, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.o.Key != "" {
		req.Header.Set("api-key", q.o.Key)
	}
	resp, err := q.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return done(op, ctx.Err())
		}
		return unavailable(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer+1))
	switch {
	case ctx.Err() != nil:
		return done(op, ctx.Err())
	case err != nil:
		return unavailable(err)
	case len(text) > mostAnswer:
		return entity.Internal(op, fmt.Errorf("an answer of more than %d bytes", mostAnswer))
	case resp.StatusCode != http.StatusOK:
		return refusal(resp.StatusCode, text)
	case result == nil:
		return nil
	}
	answer := struct {
		Result any `json:"result"`
	}{result}
	if err := json.Unmarshal(text, &answer); err != nil {
		return entity.Internal(op, err)
	}
	return nil
}

func unavailable(err error) error {
	return &entity.Error{Kind: entity.KindUnavailable, Op: "vector.Qdrant", Message: "the vector store does not answer", Err: err}
}

// refusal is the error of a status; the service says why in "status".
func refusal(code int, text []byte) error {
	const op = "vector.Qdrant"
	err := fmt.Errorf("status %d: %.300s", code, bytes.ToValidUTF8(text, nil))
	switch {
	case code == http.StatusNotFound:
		return &entity.Error{Kind: entity.KindNotFound, Op: op, Err: err}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: "the vector store does not take our key", Err: err}
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return unavailable(err)
	}
	return entity.Internal(op, errors.Join(errors.New("the vector store refused a request"), err))
}
