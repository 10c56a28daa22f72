package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"stemma/entity"
)

// client calls the API. A call that the server, or the network, could not do is
// tried again a few times.
type client struct {
	http    *http.Client
	server  string
	key     string
	network entity.Network
}

const (
	tries     = 5
	backoff   = 100 * time.Millisecond // before the second try, doubled for each more
	maxAnswer = 64 << 20
)

func (c *client) do(ctx context.Context, method, path string, body, out any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return entity.Internal("agent.do", err)
		}
	}
	for try := 1; ; try++ {
		again, err := c.once(ctx, method, path, text, out)
		if !again || try == tries {
			return err
		}
		if !pause(ctx, try) {
			return err
		}
	}
}

// pause waits before the next try, for half to all of its time; false when ctx is
// done first.
func pause(ctx context.Context, try int) bool {
	full := backoff << (try - 1)
	t := time.NewTimer(full/2 + rand.N(full/2))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (c *client) once(ctx context.Context, method, path string, text []byte, out any) (again bool, err error) {
	const op = "agent.do"
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(text))
	if err != nil {
		return false, entity.Internal(op, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Authorization", "ApiKey "+c.key)
	}
	if c.network != "" {
		req.Header.Set("X-Arke-Network", string(c.network))
	}
	res, err := c.http.Do(req)
	if err != nil {
		return ctx.Err() == nil, &entity.Error{Kind: entity.KindUpstream, Op: op, Message: "the server does not answer", Err: err}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return ctx.Err() == nil, &entity.Error{Kind: entity.KindUpstream, Op: op, Message: "the server's answer was cut", Err: err}
	case res.StatusCode >= 300:
		return res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests, refusal(res.StatusCode, answer)
	case out == nil:
		return false, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return false, &entity.Error{Kind: entity.KindUpstream, Op: op, Message: "the server's answer cannot be read", Err: err}
	}
	return false, nil
}

// refusal is an answer that is none.
func refusal(status int, answer []byte) error {
	var e struct{ Error, Code string }
	if json.Unmarshal(answer, &e) != nil || e.Error == "" {
		e.Error = http.StatusText(status)
	}
	kind := entity.KindUpstream
	switch {
	case e.Code == "CAS_FAILURE":
		kind = entity.KindConflict
	case status == http.StatusConflict:
		kind = entity.KindExists
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		kind = entity.KindForbidden
	case status == http.StatusNotFound:
		kind = entity.KindNotFound
	case status >= 400 && status < 500:
		kind = entity.KindInvalid
	}
	return entity.Errorf(kind, "agent.do", "the server refuses: %s", e.Error)
}

// mostEdits bounds how often an edit is made again because somebody was faster.
const mostEdits = 10

// edit changes an entity under compare-and-swap: body makes the request for what
// is there, nil for nothing to do.
func (c *client) edit(ctx context.Context, path string, body func(Entity) map[string]any) (edited bool, err error) {
	for try := 1; ; try++ {
		var e Entity
		if err := c.do(ctx, http.MethodGet, path, nil, &e); err != nil {
			return false, err
		}
		b := body(e)
		if b == nil {
			return false, nil
		}
		b["expect_tip"] = e.CID
		err := c.do(ctx, http.MethodPut, path, b, nil)
		if err == nil {
			return true, nil
		}
		if entity.KindOf(err) != entity.KindConflict || try == mostEdits || !pause(ctx, min(try, tries)) {
			return false, err
		}
	}
}

// Entity is what the agent reads of one.
type Entity struct {
	ID            entity.ID             `json:"id"`
	CID           string                `json:"cid"`
	Type          string                `json:"type"`
	Properties    map[string]any        `json:"properties"`
	Relationships []entity.Relationship `json:"relationships"`
}

func (e *Entity) label() string {
	m := entity.Manifest{Properties: e.Properties}
	return m.Label()
}

// page is how many entities are read at a time.
const page = 100

// members are the ids of a collection, oldest first.
func (c *client) members(ctx context.Context, collection entity.ID) (ids []entity.ID, err error) {
	type answer struct {
		Entities []struct {
			ID   entity.ID `json:"id"`
			Type string    `json:"type"`
		} `json:"entities"`
		Pagination struct {
			More bool `json:"has_more"`
		} `json:"pagination"`
	}
	seen := map[entity.ID]bool{} // what is made meanwhile moves the pages on
	for offset, more := 0, true; more; offset += 1000 {
		var out answer
		if err := c.do(ctx, http.MethodGet, "/collections/"+string(collection)+"/entities?limit=1000&offset="+strconv.Itoa(offset), nil, &out); err != nil {
			return nil, err
		}
		more = out.Pagination.More
		for _, e := range out.Entities {
			if !seen[e.ID] && e.Type != typeSummary && e.Type != entity.TypeAgentJob {
				seen[e.ID] = true
				ids = append(ids, e.ID)
			}
		}
	}
	slices.Reverse(ids)
	return ids, nil
}

// read gives entities; those that are deleted or may not be viewed are left out.
func (c *client) read(ctx context.Context, ids []entity.ID) ([]Entity, error) {
	var out struct {
		Entities []Entity `json:"entities"`
	}
	err := c.do(ctx, http.MethodPost, "/entities/batch-get", map[string]any{"ids": ids}, &out)
	return slices.DeleteFunc(out.Entities, func(e Entity) bool { return e.Properties["_tombstone"] != nil }), err
}
