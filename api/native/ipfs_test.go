package native_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"stemma/entity"
	"stemma/versions/car"
)

// unpackCAR reads a CAR, every block of which must be what its name says.
func unpackCAR(t *testing.T, file []byte) (roots, blocks []entity.CID) {
	t.Helper()
	in, err := car.NewReader(bytes.NewReader(file), car.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			return in.Roots(), blocks
		}
		if err == nil && b.Content != nil {
			_, err = io.Copy(io.Discard, b.Content)
		}
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, b.CID)
	}
}

func parseCID(t *testing.T, text string) entity.CID {
	t.Helper()
	c, err := entity.ParseCID(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// upload makes a file with content and gives its id and the content's CID.
func (w *rig) uploadFile(t *testing.T, content string) (id, c string) {
	t.Helper()
	f := w.must(t, http.StatusCreated, "POST", "/files", object{"key": "k", "filename": "f", "content_type": "text/plain", "size": len(content)})
	id = f["id"].(string)
	out := w.call("POST", "/files/"+id+"/content", content, "Content-Type", "text/plain")
	if out.Code != http.StatusOK {
		t.Fatalf("upload: %d %s", out.Code, out.Body)
	}
	return id, at(decode(t, out.Body.Bytes()), "properties", "cid").(string)
}

// A CAR begins with its root and goes on depth first: the history, then what
// properties link to, of any kind; a link to what is not here is passed over.
func TestCARFollowsLinks(t *testing.T) {
	w := newRig(t, rigOptions{})
	elsewhere := entity.SumBlock([]byte("elsewhere"))
	_, other := w.create(t, object{"type": "note"})
	file, content := w.uploadFile(t, "linked content")
	var step entity.CID
	if _, err := w.main().Update(t.Context(), entity.Actor{UserID: ownerID, Method: entity.MethodSystem}, func(tx entity.Tx) error {
		ref, err := tx.Append(entity.ID(file), "steps", entity.Any, entity.Properties{"to": entity.Link{CID: parseCID(t, other)}})
		step = ref.CID
		return err
	}); err != nil {
		t.Fatal(err)
	}
	link := func(c any) object { return object{"/": fmt.Sprint(c)} }
	id, v1 := w.create(t, object{"type": "note", "properties": object{"a": link(content), "b": link(elsewhere)}})
	v2 := w.must(t, 200, "PUT", "/entities/"+id, object{"expect_tip": v1, "properties": object{"a": link(other), "c": []any{link(step), link(content)}}})["cid"].(string)
	cids := func(texts ...string) (out []entity.CID) {
		for _, s := range texts {
			out = append(out, parseCID(t, s))
		}
		return out
	}
	for query, want := range map[string][]entity.CID{
		"":                  cids(v2, v1, content, other, step.String()),
		"&car-dups=y":       cids(v2, v1, content, other, step.String(), other, content),
		"&dag-scope=block":  cids(v2),
		"&dag-scope=entity": cids(v2),
		"&entity-bytes=0:*": cids(v2),
		"&dag-scope=all":    cids(v2, v1, content, other, step.String()),
	} {
		out := w.call("GET", "/ipfs/"+v2+"?format=car"+query, "")
		if out.Code != 200 {
			t.Fatalf("%s: %d %s", query, out.Code, out.Body)
		}
		roots, got := unpackCAR(t, out.Body.Bytes())
		if !slices.Equal(got, want) || !slices.Equal(roots, want[:1]) {
			t.Errorf("%s: roots %v, blocks\n%v\nwant\n%v", query, roots, got, want)
		}
		if h := out.Header(); h.Get("Accept-Ranges") != "none" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Location") != "" {
			t.Errorf("%s: headers %v", query, h)
		}
	}
}

// A history of many pieces comes whole, and ETags differ where answers do.
func TestCAROfLongHistory(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, tip := w.create(t, object{"type": "note"})
	want := []entity.CID{parseCID(t, tip)}
	for n := range 40 {
		tip = w.must(t, 200, "PUT", "/entities/"+id, object{"expect_tip": tip, "properties": object{"text": strings.Repeat("x", 20_000+n)}})["cid"].(string)
		want = append(want, parseCID(t, tip))
	}
	slices.Reverse(want)
	out := w.call("GET", "/ipfs/"+tip+"?format=car", "")
	if _, got := unpackCAR(t, out.Body.Bytes()); !slices.Equal(got, want) {
		t.Errorf("%d blocks of %d", len(got), len(want))
	}
	seen := map[string]string{}
	for _, query := range []string{"format=raw", "format=car", "format=car&dag-scope=all", "format=car&dag-scope=block", "format=car&dag-scope=entity", "format=car&entity-bytes=0:1", "format=car&car-dups=y"} {
		etag := w.call("HEAD", "/ipfs/"+tip+"?"+query, "").Header().Get("Etag")
		if seen[etag] != "" || etag == "" {
			t.Errorf("%s and %s have the ETag %s", query, seen[etag], etag)
		}
		seen[etag] = query
		if again := w.call("GET", "/ipfs/"+tip+"?"+query, "", "If-None-Match", `"other", `+etag); again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("%s with its ETag: %d, %d bytes", query, again.Code, again.Body.Len())
		}
	}
}

