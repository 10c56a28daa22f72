//go:build unix

package files

import (
	"bytes"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"stemma/entity"
)

// A disk that is full is told of as such, whatever fills up first, and nothing
// half written stays. /dev/full is a file that the kernel has no space for.
func TestNoSpace(t *testing.T) {
	dir := t.TempDir()
	b, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	create := b.spool.create
	link := filepath.Join(dir, tmpDir, "put-full") // stands for the file, so that only the link is removed
	b.spool.create = func(string) (*os.File, error) {
		if err := os.Symlink("/dev/full", link); err != nil {
			return nil, err
		}
		return os.OpenFile(link, os.O_RDWR, 0)
	}
	for _, content := range []string{"x", strings.Repeat("x", 1<<20)} {
		_, err = b.Ingest(t.Context(), strings.NewReader(content), 2<<20, int64(len(content)))
		if entity.KindOf(err) != entity.KindFull || err == nil {
			t.Errorf("%d bytes: %v", len(content), err)
		}
	}
	b.spool.create = func(string) (*os.File, error) { return nil, &os.PathError{Op: "open", Path: "x", Err: syscall.EDQUOT} }
	if _, err = b.Ingest(t.Context(), strings.NewReader("x"), 1, 1); entity.KindOf(err) != entity.KindFull || err == nil {
		t.Errorf("no temporary file: %v", err)
	}
	checkNothing(t, b, dir)
	b.spool.create = create
	if _, err := b.Ingest(t.Context(), strings.NewReader("x"), 1, 1); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

// Half of the content fits and half does not.
func TestSpaceRunsOut(t *testing.T) {
	const fits = 1 << 20
	dir := t.TempDir()
	b, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	restore := limitFileSize(t, fits)
	_, err = b.Ingest(t.Context(), bytes.NewReader(make([]byte, 2*fits)), 4*fits, 2*fits)
	restore()
	if entity.KindOf(err) != entity.KindFull || err == nil {
		t.Errorf("Ingest: %v", err)
	}
	checkNothing(t, b, dir)
}

// limitFileSize makes every write past n bytes of a file fail in this process,
// until restore is called.
func limitFileSize(t *testing.T, n uint64) (restore func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
}

func checkNothing(t *testing.T, b *Blobs, dir string) {
	t.Helper()
	for info, err := range b.List(t.Context()) {
		t.Errorf("kept: %v, %v", info, err)
	}
	left, err := os.ReadDir(filepath.Join(dir, tmpDir))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
