package filestest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"stemma/entity"
	"stemma/files"
)

// most is a limit that no case reaches unless it means to.
const most = 64 << 20

// big is more than one part of a multipart upload.
const big = 33 << 20

// Store is what a case is run against.
type Store struct {
	*files.Blobs
	// Age makes content look as if it had last been put so much earlier.
	Age func(t *testing.T, c entity.CID, by time.Duration)
}

// Run runs every case against stores that open makes, each of its own.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Run("put makes content young", func(t *testing.T) { young(t, open(t)) })
	for _, c := range []struct {
		name string
		run  func(*testing.T, *files.Blobs)
	}{
		{"what is put is there", putGet},
		{"equal content is kept once", shared},
		{"ranges", ranges},
		{"what is not there", absent},
		{"names that name no content", wrongNames},
		{"delete spares what is young", spares},
		{"sizes and limits", sizes},
		{"a source that breaks", broken},
		{"a context that ends", canceled},
		{"many at once put the same", together},
		{"seeking", seeking},
		{"list", list},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t).Blobs) })
	}
}

// Bytes are n bytes that only the seed decides.
func Bytes(seed uint64, n int) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(b) // never fails
	return b
}

func put(t *testing.T, b *files.Blobs, content []byte) files.Info {
	t.Helper()
	info, err := b.Ingest(t.Context(), bytes.NewReader(content), most, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func get(t *testing.T, b *files.Blobs, c entity.CID, offset, length int64) []byte {
	t.Helper()
	r, err := b.Get(t.Context(), c, offset, length)
	if err != nil {
		t.Fatalf("Get(%d, %d): %v", offset, length, err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("Get(%d, %d): %v", offset, length, err)
	}
	return got
}

// names are the CIDs of everything that is kept.
func names(t *testing.T, b *files.Blobs) (out []string) {
	t.Helper()
	for info, err := range b.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, info.CID.String())
	}
	slices.Sort(out)
	return out
}

func want(t *testing.T, what string, err error, kind entity.Kind) {
	t.Helper()
	var e *entity.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Errorf("%s: %v, want an error of kind %s", what, err, kind)
	}
}

func putGet(t *testing.T, b *files.Blobs) {
	for i, n := range []int{0, 1, 5, 4096, 300_000, big} {
		content := Bytes(uint64(i), n)
		info := put(t, b, content)
		if c := entity.SumRaw(content); info.CID != c || info.Size != int64(n) {
			t.Fatalf("%d bytes: put as %s with %d bytes, want %s", n, info.CID, info.Size, c)
		}
		stat, err := b.Stat(t.Context(), info.CID)
		if err != nil || stat.CID != info.CID || stat.Size != int64(n) || stat.Modified.IsZero() {
			t.Errorf("%d bytes: Stat gives %+v, %v", n, stat, err)
		}
		if got := get(t, b, info.CID, 0, -1); !bytes.Equal(got, content) {
			t.Errorf("%d bytes: read back as %d others", n, len(got))
		}
	}
	// What the specification's own code gives for these (arke-notes, 1.4).
	for text, c := range map[string]string{
		"":            "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
		"hello":       "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq",
		"hello world": "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
	} {
		if info := put(t, b, []byte(text)); info.CID.String() != c {
			t.Errorf("%q is put as %s, want %s", text, info.CID, c)
		}
	}
}

func shared(t *testing.T, b *files.Blobs) {
	content := Bytes(1, 10_000)
	first := put(t, b, content)
	for range 3 {
		if again := put(t, b, content); again.CID != first.CID {
			t.Errorf("put again as %s, want %s", again.CID, first.CID)
		}
	}
	if got := names(t, b); !slices.Equal(got, []string{first.CID.String()}) {
		t.Errorf("kept: %v, want only %s", got, first.CID)
	}
	if got := get(t, b, first.CID, 0, -1); !bytes.Equal(got, content) {
		t.Error("the content changed")
	}
}

// Content that has been there for long is taken by a collector, but not once it
// has been put again.
func young(t *testing.T, s Store) {
	content := []byte("old")
	c := put(t, s.Blobs, content).CID
	s.Age(t, c, 5*time.Hour)
	if old, err := s.Stat(t.Context(), c); err != nil || time.Since(old.Modified) < 4*time.Hour {
		t.Fatalf("aged by 5 hours: %v, %v", old.Modified, err)
	}
	put(t, s.Blobs, content)
	now, err := s.Stat(t.Context(), c)
	if err != nil || time.Since(now.Modified) > time.Hour {
		t.Errorf("put again it is of %v, %v", now.Modified, err)
	}
	grace := time.Now().Add(-2 * time.Hour)
	if deleted, err := s.Delete(t.Context(), c, grace); deleted || err != nil {
		t.Errorf("put again: deleted %v, %v", deleted, err)
	}
	if got := get(t, s.Blobs, c, 0, -1); !bytes.Equal(got, content) {
		t.Errorf("it reads %q", got)
	}
	s.Age(t, c, 5*time.Hour)
	if deleted, err := s.Delete(t.Context(), c, grace); !deleted || err != nil {
		t.Errorf("aged: deleted %v, %v", deleted, err)
	}
}

