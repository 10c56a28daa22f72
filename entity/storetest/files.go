package storetest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// FilesWith counts the files under a directory that hold a text. Holes are passed
// over: a store maps files of gigabytes, of which little is on the disk.
func FilesWith(t testing.TB, dir, text string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		holds, err := fileHolds(path, text)
		if holds {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func fileHolds(path, text string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	for end := int64(0); ; {
		begin, err := f.Seek(end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) { // nothing but a hole from there on
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if end, err = f.Seek(begin, unix.SEEK_HOLE); err != nil {
			return false, err
		}
		b, err := io.ReadAll(io.NewSectionReader(f, begin, end-begin))
		if err != nil || bytes.Contains(b, []byte(text)) {
			return err == nil, err
		}
	}
}
