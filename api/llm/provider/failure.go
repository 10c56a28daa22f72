package provider

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"stemma/entity"
)

// Failure is what a provider said when it did not answer. It is the cause of an
// [entity.Error] whose kind is
//
//	KindInvalid       the provider refuses the request itself: 400, 413, 422
//	KindRateLimited   it takes no more for now: 429
//	KindUpstream      everything else: a refused key, a fault of its own, no answer
type Failure struct {
	Status  int           // HTTP; 0 when there was none
	Code    string        // the provider's, "" for none
	Message string        // its words
	Wait    time.Duration // what it asks to wait, 0 for nothing
	Again   bool          // the same request may succeed a moment later
}

func (f *Failure) Error() string { return f.Message }

// ErrorCode is what it is for programs: the provider's own code, else
// provider_error.
func (f *Failure) ErrorCode() string { return cmp.Or(f.Code, "provider_error") }

// RetryAfter is for the header of the answer.
func (f *Failure) RetryAfter() time.Duration { return f.Wait }

// mostReason is how much of a provider's words is handed on.
const mostReason = 500

// fail makes the error of a failure; what is for who reads it.
func (f *Failure) fail(what string) *entity.Error {
	kind := entity.KindUpstream
	switch f.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		kind = entity.KindInvalid
	case http.StatusTooManyRequests:
		kind = entity.KindRateLimited
	}
	return &entity.Error{Kind: kind, Op: "provider.Send", Message: what, Err: f}
}

// upstream makes the error of a failure without an HTTP answer.
func upstream(again bool, format string, args ...any) *entity.Error {
	f := &Failure{Message: fmt.Sprintf(format, args...), Again: again}
	return f.fail(f.Message)
}

// badAnswer is the error of an answer that the provider's format does not have.
func badAnswer(why string, body []byte) *entity.Error {
	return upstream(false, "the provider's answer cannot be used: %s. It begins: %s", why, reason(body))
}

// reason is the beginning of what a provider sent, fit for one line.
func reason(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 4*mostReason)]), "�")), " ")
	if len(text) > mostReason {
		text = text[:mostReason]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
		text += "…"
	}
	return text
}

// failureOf reads an error's body, in any of the forms that providers have:
// {"error":{"message","code","type","status"}}, {"error":"text"},
// {"message":"text"}, [{"error":…}], or something that is no JSON at all.
func failureOf(status int, body []byte, h http.Header) *entity.Error {
	f := &Failure{Status: status, Wait: retryAfter(h)}
	f.Code, f.Message = told(body)
	if f.Message == "" {
		f.Message = reason(body)
	}
	if f.Message == "" {
		f.Message = http.StatusText(status)
	}
	if status == 0 {
		f.Status = statusOf(f.Code)
	}
	switch f.Status {
	case 0, 408, 409, 429, 500, 502, 503, 504, 529:
		f.Again = true
	}
	what := "the provider refuses"
	switch {
	case f.Status >= 500 || f.Status == 0:
		what = "the provider failed"
	case f.Status == http.StatusUnauthorized || f.Status == http.StatusForbidden:
		what = "the provider does not accept the key that is configured for it"
	}
	if status != 0 {
		what += fmt.Sprintf(" (%d)", status)
	}
	return f.fail(what + ": " + reason([]byte(f.Message)))
}

// told reads code and message of an error's body.
func told(body []byte) (code, message string) {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0]
	}
	var outer Body
	if json.Unmarshal(body, &outer) != nil {
		return "", ""
	}
	if m := outer.Text("error"); m != "" {
		return "", m
	}
	var inner Body
	if outer.Into("error", &inner) {
		for _, name := range []string{"code", "status", "type"} {
			if code = inner.Text(name); code != "" {
				break
			}
		}
		return code, inner.Text("message")
	}
	return outer.Text("code"), outer.Text("message")
}

// statusOf is the status that an error in a stream would have had by itself.
func statusOf(code string) int {
	switch code {
	case "overloaded_error", "UNAVAILABLE":
		return http.StatusServiceUnavailable
	case "rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED":
		return http.StatusTooManyRequests
	case "invalid_request_error", "INVALID_ARGUMENT", "context_length_exceeded":
		return http.StatusBadRequest
	}
	return 0
}

// reported finds an error inside of an answer whose status says that there is
// none.
func reported(body []byte) error {
	var b Body
	if !bytes.Contains(body, []byte(`"error"`)) || json.Unmarshal(body, &b) != nil || !b.Has("error") || b.Has("choices") {
		return nil
	}
	return failureOf(0, body, nil)
}

func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 && ms < 1e9 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	text := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(text, 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(text); err == nil {
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			return max(0, at.Sub(date))
		}
	}
	return 0
}
