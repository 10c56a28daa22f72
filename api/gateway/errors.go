package gateway

import (
	"errors"
	"strings"

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/entity"
)

// Codes of a refused credential, as the clients of the specification know them.
const (
	missingKey = "missing_api_key"
	invalidKey = "invalid_api_key"
)

// Error is the [wire.ErrorBody] of this view.
func Error(err *entity.Error, status int, code string, requestID string) any {
	body := wire.OpenAIError(err, status, code, requestID).(wire.OpenAIErrorResponse)
	if err.Kind == entity.KindUnauthenticated {
		body.Error.Type = "invalid_request_error"
		body.Error.Code, body.Error.Message = refusal(err)
	}
	var own interface{ ErrorCode() string }
	if errors.As(err, &own) {
		body.Error.Code = own.ErrorCode()
	}
	return body
}

// refusal says why a caller is not let in. That nothing was sent is known by who
// says so: package wire, which has looked at no credential.
func refusal(err *entity.Error) (code, message string) {
	if strings.HasPrefix(err.Op, "wire.") {
		return missingKey, "No API key was given. Send it as \"Authorization: Bearer " + string(auth.GatewayForm) + "…\" or \"x-api-key\""
	}
	if err.Message != "" {
		return invalidKey, err.Message
	}
	return invalidKey, "The provided API key is invalid or has been revoked."
}

// detail is an error as a stream tells it.
func detail(err error) wire.OpenAIErrorDetail {
	var e *entity.Error
	if !errors.As(err, &e) {
		e = entity.Internal("gateway.stream", err)
	}
	status, code := wire.Status(e.Kind)
	return Error(e, status, code, "").(wire.OpenAIErrorResponse).Error
}

// AnthropicErrorResponse is the body of an error in Anthropic's format.
type AnthropicErrorResponse struct {
	Type  string               `json:"type"`
	Error AnthropicErrorDetail `json:"error"`
	ID    string               `json:"request_id,omitempty"`
}

// AnthropicErrorDetail is what went wrong.
type AnthropicErrorDetail struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// anthropicTypes are the types of errors by kind; that of any other is api_error.
var anthropicTypes = map[entity.Kind]string{
	entity.KindInvalid:         "invalid_request_error",
	entity.KindUnsupported:     "invalid_request_error",
	entity.KindUnauthenticated: "authentication_error",
	entity.KindForbidden:       "permission_error",
	entity.KindNotFound:        "not_found_error",
	entity.KindTooLarge:        "request_too_large",
	entity.KindRateLimited:     "rate_limit_error",
	entity.KindUnavailable:     "overloaded_error",
	entity.KindTimeout:         "timeout_error",
}

func anthropicType(k entity.Kind) string {
	if t := anthropicTypes[k]; t != "" {
		return t
	}
	return "api_error"
}

// AnthropicError is the [wire.ErrorBody] of the operation that speaks Anthropic's
// format.
func AnthropicError(err *entity.Error, status int, code string, requestID string) any {
	d := Error(err, status, code, requestID).(wire.OpenAIErrorResponse).Error
	return AnthropicErrorResponse{Type: "error", Error: AnthropicErrorDetail{anthropicType(err.Kind), d.Message}, ID: requestID}
}

// Status is how an error is answered, for the runs that tell of it.
func Status(err error) int {
	status, _ := wire.Status(entity.KindOf(err))
	return status
}
