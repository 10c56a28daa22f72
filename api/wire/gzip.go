package wire

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// compressFrom is from what size on an answer is compressed: below it, it fits
// into one packet anyway.
const compressFrom = 1400

var (
	gzipEncoding = []string{"gzip"}
	varyEncoding = []string{"Accept-Encoding"}
)

var gzipWriters = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails only on an unknown level
	return w
}}

// sendGzip compresses an answer that is complete, so that its length is known
// and no writer has to be wrapped.
func (x *exchange) sendGzip(status int, data []byte) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer putBuffer(buf)
	z := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(z)
	z.Reset(buf)
	_, _ = z.Write(data) // into memory: it cannot fail
	_ = z.Close()
	x.header()["Content-Encoding"] = gzipEncoding
	x.set(slotLength, "Content-Length", strconv.Itoa(buf.Len()))
	x.WriteHeader(status)
	_, err := x.Write(buf.Bytes())
	return gone(err)
}

// compressible tells whether compressing the answer is worth it and allowed.
func compressible(h http.Header) bool {
	if len(h["Content-Encoding"]) > 0 {
		return false
	}
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	kind = strings.TrimSpace(kind)
	return kind == "application/json" || strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") ||
		kind == "application/x-ndjson" || kind == "application/javascript" || kind == "image/svg+xml"
}

// acceptsGzip reads Accept-Encoding: gzip or *, with a quality that is not 0.
func acceptsGzip(values []string) bool {
	wild := false
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			name, params, _ := strings.Cut(part, ";")
			name = strings.TrimSpace(name)
			ok := !zeroQuality(params)
			switch {
			case strings.EqualFold(name, "gzip"):
				return ok
			case name == "*":
				wild = ok
			}
		}
	}
	return wild
}

func zeroQuality(params string) bool {
	q, found := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(params, " ", "")), "q=")
	if !found {
		return false
	}
	f, err := strconv.ParseFloat(q, 64)
	return err == nil && f == 0
}
