package store

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"stemma/entity"
	"stemma/entity/storetest"
)

// contentOf is an entity with so many blocks of content, each with the text.
func contentOf(t *testing.T, s *Store, n int, text string) (id entity.ID, refs []entity.ChainRef) {
	t.Helper()
	_, err := s.Update(t.Context(), entity.Actor{UserID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Method: entity.MethodManual}, func(tx entity.Tx) error {
		refs = nil
		v, err := tx.Create(entity.Draft{Type: "run"})
		if err != nil {
			return err
		}
		id = v.Manifest.ID
		for range n {
			ref, err := tx.Append(id, entity.ChainContent, entity.Any, entity.Properties{"text": text})
			if err != nil {
				return err
			}
			refs = append(refs, ref)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return id, refs
}

func erase(t *testing.T, s *Store, id entity.ID, from, to int64) {
	t.Helper()
	_, err := s.Update(t.Context(), entity.Actor{UserID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Method: entity.MethodManual}, func(tx entity.Tx) error {
		_, err := tx.Erase(id, entity.Erasure{From: from, To: to})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func wantSound(t *testing.T, s *Store) {
	t.Helper()
	if _, err := s.Check(t.Context(), nil); err != nil {
		t.Errorf("check: %v", err)
	}
}

// No byte of what was erased is in any file once it is wiped, whether it came in a
// small batch or a large one; what was not erased is.
func TestErasedBytesAreNowhere(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	small, _ := contentOf(t, s, 3, "the small secret")
	large, refs := contentOf(t, s, 100, "the large secret"+strings.Repeat("x", 5000))
	_, kept := contentOf(t, s, 1, "what is kept")
	for _, text := range []string{"the small secret", "the large secret", "what is kept"} {
		if storetest.FilesWith(t, dir, text) == 0 {
			t.Fatalf("%q is in no file before, so that nothing would be proven", text)
		}
	}
	erase(t, s, small, 1, 3)
	erase(t, s, large, 1, 99)
	if left, err := s.Wipe(t.Context()); left != 0 || err != nil {
		t.Fatalf("%d left, %v", left, err)
	}
	if n := storetest.FilesWith(t, dir, "the small secret"); n != 0 {
		t.Errorf("the small batch is still in %d files", n)
	}
	read(t, s, refs[99].CID, "the large secret")
	erase(t, s, large, 100, 100)
	if left, err := s.Wipe(t.Context()); left != 0 || err != nil {
		t.Fatalf("%d left, %v", left, err)
	}
	if n := storetest.FilesWith(t, dir, "the large secret"); n != 0 {
		t.Errorf("the large batch is still in %d files", n)
	}
	read(t, s, kept[0].CID, "what is kept")
	wantSound(t, s)
}

func read(t *testing.T, s *Store, c entity.CID, text string) {
	t.Helper()
	err := s.View(t.Context(), func(r entity.Reader) error {
		b, err := r.Block(c)
		if err == nil && !bytes.Contains(b, []byte(text)) {
			t.Errorf("block %s does not have %q", c, text)
		}
		return err
	})
	if err != nil {
		t.Errorf("block %s: %v", c, err)
	}
}

// A crash between the erasure and the wiping leaves bytes that the next start
// wipes; who still reads an older state reads it whole, and is waited for.
func TestWipeAfterCrashAndReaders(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	early, _ := contentOf(t, s, 1, "gone before them")
	id, refs := contentOf(t, s, 2, "gone in the end")
	erase(t, s, early, 1, 1)
	err := s.View(t.Context(), func(r entity.Reader) error {
		erase(t, s, id, 1, 2)
		if left, err := s.Wipe(t.Context()); left != 2 || err != nil {
			t.Errorf("under a reader: %d left, %v", left, err)
		}
		if n := storetest.FilesWith(t, dir, "gone before them"); n != 0 {
			t.Error("what the reader cannot read has waited for it")
		}
		b, err := r.Block(refs[1].CID)
		if !bytes.Contains(b, []byte("gone in the end")) {
			t.Errorf("the reader of before reads %q", b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // as if it had crashed here
		t.Fatal(err)
	}
	if storetest.FilesWith(t, dir, "gone in the end") == 0 {
		t.Fatal("the bytes are gone before they were wiped")
	}
	s = open(t, dir) // wipes; again is as good as once
	if left, err := s.Wipe(t.Context()); left != 0 || err != nil {
		t.Fatalf("%d left, %v", left, err)
	}
	if n := storetest.FilesWith(t, dir, "gone in the end"); n != 0 {
		t.Errorf("it is still in %d files", n)
	}
	wantSound(t, s)
}

// A block of content that is missing and was not erased is damage, beside one that was.
func TestCheckTellsErasedFromMissing(t *testing.T) {
	s := open(t, "")
	id, refs := contentOf(t, s, 3, "x")
	erase(t, s, id, 1, 1)
	wantSound(t, s)
	d, _ := entity.DigestOf(refs[1].CID)
	if err := s.writeNotes(map[string][]byte{string(blockKey(d)): nil}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(t.Context(), nil); err == nil || !strings.Contains(err.Error(), refs[1].CID.String()) || strings.Contains(err.Error(), refs[0].CID.String()) {
		t.Errorf("the check says %v", err)
	}
}

// Content that was erased between two backups is not in what they restore, nor in
// its files once they are wiped; and content can be erased in what is restored.
func TestBackupOfErased(t *testing.T) {
	s := open(t, "")
	id, refs := contentOf(t, s, 3, "backed up, then erased")
	var full, next bytes.Buffer
	info, err := s.Backup(t.Context(), &full, 0)
	if err != nil {
		t.Fatal(err)
	}
	between, _ := contentOf(t, s, 1, "came and went")
	erase(t, s, between, 1, 1)
	erase(t, s, id, 1, 2)
	if _, err := s.Backup(t.Context(), &next, info.To); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	r, err := NewRestore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []*bytes.Buffer{&full, &next} {
		if _, err := r.Apply(context.Background(), part, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	read(t, again, refs[2].CID, "backed up, then erased")
	erase(t, again, id, 3, 3)
	if left, err := again.Wipe(t.Context()); left != 0 || err != nil {
		t.Fatalf("%d left, %v", left, err)
	}
	if n := storetest.FilesWith(t, dir, "backed up, then erased"); n != 0 {
		t.Errorf("it is still in %d files", n)
	}
	wantSound(t, again)
}
