package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"stemma/entity"
)

const (
	// DefaultMaxBody is the bound on a body where neither the operation nor the
	// router names one: twice the largest manifest.
	DefaultMaxBody = 8 << 20
	// bodyDepth is how much deeper than a manifest's properties a body may be
	// nested: {"entities":[{"relationships":[{"properties":…}]}]}. The manifest
	// itself is measured when it is sealed.
	bodyDepth = 8
	// keepBuffer is the largest buffer that is kept for the next request.
	keepBuffer = 1 << 20
	// firstRead is what is allocated on a client's word that more will come.
	firstRead = 64 << 10
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= keepBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// readJSON reads and parses the body; nil when there is none.
func (x *exchange) readJSON(r *http.Request, limit int64) (any, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, nil
	}
	if limit == 0 {
		limit = x.router.maxBody
	}
	if r.ContentLength > limit {
		x.header().Set("Connection", "close")
		return nil, tooLarge(limit)
	}
	buf := buffers.Get().(*bytes.Buffer)
	defer putBuffer(buf)
	if r.ContentLength > 0 {
		buf.Grow(int(min(r.ContentLength, firstRead)) + bytes.MinRead)
	}
	x.setReadDeadline(x.router.bodyTimeout)
	_, err := buf.ReadFrom(http.MaxBytesReader(x.w, r.Body, limit))
	if err != nil {
		return nil, x.bodyError(r, err)
	}
	x.setReadDeadline(0)
	if len(bytes.TrimSpace(buf.Bytes())) == 0 {
		return nil, nil
	}
	if err := checkJSONType(r.Header); err != nil {
		return nil, err
	}
	v, err := entity.ParseJSON(buf.Bytes(), entity.MaxDepth+bodyDepth)
	if err != nil {
		return nil, malformed(err)
	}
	return v, nil
}

// malformed gives a parse error the list of issues that clients of a bad
// request look for.
func malformed(err error) error {
	var e *entity.Error
	if errors.As(err, &e) && e.Issues == nil {
		told := *e
		told.Issues = []entity.Issue{{Path: []any{}, Message: e.Message}}
		return &told
	}
	return err
}

// checkJSONType refuses a body that says it is something else than JSON in
// UTF-8, or is compressed.
func checkJSONType(h http.Header) error {
	if enc := h.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return entity.Errorf(entity.KindUnsupported, "wire.Body", "a body compressed with %q is not read here; send it without Content-Encoding", clip(enc))
	}
	text := h.Get("Content-Type")
	if text == "" || text == "application/json" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(text)
	charset := params["charset"]
	if err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return entity.Errorf(entity.KindUnsupported, "wire.Body", "a body of type %q is not read here; send application/json in UTF-8", clip(text))
	}
	return nil
}

func tooLarge(limit int64) error {
	return entity.Errorf(entity.KindTooLarge, "wire.Body", "the body is larger than the limit of %s (%d bytes)", size(limit), limit)
}

func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// bodyError translates what went wrong while a body was read. The connection
// is of no use after that.
func (x *exchange) bodyError(r *http.Request, err error) error {
	if !x.wrote {
		x.header().Set("Connection", "close")
	}
	const op = "wire.Body"
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge(over.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &entity.Error{Kind: entity.KindTimeout, Op: op, Err: err,
			Message: "the body did not arrive within " + x.router.bodyTimeout.String() + "; send it faster or in smaller requests"}
	case r.Context().Err() != nil:
		return &entity.Error{Kind: entity.KindCanceled, Op: op, Message: "the request was given up before its body had arrived", Err: err}
	}
	return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the body could not be read to its end; check Content-Length and the connection", Err: err}
}

// setReadDeadline bounds the next reads of the body; 0 lifts the bound. Writers
// that know no deadlines (httptest.ResponseRecorder) have none.
func (x *exchange) setReadDeadline(d time.Duration) {
	var at time.Time
	if d > 0 {
		at = x.router.now().Add(d)
	}
	_ = http.NewResponseController(x.w).SetReadDeadline(at)
}

// upload prepares a body that the handler reads by itself.
func (x *exchange) upload(r *http.Request, limit int64) (Upload, error) {
	if limit == 0 {
		limit = x.router.maxBody
	}
	up := Upload{ContentType: r.Header.Get("Content-Type"), Length: r.ContentLength}
	if limit > 0 && up.Length > limit {
		x.header().Set("Connection", "close")
		return up, tooLarge(limit)
	}
	if r.Body == nil {
		up.Reader, up.Length = http.NoBody, 0
		return up, nil
	}
	body := r.Body
	if limit > 0 {
		body = http.MaxBytesReader(x.w, body, limit)
	}
	up.Reader = &uploadReader{x: x, r: r, body: body}
	return up, nil
}

// uploadReader bounds the time between two pieces of a body.
type uploadReader struct {
	x    *exchange
	r    *http.Request
	body io.Reader
	err  error
}

func (u *uploadReader) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	u.x.setReadDeadline(u.x.router.bodyTimeout)
	n, err := u.body.Read(p)
	if err != nil {
		u.err = err
		if err == io.EOF {
			u.x.setReadDeadline(0)
		} else {
			u.err = u.x.bodyError(u.r, err)
		}
	}
	return n, u.err
}

// clip shortens text that a stranger sent before it is repeated in a message.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}
