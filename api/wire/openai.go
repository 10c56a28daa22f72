package wire

import (
	"fmt"
	"strings"

	"stemma/entity"
)

// OpenAIErrorResponse is the body of every error of the views that clients of
// language models know.
type OpenAIErrorResponse struct {
	Error OpenAIErrorDetail `json:"error"`
}

// OpenAIErrorDetail is what went wrong.
type OpenAIErrorDetail struct {
	Code    string         `json:"code" doc:"What went wrong, for programs."`
	Message string         `json:"message" doc:"What went wrong, for people."`
	Type    string         `json:"type" doc:"Whose fault it is: invalid_request_error, authentication_error, permission_error, not_found_error, rate_limit_error or server_error."`
	Param   any            `json:"param" doc:"The field it is about, null for none."`
	Details map[string]any `json:"details,omitempty" doc:"issues of a bad request; expected and actual tip of a conflict."`
	Request string         `json:"request_id,omitempty" doc:"Names the request in the server's log."`
}

// openAITypes are the types of errors by kind; that of any other is
// invalid_request_error below 500.
var openAITypes = map[entity.Kind]string{
	entity.KindUnauthenticated: "authentication_error",
	entity.KindForbidden:       "permission_error",
	entity.KindNotFound:        "not_found_error",
	entity.KindRateLimited:     "rate_limit_error",
}

// OpenAIError is the [ErrorBody] of those views. An error whose chain has
// ErrorCode() string says its code itself.
func OpenAIError(err *entity.Error, status int, code string, requestID string) any {
	out := OpenAIErrorDetail{Code: strings.ToLower(code), Message: ErrorText(err), Type: openAITypes[err.Kind], Request: requestID}
	switch {
	case out.Type != "":
	case status >= 500:
		out.Type = "server_error"
	default:
		out.Type = "invalid_request_error"
	}
	if err.Kind == entity.KindInternal {
		return OpenAIErrorResponse{out}
	}
	if len(err.Issues) > 0 {
		out.Details = map[string]any{"issues": err.Issues}
		first := err.Issues[0]
		if len(first.Path) > 0 {
			out.Param = first.Path[0]
		}
		if out.Message == "Validation failed" { // clients show nothing but this
			out.Message += ": " + issueText(first)
		}
	}
	if err.Tips != nil {
		out.Details = map[string]any{"expected": err.Tips.Expected, "actual": err.Tips.Actual}
	}
	return OpenAIErrorResponse{out}
}

// issueText is an issue as people read it: skills.0.name must …
func issueText(i entity.Issue) string {
	var b strings.Builder
	for n, step := range i.Path {
		if n > 0 {
			b.WriteByte('.')
		}
		fmt.Fprint(&b, step)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	return b.String() + i.Message
}
