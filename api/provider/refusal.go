package provider

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"stemma/entity"
)

// mostWait is the longest that Retry-After is obeyed for; after that the caller
// is told.
const mostWait = time.Minute

// passing is a failure that may be over soon.
type passing struct {
	err    error
	status int           // 0: there was no answer
	after  time.Duration // the least that the provider asks us to wait
}

func (p *passing) Error() string             { return p.err.Error() }
func (p *passing) Unwrap() error             { return p.err }
func (p *passing) RetryAfter() time.Duration { return p.after }

// gaveUp is a failure that did not pass.
func (c *Client) gaveUp(p *passing) error {
	const op = "provider.Stream"
	if p.status == http.StatusTooManyRequests {
		return &entity.Error{Kind: entity.KindRateLimited, Op: op, Message: "the model's provider " + c.name + " takes no more requests for now", Err: p}
	}
	return &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: "the model's provider " + c.name + " does not answer", Err: p}
}

// refusal is the error of an answer that is none.
func (c *Client) refusal(resp *http.Response) error {
	const op, most = "provider.Stream", 2000
	text, _ := io.ReadAll(io.LimitReader(resp.Body, most)) // the status says enough
	cause := fmt.Errorf("status %d: %s", resp.StatusCode, bytes.ToValidUTF8(text, nil))
	fail := func(kind entity.Kind, format string) error {
		return &entity.Error{Kind: kind, Op: op, Message: fmt.Sprintf(format, c.name, resp.StatusCode), Err: cause}
	}
	switch code := resp.StatusCode; {
	case code == http.StatusRequestTimeout, code == http.StatusConflict, code == http.StatusTooEarly,
		code == http.StatusTooManyRequests, code >= 500:
		return &passing{err: cause, status: code, after: retryAfter(resp.Header, c.o.Now())}
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		return fail(entity.KindInvalid, "the model's provider %s does not take this conversation, which may be too long for the model (status %d)")
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusPaymentRequired:
		return fail(entity.KindUnavailable, "the model's provider %s does not take this server's key (status %d)")
	case code == http.StatusNotFound:
		return fail(entity.KindUnavailable, "the model's provider %s does not know the model, or its base URL is another (status %d)")
	default:
		return fail(entity.KindUnavailable, "the model's provider %s answered with status %d")
	}
}

// retryAfter is what the header asks for: seconds, or a date.
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
