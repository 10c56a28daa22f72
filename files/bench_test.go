package files_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"stemma/entity"
	"stemma/files"
)

// large is the size of content that memory is measured with: the default limit.
const large = 500 << 20

// stream is n bytes that cost next to nothing to make and differ from run to
// run, so that no content is there already.
type stream struct {
	left  int64
	block []byte
}

func newStream(seed uint64, n int64) *stream {
	block := make([]byte, 1<<20)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range block {
		block[i] = byte(rnd.Uint32())
	}
	return &stream{left: n, block: block}
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), s.left)], s.block)
	s.left -= int64(n)
	return n, nil
}

// Taking 500 MB in and giving it out again, beside what no server can beat:
// io.Copy into a file through SHA-256, synced. extra-MB is the most memory that
// was in use beyond what was before.
func BenchmarkLarge(b *testing.B) {
	dir := b.TempDir()
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(large)
		for i := range b.N {
			plainCopy(b, filepath.Join(dir, "plain"), newStream(uint64(i), large))
		}
	})
	var last files.Info
	store := openDir(b, filepath.Join(dir, "store"))
	b.Run("ingest", func(b *testing.B) {
		b.SetBytes(large)
		peak := watchMemory()
		for range b.N {
			if last.CID.Defined() {
				remove(b, store, last)
			}
			var err error
			if last, err = store.Ingest(b.Context(), newStream(rand.Uint64(), large), large, large); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(peak(), "extra-MB")
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(large)
		peak := watchMemory()
		for range b.N {
			r := files.NewReader(b.Context(), store, last)
			if n, err := io.Copy(io.Discard, r); err != nil || n != large {
				b.Fatal(n, err)
			}
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(peak(), "extra-MB")
	})
}

func BenchmarkSmall(b *testing.B) {
	store := openDir(b, b.TempDir())
	content := make([]byte, 1000)
	b.Run("new", func(b *testing.B) {
		for i := range b.N {
			content[0], content[1], content[2], content[3] = byte(i), byte(i>>8), byte(i>>16), byte(b.N)
			if _, err := store.Ingest(b.Context(), bytes.NewReader(content), 1000, 1000); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("there already", func(b *testing.B) {
		for range b.N {
			if _, err := store.Ingest(b.Context(), bytes.NewReader(content), 1000, 1000); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func plainCopy(b *testing.B, path string, r io.Reader) {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(hash, f), r); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		b.Fatal(err)
	}
}

func remove(b *testing.B, store *files.Blobs, info files.Info) {
	b.Helper()
	if ok, err := store.Delete(b.Context(), info.CID, time.Now().Add(time.Hour)); err != nil || !ok {
		b.Fatal(ok, err)
	}
}

// watchMemory looks at what the runtime has from the system, less what it gave
// back, until the answer is asked for: megabytes beyond what there was.
func watchMemory() (peak func() float64) {
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.Sys - m.HeapReleased
	}
	runtime.GC()
	before := inUse()
	var most atomic.Uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			most.Store(max(most.Load(), inUse()))
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() float64 {
		close(done)
		<-ended
		return float64(most.Load()-min(before, most.Load())) / 1e6
	}
}

// 64 MB go in and out with less than 16 MB of memory allocated, all told: a
// buffer of the content's size anywhere would show.
func TestConstantMemory(t *testing.T) {
	const size = 64 << 20
	b := openDir(t, t.TempDir())
	source := newStream(1, size)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	info, err := b.Ingest(t.Context(), source, size, size)
	if err != nil {
		t.Fatal(err)
	}
	r := files.NewReader(t.Context(), b, info)
	defer r.Close()
	hash := sha256.New()
	if n, err := io.Copy(hash, r); err != nil || n != size {
		t.Fatal(n, err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
	if d, _ := entity.DigestOf(info.CID); entity.Digest(hash.Sum(nil)) != d {
		t.Error("what comes out is not what went in")
	}
}
