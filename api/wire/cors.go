package wire

import (
	"net/http"
	"strings"
)

// The headers of CORS. Any origin may call: credentials travel in the headers
// Authorization and X-Api-Key, so that a foreign page has none to abuse. The one
// cookie there is, of refresh tokens, is SameSite=Strict and read by operations
// that refuse a cross-site caller, and no answer allows credentials.
// The slices are shared by all answers and never changed.
var (
	anyOrigin    = []string{"*"}
	exposed      = []string{"ETag, X-Request-Id, Retry-After, Location, Content-Disposition, Content-Range, Accept-Ranges, X-Chat-ID"}
	allowMethods = []string{strings.Join(methods, ", ")}
	allowHeaders = []string{"Authorization, X-Api-Key, Content-Type, X-Arke-Network, X-On-Behalf-Of, X-Chat-ID, If-Match, If-None-Match, If-Range, Range, Last-Event-ID, X-Request-Id, X-Agent-Name, Idempotency-Key"}
	maxAge       = []string{"86400"}
)

// cors marks an answer as readable by pages of any origin.
func cors(h http.Header, r *http.Request) {
	h["Access-Control-Allow-Origin"] = anyOrigin
	if len(r.Header["Origin"]) > 0 {
		h["Access-Control-Expose-Headers"] = exposed
	}
}

// preflight answers the question a browser asks before a request; false when
// the OPTIONS request is not such a question.
func preflight(h http.Header, r *http.Request) bool {
	if len(r.Header["Access-Control-Request-Method"]) == 0 {
		return false
	}
	h["Access-Control-Allow-Methods"] = allowMethods
	h["Access-Control-Allow-Headers"] = allowHeaders
	h["Access-Control-Max-Age"] = maxAge
	return true
}