// What is asked for decides, what is accepted comes second, and Content-Location
// tells of what the URL does not say.
func TestIPFSNegotiation(t *testing.T) {
	w := newRig(t, rigOptions{})
	_, tip := w.create(t, object{"type": "note"})
	const raw, carType, n, y = "application/vnd.ipld.raw", "application/vnd.ipld.car", "; version=1; order=dfs; dups=n", "; version=1; order=dfs; dups=y"
	for _, c := range []struct{ query, accept, want, location string }{
		{"format=raw", "", raw, ""},
		{"format=raw", "*/*", raw, ""},
		{"format=raw", raw, raw, ""},
		{"format=raw", carType, raw, "format=raw"},
		{"format=car", raw, carType + n, "car-dups=n&format=car"},
		{"format=car", carType, carType + n, ""},
		{"format=car&car-dups=y", "", carType + y, ""},
		{"format=car&car-dups=n", carType + y, carType + n, ""},
		{"format=car", carType + y, carType + y, "car-dups=y&format=car"},
		{"dag-scope=block", carType + ";q=0.5, text/html", carType + n, "car-dups=n&dag-scope=block&format=car"},
		{"", raw + ";q=0.1, " + carType + ";q=0.2", carType + n, "car-dups=n&format=car"},
		{"", carType + ";q=0, " + raw, raw, "format=raw"},
		{"", carType + ";order=new, " + carType + ";order=unk;dups=y;q=0.5", carType + y, "car-dups=y&format=car"},
		{"car-order=dfs", carType + ";order=new", carType + n, "car-dups=n&format=car"},
		{"", carType + ";version=2, " + raw + ";q=0.1", raw, "format=raw"},
		{"", "", "", ""},
		{"", "*/*", "", ""},
		{"", "application/*", "", ""},
		{"", carType + ";version=2", "", ""},
		{"format=car", carType + ";version=2", "", ""},
		{"format=car", carType + ";dups=maybe", "", ""},
		{"", "application/vnd.ipfs.ipns-record", "", ""},
		{"format=ipns-record", raw, "", ""},
	} {
		out := w.call("GET", "/ipfs/"+tip+"?"+c.query, "", "Accept", c.accept)
		if c.want == "" {
			if out.Code != 400 {
				t.Errorf("%+v: %d %s", c, out.Code, out.Header())
			}
			continue
		}
		if c.location != "" {
			c.location = "/ipfs/" + tip + "?" + c.location
		}
		if h := out.Header(); out.Code != 200 || h.Get("Content-Type") != c.want || h.Get("Content-Location") != c.location {
			t.Errorf("%+v: %d %s %s", c, out.Code, h.Get("Content-Type"), h.Get("Content-Location"))
		}
	}
}

