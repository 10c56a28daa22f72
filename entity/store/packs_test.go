package store

import (
	"bytes"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"stemma/entity"
)

var packer = entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}

// fillBatch creates n entities in one transaction, of about a kilobyte each.
func fillBatch(t *testing.T, s *Store, n int) (cids []entity.CID) {
	t.Helper()
	_, err := s.Update(t.Context(), packer, func(tx entity.Tx) error {
		cids = nil
		for range n {
			v, err := tx.Create(entity.Draft{Type: "letter", Properties: entity.Properties{"text": strings.Repeat("text ", 200)}})
			if err != nil {
				return err
			}
			if _, err := tx.Append(v.Manifest.ID, "log", entity.Any, entity.Properties{"n": int64(1)}); err != nil {
				return err
			}
			cids = append(cids, v.CID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return cids
}

func openPacked(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.Check(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// readAll reads blocks back, which hash to their names.
func readAll(t *testing.T, s *Store, cids []entity.CID) {
	t.Helper()
	err := s.View(t.Context(), func(r entity.Reader) error {
		for _, c := range cids {
			b, err := r.Block(c)
			if err != nil {
				return err
			}
			if entity.SumBlock(b) != c {
				t.Errorf("%s has other bytes", c)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func packFiles(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "packs", "*.pack"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A large batch's blocks are in a pack, a small one's are not; both are read
// alike, also after the store was closed, and after a commit has left bytes
// behind that nothing names.
func TestPacks(t *testing.T) {
	dir := t.TempDir()
	s := openPacked(t, dir)
	small := fillBatch(t, s, 10)
	if n := len(packFiles(t, dir)); n != 0 {
		t.Errorf("a small batch has made %d packs", n)
	}
	all := slices.Concat(small, fillBatch(t, s, 400))
	readAll(t, s, all)
	mustClose(t, s)

	files := packFiles(t, dir)
	if len(files) != 1 {
		t.Fatalf("packs: %v", files)
	}
	f, err := os.OpenFile(files[0], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("of a commit that a crash has undone"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s = openPacked(t, dir)
	all = append(all, fillBatch(t, s, 400)...)
	s.packs.end = packSize // it is full
	all = append(all, fillBatch(t, s, 400)...)
	readAll(t, s, all)
	mustClose(t, s)
	if files = packFiles(t, dir); len(files) != 2 {
		t.Errorf("packs: %v", files)
	}
	s = openPacked(t, dir)
	readAll(t, s, append(all, fillBatch(t, s, 400)...))
	mustClose(t, s)
}

// A backup has the blocks and not their places, in full and incremental.
func TestBackupOfPacks(t *testing.T) {
	s := openPacked(t, t.TempDir())
	cids := fillBatch(t, s, 400)
	at := s.Seq()
	var full, more bytes.Buffer
	if _, err := s.Backup(t.Context(), &full, 0); err != nil {
		t.Fatal(err)
	}
	cids = append(cids, fillBatch(t, s, 400)...)
	if _, err := s.Backup(t.Context(), &more, at); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	dir := t.TempDir()
	r, err := NewRestore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*bytes.Buffer{&full, &more} {
		if _, err := r.Apply(t.Context(), b, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s = openPacked(t, dir)
	readAll(t, s, cids)
	mustClose(t, s)
}

// Check finds bytes in a pack that have changed, and says so of a pack that was
// cut short or is gone.
func TestDamagedPack(t *testing.T) {
	dir := t.TempDir()
	s := openPacked(t, dir)
	fillBatch(t, s, 400)
	mustClose(t, s)
	file := packFiles(t, dir)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{"flipped": {flipped, "holds other bytes"}, "cut": {whole[:len(whole)/2], ".pack"}, "empty": {nil, ".pack"}} {
		if err := os.WriteFile(file, c.bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		s := openPacked(t, dir)
		if _, err := s.Check(t.Context(), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A disk that has no room for a pack is told of as such, nothing of the batch is
// there, and the next one is written when there is room again.
func TestPackWithoutSpace(t *testing.T) {
	dir := t.TempDir()
	s := openPacked(t, dir)
	all := fillBatch(t, s, 400)
	seq := s.Seq()
	restore := limitFileSize(t, uint64(s.packs.end)+100_000)
	_, err := s.Update(t.Context(), packer, func(tx entity.Tx) error {
		for range 400 {
			if _, err := tx.Create(entity.Draft{Type: "letter", Properties: entity.Properties{"text": strings.Repeat("text ", 200)}}); err != nil {
				return err
			}
		}
		return nil
	})
	restore()
	if err == nil || entity.KindOf(err) != entity.KindFull || s.Seq() != seq {
		t.Errorf("without space: %v, from %d to %d", err, seq, s.Seq())
	}
	all = append(all, fillBatch(t, s, 400)...)
	readAll(t, s, all)
	mustClose(t, s)
	s = openPacked(t, dir)
	readAll(t, s, all)
	mustClose(t, s)
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
