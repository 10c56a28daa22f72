package native_test

import (
	"context"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stemma/entity"
	"stemma/files"
	"stemma/files/index"
)

// openBlobs opens the directory of a network's file content.
func (w *rig) openBlobs(name entity.Network) (b *files.Blobs, err error) {
	if w.dir == "" {
		w.blobs = map[entity.Network]*files.Blobs{}
		if w.dir, err = os.MkdirTemp("", "stemma-rig-"); err != nil {
			return nil, err
		}
	}
	w.blobs[name], err = files.OpenDir(filepath.Join(w.dir, string(name)))
	return w.blobs[name], err
}

// endBlobs makes sure that every content that was ever named is there, whole,
// and that nothing is on its way, and removes the directories.
func (w *rig) endBlobs(t testing.TB) {
	ctx := context.Background()
	for name, b := range w.blobs {
		kept := wholeContents(ctx, t, b)
		err := w.stores[name].View(ctx, func(r entity.Reader) error {
			for ref, err := range index.References(r) {
				if err != nil {
					return err
				}
				if !kept[ref.Digest] {
					t.Errorf("file %s names content %x, which is not there", ref.File, ref.Digest)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		left, err := os.ReadDir(filepath.Join(w.dir, string(name), "tmp"))
		if err != nil || len(left) > 0 {
			t.Errorf("network %s: left on its way in: %v, %v", name, left, err)
		}
	}
	if err := os.RemoveAll(w.dir); err != nil {
		t.Error(err)
	}
}

// wholeContents reads everything that is kept and makes sure that it is what
// its name says.
func wholeContents(ctx context.Context, t testing.TB, b *files.Blobs) map[entity.Digest]bool {
	kept := map[entity.Digest]bool{}
	for info, err := range b.List(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		r := files.NewReader(ctx, b, info)
		content, err := io.ReadAll(r)
		_ = r.Close()
		if err != nil || entity.SumRaw(content) != info.CID {
			t.Errorf("the content %s is broken: %v", info.CID, err)
		}
		d, _ := entity.DigestOf(info.CID)
		kept[d] = true
	}
	return kept
}

// stored is how many contents the main network keeps.
func (w *rig) stored(t testing.TB) (n int) {
	t.Helper()
	for _, err := range w.blobs[entity.Main].List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// newFile makes a file that waits for text of so many bytes under the key "1".
func (w *rig) newFile(t testing.TB, size int) (id, tip string) {
	t.Helper()
	e := w.must(t, 201, "POST", "/files", object{"key": "1", "filename": "a.txt", "content_type": "text/plain", "size": size})
	return e["id"].(string), e["cid"].(string)
}

// upload sends a file's content.
func (w *rig) upload(id, content string, headers ...string) *httptest.ResponseRecorder {
	return w.call("POST", "/files/"+id+"/content", content, append([]string{"Content-Type", "text/plain"}, headers...)...)
}

// mustUpload gives the tip that the upload made.
func (w *rig) mustUpload(t testing.TB, id, content string) (tip string) {
	t.Helper()
	out := w.upload(id, content)
	if out.Code != 200 {
		t.Fatalf("upload: %d %s", out.Code, out.Body)
	}
	return decode(t, out.Body.Bytes())["cid"].(string)
}

// uploadStream sends a body of unknown length.
func (w *rig) uploadStream(ctx context.Context, id string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, "POST", "http://stemma/files/"+id+"/content", io.NopCloser(body))
	r.ContentLength = -1
	r.Header.Set("Authorization", "ApiKey "+ownerKey)
	r.Header.Set("Content-Type", "text/plain")
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

// download gets a file's content.
func (w *rig) download(id string, headers ...string) *httptest.ResponseRecorder {
	return w.call("GET", "/files/"+id+"/content", "", headers...)
}

// repeat is text of n bytes.
func repeat(n int) string { return strings.Repeat("0123456789", n/10+1)[:n] }
