package wire

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stemma/entity"
)

// outcome is how a kind of error looks on the wire.
type outcome struct {
	status int
	code   string
	text   string // for the reader, when the error has no message of its own
}

// outcomes is the one table from a kind to a status (DESIGN law 11). Clients
// of the specification repeat a request after 500, 502, 503 and 504 and never
// after a 4xx, so only what may pass by itself has such a status: a deadline
// that was too short for the question will be too short again, and repeating
// it three times is the last thing a busy server needs, hence 408 and not 504.
var outcomes = map[entity.Kind]outcome{
	entity.KindInternal:        {http.StatusInternalServerError, "INTERNAL_ERROR", "Internal server error"},
	entity.KindInvalid:         {http.StatusBadRequest, "VALIDATION_ERROR", "Validation failed"},
	entity.KindUnauthenticated: {http.StatusUnauthorized, "UNAUTHORIZED", "Unauthorized: Missing or invalid authentication token"},
	entity.KindForbidden:       {http.StatusForbidden, "FORBIDDEN", "Forbidden: You do not have permission to perform this action"},
	entity.KindNotFound:        {http.StatusNotFound, "NOT_FOUND", "Not found"},
	entity.KindConflict:        {http.StatusConflict, "CAS_FAILURE", "the entity was modified; read its tip and try again"},
	entity.KindExists:          {http.StatusConflict, "CONFLICT", "It exists already"},
	entity.KindTooLarge:        {http.StatusRequestEntityTooLarge, "TOO_LARGE", "The request is too large"},
	entity.KindUnsupported:     {http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "This media type is not spoken here"},
	entity.KindNotImplemented:  {http.StatusNotImplemented, "NOT_IMPLEMENTED", "This server does not do that"},
	entity.KindRateLimited:     {http.StatusTooManyRequests, "RATE_LIMITED", "Too many requests; try again later"},
	entity.KindUnavailable:     {http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", "Service unavailable"},
	entity.KindTimeout:         {http.StatusRequestTimeout, "TIMEOUT", "The request took too long; ask for less"},
	entity.KindCanceled:        {statusClientClosed, "CLIENT_CLOSED_REQUEST", "The caller went away"},
	entity.KindFull:            {http.StatusInsufficientStorage, "STORAGE_FULL", "The storage or a quota is full"},
	entity.KindUpstream:        {http.StatusBadGateway, "UPSTREAM_ERROR", "Another server does not answer"},
}

// statusClientClosed is what nginx calls a request whose caller went away.
// Nobody reads it but the logs.
const statusClientClosed = 499

// Status is the status and code of a kind of error.
func Status(k entity.Kind) (status int, code string) {
	o := outcomeOf(k)
	return o.status, o.code
}

func outcomeOf(k entity.Kind) outcome {
	if o, ok := outcomes[k]; ok {
		return o
	}
	return outcomes[entity.KindInternal]
}

// ErrorBody renders an error as a view's clients know it. The answer is
// encoded like any other. err is never nil and is an internal error when what
// the handler returned was no *entity.Error; status and code come from the
// table, but for 405, which no kind stands for.
type ErrorBody func(err *entity.Error, status int, code string, requestID string) any

// ErrorText is what a person may read of an error: its message, or its kind's;
// of an internal error only that it is one.
func ErrorText(err *entity.Error) string {
	if err.Kind == entity.KindInternal || err.Message == "" {
		return outcomeOf(err.Kind).text
	}
	return err.Message
}

// asError finds the *entity.Error in err, or makes one.
func asError(ctx context.Context, err error) *entity.Error {
	var e *entity.Error
	if errors.As(err, &e) && e.Kind != entity.KindInternal {
		return e
	}
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return &entity.Error{Kind: entity.KindCanceled, Op: "wire", Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: "wire", Err: err}
	}
	if e == nil {
		e = &entity.Error{Kind: entity.KindInternal, Op: "wire", Err: err}
	}
	return e
}

// ErrorResponse is the body of every error of the Arke view. Error, Code,
// Status and Message together satisfy each generation of its clients.
type ErrorResponse struct {
	Error     string         `json:"error" doc:"What went wrong, for people. Of a lost compare-and-swap: CAS failure: expected tip A, got B."`
	Code      string         `json:"code" doc:"What went wrong, for programs."`
	Status    int            `json:"status" doc:"The HTTP status."`
	Message   string         `json:"message" doc:"The same as error."`
	Details   map[string]any `json:"details,omitempty" doc:"issues of a bad request, expected and actual tip of a conflict, position in a query."`
	Position  *int           `json:"position,omitempty" doc:"Where in a query the error is, in bytes."`
	RequestID string         `json:"request_id,omitempty" doc:"Names the request in the server's log."`
}

const casPrefix = "CAS failure: "

// ArkeError is the [ErrorBody] of the Arke view. Its clients recognise a lost
// compare-and-swap by the words "CAS failure:" and "expected tip A, got B", and
// read the tips from details.expected (older ones: expect) and details.actual.
//
// An error whose chain has ErrorPosition() int tells where in a query it is;
// one that has ErrorDetails() map[string]any adds to the details.
func ArkeError(err *entity.Error, status int, code string, requestID string) any {
	text := ErrorText(err)
	details := map[string]any{}
	body := &ErrorResponse{Code: code, Status: status, Details: details, RequestID: requestID}
	var more interface{ ErrorDetails() map[string]any }
	var placed interface{ ErrorPosition() int }
	if err.Kind != entity.KindInternal {
		if errors.As(err, &more) {
			for k, v := range more.ErrorDetails() {
				details[k] = v
			}
		}
		if errors.As(err, &placed) {
			at := placed.ErrorPosition()
			body.Position = &at
			details["position"] = at
		}
		if len(err.Issues) > 0 {
			details["issues"] = err.Issues
		}
	}
	if err.Kind == entity.KindConflict {
		if err.Tips != nil {
			details["expected"], details["expect"] = err.Tips.Expected, err.Tips.Expected
			details["actual"] = err.Tips.Actual
			text = "expected tip " + err.Tips.Expected + ", got " + err.Tips.Actual
		}
		text = casPrefix + strings.TrimPrefix(text, casPrefix)
	}
	body.Error, body.Message = text, text
	return body
}

// retryAfter is what the header Retry-After says, "" for nothing: of errors
// that pass by themselves a second, or what RetryAfter() time.Duration says
// somewhere in the chain.
func retryAfter(err *entity.Error) string {
	if err.Kind != entity.KindRateLimited && err.Kind != entity.KindUnavailable {
		return ""
	}
	wait := time.Second
	var told interface{ RetryAfter() time.Duration }
	if errors.As(err, &told) {
		wait = max(wait, told.RetryAfter())
	}
	return strconv.Itoa(int((wait + time.Second - 1) / time.Second))
}
