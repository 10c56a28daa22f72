package arweave

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"stemma/entity"
)

// Gateway reads items back. It is safe for any number of goroutines.
type Gateway struct {
	base   *url.URL
	client *http.Client
}

// CheckGateway checks the URL of a gateway. KindInvalid.
func CheckGateway(text string) error {
	_, err := base(text, DefaultGateway)
	return err
}

// NewGateway makes a reader of the gateway at a URL; a nil transport is
// [http.DefaultTransport]. KindInvalid.
func NewGateway(text string, transport http.RoundTripper) (*Gateway, error) {
	u, err := base(text, DefaultGateway)
	if err != nil {
		return nil, err
	}
	return &Gateway{base: u, client: direct(transport)}, nil
}

// Found is what a gateway has under an id.
type Found struct {
	Data []byte
	// Item has the data and all else that its signature is of; it is of the id,
	// and verified. It is nil where the gateway does not tell the rest: then the
	// gateway alone says that this data is what the id names.
	Item *Item
}

// Fetch reads an item. KindInvalid when the id is none; KindNotFound;
// KindTooLarge; KindUnavailable when the gateway does not answer as one, or has it
// not yet; KindConflict when what it gives is not what the owner signed under
// that id.
func (g *Gateway) Fetch(ctx context.Context, id string) (*Found, error) {
	const op = "arweave.Fetch"
	if _, err := ParseID(id); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// Data under /raw is given as it is; under / a gateway leads to a host of
	// its own for each item.
	status, data, err := g.ask(ctx, http.MethodGet, "raw/"+id, nil)
	switch {
	case errors.Is(err, errLong):
		return nil, &entity.Error{Kind: entity.KindTooLarge, Op: op, Message: "the item " + id + " is larger than one with a checkpoint", Err: err}
	case err != nil:
		return nil, &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: "the gateway " + g.base.Host + " does not answer", Err: err}
	case status == http.StatusNotFound:
		return nil, entity.NotFound(op, "the gateway %s has no item %s", g.base.Host, id)
	case status != http.StatusOK:
		return nil, entity.Errorf(entity.KindUnavailable, op, "the gateway %s answers %d when asked for %s", g.base.Host, status, id)
	}
	found := &Found{Data: data}
	if found.Item, err = g.item(ctx, id); err != nil || found.Item == nil {
		return found, err
	}
	found.Item.Data = data
	if err := found.Item.Verify(); err != nil || found.Item.ID() != id {
		return nil, &entity.Error{Kind: entity.KindConflict, Op: op, Message: "what the gateway gives for " + id + " is not what was signed under that id as a data item", Err: err}
	}
	return found, nil
}

// itemQuery asks for all of an item but its data
// (https://arweave.net/graphql has the schema).
const itemQuery = `query($id: ID!) { transaction(id: $id) { anchor signature recipient owner { key } tags { name value } } }`

// item asks the gateway's index for an item without its data; nil when it has no
// index, or not all of it.
func (g *Gateway) item(ctx context.Context, id string) (*Item, error) {
	body, err := json.Marshal(map[string]any{"query": itemQuery, "variables": map[string]string{"id": id}})
	if err != nil {
		return nil, entity.Internal("arweave.item", err)
	}
	status, answer, err := g.ask(ctx, http.MethodPost, "graphql", body)
	if err != nil || status != http.StatusOK {
		return nil, nil
	}
	var reply struct {
		Data struct {
			Transaction struct {
				Anchor, Signature, Recipient string
				Owner                        struct{ Key string }
				Tags                         []Tag
			}
		}
	}
	if json.Unmarshal(answer, &reply) != nil {
		return nil, nil
	}
	t := reply.Data.Transaction
	i := &Item{Tags: t.Tags}
	for _, part := range []struct {
		text string
		to   *[]byte
	}{{t.Signature, &i.Signature}, {t.Owner.Key, &i.Owner}, {t.Recipient, &i.Target}, {t.Anchor, &i.Anchor}} {
		if *part.to, err = base64.RawURLEncoding.DecodeString(part.text); err != nil {
			return nil, nil
		}
	}
	if len(i.Signature) != keySize || len(i.Owner) != keySize {
		return nil, nil
	}
	return i, nil
}

func (g *Gateway) ask(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, g.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "stemma")
	resp, err := g.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := readAll(resp.Body, MaxItem)
	return resp.StatusCode, b, err
}
