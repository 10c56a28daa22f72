package files_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"stemma/entity"
	"stemma/files"
	"stemma/files/filestest"
)

func TestS3(t *testing.T) {
	filestest.Run(t, func(t *testing.T) filestest.Store {
		server := newS3(t, nil)
		return filestest.Store{Blobs: openS3(t, server, "?secure=false&prefix=some/where/"), Age: server.age("some/where/")}
	})
}

// s3Server is a server in this process that speaks the protocol, with the
// bucket "blobs".
type s3Server struct {
	*httptest.Server
	backend gofakes3.Backend
	clock   gofakes3.TimeSourceAdvancer // of the times it gives to objects
}

// newS3 starts one. wrap, where given, stands in front of it.
func newS3(t testing.TB, wrap func(http.Handler) http.Handler) *s3Server {
	t.Helper()
	s := &s3Server{clock: gofakes3.FixedTimeSource(time.Now())}
	s.backend = s3mem.New(s3mem.WithTimeSource(s.clock))
	if err := s.backend.CreateBucket("blobs"); err != nil {
		t.Fatal(err)
	}
	handler := decodeParts(gofakes3.New(s.backend).Server())
	if wrap != nil {
		handler = wrap(handler)
	}
	s.Server = httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

func (s *s3Server) host() string { return strings.TrimPrefix(s.URL, "http://") }

// age puts an object once more while the clock is set back. The time of a list
// is the backend's, that of an object a header that is kept with it.
func (s *s3Server) age(prefix string) func(*testing.T, entity.CID, time.Duration) {
	return func(t *testing.T, c entity.CID, by time.Duration) {
		t.Helper()
		object, err := s.backend.GetObject("blobs", prefix+c.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		object.Metadata["Last-Modified"] = time.Now().Add(-by).UTC().Format(http.TimeFormat)
		s.clock.Advance(-by)
		_, err = s.backend.PutObject("blobs", object.Name, object.Metadata, object.Contents, object.Size, nil)
		s.clock.Advance(by)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// openS3 opens the bucket of a server. When the test ends the spool is empty.
func openS3(t testing.TB, server *s3Server, settings string) *files.Blobs {
	t.Helper()
	spool := t.TempDir()
	t.Cleanup(func() { checkSpool(t, spool) })
	b, err := files.Open(t.Context(), "s3://key:secret@"+server.host()+"/blobs"+settings, "", spool)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A service that does not know conditional creation is served without it.
func TestS3WithoutConditions(t *testing.T) {
	var refused atomic.Int32
	server := newS3(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") != "" {
				refused.Add(1)
				answerS3(w, http.StatusNotImplemented, "NotImplemented")
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	filestest.Run(t, func(t *testing.T) filestest.Store { // on one server, each in a place of its own
		prefix := strings.ReplaceAll(t.Name(), "/", "-") + "/"
		return filestest.Store{Blobs: openS3(t, server, "?secure=false&prefix="+prefix), Age: server.age(prefix)}
	})
	if refused.Load() == 0 {
		t.Error("no condition was ever sent")
	}
}

func answerS3(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>as the test asked</Message></Error>")
}

// Somebody puts the same content between our look and our Put: the condition
// fails, and that is a success.
func TestS3LosesTheRaceAndSucceeds(t *testing.T) {
	var puts atomic.Int32
	server := newS3(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "PUT" && r.Header.Get("If-None-Match") == "*" && puts.Add(1) == 1 {
				other := r.Clone(r.Context())
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				other.Body = io.NopCloser(bytes.NewReader(body))
				next.ServeHTTP(&nowhere{header: http.Header{}}, other) // the faster one
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			next.ServeHTTP(w, r)
		})
	})
	b := openS3(t, server, "?secure=false")
	info := ingest(t, b, "raced")
	if stat, err := b.Stat(t.Context(), info.CID); err != nil || stat.Size != 5 {
		t.Errorf("%+v, %v", stat, err)
	}
	if puts.Load() != 1 {
		t.Errorf("%d conditional puts, want the one that lost", puts.Load())
	}
}

// nowhere is an answer that nobody reads.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}

// What the service answers is told by its kind, and nothing is left in the
// spool.
func TestS3Failures(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
		code   string
		kind   entity.Kind
	}{
		{"PUT", http.StatusInsufficientStorage, "XMinioStorageFull", entity.KindFull},
		{"PUT", http.StatusForbidden, "QuotaExceeded", entity.KindFull},
		{"PUT", http.StatusForbidden, "AccessDenied", entity.KindInternal},
		{"HEAD", http.StatusForbidden, "", entity.KindInternal},
	} {
		var broken atomic.Bool
		server := newS3(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if broken.Load() && r.Method == c.method {
					answerS3(w, c.status, c.code)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
		b := openS3(t, server, "?secure=false")
		broken.Store(true)
		_, err := b.Ingest(t.Context(), strings.NewReader("x"), most, 1)
		if entity.KindOf(err) != c.kind || err == nil {
			t.Errorf("%s answered %d %s: %v, want %s", c.method, c.status, c.code, err, c.kind)
		}
		broken.Store(false)
		for info, err := range b.List(t.Context()) {
			t.Errorf("it left %v, %v", info, err)
		}
	}
}

// A service that is gone is unavailable, not a defect.
func TestS3Gone(t *testing.T) {
	server := newS3(t, nil)
	b := openS3(t, server, "?secure=false")
	info := ingest(t, b, "x")
	server.Close()
	_, err := b.Stat(t.Context(), info.CID)
	if entity.KindOf(err) != entity.KindUnavailable || err == nil {
		t.Errorf("Stat: %v", err)
	}
}

// decodeParts does what gofakes3 leaves out: the parts of an upload come in
// signed pieces, as other bodies do, and it would keep signatures and all.
func decodeParts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("partNumber") && strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
			body, err := unsign(bufio.NewReader(r.Body))
			if err != nil {
				answerS3(w, http.StatusBadRequest, "IncompleteBody")
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.ContentLength = int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		}
		next.ServeHTTP(w, r)
	})
}

// unsign takes the bytes out of pieces that are signed one by one:
// "400;chunk-signature=…\r\n", 0x400 bytes, "\r\n", and so on to a piece of none.
func unsign(r *bufio.Reader) (body []byte, err error) {
	for {
		head, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(head, ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			return nil, err
		}
		piece := make([]byte, n+2)
		if _, err := io.ReadFull(r, piece); err != nil || n == 0 {
			return body, err
		}
		body = append(body, piece[:n]...)
	}
}

// A service that puts parts together wrongly is found out, and what it made is
// gone.
func TestS3PartsPutTogetherWrongly(t *testing.T) {
	server := newS3(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("partNumber") {
				r.Header.Set("X-Amz-Content-Sha256", "as it is") // so that the signatures stay in
			}
			next.ServeHTTP(w, r)
		})
	})
	b := openS3(t, server, "?secure=false")
	content := filestest.Bytes(1, 17<<20)
	_, err := b.Ingest(t.Context(), bytes.NewReader(content), most, int64(len(content)))
	if err == nil || entity.KindOf(err) != entity.KindInternal {
		t.Errorf("Ingest: %v", err)
	}
	if _, err := b.Stat(t.Context(), entity.SumRaw(content)); entity.KindOf(err) != entity.KindNotFound {
		t.Errorf("Stat: %v", err)
	}
}

// A service that leaves the time of an object alone when it is copied onto
// itself is sent the bytes again: what is put is young.
func TestS3CopyKeepsTime(t *testing.T) {
	var copies atomic.Int32
	server := newS3(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Amz-Copy-Source") != "" {
				copies.Add(1)
				w.Header().Set("Content-Type", "application/xml")
				_, _ = io.WriteString(w, `<CopyObjectResult><ETag>"x"</ETag><LastModified>2020-01-01T00:00:00.000Z</LastModified></CopyObjectResult>`)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	b := openS3(t, server, "?secure=false")
	info := ingest(t, b, "x")
	server.age("")(t, info.CID, 5*time.Hour)
	ingest(t, b, "x")
	if now, err := b.Stat(t.Context(), info.CID); err != nil || time.Since(now.Modified) > time.Hour {
		t.Errorf("put again it is of %v, %v", now.Modified, err)
	}
	if copies.Load() != 1 {
		t.Errorf("%d copies were asked for", copies.Load())
	}
}