// A CID is the same however it is written, and anonymous callers may ask.
func TestIPFSForAnybody(t *testing.T) {
	w := newRig(t, rigOptions{})
	_, tip := w.create(t, object{"type": "note"})
	c := parseCID(t, tip)
	want := w.call("GET", "/versions/manifest/"+tip+"?format=dag-cbor", "").Body.Bytes()
	for _, text := range []string{tip, strings.ToUpper(tip), fmt.Sprintf("f%x", c.Bytes())} { // base32, in capitals, base16
		out := w.call("GET", "/ipfs/"+text+"?format=raw", "", "Authorization", "")
		if out.Code != 200 || !bytes.Equal(out.Body.Bytes(), want) || entity.SumBlock(out.Body.Bytes()) != c {
			t.Errorf("%s: %d, %d bytes", text, out.Code, out.Body.Len())
		}
		if h := out.Header(); h.Get("Etag") != `"`+tip+`.raw"` || h.Get("Cache-Control") != "public, max-age=29030400, immutable" {
			t.Errorf("%s: %v", text, h)
		}
	}
	raw := cid.NewCidV1(cid.Raw, c.Hash()).String() // of a version's digest: no file has it
	for _, target := range []string{raw, cid.NewCidV1(cid.DagProtobuf, c.Hash()).String(), "bafkqabtimvwgy3yk"} {
		for _, format := range []string{"raw", "car"} {
			if out := w.call("GET", "/ipfs/"+target+"?format="+format, ""); out.Code != 404 {
				t.Errorf("%s as %s: %d %s", target, format, out.Code, out.Body)
			}
		}
	}
	if out := w.call("GET", "/ipfs/"+tip+"?format=raw", "", "X-Arke-Network", "test", "Authorization", ""); out.Code != 404 {
		t.Errorf("on the other network: %d", out.Code)
	}
}

// Content stays under its CID, also when the file has other content since, or
// is deleted: its versions still name it. A name to save under is taken.
func TestIPFSContent(t *testing.T) {
	w := newRig(t, rigOptions{})
	id, c := w.uploadFile(t, "first content")
	tip := w.must(t, 200, "GET", "/entities/"+id, nil)["cid"].(string)
	tip = w.must(t, 200, "POST", "/files/"+id+"/reupload", object{"expect_tip": tip, "key": "k2", "content_type": "text/plain", "size": 3})["cid"].(string)
	get := func(query string) *httptest.ResponseRecorder { return w.call("GET", "/ipfs/"+c+"?"+query, "") }
	if out := get("format=raw"); out.Code != 200 || out.Body.String() != "first content" {
		t.Errorf("of an earlier version: %d %s", out.Code, out.Body)
	}
	w.must(t, 200, "DELETE", "/entities/"+id, object{"expect_tip": tip})
	out := get("format=raw&filename=gr%C3%BC%C3%9Fe.txt")
	if out.Code != 200 || out.Body.String() != "first content" {
		t.Errorf("of a deleted file: %d %s", out.Code, out.Body)
	}
	if name := out.Header().Get("Content-Disposition"); name != `attachment; filename="gr__e.txt"; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt` {
		t.Errorf("to be saved as %s", name)
	}
	for query, want := range map[string]int{
		"entity-bytes=0:*": 200, "entity-bytes=-5:*": 200, "entity-bytes=5:-3": 200, "entity-bytes=12:12": 200, "entity-bytes=-100:3": 200,
		"entity-bytes=13:*": 400, "entity-bytes=0:-14": 400, "entity-bytes=5:4": 400, "entity-bytes=x:*": 400, "dag-scope=all": 200,
	} {
		out := get("format=car&" + query)
		if out.Code != want {
			t.Errorf("%s: %d %s", query, out.Code, out.Body)
			continue
		}
		if want == 200 {
			if _, got := unpackCAR(t, out.Body.Bytes()); !slices.Equal(got, []entity.CID{parseCID(t, c)}) {
				t.Errorf("%s: %v", query, got)
			}
		}
	}
}
