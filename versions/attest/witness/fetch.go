package witness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"stemma/entity"
)

// Bounds of one request.
const (
	patience      = 30 * time.Second
	maxCheckpoint = 64 << 10
	tileHeight    = 8
	parallel      = 4
)

// away is a failure that says nothing about the log: the server is not there, or
// not in order.
type away struct {
	err   error
	after time.Duration // what the server asks us to wait
}

func (a *away) Error() string { return a.err.Error() }
func (a *away) Unwrap() error { return a.err }

// errNone: the server has no such thing.
var errNone = errors.New("not found")

// remote is a log, read by https://c2sp.org/tlog-tiles.
type remote struct {
	prefix *url.URL
	client *http.Client
	now    func() time.Time
}

// Prefix is the prefix of the URLs of the log that a URL of [Options] means, by
// which logs can be told apart. KindInvalid.
func Prefix(text string) (string, error) {
	u, err := parsePrefix(text)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// parsePrefix gives the prefix of a log's URLs. That of a server is /tlog below
// it.
func parsePrefix(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return nil, entity.Invalid("witness.Open", "%q is no URL of a server like https://stemma.example, or of a log like https://stemma.example/tlog", text)
	}
	if strings.Trim(u.Path, "/") == "" {
		return u.JoinPath("tlog"), nil
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

func newRemote(prefix *url.URL, transport http.RoundTripper, now func() time.Time) *remote {
	return &remote{prefix: prefix, now: now, client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// get reads one answer of at most most bytes. The error is an *away, or errNone.
func (r *remote) get(ctx context.Context, u *url.URL, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, entity.Internal("witness.get", err)
	}
	req.Header.Set("User-Agent", "stemma-witness")
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, &away{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch status := resp.StatusCode; {
	case err != nil:
		return nil, &away{err: fmt.Errorf("reading %s: %w", u, err)}
	case status == http.StatusNotFound || status == http.StatusGone:
		return nil, fmt.Errorf("%s: %w", u, errNone)
	case status >= 300 && status < 400:
		return nil, &away{err: fmt.Errorf("%s redirects to %.200q, which is not followed: name that URL if it is right", u, resp.Header.Get("Location"))}
	case status != http.StatusOK:
		return nil, &away{err: fmt.Errorf("%s answers %s %.200q", u, resp.Status, b), after: retryAfter(resp.Header, r.now())}
	case int64(len(b)) > most:
		return nil, &away{err: fmt.Errorf("%s answers more than %d bytes", u, most)}
	}
	return b, nil
}

// checkpoint is the newest, as it is given.
func (r *remote) checkpoint(ctx context.Context) (string, error) {
	b, err := r.get(ctx, r.prefix.JoinPath("checkpoint"), maxCheckpoint)
	if errors.Is(err, errNone) {
		return "", &away{err: fmt.Errorf("the server has no checkpoint: %w", err)}
	}
	return string(b), err
}

// key is the verifier key that the server names.
func (r *remote) key(ctx context.Context) (string, error) {
	u := r.prefix.JoinPath("..", "attestations", "head")
	b, err := r.get(ctx, u, maxCheckpoint)
	var head struct {
		Key string `json:"verifier_key"`
	}
	if err == nil && (json.Unmarshal(b, &head) != nil || head.Key == "") {
		err = errNone
	}
	if errors.Is(err, errNone) {
		return "", &away{err: fmt.Errorf("%s names no verifier key yet; if it is no Stemma server, give its key with --key", u)}
	}
	return head.Key, err
}

// tiles reads the tiles of one tree; see [tlog.TileReader].
type tiles struct {
	ctx context.Context // of the one proof that it is made for
	*remote
}

func (t tiles) Height() int                     { return tileHeight }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	group, ctx := errgroup.WithContext(t.ctx)
	group.SetLimit(parallel)
	for i, tile := range list {
		group.Go(func() (err error) {
			out[i], err = t.tile(ctx, tile)
			return err
		})
	}
	return out, group.Wait()
}

// tile reads one. A partial one may be gone when there is the full one.
func (t tiles) tile(ctx context.Context, tile tlog.Tile) ([]byte, error) {
	const full = 1 << tileHeight
	want := tile.W * tlog.HashSize
	b, err := t.get(ctx, t.path(tile), full*tlog.HashSize)
	if errors.Is(err, errNone) && tile.W < full {
		whole := tile
		whole.W = full
		if more, again := t.get(ctx, t.path(whole), full*tlog.HashSize); again == nil && len(more) == full*tlog.HashSize {
			return more[:want], nil
		}
	}
	if err == nil && len(b) != want {
		return nil, fmt.Errorf("%s has %d bytes instead of %d", t.path(tile), len(b), want)
	}
	return b, err
}

// path is where a tile is. That of [tlog.Tile] has the height in it, which is
// always 8 here.
func (t tiles) path(tile tlog.Tile) *url.URL {
	level := strings.TrimPrefix(tile.Path(), "tile/"+strconv.Itoa(tileHeight)+"/")
	return t.prefix.JoinPath("tile", level)
}

// retryAfter is what the header asks for (RFC 9110, section 10.2.3), up to an
// hour.
func retryAfter(h http.Header, now time.Time) (wait time.Duration) {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		wait = time.Duration(n) * time.Second
	} else if t, err := http.ParseTime(text); err == nil {
		wait = t.Sub(now)
	}
	return min(max(0, wait), time.Hour)
}
