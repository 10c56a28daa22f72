package wire

import (
	"net/http"
)

// Reply is a good answer. Body is encoded as the package comment says, but for
// a [Raw], which is written as it is; nil is no body. Stream, when set, writes
// the answer instead: Header and Status are in place, and an error it returns
// before the first byte is answered like any other; after that the connection
// is cut, so that nobody takes half an answer for a whole one.
type Reply struct {
	Status int // 0: 200, or 204 when there is nothing to write
	Header http.Header
	Body   any
	Stream func(w http.ResponseWriter, r *http.Request) error
	etag   string
}

// Raw is a body that is bytes already.
type Raw struct {
	ContentType string
	Data        []byte
}

// Formed is a body whose form the request decides, of an answer or an error.
type Formed interface{ Form(*http.Request) Raw }

// OK answers 200.
func OK(body any) *Reply { return &Reply{Status: http.StatusOK, Body: body} }

// Created answers 201.
func Created(body any) *Reply { return &Reply{Status: http.StatusCreated, Body: body} }

// NoContent answers 204.
func NoContent() *Reply { return &Reply{Status: http.StatusNoContent} }

// Unchanged answers 304 to a caller who has the version of the tag already.
func Unchanged(etag string) *Reply {
	return &Reply{Status: http.StatusNotModified, etag: etag}
}

// Bytes answers 200 with a body that is bytes already.
func Bytes(contentType string, data []byte) *Reply {
	return OK(Raw{contentType, data})
}

// WithETag sets the answer's ETag, which [ETag] makes.
func (r *Reply) WithETag(etag string) *Reply {
	r.etag = etag
	return r
}

// WithHeader adds a header.
func (r *Reply) WithHeader(key, value string) *Reply {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Add(key, value)
	return r
}
