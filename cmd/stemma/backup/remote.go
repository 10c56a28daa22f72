package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"stemma/entity"
)

// Remote is a server that runs elsewhere, or has the store open.
type Remote struct {
	URL     string // http://127.0.0.1:8080
	Key     string // of the store's owner
	Network entity.Network
	Client  *http.Client // nil is http.DefaultClient
}

var _ Source = Remote{}

// Backup asks the server for its stream.
func (r Remote) Backup(ctx context.Context, since entity.Seq) (io.ReadCloser, error) {
	return r.get(ctx, "/admin/backup?since="+strconv.FormatUint(uint64(since), 10))
}

// Content asks the server for file content.
func (r Remote) Content(ctx context.Context, c entity.CID) (io.ReadCloser, error) {
	return r.get(ctx, "/admin/backup/content/"+c.String())
}

func (r Remote) get(ctx context.Context, path string) (io.ReadCloser, error) {
	const op = "backup.Remote"
	base, err := url.Parse(r.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, entity.Invalid(op, "%q is no address of a server; one looks like http://127.0.0.1:8080", r.URL)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base.String(), "/")+path, nil)
	if err != nil {
		return nil, entity.Invalid(op, "%q is no address of a server", r.URL)
	}
	req.Header.Set("Authorization", "ApiKey "+r.Key)
	req.Header.Set("X-Arke-Network", string(r.Network))
	client := r.Client
	if client == nil {
		client = http.DefaultClient
	}
	res, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, receiveError(ctx, err)
		}
		return nil, &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: "no answer from " + r.URL, Err: err}
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, answered(res)
	}
	return res.Body, nil
}

// answered is a server's error.
func answered(res *http.Response) error {
	var body struct{ Error string }
	text, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // what cannot be read says nothing
	if json.Unmarshal(text, &body) != nil || body.Error == "" {
		body.Error = http.StatusText(res.StatusCode)
	}
	kind := entity.KindUnavailable
	switch res.StatusCode {
	case http.StatusBadRequest:
		kind = entity.KindInvalid
	case http.StatusUnauthorized:
		kind = entity.KindUnauthenticated
	case http.StatusForbidden:
		kind = entity.KindForbidden
	case http.StatusNotFound:
		kind = entity.KindNotFound
	}
	return entity.Errorf(kind, "backup.Remote", "the server answered %d: %s", res.StatusCode, fmt.Sprint(body.Error))
}
