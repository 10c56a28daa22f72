package wire

import (
	"strings"

	"stemma/entity"
)

// ETag is the entity tag of a version: its CID in quotes. It stays the same
// when the answer is compressed, although HTTP would have it differ: clients
// take the tip from it, and nothing here serves ranges of such answers.
func ETag(c entity.CID) string { return `"` + c.String() + `"` }

// NotModified tells whether an If-None-Match header names etag: "*", a tag, or
// a list of tags, compared weakly (RFC 9110, section 13.1.2). A tag without
// quotes is taken as well.
func NotModified(ifNoneMatch, etag string) bool {
	want := opaque(etag)
	for part := range strings.SplitSeq(ifNoneMatch, ",") {
		if part = strings.TrimSpace(part); part == "*" || part != "" && opaque(part) == want {
			return true
		}
	}
	return false
}

func opaque(tag string) string {
	return strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
}
