package native

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/guard"
	"stemma/files"
	"stemma/files/index"
)

type downloadFileIn struct {
	ID entity.ID `path:"id"`
}

func (s *Service) downloadFile(ctx context.Context, in *downloadFileIn) (*wire.Reply, error) {
	var content index.Content
	var filename string
	err := s.view(ctx, func(r *guard.Reader) error {
		h, m, err := manifestOf(r, "file:download", in.ID, entity.TypeFile)
		if err != nil {
			return err
		}
		c, ok := index.Of(m.Properties)
		if h.Deleted || !ok {
			return entity.NotFound("native.download", "file %s has no content; it is uploaded with POST /files/%s/content", in.ID, in.ID)
		}
		content = c
		filename, _ = m.Properties[index.Filename].(string)
		return nil
	})
	if err != nil {
		return nil, err
	}
	info, err := s.stat(ctx, content)
	if err != nil {
		return nil, err
	}
	blobs := s.network(ctx).Blobs
	reply := &wire.Reply{Stream: func(w http.ResponseWriter, r *http.Request) error {
		return serveContent(w, r, files.NewReader(r.Context(), blobs, info))
	}}
	return reply.WithETag(wire.ETag(content.CID)).
		WithHeader("Content-Type", cmp.Or(content.ContentType, "application/octet-stream")).
		WithHeader("Content-Disposition", attachment(filename)).
		WithHeader("X-Content-Type-Options", "nosniff").
		WithHeader("Content-Security-Policy", "sandbox; default-src 'none'"), nil
}

// stat finds content that a version names. That it is not there, or not all of
// it, is our defect and not the caller's.
func (s *Service) stat(ctx context.Context, content index.Content) (files.Info, error) {
	const op = "native.download"
	info, err := s.network(ctx).Blobs.Stat(ctx, content.CID)
	switch {
	case err != nil && entity.KindOf(err) == entity.KindNotFound:
		return info, entity.Internal(op, fmt.Errorf("content that is named is not there: %w", errors.New(err.Error())))
	case err == nil && info.Size != content.Size:
		return info, entity.Internal(op, fmt.Errorf("content %s has %d bytes, %d are named", content.CID, info.Size, content.Size))
	}
	return info, err
}

// maxRanges is how many ranges one request may ask for; with more of them the
// header is passed over, as RFC 9110 (section 14.2) allows, and all is sent.
const maxRanges = 16

// serveContent is http.ServeContent, which decides on ranges and conditions,
// with its errors as ours.
func serveContent(w http.ResponseWriter, r *http.Request, content *files.Reader) error {
	defer content.Close()
	if strings.Count(r.Header.Get("Range"), ",") >= maxRanges {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	http.ServeContent(&refusals{ResponseWriter: w}, r, "", time.Time{}, content)
	return content.Err()
}

// refusals puts the body of the API's errors in the place of net/http's.
type refusals struct {
	http.ResponseWriter
	refused bool
}

// Unwrap lets http.ResponseController through.
func (w *refusals) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (w *refusals) WriteHeader(status int) {
	if status < http.StatusBadRequest {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.refused = true
	body := wire.ErrorResponse{Status: status, RequestID: w.Header().Get("X-Request-Id")}
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		body.Code, body.Error = "RANGE_NOT_SATISFIABLE", "none of the ranges asked for lies within the content; Content-Range tells its size"
	case http.StatusPreconditionFailed:
		body.Code, body.Error = "PRECONDITION_FAILED", "the content is another than the request was made for; the ETag is its CID"
	default:
		_, body.Code = wire.Status(entity.KindInternal)
		body.Error = http.StatusText(status)
	}
	body.Message = body.Error
	text, err := json.Marshal(body)
	if err != nil {
		text = nil // of plain fields: cannot be
	}
	h := w.Header()
	h.Del("Content-Disposition")
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", itoa(int64(len(text))))
	w.ResponseWriter.WriteHeader(status)
	_, _ = w.ResponseWriter.Write(text) // nobody is told whether it arrived
}

// Write implements [http.ResponseWriter].
func (w *refusals) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil // net/http's own words
	}
	return w.ResponseWriter.Write(p)
}

// attachment is a Content-Disposition that saves under the name, whatever it
// holds: in ASCII for old clients, and percent-encoded UTF-8 where that differs
// (RFC 6266, section 4.3; RFC 8187).
func attachment(filename string) string {
	if filename == "" {
		return "attachment"
	}
	plain := strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r > '~', r == '%': // some clients decode a percent sign
			return '_'
		case r == '"', r == '\\', r == '/':
			return '_'
		}
		return r
	}, filename)
	value := `attachment; filename="` + plain + `"`
	if plain != filename {
		value += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(filename), "+", "%20")
	}
	return value
}