func ranges(t *testing.T, b *files.Blobs) {
	content := Bytes(7, 1000)
	c := put(t, b, content).CID
	for _, r := range []struct{ offset, length, from, to int64 }{
		{0, -1, 0, 1000}, {0, 1, 0, 1}, {0, 1000, 0, 1000}, {0, 5000, 0, 1000}, {0, 0, 0, 0},
		{1, -1, 1, 1000}, {999, -1, 999, 1000}, {999, 1, 999, 1000}, {500, 100, 500, 600}, {500, 0, 0, 0},
		{900, 200, 900, 1000}, {1000, -1, 0, 0}, {1000, 1, 0, 0}, {5000, -1, 0, 0}, {5000, 5, 0, 0},
		{1, 1<<63 - 1, 1, 1000},
	} {
		if got := get(t, b, c, r.offset, r.length); !bytes.Equal(got, content[r.from:r.to]) {
			t.Errorf("Get(%d, %d) gives %d bytes, want %d to %d", r.offset, r.length, len(got), r.from, r.to)
		}
	}
	_, err := b.Get(t.Context(), c, -1, 5)
	want(t, "an offset of -1", err, entity.KindInvalid)
	empty := put(t, b, nil).CID
	for _, r := range [][2]int64{{0, -1}, {0, 1}, {1, -1}, {1, 1}, {0, 0}} {
		if got := get(t, b, empty, r[0], r[1]); len(got) > 0 {
			t.Errorf("Get(%d, %d) of no bytes gives %d", r[0], r[1], len(got))
		}
	}
}

func absent(t *testing.T, b *files.Blobs) {
	c := entity.SumRaw([]byte("never put"))
	for _, length := range []int64{-1, 0, 1} {
		_, err := b.Get(t.Context(), c, 0, length)
		want(t, "Get", err, entity.KindNotFound)
	}
	_, err := b.Stat(t.Context(), c)
	want(t, "Stat", err, entity.KindNotFound)
	if deleted, err := b.Delete(t.Context(), c, time.Now().Add(time.Hour)); deleted || err != nil {
		t.Errorf("Delete: %v, %v", deleted, err)
	}
	if got := names(t, b); len(got) > 0 {
		t.Errorf("a new store lists %v", got)
	}
}

func wrongNames(t *testing.T, b *files.Blobs) {
	put(t, b, []byte("x"))
	for _, c := range []entity.CID{{}, entity.SumBlock([]byte("x"))} {
		_, err := b.Get(t.Context(), c, 0, -1)
		want(t, "Get", err, entity.KindInvalid)
		_, err = b.Stat(t.Context(), c)
		want(t, "Stat", err, entity.KindInvalid)
		_, err = b.Delete(t.Context(), c, time.Now().Add(time.Hour))
		want(t, "Delete", err, entity.KindInvalid)
	}
}

func spares(t *testing.T, b *files.Blobs) {
	c := put(t, b, []byte("x")).CID
	other := put(t, b, []byte("y")).CID
	if deleted, err := b.Delete(t.Context(), c, time.Now().Add(-time.Hour)); deleted || err != nil {
		t.Errorf("of an hour ago: deleted %v, %v", deleted, err)
	}
	if got := get(t, b, c, 0, -1); string(got) != "x" {
		t.Errorf("it now reads %q", got)
	}
	deleted, err := b.Delete(t.Context(), c, time.Now().Add(time.Hour))
	if !deleted || err != nil {
		t.Fatalf("of an hour to come: deleted %v, %v", deleted, err)
	}
	_, err = b.Stat(t.Context(), c)
	want(t, "Stat after", err, entity.KindNotFound)
	if got := names(t, b); !slices.Equal(got, []string{other.String()}) {
		t.Errorf("left: %v, want %s", got, other)
	}
	put(t, b, []byte("x"))
	if got := get(t, b, c, 0, -1); string(got) != "x" {
		t.Errorf("put anew it reads %q", got)
	}
}

func sizes(t *testing.T, b *files.Blobs) {
	text := "0123456789"
	for _, c := range []struct {
		name        string
		limit, size int64
		kind        entity.Kind
		ok          bool
	}{
		{"as declared", 10, 10, 0, true},
		{"of unknown size", 10, files.Unknown, 0, true},
		{"of unknown size, no limit", 1<<63 - 1, files.Unknown, 0, true},
		{"shorter than declared", 20, 11, entity.KindInvalid, false},
		{"longer than declared", 20, 9, entity.KindInvalid, false},
		{"longer than nothing", 20, 0, entity.KindInvalid, false},
		{"over the limit", 9, files.Unknown, entity.KindTooLarge, false},
		{"declared over the limit", 9, 10, entity.KindTooLarge, false},
		{"over a limit of nothing", 0, files.Unknown, entity.KindTooLarge, false},
	} {
		before := names(t, b)
		_, err := b.Ingest(t.Context(), strings.NewReader(text), c.limit, c.size)
		switch {
		case c.ok && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case !c.ok:
			want(t, c.name, err, c.kind)
			if after := names(t, b); !slices.Equal(before, after) {
				t.Errorf("%s: it left %v", c.name, after)
			}
		}
	}
}

