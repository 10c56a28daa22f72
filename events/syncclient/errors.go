package syncclient

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stemma/entity"
)

// What a server did that no honest and healthy one does. Each is permanent.
// They are found with errors.Is inside the [entity.Error] that is returned.
var (
	// ErrGap: an event is missing, repeated or out of order.
	ErrGap = errors.New("the feed of events has a gap")
	// ErrForeignCursor: the cursor was given by another log than the one that is
	// served now.
	ErrForeignCursor = errors.New("the cursor belongs to another log")
	// ErrBlock: the bytes of a block are not those that its CID names.
	ErrBlock = errors.New("the block is not what its CID says")
	// ErrAnswer: the answer is not one of this API.
	ErrAnswer = errors.New("the answer is not one of this API")
)

func untrue(op string, sentinel error, format string, args ...any) error {
	err := entity.Invalid(op, format, args...)
	err.Err = sentinel
	return err
}

// passing is a failure that may pass by itself.
type passing struct {
	err   *entity.Error
	after time.Duration // what the server asked for; 0 when it did not
}

func (p *passing) Error() string { return p.err.Error() }
func (p *passing) Unwrap() error { return p.err }

// unreachable is what a request that brought no whole answer ends with.
func unreachable(ctx context.Context, op string, err error) error {
	if end := ended(ctx, op); end != nil {
		return end
	}
	if cause := context.Cause(ctx); cause != nil { // of the request alone: it stalled
		err = cause
	}
	return &passing{err: &entity.Error{Kind: entity.KindUnavailable, Op: op, Message: "the server does not answer", Err: err}}
}

// ended is the caller's own end of a call, nil while it goes on. It looks at
// the caller's context behind that of a request.
func ended(ctx context.Context, op string) error {
	if r, ok := ctx.Value(callerKey{}).(context.Context); ok {
		ctx = r
	}
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Message: "the deadline passed", Err: err}
	default:
		return &entity.Error{Kind: entity.KindCanceled, Op: op, Message: "the caller went away", Err: err}
	}
}

// kinds is the inverse of api/wire's table for the statuses it is certain of.
var kinds = map[int]entity.Kind{
	http.StatusUnauthorized:          entity.KindUnauthenticated,
	http.StatusForbidden:             entity.KindForbidden,
	http.StatusNotFound:              entity.KindNotFound,
	http.StatusConflict:              entity.KindConflict,
	http.StatusRequestEntityTooLarge: entity.KindTooLarge,
	http.StatusUnsupportedMediaType:  entity.KindUnsupported,
	http.StatusNotImplemented:        entity.KindNotImplemented,
	http.StatusTooManyRequests:       entity.KindRateLimited,
	http.StatusRequestTimeout:        entity.KindTimeout,
}

// refusal reads an answer that is not the one asked for.
func refusal(op string, resp *http.Response, now time.Time) error {
	const most = 64 << 10
	text, _ := io.ReadAll(io.LimitReader(resp.Body, most)) // what arrived of it has to do
	var body struct {
		Error string `json:"error"`
	}
	message := resp.Status
	if json.Unmarshal(text, &body) == nil && body.Error != "" {
		message = body.Error + " (" + resp.Status + ")"
	}
	kind, ok := kinds[resp.StatusCode]
	switch {
	case ok:
	case resp.StatusCode >= http.StatusInternalServerError:
		kind = entity.KindUnavailable
	default:
		kind = entity.KindInvalid
	}
	err := entity.Errorf(kind, op, "the server refused %s %s: %s", resp.Request.Method, resp.Request.URL.Path, message)
	if kind == entity.KindUnavailable || kind == entity.KindRateLimited {
		return &passing{err: err, after: retryAfter(resp.Header.Get("Retry-After"), now)}
	}
	return err
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds
// or a date.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
