package attest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/versions/attest"
)

// giveKey puts the key of one store into another, as who holds the disk can.
func giveKey(t *testing.T, from, to entity.Store) {
	t.Helper()
	var key []byte
	err := from.View(t.Context(), func(r entity.Reader) (err error) {
		key, err = r.Secret("attest")
		return err
	})
	if err == nil {
		_, err = to.Update(t.Context(), entity.Actor{}, func(tx entity.Tx) error {
			tx.SetSecret("attest", key)
			return nil
		})
	}
	if err != nil || key == nil {
		t.Fatal(err)
	}
}

// attested is a store with a log on disk, and what somebody kept of it.
type attested struct {
	*store.Store
	dir    string // of the log
	head   attest.Checkpoint
	key    string
	bundle attest.Bundle // of a change in the middle
}

func newAttested(t *testing.T, dir string, text string) attested {
	t.Helper()
	s := openStore(t, dir)
	a := attested{Store: s, dir: t.TempDir()}
	l := open(t, s, attest.Options{Dir: a.dir})
	write(t, s, 20, "x")
	write(t, s, 1, text)
	write(t, s, 20, "z")
	a.head, a.key = settled(t, s, l), l.VerifierKey()
	c := cids(t, s)[41]
	p, err := l.Prove(t.Context(), c, s.Seq())
	if err != nil {
		t.Fatal(err)
	}
	a.bundle = attest.Bundle{Version: 1, Checkpoint: p.Text, Entries: []attest.BundleEntry{p.Evidence(c, blockOf(t, s, c))}}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return a
}

// Whoever rewrites one manifest of the past, on disk and with the key in hand, is
// caught: by opening, by verify, and by every proof that anybody has kept, while the
// rewritten store is whole by itself.
func TestRewrittenHistory(t *testing.T) {
	genuine, rewritten := newAttested(t, "", "as it was"), newAttested(t, "", "as it should have been")
	if genuine.Seq() != rewritten.Seq() {
		t.Fatal("the stores do not have as many changes")
	}
	if _, err := rewritten.Check(t.Context(), nil); err != nil {
		t.Fatal("the rewritten store is not whole: ", err)
	}
	giveKey(t, genuine, rewritten)

	_, err := check(t, rewritten, genuine.dir)
	wantKind(t, err, entity.KindInternal, "change 40 of the log", "the root", "was signed")
	if _, err := check(t, genuine, genuine.dir); err != nil {
		t.Error("the true store: ", err)
	}

	l := open(t, rewritten.Store, attest.Options{Dir: genuine.dir})
	_, err = l.Checkpoint(t.Context())
	wantKind(t, err, entity.KindUnavailable, "halted", "was attested")
	_, err = l.WaitCheckpoint(t.Context(), 0)
	wantKind(t, err, entity.KindUnavailable, "halted")
	_, err = l.Prove(t.Context(), cids(t, rewritten)[41], 0)
	wantKind(t, err, entity.KindUnavailable)
	write(t, rewritten, 3, "more")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	state, err := os.ReadFile(filepath.Join(genuine.dir, "state"))
	if err != nil || !bytes.Contains(state, []byte(jsonText(t, genuine.head.Text))) {
		t.Errorf("it signed: %s %v", state, err)
	}

	// Without the directory, the rewriter signs: what was kept shows the fork.
	l = open(t, rewritten.Store, attest.Options{Dir: t.TempDir()})
	forged := settled(t, rewritten.Store, l)
	if _, err := attest.ParseCheckpoint(forged.Text, genuine.key); err != nil {
		t.Fatal("it is not signed with the stolen key: ", err)
	}
	if _, _, err := genuine.bundle.Verify(genuine.key); err != nil {
		t.Error("the proof from before: ", err)
	}
	hashes, err := l.Consistency(t.Context(), genuine.head.Size, forged.Size)
	if err != nil {
		t.Fatal(err)
	}
	if tlog.CheckTree(hashes, forged.Size, forged.Root, genuine.head.Size, genuine.head.Root) == nil {
		t.Error("the forged log continues the true one")
	}
	moved := genuine.bundle
	moved.Checkpoint = forged.Text
	_, _, err = moved.Verify(genuine.key)
	wantKind(t, err, entity.KindInvalid, "does not lead")
}

