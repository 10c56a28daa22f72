package arweave

import (
	"bytes"
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

	"stemma/entity"
)

// Bounds of one request to a service or gateway.
const (
	maxAnswer = 64 << 10
	patience  = time.Minute
	mostWait  = 24 * time.Hour // the longest that Retry-After is obeyed for
)

// reason says in a word why an item is not anchored yet: the label of a metric.
type reason string

// The reasons.
const (
	unreachable reason = "unreachable" // no connection, or it broke or was too slow
	server      reason = "server"      // 5xx
	limited     reason = "limited"     // 429
	balance     reason = "balance"     // 402: the wallet has nothing to pay with
	refused     reason = "refused"     // any other 4xx
	redirected  reason = "redirected"  // 3xx
	noReceipt   reason = "no_receipt"  // an answer that names no item
	otherItem   reason = "other_item"  // a receipt of another item
	unconfirmed reason = "unconfirmed" // 202, and the item is not known
	noLog       reason = "log"         // there is no checkpoint to be had
	noStore     reason = "store"       // ours
)

// reasons lists them, for the metric.
var reasons = [...]reason{unreachable, server, limited, balance, refused, redirected, noReceipt, otherItem, unconfirmed, noLog, noStore}

// lasting tells whether a second try within the minute is of no use.
func (r reason) lasting() bool {
	switch r {
	case balance, refused, redirected, otherItem, noLog:
		return true
	}
	return false
}

// failure is a step that did not go well.
type failure struct {
	reason reason
	after  time.Duration // the least that the service asks us to wait
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(r reason, format string, args ...any) *failure {
	return &failure{reason: r, err: fmt.Errorf(format, args...)}
}

// service is an upload service, by the interface of Turbo
// (https://github.com/ardriveapp/turbo-upload-service, docs/openapi.yaml):
// POST tx, and GET tx/{id}/status.
type service struct {
	tx     *url.URL
	client *http.Client
	now    func() time.Time
}

// base checks the URL of a service or gateway; KindInvalid.
func base(text, like string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return nil, entity.Invalid("arweave.base", "%q is no URL like %s", text, like)
	}
	return u, nil
}

// CheckUpload checks the URL of an upload service. KindInvalid.
func CheckUpload(text string) error {
	_, err := base(text, "https://upload.ardrive.io/v1")
	return err
}

func newService(text string, transport http.RoundTripper, now func() time.Time) (*service, error) {
	if err := CheckUpload(text); err != nil {
		return nil, err
	}
	u, err := url.Parse(strings.TrimSuffix(strings.TrimSuffix(text, "/"), "/tx"))
	if err != nil {
		return nil, entity.Internal("arweave.newService", err)
	}
	return &service{tx: u.JoinPath("tx"), client: direct(transport), now: now}, nil
}

// direct is a client that goes where it is sent, and no further: who was not
// configured is neither asked nor believed.
func direct(transport http.RoundTripper) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// upload publishes an item: nil when the service says that it has it.
func (s *service) upload(ctx context.Context, i *Item) *failure {
	b, err := i.Bytes()
	if err != nil {
		return &failure{reason: noStore, err: err}
	}
	status, header, answer, f := s.ask(ctx, http.MethodPost, s.tx.String(), b)
	switch {
	case f != nil:
		return f
	case status == http.StatusOK || status == http.StatusCreated:
		return receipt(answer, i.ID())
	case status == http.StatusAccepted: // it has the item already, or is at it
		if bytes.Contains(answer, []byte(i.ID())) {
			return nil
		}
		return s.confirm(ctx, i.ID())
	}
	f = fail(refused, "the upload service answers %d %s", status, excerpt(answer))
	switch {
	case status == http.StatusPaymentRequired:
		f.reason = balance
	case status == http.StatusTooManyRequests:
		f.reason = limited
	case status == http.StatusRequestTimeout:
		f.reason = unreachable
	case status >= 500:
		f.reason = server
	case status >= 300 && status < 400:
		f.reason, f.err = redirected, fmt.Errorf("the upload service redirects with %d to %.200q, which is not followed: name that URL if it is right", status, header.Get("Location"))
	case status < 300:
		f.reason = noReceipt
	}
	f.after = min(retryAfter(header, s.now()), mostWait)
	return f
}

// receipt checks that the service has the item of this id.
func receipt(answer []byte, id string) *failure {
	var r struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(answer, &r); err != nil || r.ID == "" {
		return fail(noReceipt, "the upload service gives no receipt but %s", excerpt(answer))
	}
	if r.ID != id {
		return fail(otherItem, "the upload service gives a receipt of %.60q; the item is %s", r.ID, id)
	}
	return nil
}

// confirm asks whether the service knows an item.
func (s *service) confirm(ctx context.Context, id string) *failure {
	status, _, _, f := s.ask(ctx, http.MethodGet, s.tx.JoinPath(id, "status").String(), nil)
	if f == nil && status != http.StatusOK {
		f = fail(unconfirmed, "the upload service accepts the item, and says %d when asked for its status", status)
	}
	return f
}

// ask gives status and body of any answer that came whole and within bounds.
func (s *service) ask(ctx context.Context, method, to string, body []byte) (status int, header http.Header, answer []byte, f *failure) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, &failure{reason: refused, err: err}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "stemma")
	if body != nil {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil, nil, &failure{reason: unreachable, err: err}
	}
	defer resp.Body.Close()
	answer, err = readAll(resp.Body, maxAnswer)
	if errors.Is(err, errLong) {
		return 0, nil, nil, &failure{reason: noReceipt, err: err}
	}
	if err != nil {
		return 0, nil, nil, &failure{reason: unreachable, err: err}
	}
	return resp.StatusCode, resp.Header, answer, nil
}

var errLong = errors.New("the answer is too long")

// readAll reads at most most bytes.
func readAll(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%w: more than %d bytes", errLong, most)
	}
	return b, err
}

// excerpt is the beginning of an answer, for the log.
func excerpt(answer []byte) string {
	if len(answer) == 0 {
		return "with nothing"
	}
	return fmt.Sprintf("%.200q", answer)
}

// retryAfter is what the header asks for (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
