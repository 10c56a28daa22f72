package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"stemma/entity"
)

// TestEveryKindHasAnOutcome: the table is complete, each row has a status and
// a code, and only a status that clients repeat stands for what passes by itself.
func TestEveryKindHasAnOutcome(t *testing.T) {
	codes := map[string]entity.Kind{}
	for _, k := range entity.Kinds() {
		o, ok := outcomes[k]
		if !ok {
			t.Errorf("%v has no row", k)
			continue
		}
		status, code := Status(k)
		if status < 400 || status > 599 || code == "" || o.text == "" {
			t.Errorf("%v: incomplete row %+v", k, o)
		}
		if other, twice := codes[code]; twice {
			t.Errorf("%v and %v share the code %s", k, other, code)
		}
		codes[code] = k
		repeated := status == 500 || status == 502 || status == 503 || status == 504 || status >= 520
		if passes := k == entity.KindInternal || k == entity.KindUnavailable || k == entity.KindUpstream; repeated != passes {
			t.Errorf("%v: status %d is repeated by clients: %v", k, status, repeated)
		}
	}
	equal(t, "rows", len(outcomes), len(entity.Kinds()))
	status, code := Status(entity.Kind(200))
	equal(t, "unknown kind", []any{status, code}, []any{500, "INTERNAL_ERROR"})
}

type placedError struct{ error }

func (placedError) ErrorPosition() int { return 7 }

type detailedError struct{ error }

func (detailedError) ErrorDetails() map[string]any { return map[string]any{"service": "search"} }

type laterError struct{ error }

func (laterError) RetryAfter() time.Duration { return 1500 * time.Millisecond }

// failing serves one operation that fails with err, request id "req-1234".
func failing(err error) *answered {
	op := Op(Operation{Method: "GET", Path: "/", ID: "x"}, func(context.Context, *struct{}) (*Reply, error) { return nil, err })
	w := call(New(Options{Ops: []Operation{op}}), "GET", "/", "", "X-Request-Id", "req-1234")
	return &answered{w.Code, w.Body.String(), w.Header()}
}

type answered struct {
	status int
	body   string
	header http.Header
}

func TestArkeError(t *testing.T) {
	at, _ := entity.ParseCID(aCID)
	cases := []struct {
		name   string
		err    error
		status int
		body   string
	}{
		{"compare-and-swap", entity.AtText("their tip").Mismatch("t", anID, at), 409,
			`{"error":"CAS failure: expected tip their tip, got ` + aCID + `","code":"CAS_FAILURE","status":409,"message":"CAS failure: expected tip their tip, got ` + aCID +
				`","details":{"actual":"` + aCID + `","expect":"their tip","expected":"their tip"},"request_id":"req-1234"}`},
		{"compare-and-swap on nothing", fmt.Errorf("wrapped: %w", entity.At(at).Mismatch("t", anID, entity.CID{})), 409,
			`{"error":"CAS failure: expected tip ` + aCID + `, got none","code":"CAS_FAILURE","status":409,"message":"CAS failure: expected tip ` + aCID +
				`, got none","details":{"actual":"none","expect":"` + aCID + `","expected":"` + aCID + `"},"request_id":"req-1234"}`},
		{"conflict without tips", entity.Errorf(entity.KindConflict, "t", "the chain grew"), 409,
			`{"error":"CAS failure: the chain grew","code":"CAS_FAILURE","status":409,"message":"CAS failure: the chain grew","request_id":"req-1234"}`},
		{"issues", &entity.Error{Kind: entity.KindInvalid, Message: "Validation failed", Issues: []entity.Issue{{Path: []any{"a", 0}, Message: "is <wrong>"}}}, 400,
			`{"error":"Validation failed","code":"VALIDATION_ERROR","status":400,"message":"Validation failed","details":{"issues":[{"path":["a",0],"message":"is <wrong>"}]},"request_id":"req-1234"}`},
		{"no credential", &entity.Error{Kind: entity.KindUnauthenticated}, 401,
			`{"error":"Unauthorized: Missing or invalid authentication token","code":"UNAUTHORIZED","status":401,"message":"Unauthorized: Missing or invalid authentication token","request_id":"req-1234"}`},
		{"position", &entity.Error{Kind: entity.KindInvalid, Message: "parse error at 7", Err: placedError{io.EOF}}, 400,
			`{"error":"parse error at 7","code":"VALIDATION_ERROR","status":400,"message":"parse error at 7","details":{"position":7},"position":7,"request_id":"req-1234"}`},
		{"details", &entity.Error{Kind: entity.KindUnavailable, Err: detailedError{io.EOF}}, 503,
			`{"error":"Service unavailable","code":"SERVICE_UNAVAILABLE","status":503,"message":"Service unavailable","details":{"service":"search"},"request_id":"req-1234"}`},
		{"foreign", errors.New("password of the database"), 500,
			`{"error":"Internal server error","code":"INTERNAL_ERROR","status":500,"message":"Internal server error","request_id":"req-1234"}`},
		{"internal", &entity.Error{Message: "secret", Issues: []entity.Issue{{Message: "secret"}}, Err: detailedError{io.EOF}}, 500,
			`{"error":"Internal server error","code":"INTERNAL_ERROR","status":500,"message":"Internal server error","request_id":"req-1234"}`},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), 408,
			`{"error":"The request took too long; ask for less","code":"TIMEOUT","status":408,"message":"The request took too long; ask for less","request_id":"req-1234"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := failing(c.err)
			equal(t, "status", got.status, c.status)
			equal(t, "body", got.body, c.body)
			equal(t, "type", got.header.Get("Content-Type"), "application/json")
		})
	}
}

func TestErrorHeaders(t *testing.T) {
	equal(t, "challenge", failing(&entity.Error{Kind: entity.KindUnauthenticated}).header["Www-Authenticate"], []string{"Bearer", "ApiKey"})
	equal(t, "wait", failing(&entity.Error{Kind: entity.KindUnavailable}).header.Get("Retry-After"), "1")
	equal(t, "wait as told", failing(&entity.Error{Kind: entity.KindRateLimited, Err: laterError{io.EOF}}).header.Get("Retry-After"), "2")
	equal(t, "no wait", failing(&entity.Error{Kind: entity.KindNotFound}).header.Get("Retry-After"), "")
}

// TestViewsRenderTheirOwnErrors: an operation's own form wins over the router's.
func TestViewsRenderTheirOwnErrors(t *testing.T) {
	plain := func(err *entity.Error, status int, code, _ string) any {
		return map[string]string{"detail": ErrorText(err), "code": code}
	}
	fail := func(context.Context, *struct{}) (*Reply, error) { return nil, entity.NotFound("t", "no such thing") }
	h := New(Options{Ops: []Operation{
		Op(Operation{Method: "GET", Path: "/own", ID: "own", ErrorBody: plain}, fail),
		Op(Operation{Method: "GET", Path: "/arke", ID: "arke"}, fail),
	}})
	equal(t, "own", call(h, "GET", "/own", "").Body.String(), `{"code":"NOT_FOUND","detail":"no such thing"}`)
	contains(t, "router's", call(h, "GET", "/arke", "").Body.String(), `"status":404`)
}

// TestUnrenderableError: a view whose error body cannot be encoded still
// answers.
func TestUnrenderableError(t *testing.T) {
	h := New(Options{ErrorBody: func(*entity.Error, int, string, string) any { return func() {} }})
	equal(t, "status", call(h, "GET", "/nowhere", "").Code, 500)
}