func jsonText(t *testing.T, text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A log that finds while it serves that a version it covers was never attested
// halts.
func TestRewrittenUnderway(t *testing.T) {
	a, b := newAttested(t, "", "as it was"), newAttested(t, "", "as it should have been")
	l := open(t, a.Store, attest.Options{Dir: a.dir})
	for i, c := range cids(t, b) {
		if _, err := l.Prove(t.Context(), c, b.Seq()); err != nil {
			wantKind(t, err, entity.KindUnavailable, "was not attested with them")
			if i == 0 {
				t.Error("the stores have nothing in common")
			}
			_, err = l.Checkpoint(t.Context())
			wantKind(t, err, entity.KindUnavailable)
			return
		}
	}
	t.Error("the other store's changes are all attested")
}

// An older state of the store under a directory that knows more is noticed. Restored
// with all there was, and without the directory, it is signed as it was.
func TestRestored(t *testing.T) {
	s, dir := openStore(t, t.TempDir()), t.TempDir()
	l := open(t, s, attest.Options{Dir: dir})
	write(t, s, 20, "x")
	settled(t, s, l)
	var early, late bytes.Buffer
	if _, err := s.Backup(t.Context(), &early, 0); err != nil {
		t.Fatal(err)
	}
	write(t, s, 20, "y")
	if err := l.AddAnchor(t.Context(), attest.Anchor{Size: 5, Tx: "tx"}); err != nil {
		t.Fatal(err)
	}
	was := settled(t, s, l)
	if _, err := s.Backup(t.Context(), &late, 0); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	restore := func(b *bytes.Buffer) *store.Store {
		dir := t.TempDir()
		r, err := store.NewRestore(dir)
		if err == nil {
			_, err = r.Apply(t.Context(), b, nil)
		}
		if err == nil {
			err = r.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return openStore(t, dir)
	}
	whole := restore(&late)
	l = open(t, whole, attest.Options{})
	if now := settled(t, whole, l); now.Text != was.Text {
		t.Errorf("signed\n%s\nand before\n%s", now.Text, was.Text)
	}
	if a, ok := l.LatestAnchor(); !ok || a.Tx != "tx" {
		t.Errorf("the anchor is %+v", a)
	}

	old := restore(&early)
	l = open(t, old, attest.Options{Dir: dir})
	_, err := l.Checkpoint(t.Context())
	wantKind(t, err, entity.KindUnavailable, "cut short")
	_, err = check(t, old, dir)
	wantKind(t, err, entity.KindInternal, "the log ends at change")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// The honest way on.
	l = open(t, old, attest.Options{Dir: dir, Origin: "stemma.example/restored"})
	if now := settled(t, old, l); now.Size != int64(old.Seq()) || now.Origin != "stemma.example/restored" {
		t.Errorf("%+v", now)
	}
	if _, err := check(t, old, dir); err != nil {
		t.Error(err)
	}
}

// A directory of another store, with no key in this one, is not signed over.
func TestForeignDirectory(t *testing.T) {
	a := newAttested(t, "", "as it was")
	s := openStore(t, "")
	write(t, s, 60, "x")
	l := open(t, s, attest.Options{Dir: a.dir})
	_, err := l.Checkpoint(t.Context())
	wantKind(t, err, entity.KindUnavailable, "not in the store")
	if l.VerifierKey() != "" {
		t.Error("it made a key")
	}
	other := open(t, s, attest.Options{})
	settled(t, s, other)
	l = open(t, s, attest.Options{Dir: a.dir, Origin: ""})
	// The same name and seed of the key in this test: the log is what differs.
	_, err = l.Checkpoint(t.Context())
	wantKind(t, err, entity.KindUnavailable, "halted")
}

// Check finds every byte that is not what it was.
func TestCheckFindsDamage(t *testing.T) {
	a := newAttested(t, "", "as it was")
	all := map[string]string{"leaves": "was attested", "tiles-0": "holds other hashes", "state": "signed by none"}
	for name, words := range all {
		path := filepath.Join(a.dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, len(whole) / 2, len(whole) - 1} {
			bad := bytes.Clone(whole)
			bad[at] ^= 1
			if at == len(whole)-1 && name != "state" {
				bad = whole[:at/2] // cut off
			}
			if name == "state" && at > 0 {
				bad = bytes.Replace(whole, []byte(`\n— `), []byte(`\n\n— `), 1)
			}
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := check(t, a, a.dir)
			if name == "state" && at == 0 {
				words = "not what it was written as"
			}
			wantKind(t, err, entity.KindInternal, words)
			words = all[name]
			l := open(t, a.Store, attest.Options{Dir: a.dir})
			if _, err := l.Checkpoint(t.Context()); entity.KindOf(err) != entity.KindUnavailable {
				t.Errorf("%s, byte %d of %d: opened, %v", name, at, len(whole), err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := check(t, a, a.dir); err != nil || r.Signed != a.head.Size {
		t.Errorf("%+v %v", r, err)
	}
	if r, err := check(t, a, t.TempDir()); err != nil || r != (attest.Report{}) {
		t.Errorf("of no log: %+v %v", r, err)
	}
}

// After a crash, what was written and not synced is taken from the store again,
// whatever is in the files by then: the log goes on where it was. A store that is
// another by then is noticed.
func TestCrash(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"all was written":     func(string) error { return nil },
		"nothing was written": func(path string) error { return os.Truncate(path, 0) },
		"a part was written":  func(path string) error { return os.Truncate(path, 99) },
		"zeros were written": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, make([]byte, info.Size()), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir, crashed := openStore(t, ""), t.TempDir(), t.TempDir()
			l := open(t, s, attest.Options{Dir: dir})
			write(t, s, 200, "x")
			was := settled(t, s, l)
			if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{"leaves", "tiles-0", "tiles-1"} {
				if err := lose(filepath.Join(crashed, file)); err != nil {
					t.Fatal(err)
				}
			}
			if r, err := check(t, s, crashed); err != nil || r.Leaves != 0 || r.Signed != was.Size {
				t.Errorf("%+v %v", r, err)
			}
			again := open(t, s, attest.Options{Dir: crashed, ReadOnly: true})
			if now, err := again.Checkpoint(t.Context()); err != nil || now != was {
				t.Fatalf("%v\n%s", err, now.Text)
			}
			for _, c := range cids(t, s) {
				if _, err := again.Prove(t.Context(), c, s.Seq()); err != nil {
					t.Fatal(err)
				}
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
			if r, err := check(t, s, crashed); err != nil || r.Leaves != was.Size {
				t.Errorf("%+v %v", r, err)
			}
		})
	}
}

// As TestRewrittenHistory, where the log had not synced what it signed.
func TestRewrittenAfterCrash(t *testing.T) {
	s, dir, crashed := openStore(t, ""), t.TempDir(), t.TempDir()
	l := open(t, s, attest.Options{Dir: dir})
	write(t, s, 30, "as it was")
	settled(t, s, l)
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for records, word := range map[int]string{30: "have the root", 3: "cut short"} {
		other := openStore(t, "")
		giveKey(t, s, other)
		write(t, other, records, "as it should have been")
		_, err := check(t, other, crashed)
		wantKind(t, err, entity.KindInternal)
		l := open(t, other, attest.Options{Dir: crashed})
		_, err = l.Checkpoint(t.Context())
		wantKind(t, err, entity.KindUnavailable, word)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
