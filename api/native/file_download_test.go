package native_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"stemma/entity"
)

// What every kind of range and condition is answered with, for GET and HEAD
// alike (RFC 9110, sections 13 and 14).
func TestDownloadRanges(t *testing.T) {
	w := newRig(t, rigOptions{})
	const text = "0123456789"
	id, _ := w.newFile(t, len(text))
	w.mustUpload(t, id, text)
	etag := `"` + entity.SumRaw([]byte(text)).String() + `"`
	for _, c := range []struct {
		name    string
		headers []string
		status  int
		body    string
		ranged  string // Content-Range
	}{
		{"all", nil, 200, text, ""},
		{"first", []string{"Range", "bytes=0-0"}, 206, "0", "bytes 0-0/10"},
		{"middle", []string{"Range", "bytes=3-5"}, 206, "345", "bytes 3-5/10"},
		{"to the end", []string{"Range", "bytes=8-"}, 206, "89", "bytes 8-9/10"},
		{"past the end", []string{"Range", "bytes=8-100"}, 206, "89", "bytes 8-9/10"},
		{"the last three", []string{"Range", "bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{"the last hundred", []string{"Range", "bytes=-100"}, 206, text, "bytes 0-9/10"},
		{"all by range", []string{"Range", "bytes=0-"}, 206, text, "bytes 0-9/10"},
		{"an empty range", []string{"Range", ""}, 200, text, ""},
		{"none of it", []string{"Range", "bytes=10-"}, 416, "", "bytes */10"},
		{"the last nothing", []string{"Range", "bytes=-0"}, 206, "", "bytes 10-9/10"},
		{"the same, by range", []string{"Range", "bytes=3-5", "If-Range", etag}, 206, "345", "bytes 3-5/10"},
		{"another, by range", []string{"Range", "bytes=3-5", "If-Range", `"other"`}, 200, text, ""},
		{"a weak tag, by range", []string{"Range", "bytes=3-5", "If-Range", "W/" + etag}, 200, text, ""},
		{"had already", []string{"If-None-Match", etag}, 304, "", ""},
		{"had already, weakly", []string{"If-None-Match", "W/" + etag}, 304, "", ""},
		{"had already, in a list", []string{"If-None-Match", `"x", ` + etag}, 304, "", ""},
		{"had any", []string{"If-None-Match", "*"}, 304, "", ""},
		{"had another", []string{"If-None-Match", `"x"`}, 200, text, ""},
		{"had already, by range", []string{"If-None-Match", etag, "Range", "bytes=3-5"}, 304, "", ""},
		{"is the same", []string{"If-Match", etag}, 200, text, ""},
		{"is another", []string{"If-Match", `"x"`}, 412, "", ""},
		{"too many ranges", []string{"Range", "bytes=" + strings.Repeat("0-0,", 20_000) + "1-1"}, 200, text, ""},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			out := w.call(method, "/files/"+id+"/content", "", c.headers...)
			if out.Code != c.status || out.Header().Get("Content-Range") != c.ranged {
				t.Errorf("%s %s: %d, Content-Range %q, want %d, %q", method, c.name, out.Code, out.Header().Get("Content-Range"), c.status, c.ranged)
			}
			if out.Code >= 400 {
				checkFault(t, fault{name: c.name, status: c.status}, out)
				continue
			}
			if got := out.Header().Get("Etag"); got != etag {
				t.Errorf("%s %s: ETag %s", method, c.name, got)
			}
			if method == "HEAD" && out.Body.Len() > 0 || method == "GET" && out.Body.String() != c.body {
				t.Errorf("%s %s: %q", method, c.name, out.Body)
			}
			if out.Code != 304 && out.Header().Get("Content-Length") != itoa(len(c.body)) {
				t.Errorf("%s %s: Content-Length %s", method, c.name, out.Header().Get("Content-Length"))
			}
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// Several ranges come as parts, each with its place.
func TestDownloadSeveralRanges(t *testing.T) {
	w := newRig(t, rigOptions{})
	text := repeat(10_000)
	id, _ := w.newFile(t, len(text))
	w.mustUpload(t, id, text)
	out := w.download(id, "Range", "bytes=0-4,100-109,9990-")
	kind, params, err := mime.ParseMediaType(out.Header().Get("Content-Type"))
	if err != nil || out.Code != http.StatusPartialContent || kind != "multipart/byteranges" {
		t.Fatalf("%d %s, %v", out.Code, kind, err)
	}
	parts := multipart.NewReader(out.Body, params["boundary"])
	for _, want := range []struct{ ranged, text string }{
		{"bytes 0-4/10000", text[:5]}, {"bytes 100-109/10000", text[100:110]}, {"bytes 9990-9999/10000", text[9990:]},
	} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(part)
		if err != nil || string(got) != want.text || part.Header.Get("Content-Range") != want.ranged || part.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%v: %q, %v", part.Header, got, err)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("after the last part: %v", err)
	}
}

// The name that a browser saves under is the file's, whatever is in it, and
// nothing in it makes another header.
func TestDownloadName(t *testing.T) {
	w := newRig(t, rigOptions{})
	for name, header := range map[string]string{
		"a.txt":               `attachment; filename="a.txt"`,
		"a b;c=d,e.txt":       `attachment; filename="a b;c=d,e.txt"`,
		`say "hi".txt`:        `attachment; filename="say _hi_.txt"; filename*=UTF-8''say%20%22hi%22.txt`,
		"100%.txt":            `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`,
		"häßlich.txt":         `attachment; filename="h__lich.txt"; filename*=UTF-8''h%C3%A4%C3%9Flich.txt`,
		"日本.pdf":              `attachment; filename="__.pdf"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.pdf`,
		"'quoted'*~!#$&+^`|.": `attachment; filename="'quoted'*~!#$&+^` + "`" + `|."`,
	} {
		e := w.must(t, 201, "POST", "/files", object{"key": "1", "filename": name, "content_type": "text/plain", "size": 1})
		id := e["id"].(string)
		w.mustUpload(t, id, "x")
		out := w.download(id)
		if got := out.Header().Get("Content-Disposition"); got != header {
			t.Errorf("%s: %s\nwant %s", name, got, header)
		}
		_, params, err := mime.ParseMediaType(out.Header().Get("Content-Disposition"))
		if err != nil || params["filename"] != name {
			t.Errorf("%s is read as %q, %v", name, params["filename"], err)
		}
		if got := out.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("X-Content-Type-Options %q", got)
		}
	}
}

// Content of every size comes back as it went in, with no help from a length.
func TestUploadDownloadRoundTrip(t *testing.T) {
	w := newRig(t, rigOptions{})
	for _, n := range []int{0, 1, 4095, 65_536, 300_001, 3 << 20} {
		content := bytes.Repeat([]byte{0, 255, '\r', '\n', 128}, n/5+1)[:n]
		id, _ := w.newFile(t, n)
		if out := w.uploadStream(t.Context(), id, bytes.NewReader(content)); out.Code != 200 {
			t.Fatalf("%d bytes: %d %s", n, out.Code, out.Body)
		}
		out := w.download(id)
		if !bytes.Equal(out.Body.Bytes(), content) || out.Header().Get("Content-Length") != itoa(n) || out.Header().Get("Content-Type") != "text/plain" {
			t.Errorf("%d bytes: %d came back, %v", n, out.Body.Len(), out.Header())
		}
	}
}