func broken(t *testing.T, b *files.Blobs) {
	cut := errors.New("cut")
	_, err := b.Ingest(t.Context(), io.MultiReader(bytes.NewReader(Bytes(3, 1<<20)), iotest.ErrReader(cut)), most, 2<<20)
	if !errors.Is(err, cut) {
		t.Errorf("the error is %v, want the source's", err)
	}
	told := entity.Errorf(entity.KindTimeout, "test", "too slow")
	_, err = b.Ingest(t.Context(), iotest.ErrReader(told), most, files.Unknown)
	want(t, "an error that has a kind", err, entity.KindTimeout)
	if got := names(t, b); len(got) > 0 {
		t.Errorf("kept: %v", got)
	}
}

func canceled(t *testing.T, b *files.Blobs) {
	c := put(t, b, []byte("x")).CID
	ctx, cancel := context.WithCancel(t.Context())
	half := readerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})
	_, err := b.Ingest(ctx, half, most, files.Unknown)
	want(t, "Ingest given up half-way", err, entity.KindCanceled)
	s, err := b.Spool(t.Context(), strings.NewReader("y"), most, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	want(t, "Put", b.Put(ctx, s), entity.KindCanceled)
	_, err = b.Get(ctx, c, 0, -1)
	want(t, "Get", err, entity.KindCanceled)
	_, err = b.Stat(ctx, c)
	want(t, "Stat", err, entity.KindCanceled)
	var last error
	for _, err := range b.List(ctx) {
		last = err
	}
	want(t, "List", last, entity.KindCanceled)
	if got := names(t, b); !slices.Equal(got, []string{c.String()}) {
		t.Errorf("kept: %v", got)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Whoever puts content that others put at the same time succeeds, and finds it
// whole afterwards.
func together(t *testing.T, b *files.Blobs) {
	contents := [][]byte{Bytes(1, 100_000), Bytes(2, 100_000), nil}
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			content := contents[i%len(contents)]
			info, err := b.Ingest(t.Context(), bytes.NewReader(content), most, int64(len(content)))
			if err != nil {
				t.Error(err)
				return
			}
			r, err := b.Get(t.Context(), info.CID, 0, -1)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
				t.Errorf("read back %d bytes of %d: %v", len(got), len(content), err)
			}
		})
	}
	all.Wait()
	if got := names(t, b); len(got) != len(contents) {
		t.Errorf("kept: %v, want %d", got, len(contents))
	}
}

func seeking(t *testing.T, b *files.Blobs) {
	content := Bytes(9, 10_000)
	info := put(t, b, content)
	r := files.NewReader(t.Context(), b, info)
	defer r.Close()
	if err := iotest.TestReader(r, content); err != nil {
		t.Error(err)
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("a seek before the beginning succeeded")
	}
	rnd := rand.New(rand.NewPCG(9, 9))
	for range 50 {
		from := rnd.IntN(len(content))
		buf := make([]byte, rnd.IntN(len(content)-from))
		if _, err := r.Seek(int64(from), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, buf); err != nil || !bytes.Equal(buf, content[from:from+len(buf)]) {
			t.Fatalf("%d bytes from %d on: %v", len(buf), from, err)
		}
	}
	if r.Err() != nil {
		t.Error(r.Err())
	}
	gone := files.NewReader(t.Context(), b, files.Info{CID: entity.SumRaw([]byte("none")), Size: 5})
	_, err := io.ReadAll(gone)
	want(t, "reading what is not there", err, entity.KindNotFound)
	want(t, "its Err", gone.Err(), entity.KindNotFound)
	long := files.NewReader(t.Context(), b, files.Info{CID: info.CID, Size: info.Size + 1})
	defer long.Close()
	if _, err := io.ReadAll(long); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("content that ends early: %v", err)
	}
}

func list(t *testing.T, b *files.Blobs) {
	var wanted []string
	for i := range 60 {
		wanted = append(wanted, put(t, b, Bytes(uint64(i), i)).CID.String())
	}
	slices.Sort(wanted)
	if got := names(t, b); !slices.Equal(got, wanted) {
		t.Errorf("%d listed, want %d", len(got), len(wanted))
	}
	n := 0
	for info, err := range b.List(t.Context()) {
		if err != nil || info.Modified.IsZero() {
			t.Fatal(info, err)
		}
		if stat, err := b.Stat(t.Context(), info.CID); err != nil || stat.Size != info.Size {
			t.Errorf("listed with %d bytes, Stat: %+v, %v", info.Size, stat, err)
		}
		if n++; n == 5 {
			break
		}
	}
}
