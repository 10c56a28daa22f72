package recorder

import (
	"fmt"
	"strings"

	"stemma/api/wire"
	"stemma/entity"
)

// ErrorResponse is the body of every error of this view. The specification
// names statuses and no body.
type ErrorResponse struct {
	Error     string  `json:"error" doc:"What went wrong and what would be right, for people."`
	Code      string  `json:"code" doc:"What went wrong, for programs."`
	Status    int     `json:"status" doc:"The HTTP status."`
	Details   []Issue `json:"details,omitempty" doc:"What is wrong where, of a bad request."`
	RequestID string  `json:"request_id,omitempty" doc:"Names the request in the server's log."`
}

// Issue is one thing that is wrong with a request.
type Issue struct {
	Field   string `json:"field" doc:"where, like records.3.step.step_type"`
	Message string `json:"message"`
}

// Error is the [wire.ErrorBody] of this view.
func Error(err *entity.Error, status int, code string, requestID string) any {
	body := &ErrorResponse{Error: wire.ErrorText(err), Code: code, Status: status, RequestID: requestID}
	if err.Kind == entity.KindInternal {
		return body
	}
	for _, i := range err.Issues {
		body.Details = append(body.Details, Issue{Field: fieldOf(i.Path), Message: i.Message})
	}
	if len(body.Details) > 0 {
		body.Error += ": " + strings.TrimSpace(body.Details[0].Field+" "+body.Details[0].Message)
	}
	return body
}

func fieldOf(path []any) string {
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = fmt.Sprint(p)
	}
	return strings.Join(parts, ".")
}

// invalidField is the error for one field of a request.
func invalidField(message string, path ...any) error {
	return &entity.Error{Kind: entity.KindInvalid, Op: "recorder", Message: "Validation failed", Issues: []entity.Issue{{Path: path, Message: message}}}
}
